//! Polls of elected officials (legacy contract §3.9, §5.6).

use chrono::{DateTime, NaiveDate, Utc};

use crate::offices::{
    ElectedOfficeError, NewOffice, NewOfficeError, OfficeAuthor, ask_before_office_update,
    ask_before_win, update_elected_office, win::won_office, win_election,
};
use crate::{
    base::{PollId, StoreError},
    database::UnitOfWork,
    offices::{ElectedOffice, Term, TermChange},
    organizations::{ActiveOffice, ActiveOrganization},
    polls::{INITIAL_AUDIENCE, Poll, PollDraft},
    positions::{BallotReadyId, Electorate, Facts},
};

/// Polls of an office, in the order in which they came into being.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollPage {
    /// Those of this page.
    pub polls: Vec<Poll>,
    /// The first of the next page, if there is one.
    pub next: Option<PollId>,
}

/// A page of the polls of an office, from one of them on: `limit` at most.
///
/// # Errors
/// [`StoreError`].
pub fn list_polls(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOffice,
    from: Option<&PollId>,
    limit: u32,
) -> Result<PollPage, StoreError> {
    // One more tells whether there is a next page.
    let mut polls = uow.polls().list(of.id(), from, i64::from(limit) + 1)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = polls.get(limit).map(|poll| poll.id.clone());
    polls.truncate(limit);
    Ok(PollPage { polls, next })
}

/// Whether an office has any poll.
///
/// # Errors
/// [`StoreError`].
pub fn has_polls(uow: &mut dyn UnitOfWork, of: &ActiveOffice) -> Result<bool, StoreError> {
    uow.polls().exist(of.id())
}

/// Why a poll was not read.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// There is none with the id.
    #[error("there is no such poll")]
    NotFound,
    /// It is another office's, be it one of the same user.
    #[error("the poll is another office's")]
    Foreign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A poll of an office, by id.
///
/// # Errors
/// [`PollError::NotFound`] before [`PollError::Foreign`], as the contract has it.
pub fn read_poll(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOffice,
    id: &PollId,
) -> Result<Poll, PollError> {
    let poll = uow.polls().find(id)?.ok_or(PollError::NotFound)?;
    if poll.office.as_ref() == Some(of.id()) { Ok(poll) } else { Err(PollError::Foreign) }
}

/// Why no initial poll came into being. Nothing is written then.
#[derive(Debug, thiserror::Error)]
pub enum InitialPollError {
    /// The campaign or the office is gone meanwhile.
    #[error("there is no such organization any more")]
    Gone,
    /// The office that was won with the campaign is not held any more.
    #[error("the office is not active")]
    Inactive,
    /// The office has polls.
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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What others have to be asked before [`create_initial_poll`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialPollQuestions {
    /// Whose cell phones are to be counted.
    pub electorate: Electorate,
    /// The position whose facts election-api has yet to state.
    pub position: Option<BallotReadyId>,
}

/// What has to be asked before an office, or a campaign that wins one, gets its first poll.
///
/// # Errors
/// See [`InitialPollError`]; an office that has polls is refused before anybody is asked.
pub fn ask_before_initial_poll(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
) -> Result<InitialPollQuestions, InitialPollError> {
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
        let position = ask_before_office_update(uow, author, &office.id)?;
        let electorate = uow.electorates().of_office(&office)?;
        let electorate = electorate.ok_or(InitialPollError::Gone)?;
        return Ok(InitialPollQuestions { electorate, position });
    }
    let campaign = of.campaign().ok_or(InitialPollError::Gone)?;
    let position = ask_before_win(uow, campaign)?;
    let electorate = uow.electorates().find(of)?.ok_or(InitialPollError::Gone)?;
    Ok(InitialPollQuestions { electorate, position })
}

/// Only an office that is held, and that has no poll, gets an initial one.
fn check_office(uow: &mut dyn UnitOfWork, office: &ElectedOffice) -> Result<(), InitialPollError> {
    if !office.term.is_active {
        return Err(InitialPollError::Inactive);
    }
    if uow.polls().exist(&office.id)? { Err(InitialPollError::HasPolls) } else { Ok(()) }
}

/// A wish for the first poll of an office.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateInitialPoll {
    /// What it says.
    pub draft: PollDraft,
    /// When its author was sworn in.
    pub sworn_in_date: Option<NaiveDate>,
    /// Constituents with a cell phone.
    pub cell_phones: i64,
    /// What is known of the position that was asked about.
    pub facts: Facts,
}

/// Creates the first poll of an office; under a campaign, of the office won with it, which comes into
/// being in the same transaction if need be.
///
/// # Errors
/// See [`InitialPollError`]; that there are polls before that there are too few cell phones, as the
/// contract has it.
pub fn create_initial_poll(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    command: CreateInitialPoll,
    now: DateTime<Utc>,
) -> Result<Poll, InitialPollError> {
    let CreateInitialPoll { draft, sworn_in_date, cell_phones, facts } = command;
    let office = sworn_in_office(uow, of, sworn_in_date, &facts, now)?;
    // The office is locked, or nobody else sees it yet: of parallel wishes one comes true.
    check_office(uow, &office)?;
    if cell_phones < i64::from(INITIAL_AUDIENCE) {
        return Err(InitialPollError::TooFewCellPhones);
    }
    let poll = Poll::initial(office.id, draft, now);
    uow.polls().insert(&poll, now)?;
    Ok(poll)
}

/// The office with the day noted, locked.
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
        match win_election(uow, campaign, term, facts, now)? {
            NewOffice::Created(office) => return Ok(office),
            NewOffice::Repeated(office) => office.id,
        }
    };
    let change = TermChange { sworn_in_date: Some(sworn_in_date), ..TermChange::default() };
    let author = OfficeAuthor::User(of.owner());
    Ok(update_elected_office(uow, author, &id, change, facts, now)?)
}
