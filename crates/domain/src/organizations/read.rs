//! Reads organizations (design §5).

use crate::{
    Ports,
    base::{OrganizationId, StoreError, UserId},
    campaigns::{Campaign, draft::as_clients_see},
    database::{Feature, UnitOfWork},
    organizations::{
        EventCursor, OrganizationEvent, OrganizationFilter, OrganizationItem, OrganizationReference,
    },
};

/// Why an organization could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// There is none, or it belongs to another user.
    #[error("there is no such organization")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The organizations of a user, [in the order of a switcher](OrganizationItem::sort).
///
/// # Errors
/// See [`OrganizationError`].
pub async fn list(
    ports: &Ports,
    owner: UserId,
) -> Result<Vec<OrganizationItem>, OrganizationError> {
    let today = ports.today();
    ports
        .database
        .read("organization.list", move |uow| {
            require_tables(uow)?;
            let mut items = uow.organizations().of_owner(owner)?;
            OrganizationItem::sort(&mut items, today);
            Ok(items)
        })
        .await
}

/// An organization: of a user, or any organization for staff and machines.
///
/// # Errors
/// See [`OrganizationError`].
pub async fn find(
    ports: &Ports,
    reference: OrganizationReference,
    owner: Option<UserId>,
) -> Result<OrganizationItem, OrganizationError> {
    ports.database.read("organization.find", move |uow| find_in(uow, &reference, owner)).await
}

/// The campaign of a user's organization, as clients see it.
///
/// # Errors
/// [`OrganizationError::NotFound`] also for the organization of an office.
pub async fn find_campaign(
    ports: &Ports,
    reference: OrganizationReference,
    owner: UserId,
) -> Result<Campaign, OrganizationError> {
    ports
        .database
        .read("organization.campaign", move |uow| {
            let organization = find_in(uow, &reference, Some(owner))?;
            let campaign = uow.campaigns().find_of_organization(organization.id)?;
            Ok(as_clients_see(campaign.ok_or(OrganizationError::NotFound)?))
        })
        .await
}

/// A page of all organizations, and the total count.
///
/// # Errors
/// See [`OrganizationError`].
pub async fn page(
    ports: &Ports,
    filter: OrganizationFilter,
) -> Result<(Vec<OrganizationItem>, i64), OrganizationError> {
    ports
        .database
        .read("organization.page", move |uow| {
            require_tables(uow)?;
            Ok(uow.organizations().page(&filter)?)
        })
        .await
}

/// The next events of all organizations, after a cursor or from the beginning.
///
/// An event appears once no older transaction is running: so none is ever inserted before an event
/// that was already read. The events of one organization are in the order of its changes.
///
/// # Errors
/// See [`OrganizationError`].
pub async fn events(
    ports: &Ports,
    after: Option<EventCursor>,
    limit: i64,
) -> Result<Vec<OrganizationEvent>, OrganizationError> {
    ports
        .database
        .read("organization.events", move |uow| {
            require_tables(uow)?;
            Ok(uow.organizations().events(after.unwrap_or_default(), limit)?)
        })
        .await
}

/// An event of an organization, with the user who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The event.
    pub event: OrganizationEvent,
    /// E-mail address of the user who wrote it; `None` for others, and for deleted users.
    pub author: Option<String>,
}

/// The latest events of an organization, the newest first, for staff.
///
/// # Errors
/// See [`OrganizationError`].
pub async fn history(
    ports: &Ports,
    id: OrganizationId,
    limit: i64,
) -> Result<Vec<HistoryEntry>, OrganizationError> {
    ports
        .database
        .read("organization.history", move |uow| {
            require_tables(uow)?;
            let events = uow.organizations().history(id, limit)?;
            let authors: Vec<_> = events.iter().filter_map(OrganizationEvent::author).collect();
            let emails = uow.users().emails(&authors)?;
            let entry = |event: OrganizationEvent| {
                let author = event.author().and_then(|author| emails.get(&author)).cloned();
                HistoryEntry { event, author }
            };
            Ok(events.into_iter().map(entry).collect())
        })
        .await
}

/// [`find`] within a unit of work.
pub(super) fn find_in(
    uow: &mut dyn UnitOfWork,
    reference: &OrganizationReference,
    owner: Option<UserId>,
) -> Result<OrganizationItem, OrganizationError> {
    require_tables(uow)?;
    uow.organizations().find(reference, owner)?.ok_or(OrganizationError::NotFound)
}

pub(super) fn require_tables(uow: &dyn UnitOfWork) -> Result<(), OrganizationError> {
    Ok(uow.require(Feature::Organizations)?)
}
