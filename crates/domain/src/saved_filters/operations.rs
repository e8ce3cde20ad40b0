//! Saved filters of voters (legacy contract §5.3, design §5).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    base::{SavedFilterId, StoreError},
    contacts::{self, ContactsError},
    database::{Feature, UnitOfWork},
    organizations::{ActiveOrganization, Holder},
    saved_filters::{FilterContent, Flag, SavedFilter, UNNAMED, name::name_of_copy},
};

/// Why a saved filter was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SavedFilterError {
    /// The campaign is not paid.
    #[error("saved filters require a paid campaign")]
    ProRequired,
    /// The filter selects by political party, for an elected office.
    #[error("an elected official may not select by political party")]
    Party(Vec<Flag>),
    /// The filter exceeds today's size limit.
    #[error("the filter is too large")]
    TooLarge,
    /// There is none, or it belongs to another organization.
    #[error("there is no such filter")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a saved filter was not counted again.
#[derive(Debug, thiserror::Error)]
pub enum CountAgainError {
    /// The filter was not read or written.
    #[error(transparent)]
    Filter(#[from] SavedFilterError),
    /// The contacts could not be counted; the former number is kept.
    #[error(transparent)]
    Contacts(#[from] ContactsError),
}

/// The filters of an organization.
///
/// # Errors
/// [`StoreError`].
pub async fn list(ports: &Ports, of: ActiveOrganization) -> Result<Vec<SavedFilter>, StoreError> {
    ports.database.read("saved_filter.list", move |uow| uow.saved_filters().list(&of)).await
}

/// A filter of an organization.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn find(
    ports: &Ports,
    of: ActiveOrganization,
    id: SavedFilterId,
) -> Result<SavedFilter, SavedFilterError> {
    ports.database.read("saved_filter.find", move |uow| find_in(uow, &of, id)).await
}

/// [`find`] within a unit of work.
fn find_in(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    id: SavedFilterId,
) -> Result<SavedFilter, SavedFilterError> {
    uow.saved_filters().find(of, id)?.ok_or(SavedFilterError::NotFound)
}

/// Whether an organization may have filters, and this content in one; returns the content without
/// parts that have no meaning there.
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
        Holder::ElectedOffice(_) => {
            uow.require(Feature::LinksInTables)?;
            let party = content.party();
            // Clients send every flag; flags that are off are dropped.
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
pub async fn create(
    ports: &Ports,
    of: ActiveOrganization,
    content: FilterContent,
) -> Result<SavedFilter, SavedFilterError> {
    let now = ports.now();
    ports
        .database
        .transaction("saved_filter.create", move |uow| insert(uow, &of, content, now))
        .await
}

/// [`create`] within a transaction.
fn insert(
    uow: &mut dyn UnitOfWork,
    of: &ActiveOrganization,
    content: FilterContent,
    now: DateTime<Utc>,
) -> Result<SavedFilter, SavedFilterError> {
    let content = admit(uow, of, content)?;
    Ok(uow.saved_filters().insert(of, &content, now)?)
}

/// Changes a filter, as far as the content is given.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn update(
    ports: &Ports,
    of: ActiveOrganization,
    id: SavedFilterId,
    content: FilterContent,
) -> Result<SavedFilter, SavedFilterError> {
    let now = ports.now();
    ports
        .database
        .transaction("saved_filter.update", move |uow| {
            let content = admit(uow, &of, content)?;
            uow.saved_filters().update(&of, id, &content, now)?.ok_or(SavedFilterError::NotFound)
        })
        .await
}

/// [`create`], with the number of contacts that the filter selects now.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn create_counted(
    ports: &Ports,
    of: ActiveOrganization,
    content: FilterContent,
) -> Result<SavedFilter, SavedFilterError> {
    let content = counted(ports, &of, content).await;
    create(ports, of, content).await
}

/// [`update`] of a whole filter, with the number of contacts that it selects now.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn update_counted(
    ports: &Ports,
    of: ActiveOrganization,
    id: SavedFilterId,
    content: FilterContent,
) -> Result<SavedFilter, SavedFilterError> {
    let content = counted(ports, &of, content).await;
    update(ports, of, id, content).await
}

