//! Composes the repositories of each unit of work for the current phase.

use std::sync::Arc;

use crate::phase::Phase;
use winserve_domain::{base::StoreError, database::UnitOfWork};
use winserve_persistence::{
    Composed, Composition, Limits, PgConnection, QueryResult, is_lock_timeout, store_error,
};

use crate::{
    legacy_changes,
    phase::{self, PhaseSource},
    unit_of_work::PhasedUnitOfWork,
};

/// The compositions of all phases; the database's phase selects one.
#[derive(Clone)]
pub struct Phases(Arc<PhaseSource>);

impl Phases {
    /// Uses the database's phase unless one is pinned. Pinning is for tests and local work.
    #[must_use]
    pub fn new(pinned: Option<Phase>) -> Self {
        Self(Arc::new(PhaseSource::new(pinned)))
    }

    /// [`new`](Self::new) with the phase name from the configuration.
    ///
    /// # Errors
    /// [`UnknownPhase`]: a server must not follow another phase than the one it was given.
    pub fn pinned_to(name: Option<&str>) -> Result<Self, UnknownPhase> {
        let parse = |name| Phase::parse(name).ok_or_else(|| UnknownPhase(String::from(name)));
        Ok(Self::new(name.map(parse).transpose()?))
    }

    pub(crate) fn source(&self) -> Arc<PhaseSource> {
        Arc::clone(&self.0)
    }
}

/// No phase has this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no phase `{0}`: correct `phase` in the configuration, or WINSERVE__PHASE")]
pub struct UnknownPhase(String);

static LEGACY: Phased = Phased(Phase::Legacy);
static ONE: Phased = Phased(Phase::One);
static TWO: Phased = Phased(Phase::Two);
static THREE: Phased = Phased(Phase::Three);

fn composed(phase: Phase) -> &'static dyn Composed {
    match phase {
        Phase::Legacy => &LEGACY,
        Phase::One => &ONE,
        Phase::Two => &TWO,
        Phase::Three => &THREE,
    }
}

/// The composition of one phase.
struct Phased(Phase);

impl Composed for Phased {
    fn unit_of_work<'c>(
        &self,
        connection: &'c mut PgConnection,
        limits: Limits,
    ) -> Box<dyn UnitOfWork + 'c> {
        Box::new(PhasedUnitOfWork::new(connection, self.0, limits))
    }

    fn double_write_label(&self) -> Option<&'static str> {
        self.0.has_tables().then_some(self.0.as_str())
    }
}

impl Composition for Phases {
    fn for_reading(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed> {
        self.0.for_reading(connection).map(composed)
    }

    fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed> {
        self.0.for_writing(connection).map(composed)
    }

    /// `migrate phase-1-expand --undo` may have removed the phase row.
    fn is_worth_another_try(&self, connection: &mut PgConnection) -> bool {
        matches!(phase::is_stored(connection), Ok(false))
    }

    /// If another session has locked the table, the table exists, and the last known phase still
    /// applies.
    fn check(&self, connection: &mut PgConnection) -> Result<&'static str, StoreError> {
        use diesel::Connection as _;

        let last_seen = self.0.last_seen();
        let phase = match self.0.for_reading(connection) {
            Err(error) if is_lock_timeout(&error) => last_seen,
            read => read.map_err(store_error)?,
        };
        if phase.writes_both()
            && let Err(error) = connection.transaction(legacy_changes::probe)
            && !is_lock_timeout(&error)
        {
            tracing::warn!(
                "an earlier build expanded the database; run `backfill migrate phase-1-expand`"
            );
            return Err(store_error(error));
        }
        Ok(phase.as_str())
    }

    fn last_seen(&self) -> &'static str {
        self.0.last_seen().as_str()
    }
}

#[cfg(test)]
mod tests {
    use winserve_persistence::{Composition as _, Tables};

    use super::{Phase, Phases};

    #[test]
    fn a_server_is_pinned_to_a_phase_that_exists_or_to_none() {
        for phase in Phase::ALL {
            let pinned = Phases::pinned_to(Some(phase.as_str())).unwrap();
            assert_eq!(pinned.last_seen(), phase.as_str());
        }
        assert_eq!(Phases::pinned_to(None).unwrap().last_seen(), "legacy");
        let error = Phases::pinned_to(Some("phase-9")).err().unwrap();
        assert!(error.to_string().contains("WINSERVE__PHASE"), "{error}");
    }

    #[test]
    fn the_final_composition_has_the_name_of_the_last_phase() {
        assert_eq!(Phase::parse(Tables.last_seen()), Phase::ALL.last().copied());
    }
}
