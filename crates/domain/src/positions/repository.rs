//! The repositories of positions: who holds which, and which voters that means.

use chrono::{DateTime, Utc};

use crate::{
    base::{OrganizationId, StoreError},
    campaigns::Campaign,
    offices::ElectedOffice,
    organizations::ActiveOrganization,
    positions::{
        BallotPosition, BallotReadyId, Electorate, Facts, FoundDistrict, KnownPosition, PositionId,
        PositionLink,
    },
};

/// Reads and writes the [`PositionLink`] of each holder.
///
/// A store that keeps links in the JSON of the campaign has nothing to write here: the use case
/// brings the JSON up to date, and [`Campaigns::update`](crate::campaigns::Campaigns::update) stores it.
pub trait PositionLinks {
    /// [`Campaign::link`] with what only tables know besides: the id of the
    /// campaign's own district, and the postal code of a typed-in office.
    ///
    /// # Errors
    /// [`StoreError`].
    fn held_by_campaign(&mut self, campaign: &Campaign) -> Result<PositionLink, StoreError>;

    /// What the store knows of a shared position; `None` when it knows nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn known(&mut self, id: &BallotReadyId) -> Result<Option<KnownPosition>, StoreError>;

    /// Settles what is known of a position that somebody chose, and returns it: the trust rule of
    /// design D6. A shared position comes into being with the facts that election-api states, else
    /// with the caller's; only election-api's first complete answer replaces the caller's, and later
    /// ones fill in what it lacks. The position of one holder alone is as its holder says.
    ///
    /// # Errors
    /// [`StoreError`].
    fn settle(
        &mut self,
        position: BallotPosition,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<BallotPosition, StoreError>;

    /// Forgets the postal code of a typed-in office, which [`settle`](Self::settle) keeps when it is
    /// given none: the JSON has no place for it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn clear_zip(&mut self, position: &PositionId) -> Result<(), StoreError>;

    /// Ties a campaign to a settled position, and completes a campaign that has no organization
    /// yet; the one function that does so. Returns its organization, if the store keeps any.
    ///
    /// # Errors
    /// [`StoreError`].
    fn set_of_campaign(
        &mut self,
        campaign: &Campaign,
        link: &PositionLink,
        now: DateTime<Utc>,
    ) -> Result<Option<OrganizationId>, StoreError>;
}

/// Reads whose contacts an organization may see, and remembers the ids of districts.
pub trait Electorates {
    /// Of an organization, in the store that the phase reads; `None` once it is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, of: &ActiveOrganization) -> Result<Option<Electorate>, StoreError>;

    /// Of an elected office; `None` once it is gone. One that has no organization yet has the voters of
    /// the campaign it was won with, which it is to be completed from.
    ///
    /// # Errors
    /// [`StoreError`].
    fn of_office(&mut self, office: &ElectedOffice) -> Result<Option<Electorate>, StoreError>;

    /// Notes the id of the district of that type and name, the holder's own or its position's, where
    /// none is noted yet. Before phase 1 there is no place for it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remember(
        &mut self,
        of: &ActiveOrganization,
        found: &FoundDistrict,
    ) -> Result<(), StoreError>;
}
