//! The repository of organizations.

use chrono::{DateTime, Utc};

use crate::{
    base::{ElectedOfficeId, OrganizationId, StoreError, UserId},
    organizations::{
        EventCursor, OrganizationEvent, OrganizationFilter, OrganizationItem,
        OrganizationReference, RequestedEarlier,
    },
};

/// Reads organizations. They are created with their child, through [`Campaigns::insert`],
/// [`PositionLinks::set_of_campaign`] and [`ElectedOffices::insert`].
///
/// [`Campaigns::insert`]: crate::campaigns::Campaigns::insert
/// [`PositionLinks::set_of_campaign`]: crate::positions::PositionLinks::set_of_campaign
/// [`ElectedOffices::insert`]: crate::offices::ElectedOffices::insert
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait Organizations {
    /// What an earlier request of this owner with the same key created.
    fn requested_earlier(
        &mut self,
        owner: UserId,
        key: &str,
    ) -> Result<Option<RequestedEarlier>, StoreError>;

    /// An organization of this owner, or of any owner.
    fn find(
        &mut self,
        reference: &OrganizationReference,
        owner: Option<UserId>,
    ) -> Result<Option<OrganizationItem>, StoreError>;

    /// The organization of an office of this owner.
    fn find_of_office(
        &mut self,
        office: &ElectedOfficeId,
        owner: UserId,
    ) -> Result<Option<OrganizationItem>, StoreError>;

    /// The organizations of the campaigns that this owner has won.
    fn won(&mut self, owner: UserId) -> Result<Vec<OrganizationId>, StoreError>;

    /// The organizations of an owner, in order of creation; one statement, however many there are.
    ///
    /// # Errors
    /// [`StoreError`]; not for a damaged one, which is marked.
    fn of_owner(&mut self, owner: UserId) -> Result<Vec<OrganizationItem>, StoreError>;

    /// Records the time of a change.
    fn touch(&mut self, id: OrganizationId, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Names who writes in the rest of the transaction, such as `user:7`, for the events. Writers
    /// of rows need not write events: the database does.
    fn act_as(&mut self, actor: &str) -> Result<(), StoreError>;

    /// The events after a cursor, in the order of the feed; none of a transaction that may still
    /// be followed by an earlier one.
    fn events(
        &mut self,
        after: EventCursor,
        limit: i64,
    ) -> Result<Vec<OrganizationEvent>, StoreError>;

    /// The latest events of one organization, the newest first.
    fn history(
        &mut self,
        id: OrganizationId,
        limit: i64,
    ) -> Result<Vec<OrganizationEvent>, StoreError>;

    /// A page of all organizations, and the total count.
    ///
    /// # Errors
    /// [`StoreError`]; not for a damaged one, which is marked.
    fn page(
        &mut self,
        filter: &OrganizationFilter,
    ) -> Result<(Vec<OrganizationItem>, i64), StoreError>;
}