/// Stores how many contacts a filter selects now.
///
/// # Errors
/// See [`CountAgainError`].
pub async fn count_again(
    ports: &Ports,
    of: ActiveOrganization,
    id: SavedFilterId,
) -> Result<SavedFilter, CountAgainError> {
    let filter = find(ports, of.clone(), id).await?;
    let count = contacts::count(ports, &of, &filter.content).await?;
    let content =
        FilterContent { voter_count: Some(stored_count(count)), ..FilterContent::default() };
    Ok(update(ports, of, id, content).await?)
}

/// The content with the number of contacts that it selects. If they cannot be counted, the number is
/// 0, as for filters that were never counted: whoever saves a filter must not have to wait for the
/// end of an outage.
async fn counted(ports: &Ports, of: &ActiveOrganization, content: FilterContent) -> FilterContent {
    let count = contacts::count(ports, of, &content).await.unwrap_or_default();
    FilterContent { voter_count: Some(stored_count(count)), ..content }
}

fn stored_count(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Deletes a filter.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn delete(
    ports: &Ports,
    of: ActiveOrganization,
    id: SavedFilterId,
) -> Result<(), SavedFilterError> {
    let is_deleted = ports
        .database
        .transaction("saved_filter.delete", move |uow| uow.saved_filters().delete(&of, id))
        .await?;
    is_deleted.then_some(()).ok_or(SavedFilterError::NotFound)
}

/// Copies a filter within its organization, with a name of its own.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn duplicate(
    ports: &Ports,
    of: ActiveOrganization,
    id: SavedFilterId,
) -> Result<SavedFilter, SavedFilterError> {
    let now = ports.now();
    ports
        .database
        .transaction("saved_filter.duplicate", move |uow| {
            let SavedFilter { content, .. } = find_in(uow, &of, id)?;
            if content.is_too_large() {
                return Err(SavedFilterError::TooLarge);
            }
            let filters = uow.saved_filters().list(&of)?;
            let name = name_of_copy(content.name.as_deref().unwrap_or(UNNAMED), &filters);
            insert(uow, &of, FilterContent { name: Some(name), ..content }, now)
        })
        .await
}

/// A filter that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedFilter {
    /// The copy.
    pub filter: SavedFilter,
    /// Flags that were on but are not allowed in the other organization.
    pub left_out: Vec<Flag>,
}

/// Copies a filter to another organization of the same user.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn copy(
    ports: &Ports,
    from: ActiveOrganization,
    id: SavedFilterId,
    to: ActiveOrganization,
) -> Result<CopiedFilter, SavedFilterError> {
    let now = ports.now();
    ports
        .database
        .transaction("saved_filter.copy", move |uow| insert_copy(uow, &from, id, &to, now))
        .await
}

/// Copies several filters to another organization of the same user: all, or none if one is missing.
///
/// # Errors
/// See [`SavedFilterError`].
pub async fn copy_several(
    ports: &Ports,
    from: ActiveOrganization,
    ids: Vec<SavedFilterId>,
    to: ActiveOrganization,
) -> Result<Vec<CopiedFilter>, SavedFilterError> {
    let now = ports.now();
    ports
        .database
        .transaction("saved_filter.copy_several", move |uow| {
            ids.into_iter().map(|id| insert_copy(uow, &from, id, &to, now)).collect()
        })
        .await
}

fn insert_copy(
    uow: &mut dyn UnitOfWork,
    from: &ActiveOrganization,
    id: SavedFilterId,
    to: &ActiveOrganization,
    now: DateTime<Utc>,
) -> Result<CopiedFilter, SavedFilterError> {
    let SavedFilter { content, .. } = find_in(uow, from, id)?;
    if content.is_too_large() {
        return Err(SavedFilterError::TooLarge);
    }
    let (content, left_out) = if to.may_use_party() {
        (content, Vec::new())
    } else {
        let left_out = content.party();
        let mut content = content.without_party();
        if from.may_use_party() {
            // Its count may refer to the voters of a party, now or earlier.
            content.voter_count = None;
        }
        (content, left_out)
    };
    let filter = insert(uow, to, content, now)?;
    Ok(CopiedFilter { filter, left_out })
}
