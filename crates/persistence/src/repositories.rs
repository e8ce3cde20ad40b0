//! The repositories on one connection.

use diesel::PgConnection;
use winserve_domain::{
    campaigns::Campaigns,
    clerk::Provisioning,
    migration::Phase,
    offices::ElectedOffices,
    organizations::Organizations,
    polls::Polls,
    positions::{Electorates, LookUps, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};

use crate::{
    campaigns::PgCampaigns, elected_offices::PgElectedOffices, electorates::PgElectorates,
    limits::Limits, look_ups::PgLookUps, organizations::PgOrganizations, polls::PgPolls,
    provisioning::PgProvisioning, saved_filters::PgSavedFilters, tables::DoubleWriteLinks,
    users::PgUsers,
};

/// Hands out the repositories of one connection, one at a time.
pub struct Repositories<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// The phase in which they read and write.
    pub phase: Phase,
    /// How much one user may store.
    pub limits: Limits,
}

impl Repositories<'_> {
    /// Users.
    pub fn users(&mut self) -> impl Users {
        PgUsers { connection: self.connection, phase: self.phase }
    }

    /// Campaigns with their voter goals.
    pub fn campaigns(&mut self) -> impl Campaigns {
        PgCampaigns { connection: self.connection, phase: self.phase, limits: self.limits }
    }

    /// Elected offices.
    pub fn elected_offices(&mut self) -> impl ElectedOffices {
        PgElectedOffices { connection: self.connection, phase: self.phase, limits: self.limits }
    }

    /// Organizations.
    pub fn organizations(&mut self) -> impl Organizations {
        PgOrganizations { connection: self.connection, phase: self.phase }
    }

    /// The voters of holders.
    pub fn electorates(&mut self) -> impl Electorates {
        PgElectorates { connection: self.connection, phase: self.phase }
    }

    /// Saved filters.
    pub fn saved_filters(&mut self) -> impl SavedFilters {
        PgSavedFilters { connection: self.connection, phase: self.phase, limits: self.limits }
    }

    /// Polls.
    pub fn polls(&mut self) -> impl Polls {
        PgPolls { connection: self.connection }
    }

    /// Organizations at Clerk.
    pub fn provisioning(&mut self) -> impl Provisioning {
        PgProvisioning { connection: self.connection }
    }

    /// What election-api has yet to be asked about.
    pub fn look_ups(&mut self) -> impl LookUps {
        PgLookUps { connection: self.connection }
    }

    /// Office and district of each holder, in tables.
    pub fn position_links(&mut self) -> impl PositionLinks {
        DoubleWriteLinks { connection: self.connection }
    }
}
