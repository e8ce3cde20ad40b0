//! Hands out the repositories of one connection, composed for the phase.

use crate::phase::Phase;
use diesel::PgConnection;
use winserve_domain::{
    campaigns::Campaigns,
    clerk::Provisioning,
    database::{Feature, UnitOfWork},
    migration::LegacyChanges,
    offices::ElectedOffices,
    organizations::{CurrentNaming, NamingRule, Organizations},
    polls::Polls,
    positions::{Electorates, Lookups, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};
use winserve_persistence::{Limits, Repositories, tables::PgPositionLinks};

use crate::{
    legacy::{JsonLinks, NAMES_DISTRICT},
    legacy_changes::PgLegacyChanges,
    naming::{LegacyNaming, OldestNaming},
    repositories::{
        FiltersOfCampaigns, JsonElectorates, JsonUsers, PhaseOneOrganizations, PhasedCampaigns,
        PhasedElectedOffices,
    },
};

/// The repositories of a phase.
pub(crate) struct PhasedUnitOfWork<'c> {
    phase: Phase,
    all: Repositories<'c>,
}

impl<'c> PhasedUnitOfWork<'c> {
    pub(crate) fn new(connection: &'c mut PgConnection, phase: Phase, limits: Limits) -> Self {
        Self { phase, all: Repositories { connection, limits } }
    }
}

impl UnitOfWork for PhasedUnitOfWork<'_> {
    fn composition(&self) -> &'static str {
        self.phase.as_str()
    }

    fn offers(&self, feature: Feature) -> bool {
        match feature {
            Feature::Organizations => self.phase.has_tables(),
            Feature::LinksInTables => self.phase.reads_tables(),
            Feature::IndependentHoldings => self.phase.is_free_of_the_old_service(),
        }
    }

    fn naming(&self) -> &'static dyn NamingRule {
        match self.phase {
            Phase::Legacy => &LegacyNaming,
            Phase::One => &OldestNaming,
            Phase::Two | Phase::Three => &CurrentNaming,
        }
    }

    fn users(&mut self) -> Box<dyn Users + '_> {
        if self.phase.reads_tables() {
            Box::new(self.all.users())
        } else {
            Box::new(JsonUsers { connection: self.all.connection, phase: self.phase })
        }
    }

    fn campaigns(&mut self) -> Box<dyn Campaigns + '_> {
        let Self { phase, all: Repositories { ref mut connection, limits } } = *self;
        Box::new(PhasedCampaigns { connection, phase, limits })
    }

    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_> {
        if self.phase.is_free_of_the_old_service() {
            return Box::new(self.all.elected_offices());
        }
        let Self { phase, all: Repositories { ref mut connection, limits } } = *self;
        Box::new(PhasedElectedOffices { connection, phase, limits })
    }

    fn organizations(&mut self) -> Box<dyn Organizations + '_> {
        if self.phase.reads_tables() {
            Box::new(self.all.organizations())
        } else {
            Box::new(PhaseOneOrganizations { connection: self.all.connection })
        }
    }

    fn electorates(&mut self) -> Box<dyn Electorates + '_> {
        if self.phase.reads_tables() {
            Box::new(self.all.electorates())
        } else {
            Box::new(JsonElectorates { connection: self.all.connection, phase: self.phase })
        }
    }

    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_> {
        if self.phase.reads_tables() {
            Box::new(self.all.saved_filters())
        } else {
            let limits = self.all.limits;
            Box::new(FiltersOfCampaigns { connection: self.all.connection, limits })
        }
    }

    fn polls(&mut self) -> Box<dyn Polls + '_> {
        Box::new(self.all.polls())
    }

    fn provisioning(&mut self) -> Box<dyn Provisioning + '_> {
        Box::new(self.all.provisioning())
    }

    fn lookups(&mut self) -> Box<dyn Lookups + '_> {
        Box::new(self.all.lookups())
    }

    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_> {
        Box::new(PgLegacyChanges { connection: self.all.connection })
    }

    fn position_links(&mut self) -> Box<dyn PositionLinks + '_> {
        match self.phase {
            Phase::Legacy => Box::new(JsonLinks),
            // A campaign without a district in its JSON keeps inheriting, as clients see it.
            Phase::One | Phase::Two => Box::new(PgPositionLinks {
                connection: self.all.connection,
                keepers: NAMES_DISTRICT.as_str(),
            }),
            Phase::Three => Box::new(self.all.position_links()),
        }
    }
}
