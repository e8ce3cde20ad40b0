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
use winserve_persistence::{Limits, Repositories};

use crate::{legacy::JsonLinks, legacy_changes::PgLegacyChanges};

/// The repositories of a phase.
pub(crate) struct PhasedUnitOfWork<'c>(Repositories<'c>);

impl<'c> PhasedUnitOfWork<'c> {
    pub(crate) fn new(connection: &'c mut PgConnection, phase: Phase, limits: Limits) -> Self {
        Self(Repositories { connection, phase, limits })
    }
}

impl UnitOfWork for PhasedUnitOfWork<'_> {
    fn phase(&self) -> Phase {
        self.0.phase
    }

    fn users(&mut self) -> Box<dyn Users + '_> {
        Box::new(self.0.users())
    }

    fn campaigns(&mut self) -> Box<dyn Campaigns + '_> {
        Box::new(self.0.campaigns())
    }

    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_> {
        Box::new(self.0.elected_offices())
    }

    fn organizations(&mut self) -> Box<dyn Organizations + '_> {
        Box::new(self.0.organizations())
    }

    fn electorates(&mut self) -> Box<dyn Electorates + '_> {
        Box::new(self.0.electorates())
    }

    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_> {
        Box::new(self.0.saved_filters())
    }

    fn polls(&mut self) -> Box<dyn Polls + '_> {
        Box::new(self.0.polls())
    }

    fn provisioning(&mut self) -> Box<dyn Provisioning + '_> {
        Box::new(self.0.provisioning())
    }

    fn look_ups(&mut self) -> Box<dyn LookUps + '_> {
        Box::new(self.0.look_ups())
    }

    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_> {
        Box::new(PgLegacyChanges { connection: self.0.connection })
    }

    fn position_links(&mut self) -> Box<dyn PositionLinks + '_> {
        match self.0.phase {
            Phase::Legacy => Box::new(JsonLinks),
            Phase::One | Phase::Two | Phase::Three => Box::new(self.0.position_links()),
        }
    }
}
