//! Saved filters of voters (legacy contract §5.3, design §5).

use chrono::{DateTime, Utc};

use crate::{
    base::{SavedFilterId, StoreError},
    database::UnitOfWork,
    organizations::{ActiveOrganization, Holder},
    saved_filters::{FilterContent, Flag, SavedFilter},
};

/// Why a saved filter was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SavedFilterError {
    /// The campaign does not pay.
    #[error("saved filters are for campaigns that pay")]
    ProRequired,
    /// The filter selects by political party, for an elected office.
    #[error("an elected official may not select by political party")]
    Party(Vec<Flag>),
    /// The filter is larger than one may be today.
    #[error("the filter is too large")]
    TooLarge,
    /// Filters of elected offices come with phase 2.
    #[error("the database is not migrated")]
    NotMigrated,
    /// There is none, or it is of another organization.
    #[error("there is no such filter")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The filters of an organization.
///
/// # Errors
/// [`StoreError`].
pub fn list_saved_filters(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
) -> Result<Vec<SavedFilter>, StoreError> {
    uow.saved_filters().list(of)
}

/// A filter of an organization.
///
/// # Errors
/// See [`SavedFilterError`].
pub fn read_saved_filter(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    id: SavedFilterId,
) -> Result<SavedFilter, SavedFilterError> {
    uow.saved_filters().find(of, id)?.ok_or(SavedFilterError::NotFound)
}

/// Whether an organization may have filters, and this content in one; the content without what
/// means nothing there.
fn admit(
    uow: &dyn UnitOfWork,
    of: &ActiveOrganization,
    content: FilterContent,
) -> Result<FilterContent, SavedFilterError> {
    if !of.may_search() {
        return Err(SavedFilterError::ProRequired);
    }
    match of.holder() {
        Holder::Campaign(_) => Ok(content),
        Holder::ElectedOffice(_) if !uow.phase().reads_tables() => {
            Err(SavedFilterError::NotMigrated)
        }
        Holder::ElectedOffice(_) => {
            let party = content.party();
            // Clients send every flag: those that are off say nothing.
            if party.is_empty() {
                Ok(content.without_party())
            } else {
                Err(SavedFilterError::Party(party))
            }
        }
    }
}

/// Saves a filter.
///
/// # Errors
/// See [`SavedFilterError`].
pub fn create_saved_filter(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    content: FilterContent,
    now: DateTime<Utc>,
) -> Result<SavedFilter, SavedFilterError> {
    let content = admit(uow, of, content)?;
    Ok(uow.saved_filters().insert(of, &content, now)?)
}

/// Changes what a filter says, as far as the content names it.
///
/// # Errors
/// See [`SavedFilterError`].
pub fn update_saved_filter(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    id: SavedFilterId,
    content: FilterContent,
    now: DateTime<Utc>,
) -> Result<SavedFilter, SavedFilterError> {
    let content = admit(uow, of, content)?;
    uow.saved_filters().update(of, id, &content, now)?.ok_or(SavedFilterError::NotFound)
}

/// Deletes a filter.
///
/// # Errors
/// See [`SavedFilterError`].
pub fn delete_saved_filter(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    id: SavedFilterId,
) -> Result<(), SavedFilterError> {
    let is_deleted = uow.saved_filters().delete(of, id)?;
    is_deleted.then_some(()).ok_or(SavedFilterError::NotFound)
}

/// A filter that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedFilter {
    /// The copy.
    pub filter: SavedFilter,
    /// Flags that were on and that the other organization may not have.
    pub left_out: Vec<Flag>,
}

/// Copies a filter to another organization of the same user.
///
/// # Errors
/// See [`SavedFilterError`].
pub fn copy_saved_filter(
    uow: &mut dyn UnitOfWork,
    from: &ActiveOrganization,
    id: SavedFilterId,
    to: &ActiveOrganization,
    now: DateTime<Utc>,
) -> Result<CopiedFilter, SavedFilterError> {
    let SavedFilter { content, .. } = read_saved_filter(uow, from, id)?;
    if content.is_too_large() {
        return Err(SavedFilterError::TooLarge);
    }
    let (content, left_out) = if to.may_use_party() {
        (content, Vec::new())
    } else {
        let left_out = content.party();
        let mut content = content.without_party();
        if from.may_use_party() {
            // It may have been counted among the voters of a party, now or once.
            content.voter_count = None;
        }
        (content, left_out)
    };
    let filter = create_saved_filter(uow, to, content, now)?;
    Ok(CopiedFilter { filter, left_out })
}
