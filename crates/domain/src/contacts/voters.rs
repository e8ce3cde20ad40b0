//! What has to be known before people-api is asked for contacts.

use crate::{
    base::{SavedFilterId, StoreError},
    database::UnitOfWork,
    organizations::ActiveOrganization,
    positions::{Electorate, FoundDistrict},
    saved_filters::FilterContent,
};

/// The voters of an organization, and what a saved filter of it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactsRequest {
    /// The voters.
    pub electorate: Electorate,
    /// What the filter says, if one was named.
    pub filter: Option<FilterContent>,
}

/// Why contacts are not asked for.
#[derive(Debug, thiserror::Error)]
pub enum ContactsError {
    /// The organization is gone meanwhile.
    #[error("there is no such organization any more")]
    Gone,
    /// There is no such filter, or it is of another organization: without it everybody would be
    /// selected.
    #[error("there is no such filter")]
    NoFilter,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The voters of an organization and, if it names one, a saved filter of it.
///
/// # Errors
/// See [`ContactsError`].
pub fn ask_before_contacts(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    filter: Option<SavedFilterId>,
) -> Result<ContactsRequest, ContactsError> {
    let filter = match filter {
        Some(id) => {
            let found = uow.saved_filters().find(of, id)?.ok_or(ContactsError::NoFilter)?;
            Some(found.content)
        }
        None => None,
    };
    let electorate = uow.electorates().find(of)?.ok_or(ContactsError::Gone)?;
    Ok(ContactsRequest { electorate, filter })
}

/// Remembers the id of a district that was looked up, unless it was changed meanwhile.
///
/// # Errors
/// [`StoreError`].
pub fn remember_district(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    found: &FoundDistrict,
) -> Result<(), StoreError> {
    uow.electorates().remember(of, found)
}
