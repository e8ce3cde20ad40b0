//! The first poll of an office (legacy contract §3.9).

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    Ports,
    base::StoreError,
    contacts::{ContactsError, statistics::statistics_of},
    database::UnitOfWork,
    offices::{
        ElectedOffice, ElectedOfficeError, NewOffice, NewOfficeError, OfficeAuthor, Term,
        TermChange,
        update::{prepare_update, write_update},
        win::{prepare_win, won_office, write_win},
    },
    organizations::ActiveOrganization,
    polls::{INITIAL_AUDIENCE, Poll, PollDraft},
    positions::{BallotReadyId, Electorate, Facts, election_lookup},
};

/// Why no initial poll was created. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum InitialPollError {
    /// The campaign or the office was deleted in the meantime.
    #[error("the organization no longer exists")]
    Gone,
    /// The office that was won with the campaign is no longer active.
    #[error("the office is not active")]
    Inactive,
    /// The office already has polls.
    #[error("the office has a poll")]
    HasPolls,
    /// Too few constituents have a cell phone.
    #[error("too few constituents have a cell phone")]
    TooFewCellPhones,
    /// The election could not be won.
    #[error(transparent)]
    Win(#[from] NewOfficeError),
    /// The office could not be changed.
    #[error(transparent)]
    Office(#[from] ElectedOfficeError),
    /// The constituents could not be counted.
    #[error(transparent)]
    Contacts(#[from] ContactsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request for the first poll of an office.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateInitialPoll {
    /// Its content.
    pub draft: PollDraft,
    /// When its author was sworn in.
    pub sworn_in_date: Option<NaiveDate>,
}

/// Creates the first poll of an office; for a campaign, of the office won with it, which is created
/// in the same transaction if needed. The constituents with a cell phone are counted first.
///
/// # Errors
/// See [`InitialPollError`]; existing polls are reported before too few cell phones, as the
/// contract requires.
pub async fn create_initial(
    ports: &Ports,
    of: ActiveOrganization,
    wish: CreateInitialPoll,
) -> Result<Poll, InitialPollError> {
    let organization = of.clone();
    let Questions { electorate, position } =
        ports.database.read("poll.ask_before", move |uow| prepare(uow, &organization)).await?;
    let statistics = statistics_of(ports, None, &electorate).await?;
    let cell_phones = statistics.total_constituents_with_cell_phone;
    let facts = election_lookup::facts(ports.election.as_ref(), position.as_ref()).await;
    let now = ports.now();
    ports
        .database
        .transaction("poll.create", move |uow| write(uow, &of, wish, cell_phones, &facts, now))
        .await
}

/// What to look up before an office, or a campaign that wins one, gets its first poll.
struct Questions {
    /// The electorate whose cell phones are counted.
    electorate: Electorate,
    /// The position whose facts election-api has not confirmed.
    position: Option<BallotReadyId>,
}

/// An office with polls is refused before any lookup.
fn prepare(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
) -> Result<Questions, InitialPollError> {
    let office = match (of.elected_office(), of.campaign()) {
        (Some(active), _) => {
            let office = uow.elected_offices().find_active(&active)?;
            Some(office.ok_or(InitialPollError::Gone)?)
        }
        (None, Some(campaign)) => won_office(uow, campaign.id())?.map(|won| won.office),
        (None, None) => None,
    };
    if let Some(office) = office {
        check_office(uow, &office)?;
        let author = OfficeAuthor::User(of.owner());
        let position = prepare_update(uow, author, &office.id)?;
        let electorate = uow.electorates().of_office(&office)?;
        let electorate = electorate.ok_or(InitialPollError::Gone)?;
        return Ok(Questions { electorate, position });
    }
    let campaign = of.campaign().ok_or(InitialPollError::Gone)?;
    let position = prepare_win(uow, campaign)?;
    let electorate = uow.electorates().find(of)?.ok_or(InitialPollError::Gone)?;
    Ok(Questions { electorate, position })
}

/// Only an active office without polls gets an initial one.
fn check_office(uow: &mut dyn UnitOfWork, office: &ElectedOffice) -> Result<(), InitialPollError> {
    if !office.term.is_active {
        return Err(InitialPollError::Inactive);
    }
    if uow.polls().exist(&office.id)? { Err(InitialPollError::HasPolls) } else { Ok(()) }
}

fn write(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    wish: CreateInitialPoll,
    cell_phones: i64,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Poll, InitialPollError> {
    let office = sworn_in_office(uow, of, wish.sworn_in_date, facts, now)?;
    // The office is locked, or not visible to others yet: only one of several parallel requests
    // succeeds.
    check_office(uow, &office)?;
    if cell_phones < i64::from(INITIAL_AUDIENCE) {
        return Err(InitialPollError::TooFewCellPhones);
    }
    let poll = Poll::initial(office.id, wish.draft, now);
    uow.polls().insert(&poll, now)?;
    Ok(poll)
}

/// The office with the day recorded, locked.
fn sworn_in_office(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    sworn_in_date: Option<NaiveDate>,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<ElectedOffice, InitialPollError> {
    let id = if let Some(office) = of.elected_office() {
        office.id().clone()
    } else {
        let campaign = of.campaign().ok_or(InitialPollError::Gone)?;
        let term = Term {
            elected_date: None,
            sworn_in_date,
            term_start_date: None,
            term_end_date: None,
            term_length_days: None,
            is_active: true,
        };
        match write_win(uow, campaign, term, facts, now)? {
            NewOffice::Created(office) => return Ok(office),
            NewOffice::Repeated(office) => office.id,
        }
    };
    let change = TermChange { sworn_in_date: Some(sworn_in_date), ..TermChange::default() };
    let author = OfficeAuthor::User(of.owner());
    Ok(write_update(uow, author, &id, change, facts, now)?)
}
