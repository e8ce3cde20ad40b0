//! The repositories on one connection.

use diesel::PgConnection;
use winserve_domain::{
    campaigns::Campaigns,
    clerk::Provisioning,
    offices::ElectedOffices,
    organizations::Organizations,
    polls::Polls,
    positions::{Electorates, LookUps, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};

use crate::{
    campaigns::PgCampaigns, elected_offices::PgElectedOffices, electorates::PgElectorates,
    layout::Layout, limits::Limits, look_ups::PgLookUps, organizations::PgOrganizations,
    polls::PgPolls, provisioning::PgProvisioning, saved_filters::PgSavedFilters,
    tables::DoubleWriteLinks, users::PgUsers,
};

/// Hands out the repositories of one connection, one at a time.
pub struct Repositories<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// Where office and district are kept.
    pub layout: Layout,
    /// How much one user may store.
    pub limits: Limits,
}

impl Repositories<'_> {
    /// Users.
    pub fn users(&mut self) -> impl Users {
        PgUsers { connection: self.connection, layout: self.layout }
    }

    /// Campaigns with their voter goals.
    pub fn campaigns(&mut self) -> impl Campaigns {
        PgCampaigns { connection: self.connection, layout: self.layout, limits: self.limits }
    }

    /// Elected offices.
    pub fn elected_offices(&mut self) -> impl ElectedOffices {
        PgElectedOffices { connection: self.connection, layout: self.layout, limits: self.limits }
    }

    /// Organizations.
    pub fn organizations(&mut self) -> impl Organizations {
        PgOrganizations { connection: self.connection, layout: self.layout }
    }

    /// The voters of holders.
    pub fn electorates(&mut self) -> impl Electorates {
        PgElectorates { connection: self.connection, layout: self.layout }
    }

    /// Saved filters.
    pub fn saved_filters(&mut self) -> impl SavedFilters {
        PgSavedFilters { connection: self.connection, layout: self.layout, limits: self.limits }
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
