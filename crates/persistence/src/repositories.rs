//! The repositories on one connection.

use diesel::PgConnection;
use winserve_domain::{
    campaigns::Campaigns,
    clerk::Provisioning,
    database::UnitOfWork,
    offices::ElectedOffices,
    organizations::Organizations,
    polls::Polls,
    positions::{Electorates, Lookups, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};

use crate::{
    campaigns::PgCampaigns,
    clerk_outbox::PgProvisioning,
    composition::TABLES,
    elected_offices::PgElectedOffices,
    electorates::PgElectorates,
    limits::Limits,
    look_ups::PgLookUps,
    organizations::PgOrganizations,
    polls::PgPolls,
    saved_filters::PgSavedFilters,
    tables::{PgPositionLinks, shared_positions::ALL_KEEP},
    users::PgUsers,
};

/// Provides the repositories of one connection, one at a time.
pub struct Repositories<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// Storage limits per user.
    pub limits: Limits,
}

impl Repositories<'_> {
    /// Users.
    pub fn users(&mut self) -> impl Users {
        PgUsers { connection: self.connection }
    }

    /// Campaigns with their voter goals.
    pub fn campaigns(&mut self) -> impl Campaigns {
        PgCampaigns { connection: self.connection, limits: self.limits }
    }

    /// Elected offices.
    pub fn elected_offices(&mut self) -> impl ElectedOffices {
        PgElectedOffices { connection: self.connection, limits: self.limits }
    }

    /// Organizations.
    pub fn organizations(&mut self) -> impl Organizations {
        PgOrganizations { connection: self.connection }
    }

    /// The voters of holders.
    pub fn electorates(&mut self) -> impl Electorates {
        PgElectorates { connection: self.connection }
    }

    /// Saved filters.
    pub fn saved_filters(&mut self) -> impl SavedFilters {
        PgSavedFilters { connection: self.connection, limits: self.limits }
    }

    /// Polls.
    pub fn polls(&mut self) -> impl Polls {
        PgPolls { connection: self.connection }
    }

    /// Organizations in Clerk.
    pub fn provisioning(&mut self) -> impl Provisioning {
        PgProvisioning { connection: self.connection }
    }

    /// Open lookups in election-api.
    pub fn lookups(&mut self) -> impl Lookups {
        PgLookUps { connection: self.connection }
    }

    /// Office and district of each holder, in tables.
    pub fn position_links(&mut self) -> impl PositionLinks {
        PgPositionLinks { connection: self.connection, keepers: ALL_KEEP }
    }
}

/// With all features: the final composition.
impl UnitOfWork for Repositories<'_> {
    fn composition(&self) -> &'static str {
        TABLES
    }

    fn users(&mut self) -> Box<dyn Users + '_> {
        Box::new(Repositories::users(self))
    }

    fn campaigns(&mut self) -> Box<dyn Campaigns + '_> {
        Box::new(Repositories::campaigns(self))
    }

    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_> {
        Box::new(Repositories::elected_offices(self))
    }

    fn organizations(&mut self) -> Box<dyn Organizations + '_> {
        Box::new(Repositories::organizations(self))
    }

    fn electorates(&mut self) -> Box<dyn Electorates + '_> {
        Box::new(Repositories::electorates(self))
    }

    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_> {
        Box::new(Repositories::saved_filters(self))
    }

    fn polls(&mut self) -> Box<dyn Polls + '_> {
        Box::new(Repositories::polls(self))
    }

    fn provisioning(&mut self) -> Box<dyn Provisioning + '_> {
        Box::new(Repositories::provisioning(self))
    }

    fn lookups(&mut self) -> Box<dyn Lookups + '_> {
        Box::new(Repositories::lookups(self))
    }

    fn position_links(&mut self) -> Box<dyn PositionLinks + '_> {
        Box::new(Repositories::position_links(self))
    }
}
