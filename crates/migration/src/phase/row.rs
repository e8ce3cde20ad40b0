//! The phase row (design §3), as every process reads it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::phase::Phase;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool},
};
use winserve_persistence::{is_lock_timeout, mark_as_ours, session};

use crate::schema::{migration_phase, migration_phase_for_writing};

/// Maximum age of the cached phase for reads.
const CACHED: Duration = Duration::from_secs(1);

/// How long servers may continue to read in the previous phase, with a margin.
pub(crate) const READ_AFTERWARDS: Duration = Duration::from_millis(1_500);

/// The advisory lock that writers share; the same number is in `migration_phase_for_writing`.
pub(super) const PHASE_LOCK: i64 = 7_746_532_103;

#[derive(QueryableByName)]
pub(crate) struct Exists {
    #[diesel(sql_type = Bool)]
    pub(crate) exists: bool,
}

/// Where a process gets the phase from.
pub(crate) struct PhaseSource {
    pinned: Option<Phase>,
    cached: Mutex<Option<Cached>>,
}

#[derive(Clone, Copy)]
struct Cached {
    at: Instant,
    phase: Phase,
    /// Whether there is a phase row.
    stored: bool,
}

impl PhaseSource {
    /// The configuration may pin a phase: for tests and local work.
    pub(crate) fn new(pinned: Option<Phase>) -> Self {
        Self { pinned, cached: Mutex::new(None) }
    }

    /// Whether the configuration pins the phase.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned.is_some()
    }

    /// The last phase that was read; `legacy` until then.
    pub(crate) fn last_seen(&self) -> Phase {
        self.pinned.or_else(|| self.cached().map(|cached| cached.phase)).unwrap_or_default()
    }

    /// The phase for a read-only unit of work: one second old or newer.
    pub(crate) fn for_reading(&self, connection: &mut PgConnection) -> QueryResult<Phase> {
        if let Some(phase) = self.pinned {
            return Ok(phase);
        }
        let cached = self.cached();
        if let Some(fresh) = cached.filter(|cached| cached.at.elapsed() < CACHED) {
            return Ok(fresh.phase);
        }
        let at = Instant::now();
        let mut stored = still_stored(cached, connection)?;
        let mut phase = Phase::Legacy;
        if stored {
            // A failure must not abort the current transaction.
            match self.forgetting(session::of_its_own(connection, stored_phase)) {
                Ok(found) => phase = found,
                // `migrate phase-1-expand --undo` has removed the row.
                Err(_gone) if !is_stored(connection)? => stored = false,
                Err(error) => return Err(error),
            }
        }
        self.remember(Cached { at, phase, stored });
        Ok(phase)
    }

    /// The phase for the rest of a write transaction; it cannot change until the transaction ends.
    /// Requires isolation level READ COMMITTED: a snapshot from before the lock may show an earlier
    /// phase.
    pub(crate) fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<Phase> {
        if let Some(phase) = self.pinned {
            // What it writes to the JSON must not be copied to the tables later, as another service's.
            if phase.has_tables() {
                mark_as_ours(connection)?;
            }
            return Ok(phase);
        }
        let at = Instant::now();
        if still_stored(self.cached(), connection)? {
            let phase = self.forgetting(read_for_writing(connection))?;
            self.remember(Cached { at, phase, stored: true });
            return Ok(phase);
        }
        // There was no phase row a moment ago. The lock does not need one: an advance waits for the
        // lock, and an earlier advance has created the row by now.
        keep_phase(connection)?;
        let stored = is_stored(connection)?;
        // Not only the row: the function also marks the transaction as ours.
        let phase = if stored { read_for_writing(connection)? } else { Phase::Legacy };
        self.remember(Cached { at, phase, stored });
        Ok(phase)
    }

    /// After a failure, the next unit of work reads it again. A locked row still exists.
    fn forgetting(&self, phase: QueryResult<Phase>) -> QueryResult<Phase> {
        phase.inspect_err(|error| {
            if !is_lock_timeout(error) {
                *self.lock() = None;
            }
        })
    }

    fn cached(&self) -> Option<Cached> {
        *self.lock()
    }

    fn remember(&self, fresh: Cached) {
        *self.lock() = Some(fresh);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cached>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A phase row that existed is assumed to exist; only an undone migration removes it, and the
/// failure that follows clears the cache.
fn still_stored(cached: Option<Cached>, connection: &mut PgConnection) -> QueryResult<bool> {
    match cached {
        Some(Cached { stored: true, .. }) => Ok(true),
        Some(cached) if cached.at.elapsed() < CACHED => Ok(false),
        _ => is_stored(connection),
    }
}

/// The phase of a database; `legacy` when it has no phase row yet.
///
/// # Errors
/// The database's, or a phase that this build does not know.
pub fn read(connection: &mut PgConnection) -> QueryResult<Phase> {
    if is_stored(connection)? { stored_phase(connection) } else { Ok(Phase::Legacy) }
}

/// Keeps the phase as it is until the transaction ends, as every writer does.
pub(crate) fn keep_phase(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock_shared($1)")
        .bind::<BigInt, _>(PHASE_LOCK)
        .execute(connection)
        .map(drop)
}

/// Waits for the transactions of servers that write, and keeps new ones waiting until this one ends.
pub(crate) fn keep_writers_waiting(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(PHASE_LOCK)
        .execute(connection)
        .map(drop)
}

/// Whether the phase changed within the last minute: servers may still read in the previous one.
pub(crate) fn was_left_lately(connection: &mut PgConnection) -> QueryResult<bool> {
    if !is_stored(connection)? {
        return Ok(false);
    }
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM migration_phase_history
                        WHERE at > clock_timestamp() - interval '1 min') AS exists",
    )
    .get_result(connection)
    .map(|found: Exists| found.exists)
}

/// The phase for the rest of the transaction, of a database that has a phase row.
///
/// # Errors
/// The database's, or a phase that this build does not know.
pub fn read_for_writing(connection: &mut PgConnection) -> QueryResult<Phase> {
    let name: String = diesel::select(migration_phase_for_writing()).get_result(connection)?;
    parse(&name)
}

pub(crate) fn is_stored(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass('migration_phase') IS NOT NULL AS exists")
        .get_result(connection)
        .map(|found: Exists| found.exists)
}

pub(crate) fn stored_phase(connection: &mut PgConnection) -> QueryResult<Phase> {
    let name: String = migration_phase::table.select(migration_phase::phase).first(connection)?;
    parse(&name)
}

fn parse(name: &str) -> QueryResult<Phase> {
    Phase::parse(name).ok_or_else(|| {
        diesel::result::Error::DeserializationError(
            format!("this build does not know the phase {name}").into(),
        )
    })
}
