//! Hands out the repositories of one connection, composed as the phase says.

use diesel::PgConnection;
use winserve_domain::{
    campaigns::Campaigns,
    clerk::Provisioning,
    database::UnitOfWork,
    migration::{LegacyChanges, Phase},
    offices::ElectedOffices,
    organizations::Organizations,
    polls::Polls,
    positions::{Electorates, LookUps, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};

use crate::{
    campaigns::PgCampaigns, clerk_outbox::PgProvisioning, elected_offices::PgElectedOffices,
    electorates::PgElectorates, legacy::JsonLinks, legacy_changes::PgLegacyChanges, limits::Limits,
    look_ups::PgLookUps, organizations::PgOrganizations, polls::PgPolls,
    saved_filters::PgSavedFilters, tables::DoubleWriteLinks, users::PgUsers,
};

pub(crate) struct PgUnitOfWork<'c> {
    connection: &'c mut PgConnection,
    phase: Phase,
    limits: Limits,
}

impl<'c> PgUnitOfWork<'c> {
    pub(crate) fn new(connection: &'c mut PgConnection, phase: Phase, limits: Limits) -> Self {
        Self { connection, phase, limits }
    }
}

impl UnitOfWork for PgUnitOfWork<'_> {
    fn phase(&self) -> Phase {
        self.phase
    }

    fn users(&mut self) -> Box<dyn Users + '_> {
        Box::new(PgUsers { connection: self.connection, phase: self.phase })
    }

    fn campaigns(&mut self) -> Box<dyn Campaigns + '_> {
        Box::new(PgCampaigns {
            connection: self.connection,
            phase: self.phase,
            limits: self.limits,
        })
    }

    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_> {
        Box::new(PgElectedOffices {
            connection: self.connection,
            phase: self.phase,
            limits: self.limits,
        })
    }

    fn organizations(&mut self) -> Box<dyn Organizations + '_> {
        Box::new(PgOrganizations { connection: self.connection })
    }

    fn electorates(&mut self) -> Box<dyn Electorates + '_> {
        Box::new(PgElectorates { connection: self.connection, phase: self.phase })
    }

    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_> {
        Box::new(PgSavedFilters {
            connection: self.connection,
            phase: self.phase,
            limits: self.limits,
        })
    }

    fn polls(&mut self) -> Box<dyn Polls + '_> {
        Box::new(PgPolls { connection: self.connection })
    }

    fn provisioning(&mut self) -> Box<dyn Provisioning + '_> {
        Box::new(PgProvisioning { connection: self.connection })
    }

    fn look_ups(&mut self) -> Box<dyn LookUps + '_> {
        Box::new(PgLookUps { connection: self.connection })
    }

    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_> {
        Box::new(PgLegacyChanges { connection: self.connection })
    }

    fn position_links(&mut self) -> Box<dyn PositionLinks + '_> {
        match self.phase {
            Phase::Legacy => Box::new(JsonLinks),
            Phase::One | Phase::Two | Phase::Three => {
                Box::new(DoubleWriteLinks { connection: self.connection })
            }
        }
    }
}
