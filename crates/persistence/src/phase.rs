//! The phase row (design §3): read by every process, changed by `backfill phase`.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};
use winserve_domain::phase::Phase;

/// Reads may be in a phase that ended so long ago.
const CACHED: Duration = Duration::from_secs(1);
/// The advisory lock that writers share; the same number stands in `migration_phase_for_writing`.
const PHASE_LOCK: i64 = 7_746_532_103;

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

#[derive(QueryableByName)]
struct PhaseRow {
    #[diesel(sql_type = Text)]
    phase: String,
}

/// Where a process takes the phase from.
pub(crate) struct PhaseSource {
    pinned: Option<Phase>,
    cached: Mutex<Option<Cached>>,
}

#[derive(Clone, Copy)]
struct Cached {
    at: Instant,
    phase: Phase,
    /// Whether there is a phase row at all.
    stored: bool,
}

impl PhaseSource {
    /// The configuration may pin a phase: for tests and local work.
    pub(crate) fn new(pinned: Option<Phase>) -> Self {
        Self { pinned, cached: Mutex::new(None) }
    }

    /// The phase for a unit of work that reads: at most a second old.
    pub(crate) fn for_reading(&self, connection: &mut PgConnection) -> QueryResult<Phase> {
        match self.pinned {
            Some(phase) => Ok(phase),
            None => self.look(connection).map(|cached| cached.phase),
        }
    }

    /// The phase for the rest of a transaction that writes: it cannot change meanwhile.
    pub(crate) fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<Phase> {
        if let Some(phase) = self.pinned {
            return Ok(phase);
        }
        // Where there is no phase row, one may come at any time, but no phase beyond `legacy`
        // before this process has seen the row: advancing waits for that.
        if !self.look(connection)?.stored {
            return Ok(Phase::Legacy);
        }
        let row: PhaseRow = diesel::sql_query("SELECT migration_phase_for_writing() AS phase")
            .get_result(connection)?;
        parse(&row.phase)
    }

    fn look(&self, connection: &mut PgConnection) -> QueryResult<Cached> {
        let cached = *self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached.filter(|cached| cached.at.elapsed() < CACHED) {
            return Ok(cached);
        }
        let at = Instant::now();
        let stored = is_stored(connection)?;
        let phase = if stored { stored_phase(connection)? } else { Phase::Legacy };
        let fresh = Cached { at, phase, stored };
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(fresh)
    }
}

/// The phase of a database; `legacy` when it has no phase row yet.
///
/// # Errors
/// The database's, or a phase that this build does not know.
pub fn read(connection: &mut PgConnection) -> QueryResult<Phase> {
    if is_stored(connection)? { stored_phase(connection) } else { Ok(Phase::Legacy) }
}

fn is_stored(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass('migration_phase') IS NOT NULL AS exists")
        .get_result(connection)
        .map(|found: Exists| found.exists)
}

fn stored_phase(connection: &mut PgConnection) -> QueryResult<Phase> {
    let row: PhaseRow =
        diesel::sql_query("SELECT phase FROM migration_phase").get_result(connection)?;
    parse(&row.phase)
}

fn parse(name: &str) -> QueryResult<Phase> {
    Phase::parse(name).ok_or_else(|| {
        diesel::result::Error::DeserializationError(
            format!("this build does not know the phase {name}").into(),
        )
    })
}
