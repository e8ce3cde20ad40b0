//! The repositories of positions: who holds which, and the resulting voters.

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
/// updates the JSON, and [`Campaigns::update`](crate::campaigns::Campaigns::update) stores it.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait PositionLinks {
    /// [`Campaign::link`] with the data that only tables have: the id of the campaign's own
    /// district, and the postal code of a typed-in office.
    fn held_by_campaign(&mut self, campaign: &Campaign) -> Result<PositionLink, StoreError>;

    /// What the store knows about a shared position; `None` if nothing.
    fn known(&mut self, id: &BallotReadyId) -> Result<Option<KnownPosition>, StoreError>;

    /// Settles the facts of a chosen position, and returns it, by the trust rule of design D6. A
    /// shared position is created with election-api's facts, otherwise with the caller's; only
    /// election-api's first complete answer replaces the caller's, and later answers fill in
    /// missing parts. A custom position has its holder's facts.
    fn settle(
        &mut self,
        position: BallotPosition,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<BallotPosition, StoreError>;

    /// Deletes the postal code of a typed-in office, which [`settle`](Self::settle) keeps if it is
    /// given none, because the JSON cannot store it.
    fn clear_zip(&mut self, position: &PositionId) -> Result<(), StoreError>;

    /// Links a campaign to a settled position, and completes a campaign without an organization;
    /// the only function that does so. Returns its organization, if the store has organizations.
    fn set_of_campaign(
        &mut self,
        campaign: &Campaign,
        link: &PositionLink,
        now: DateTime<Utc>,
    ) -> Result<Option<OrganizationId>, StoreError>;
}

/// Reads whose contacts an organization may see, and stores district ids.
pub trait Electorates {
    /// Of an organization, in the store that the phase reads; `None` if it was deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, of: &ActiveOrganization) -> Result<Option<Electorate>, StoreError>;

    /// Of an elected office; `None` if it was deleted. An office without an organization has the
    /// voters of the campaign it was won with, from which it will be completed.
    ///
    /// # Errors
    /// [`StoreError`].
    fn of_office(&mut self, office: &ElectedOffice) -> Result<Option<Electorate>, StoreError>;

    /// Stores the id of the district with that type and name, the holder's own or its position's,
    /// where it is missing. Before phase 1 it cannot be stored.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remember(
        &mut self,
        of: &ActiveOrganization,
        found: &FoundDistrict,
    ) -> Result<(), StoreError>;
}
