//! The repository of elected offices.

use chrono::{DateTime, Utc};

use crate::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, Page, StoreError, UserId},
    offices::ElectedOffice,
    organizations::{ActiveOffice, RequestKey},
    positions::{PositionId, PositionLink},
};

/// Reads and writes elected offices. They have no JSON: from phase 1 on they are read from and
/// written to the tables only.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait ElectedOffices {
    /// The office with this id.
    fn find(&mut self, id: &ElectedOfficeId) -> Result<Option<ElectedOffice>, StoreError>;

    /// Reads and locks until the transaction ends.
    fn find_for_update(
        &mut self,
        id: &ElectedOfficeId,
    ) -> Result<Option<ElectedOffice>, StoreError>;

    /// The office that a request is about; `None` if it was deleted or is no longer active.
    fn find_active(&mut self, active: &ActiveOffice) -> Result<Option<ElectedOffice>, StoreError>;

    /// Whether the user has an active office.
    fn has_active(&mut self, holder: UserId) -> Result<bool, StoreError>;

    /// The offices won with a campaign, oldest first; from before phase 1 there may be several.
    fn won_with(&mut self, campaign: CampaignId) -> Result<Vec<ElectedOffice>, StoreError>;

    /// All offices of a user, in order of creation.
    fn of_holder(&mut self, holder: UserId) -> Result<Vec<ElectedOffice>, StoreError>;

    /// The offices of a user with this position; only with
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    fn with_position(
        &mut self,
        holder: UserId,
        position: &PositionId,
    ) -> Result<Vec<ElectedOffice>, StoreError>;

    /// The office of an organization; only with
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<ElectedOffice>, StoreError>;

    /// A page of offices, of one user or of all, and the total count.
    fn page(
        &mut self,
        holder: Option<UserId>,
        page: Page,
    ) -> Result<(Vec<ElectedOffice>, i64), StoreError>;

    /// Creates an office with its organization, linked to a settled position; with
    /// [`complete`](Self::complete) the only function that does so. Returns the organization, if
    /// the store has organizations.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a second office with the same request key.
    fn insert(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// Gives an office from before phase 1 what [`insert`](Self::insert) gives a new one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a second office with the same request key.
    fn complete(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
        now: DateTime<Utc>,
    ) -> Result<OrganizationId, StoreError>;

    /// Gives the offices that another service won with a campaign the campaign's position and
    /// district; the tables must already have them. Does not wait for locked offices: returns
    /// whether none is left. If there is no other service, none ever is.
    fn link_to_campaign(&mut self, _campaign: CampaignId) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// [`link_to_campaign`](Self::link_to_campaign) for one office; waits for its lock.
    fn link_when_free(&mut self, _office: &ElectedOfficeId) -> Result<(), StoreError> {
        Ok(())
    }

    /// Links an office to another settled position, and writes `can_download_federal`. Deletes its
    /// previous custom position.
    fn relink(
        &mut self,
        office: &ElectedOffice,
        organization: OrganizationId,
        link: &PositionLink,
    ) -> Result<(), StoreError>;

    /// Records that the office of an organization was set explicitly, even to nothing:
    /// [`link_to_campaign`](Self::link_to_campaign) skips it from now on.
    fn keep_choice(&mut self, organization: OrganizationId) -> Result<(), StoreError>;

    /// Writes the term.
    fn update(&mut self, office: &ElectedOffice) -> Result<(), StoreError>;
}
