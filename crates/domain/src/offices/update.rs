//! Reads an office, and changes its term (legacy contract §5.4).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    base::{ElectedOfficeId, Page, StoreError, UserId},
    database::{Feature, UnitOfWork},
    offices::{
        ElectedOffice, Status, Term, TermChange,
        complete::{WonWith, adopt_campaign_of, completed, lock_campaign_of_incomplete},
        from_campaign::unverified_position,
        overlap::overlapping,
    },
    organizations::ActiveOffice,
    positions::{BallotReadyId, Facts, PositionId, election_lookup},
};

/// Why a holder's office could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ElectedOfficeError {
    /// There is none with the id, or it belongs to another user; the caller cannot tell which.
    #[error("there is no such office")]
    NotFound,
    /// Another office of the user is active; only while the old service reads offices.
    #[error("another office is active")]
    AnotherActive,
    /// The user's term in the same office overlaps.
    #[error("another term in the same office overlaps")]
    TermsOverlap(Term),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who reads or changes an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficeAuthor {
    /// A user: only their own offices.
    User(UserId),
    /// A machine: any office.
    Machine,
}

impl OfficeAuthor {
    fn may(self, office: &ElectedOffice) -> bool {
        match self {
            Self::User(user) => office.user_id == user,
            Self::Machine => true,
        }
    }
}

/// An office, by id.
///
/// # Errors
/// See [`ElectedOfficeError`].
pub async fn find(
    ports: &Ports,
    author: OfficeAuthor,
    id: ElectedOfficeId,
) -> Result<ElectedOffice, ElectedOfficeError> {
    ports.database.read("elected_office.find", move |uow| find_in(uow, author, &id)).await
}

/// The office that a request is about; `None` if it was deleted or is no longer active.
///
/// # Errors
/// [`StoreError`].
pub async fn find_active(
    ports: &Ports,
    active: ActiveOffice,
) -> Result<Option<ElectedOffice>, StoreError> {
    ports
        .database
        .read("elected_office.find_active", move |uow| uow.elected_offices().find_active(&active))
        .await
}

/// All offices of a user with their status, in order of creation.
///
/// # Errors
/// [`StoreError`].
pub async fn mine(
    ports: &Ports,
    holder: UserId,
) -> Result<Vec<(ElectedOffice, Status)>, StoreError> {
    let today = ports.today();
    let offices = ports
        .database
        .read("elected_office.mine", move |uow| uow.elected_offices().of_holder(holder))
        .await?;
    Ok(offices
        .into_iter()
        .map(|it| {
            let status = it.term.status(today);
            (it, status)
        })
        .collect())
}

/// A page of offices, of one user or of all, and the total count.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    ports: &Ports,
    holder: Option<UserId>,
    page: Page,
) -> Result<(Vec<ElectedOffice>, i64), StoreError> {
    ports
        .database
        .read("elected_office.page", move |uow| uow.elected_offices().page(holder, page))
        .await
}

/// [`find`] within a unit of work.
fn find_in(
    uow: &mut dyn UnitOfWork,
    author: OfficeAuthor,
    id: &ElectedOfficeId,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let office = uow.elected_offices().find(id)?;
    office.filter(|office| author.may(office)).ok_or(ElectedOfficeError::NotFound)
}

/// Changes a holder's term. An empty change writes nothing.
///
/// # Errors
/// See [`ElectedOfficeError`].
pub async fn update(
    ports: &Ports,
    author: OfficeAuthor,
    id: ElectedOfficeId,
    change: TermChange,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let office = id.clone();
    let position = ports
        .database
        .read("elected_office.ask_before_update", move |uow| prepare_update(uow, author, &office))
        .await?;
    let facts = election_lookup::facts(ports.election.as_ref(), position.as_ref()).await;
    let now = ports.now();
    ports
        .database
        .transaction("elected_office.update", move |uow| {
            write_update(uow, author, &id, change, &facts, now)
        })
        .await
}

/// The position to look up before an update: that of the campaign which completes an office from
/// before phase 1 or from another service.
pub(crate) fn prepare_update(
    uow: &mut dyn UnitOfWork,
    author: OfficeAuthor,
    id: &ElectedOfficeId,
) -> Result<Option<BallotReadyId>, ElectedOfficeError> {
    let office = find_in(uow, author, id)?;
    let is_complete = office.organization_id.is_some() && !office.wants_repair;
    if is_complete || !uow.offers(Feature::Organizations) {
        return Ok(None);
    }
    let Some(campaign) = office.campaign else { return Ok(None) };
    let Some(campaign) = uow.campaigns().find(campaign)? else { return Ok(None) };
    Ok(unverified_position(uow, campaign)?)
}

/// [`update`] within a transaction.
pub(crate) fn write_update(
    uow: &mut dyn UnitOfWork,
    author: OfficeAuthor,
    id: &ElectedOfficeId,
    change: TermChange,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let office = find_in(uow, author, id)?;
    if change == TermChange::default() {
        return Ok(office);
    }
    let holder = office.user_id;
    // The user first: terms of one person are compared with each other.
    uow.users().find_for_update(holder)?;
    adopt_campaign_of(uow, &office, facts, now)?;
    let campaign = lock_campaign_of_incomplete(uow, &office)?;
    let office = uow.elected_offices().find_for_update(id)?.ok_or(ElectedOfficeError::NotFound)?;
    let from = match &campaign {
        Some(campaign) => {
            let won = uow.elected_offices().won_with(campaign.id)?;
            let is_oldest = won.first().is_some_and(|oldest| oldest.id == office.id);
            Some(WonWith { campaign, is_oldest, facts })
        }
        None => None,
    };
    let mut office = completed(uow, office, from, now)?;
    let before = office.term;
    office.term = before.changed(change);
    if uow.offers(Feature::IndependentHoldings) {
        require_no_overlap(uow, &office, before)?;
    } else if office.term.is_active
        && !before.is_active
        && uow.elected_offices().has_active(holder)?
    {
        return Err(ElectedOfficeError::AnotherActive);
    }
    office.updated_at = now;
    uow.elected_offices().update(&office)?;
    Ok(office)
}

/// Refuses a change that makes two terms in the same office overlap; terms from before that overlap
/// already may be changed.
fn require_no_overlap(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
    before: Term,
) -> Result<(), ElectedOfficeError> {
    // Nobody else can have a typed-in position.
    let Some(position) = office.position.clone() else { return Ok(()) };
    let overlapping = overlapping(uow, office, &PositionId::BallotReady(position))?;
    match overlapping.into_iter().find(|term| !term.overlaps(before)) {
        Some(term) => Err(ElectedOfficeError::TermsOverlap(term)),
        None => Ok(()),
    }
}
