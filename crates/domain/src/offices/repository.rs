//! The repository of elected offices.

use chrono::{DateTime, Utc};

use crate::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, Page, StoreError, UserId},
    offices::ElectedOffice,
    organizations::{ActiveOffice, RequestKey},
    positions::PositionLink,
};

/// Reads and writes elected offices. They have no JSON of their own: from phase 1 on they are read
/// from and written to the tables alone.
pub trait ElectedOffices {
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: &ElectedOfficeId) -> Result<Option<ElectedOffice>, StoreError>;

    /// Reads and locks until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_for_update(
        &mut self,
        id: &ElectedOfficeId,
    ) -> Result<Option<ElectedOffice>, StoreError>;

    /// The office that a request is about; `None` once it is gone, or not held any more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_active(&mut self, active: &ActiveOffice) -> Result<Option<ElectedOffice>, StoreError>;

    /// Whether the user holds any active office.
    ///
    /// # Errors
    /// [`StoreError`].
    fn has_active(&mut self, holder: UserId) -> Result<bool, StoreError>;

    /// The offices won with a campaign, the oldest first; of before phase 1 there may be several.
    ///
    /// # Errors
    /// [`StoreError`].
    fn won_with(&mut self, campaign: CampaignId) -> Result<Vec<ElectedOffice>, StoreError>;

    /// The office of an organization; only where [`Feature::Organizations`](crate::database::Feature::Organizations).
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<ElectedOffice>, StoreError>;

    /// A page of offices, of one user or of all, and how many there are.
    ///
    /// # Errors
    /// [`StoreError`].
    fn page(
        &mut self,
        holder: Option<UserId>,
        page: Page,
    ) -> Result<(Vec<ElectedOffice>, i64), StoreError>;

    /// Creates an office with its organization, tied to a settled position; with
    /// [`complete`](Self::complete) the one function that does so. Returns the organization, if
    /// the store keeps any.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a second office with the same request key.
    fn insert(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// Gives an office of before phase 1 what [`insert`](Self::insert) gives a new one.
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

    /// Gives the offices that another service won with a campaign the position and the district of the campaign;
    /// the tables have to know them. Waits for nobody who holds an office: returns whether none is left.
    ///
    /// # Errors
    /// [`StoreError`].
    fn link_to_campaign(&mut self, campaign: CampaignId) -> Result<bool, StoreError>;

    /// [`link_to_campaign`](Self::link_to_campaign) of one office, which waits for whoever holds it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn link_when_free(&mut self, office: &ElectedOfficeId) -> Result<(), StoreError>;

    /// Ties an office to another settled position, and writes `can_download_federal`. A position of
    /// its own that it comes from goes.
    ///
    /// # Errors
    /// [`StoreError`].
    fn relink(
        &mut self,
        office: &ElectedOffice,
        organization: OrganizationId,
        link: &PositionLink,
    ) -> Result<(), StoreError>;

    /// Notes that somebody chose what the office of an organization says, be it nothing:
    /// [`link_to_campaign`](Self::link_to_campaign) leaves it alone from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    fn keep_choice(&mut self, organization: OrganizationId) -> Result<(), StoreError>;

    /// Writes the term.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update(&mut self, office: &ElectedOffice) -> Result<(), StoreError>;
}
