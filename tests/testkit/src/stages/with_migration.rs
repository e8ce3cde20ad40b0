//! Databases and servers in every phase of the migration.

use std::sync::Arc;

pub use winserve_migration::Phase;
use winserve_migration::{Follower, FollowerWorker, Phases};
use winserve_persistence::{Composition, Tables};

use crate::app::Followed;

/// The phase in which a database is created: the requested one.
pub(crate) const fn made_in(asked: Phase) -> Phase {
    asked
}

/// Whether a database in the last phase has the final schema unless a test requests it.
pub(crate) const IS_FINAL: bool = false;

/// The composition that serves a phase. The last phase is served without the migration, as after its deletion.
#[must_use]
pub fn composition(phase: Phase) -> Arc<dyn Composition> {
    match phase {
        Phase::Three => Arc::new(Tables),
        Phase::Legacy | Phase::One | Phase::Two => Arc::new(Phases::new(None)),
    }
}

/// The composition that serves any database as if it were in a phase.
#[must_use]
pub fn pinned(phase: Phase) -> Arc<dyn Composition> {
    Arc::new(Phases::new(Some(phase)))
}

/// The worker that follows the old service.
pub(crate) struct Following(FollowerWorker);

impl Following {
    pub(crate) fn start(Followed { database, election, clock }: Followed) -> Self {
        Self(FollowerWorker::start(Follower { database, election, clock }))
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}
