//! Winning an election, and holding the office (legacy contract §3.8, §5.4).

use chrono::{DateTime, Utc};

use crate::{
    elected_office::{ElectedOffice, Term, TermChange},
    id::{ElectedOfficeId, UserId},
    position::{Facts, PositionLink},
    unit_of_work::{StoreError, UnitOfWork},
};

/// What became of a win.
#[derive(Debug, Clone, PartialEq)]
pub enum Win {
    /// A new office.
    Created(ElectedOffice),
    /// The office that was won with the campaign before.
    Repeated(ElectedOffice),
}

/// Why [`win_election`] failed.
#[derive(Debug, thiserror::Error)]
pub enum WinElectionError {
    /// The user has no campaign to win with.
    #[error("there is no campaign to win with")]
    NoCampaign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// "I won": the user's newest campaign gives an elected office, once. The office takes position
/// (of a custom one its own copy), district, manual flag and `can_download_federal` as they are
/// now, and is independent of the campaign from then on.
///
/// # Errors
/// See [`WinElectionError`].
pub fn win_election(
    uow: &mut dyn UnitOfWork,
    holder: UserId,
    term: Term,
    now: DateTime<Utc>,
) -> Result<Win, WinElectionError> {
    // The lock lets parallel repeats in one by one.
    let campaign =
        uow.campaigns().find_newest_of_for_update(holder)?.ok_or(WinElectionError::NoCampaign)?;
    if let Some(office) = uow.elected_offices().find_won_with(campaign.id)? {
        return Ok(Win::Repeated(office));
    }
    let mut office = ElectedOffice {
        id: ElectedOfficeId::generate(),
        user_id: holder,
        campaign_id: Some(campaign.id),
        organization_id: None,
        created_at: now,
        updated_at: now,
        term,
    };
    let run_for = uow.position_links().of_campaign(&campaign)?;
    let own = run_for.effective_district().cloned();
    let position = run_for.position.taken_over_by(&office.id);
    let position = uow.position_links().settle(position, &Facts::Unverified, now)?;
    let link = PositionLink::new(position, own, run_for.district_manually_set);
    office.organization_id = uow.elected_offices().insert(&office, &link, Some(&campaign))?;
    Ok(Win::Created(office))
}

/// Why a holder's office could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ElectedOfficeError {
    /// There is none with the id.
    #[error("there is no such office")]
    NotFound,
    /// It is somebody else's.
    #[error("the office is somebody else's")]
    Foreign,
    /// Another office of the user is active.
    #[error("another office is active")]
    AnotherActive,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An office of the user, by id.
///
/// # Errors
/// [`ElectedOfficeError::NotFound`] before [`ElectedOfficeError::Foreign`], as the contract has it.
pub fn read_elected_office(
    uow: &mut dyn UnitOfWork,
    holder: UserId,
    id: &ElectedOfficeId,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let office = uow.elected_offices().find(id)?.ok_or(ElectedOfficeError::NotFound)?;
    if office.user_id == holder { Ok(office) } else { Err(ElectedOfficeError::Foreign) }
}

/// Changes what a holder says of a term. A change of nothing writes nothing.
///
/// # Errors
/// See [`ElectedOfficeError`].
pub fn update_elected_office(
    uow: &mut dyn UnitOfWork,
    holder: UserId,
    id: &ElectedOfficeId,
    change: TermChange,
    now: DateTime<Utc>,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let mut office =
        uow.elected_offices().find_for_update(id)?.ok_or(ElectedOfficeError::NotFound)?;
    if office.user_id != holder {
        return Err(ElectedOfficeError::Foreign);
    }
    if change == TermChange::default() {
        return Ok(office);
    }
    if change.is_active == Some(true) && !office.term.is_active {
        // The user's row is locked, so that two offices cannot become active at once.
        uow.users().find_for_update(holder)?;
        if uow.elected_offices().find_active_of(holder)?.is_some() {
            return Err(ElectedOfficeError::AnotherActive);
        }
    }
    office.term = office.term.changed(change);
    office.updated_at = now;
    uow.elected_offices().update(&office)?;
    Ok(office)
}
