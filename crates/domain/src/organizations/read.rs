//! Looking at organizations (design §5).

use crate::campaigns::draft::shown;
use crate::{
    base::{StoreError, UserId},
    campaigns::Campaign,
    database::UnitOfWork,
    organizations::{OrganizationFilter, OrganizationItem, OrganizationReference},
};

/// Why an organization could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// The tables do not exist yet, or are not written to.
    #[error("the database is not migrated")]
    NotMigrated,
    /// There is none, or it is somebody else's.
    #[error("there is no such organization")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn require_tables(uow: &dyn UnitOfWork) -> Result<(), OrganizationError> {
    if uow.phase().has_tables() { Ok(()) } else { Err(OrganizationError::NotMigrated) }
}

/// The organizations of a user.
///
/// # Errors
/// See [`OrganizationError`].
pub fn list_organizations(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
) -> Result<Vec<OrganizationItem>, OrganizationError> {
    require_tables(uow)?;
    Ok(uow.organizations().of_owner(owner)?)
}

/// An organization: of a user, or of anybody for staff and machines.
///
/// # Errors
/// See [`OrganizationError`].
pub fn read_organization(
    uow: &mut dyn UnitOfWork,
    reference: &OrganizationReference,
    owner: Option<UserId>,
) -> Result<OrganizationItem, OrganizationError> {
    require_tables(uow)?;
    uow.organizations().find(reference, owner)?.ok_or(OrganizationError::NotFound)
}

/// The campaign of an organization of a user, as clients see it.
///
/// # Errors
/// [`OrganizationError::NotFound`] also for the organization of an office.
pub fn read_campaign_of_organization(
    uow: &mut dyn UnitOfWork,
    reference: &OrganizationReference,
    owner: UserId,
) -> Result<Campaign, OrganizationError> {
    let organization = read_organization(uow, reference, Some(owner))?;
    let campaign = uow.campaigns().find_of_organization(organization.id)?;
    Ok(shown(campaign.ok_or(OrganizationError::NotFound)?))
}

/// A page of anybody's organizations, and how many there are.
///
/// # Errors
/// See [`OrganizationError`].
pub fn page_of_organizations(
    uow: &mut dyn UnitOfWork,
    filter: &OrganizationFilter,
) -> Result<(Vec<OrganizationItem>, i64), OrganizationError> {
    require_tables(uow)?;
    Ok(uow.organizations().page(filter)?)
}
