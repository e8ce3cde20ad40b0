//! The phase row (design §3): read by every process, changed by `backfill phase`.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};
use serde::Serialize;
use winserve_domain::phase::Phase;

use crate::{
    backfill::enforce::{clean_verification, is_anything_enforced, is_phase_1_enforced},
    error::LOCK_TIMEOUT,
    schema::{migration_phase, migration_phase_for_writing},
};

/// What phase `legacy` cannot say (design §3, "way back").
const LOSSES: [&str; 4] = [
    "offices-without-campaign",
    "offices-with-another-position",
    "office-filters",
    "second-campaigns",
];

/// Reads may be in a phase that ended so long ago.
const CACHED: Duration = Duration::from_secs(1);
/// The advisory lock that writers share; the same number stands in `migration_phase_for_writing`.
const PHASE_LOCK: i64 = 7_746_532_103;

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
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
        if let Some(phase) = self.pinned {
            return Ok(phase);
        }
        let cached = self.cached();
        if let Some(fresh) = cached.filter(|cached| cached.at.elapsed() < CACHED) {
            return Ok(fresh.phase);
        }
        let at = Instant::now();
        let stored = still_stored(cached, connection)?;
        let phase = if stored { self.forgetting(stored_phase(connection))? } else { Phase::Legacy };
        self.remember(Cached { at, phase, stored });
        Ok(phase)
    }

    /// The phase for the rest of a transaction that writes: it cannot change meanwhile.
    pub(crate) fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<Phase> {
        if let Some(phase) = self.pinned {
            return Ok(phase);
        }
        let at = Instant::now();
        if still_stored(self.cached(), connection)? {
            let phase = self.forgetting(read_for_writing(connection))?;
            self.remember(Cached { at, phase, stored: true });
            return Ok(phase);
        }
        // There was no phase row a moment ago. The lock needs none: an advance waits for it, and
        // one that came first has made the row by now.
        diesel::sql_query("SELECT pg_advisory_xact_lock_shared($1)")
            .bind::<BigInt, _>(PHASE_LOCK)
            .execute(connection)?;
        let phase = read(connection)?;
        self.remember(Cached { at, phase, stored: false });
        Ok(phase)
    }

    /// After a failure, the next unit of work looks anew.
    fn forgetting(&self, phase: QueryResult<Phase>) -> QueryResult<Phase> {
        phase.inspect_err(|_| *self.lock() = None)
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

/// A phase row that was there once is taken to be there still; only an undone migration takes it
/// away, and the failure that follows makes the source forget.
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

/// Why the phase was not changed; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// There is no phase row.
    #[error("the database is not prepared; `backfill migrate phase-1-expand` first")]
    NotExpanded,
    /// The phase is another than the one to leave.
    #[error("the phase is {found}, not {expected}")]
    Changed {
        /// The phase to leave.
        expected: Phase,
        /// The phase found.
        found: Phase,
    },
    /// The former shape cannot say what the database holds by now.
    #[error(
        "the former phase cannot say: {}; --accept each to go back all the same",
        list(categories)
    )]
    Losses {
        /// Categories and how many rows are in each.
        categories: Vec<(&'static str, i64)>,
    },
    /// NOT NULL of phase 1 would refuse what phase `legacy` may write.
    #[error("phase 1 is enforced; `backfill enforce phase-1 --undo` first")]
    Enforced,
    /// Something has to come before the phase.
    #[error("not yet: {}", gates.join("; "))]
    NotReady {
        /// What, each with the command that brings it.
        gates: Vec<&'static str>,
    },
    /// A loss was accepted that does not exist.
    #[error("there is no loss called {0}; there are {losses}", losses = LOSSES.join(", "))]
    UnknownLoss(String),
    /// Transactions that write did not end in time.
    #[error("transactions under way kept the phase; try again")]
    Busy(#[source] diesel::result::Error),
    /// The database failed.
    #[error("the database refused")]
    Failed(#[source] diesel::result::Error),
}

fn list(categories: &[(&str, i64)]) -> String {
    let counts: Vec<_> = categories.iter().map(|(name, rows)| format!("{name} ({rows})")).collect();
    counts.join(", ")
}

impl From<diesel::result::Error> for PhaseError {
    fn from(error: diesel::result::Error) -> Self {
        if error.to_string().contains(LOCK_TIMEOUT) {
            Self::Busy(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// A change of the phase, with who wants it and why.
#[derive(Debug, Clone)]
pub struct PhaseChange {
    /// The phase to leave.
    pub from: Phase,
    /// The phase to enter.
    pub to: Phase,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Losses accepted by name, on the way back.
    pub accepted: Vec<String>,
}

/// Whether a change would be made, as far as can be told without keeping writers waiting; writes
/// nothing.
///
/// # Errors
/// See [`PhaseError`].
pub fn check(connection: &mut PgConnection, change: &PhaseChange) -> Result<(), PhaseError> {
    if !is_stored(connection)? {
        return Err(PhaseError::NotExpanded);
    }
    let found = stored_phase(connection)?;
    if found != change.from {
        return Err(PhaseError::Changed { expected: change.from, found });
    }
    if let Some(unknown) = change.accepted.iter().find(|it| !LOSSES.contains(&it.as_str())) {
        return Err(PhaseError::UnknownLoss(unknown.clone()));
    }
    if change.to < change.from {
        return refuse_losses(connection, change);
    }
    let gates = if change.to == Phase::Two { gates_of_phase_2(connection)? } else { Vec::new() };
    if gates.is_empty() { Ok(()) } else { Err(PhaseError::NotReady { gates }) }
}

/// Changes the phase: waits for the transactions that write in the old one, keeps new ones waiting
/// meanwhile, and writes the history.
///
/// # Errors
/// See [`PhaseError`].
pub fn change(connection: &mut PgConnection, change: &PhaseChange) -> Result<(), PhaseError> {
    check(connection, change)?;
    connection.transaction(|connection| {
        diesel::sql_query("SET LOCAL lock_timeout = '3s'").execute(connection)?;
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(PHASE_LOCK)
            .execute(connection)?;
        let found = stored_phase(connection)?;
        if found != change.from {
            return Err(PhaseError::Changed { expected: change.from, found });
        }
        if change.to == Phase::Legacy && is_anything_enforced(connection)? {
            return Err(PhaseError::Enforced);
        }
        diesel::sql_query("UPDATE migration_phase SET phase = $1, since = now()")
            .bind::<Text, _>(change.to.as_str())
            .execute(connection)?;
        diesel::sql_query(
            "INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason)
             VALUES ($1, $2, $3, $4)",
        )
        .bind::<Text, _>(change.from.as_str())
        .bind::<Text, _>(change.to.as_str())
        .bind::<Text, _>(&change.actor)
        .bind::<Text, _>(&change.reason)
        .execute(connection)?;
        Ok(())
    })
}

/// What stands between phase 1 and answers from the tables.
fn gates_of_phase_2(connection: &mut PgConnection) -> QueryResult<Vec<&'static str>> {
    let mut gates = Vec::new();
    if !is_phase_1_enforced(connection)? {
        gates.push("rows without organization or position may exist: `backfill enforce phase-1`");
    }
    if clean_verification(connection)?.is_none() {
        gates.push("no clean verification since the last run: `backfill verify`");
    }
    Ok(gates)
}

#[derive(QueryableByName)]
struct Losses {
    #[diesel(sql_type = BigInt)]
    offices_without_campaign: i64,
    #[diesel(sql_type = BigInt)]
    offices_with_another_position: i64,
    #[diesel(sql_type = BigInt)]
    office_filters: i64,
    #[diesel(sql_type = BigInt)]
    second_campaigns: i64,
}

/// The position of a custom office is its own copy, so custom ones are compared by their text; one
/// without any was given by a trigger and says nothing.
fn refuse_losses(connection: &mut PgConnection, change: &PhaseChange) -> Result<(), PhaseError> {
    let PhaseChange { to, accepted, .. } = change;
    if *to != Phase::Legacy {
        return Ok(());
    }
    let losses: Losses = diesel::sql_query(
        "SELECT
            (SELECT count(*) FROM elected_office WHERE campaign_id IS NULL)
                AS offices_without_campaign,
            (SELECT count(*) FROM elected_office
             JOIN campaign ON campaign.id = elected_office.campaign_id
             JOIN ballot_position AS held ON held.id = elected_office.position_id
             JOIN ballot_position AS run_for ON run_for.id = campaign.position_id
             WHERE held.id <> run_for.id
               AND NOT (held.source = 'custom' AND held.office IS NULL)
               AND NOT (held.source = 'custom' AND run_for.source = 'custom'
                        AND held.office IS NOT DISTINCT FROM run_for.office))
                AS offices_with_another_position,
            (SELECT count(*) FROM voter_file_filter WHERE organization_type = 'elected_office')
                AS office_filters,
            (SELECT count(*) FROM (SELECT FROM campaign GROUP BY user_id HAVING count(*) > 1) AS several)
                AS second_campaigns",
    )
    .get_result(connection)?;
    let rows = [
        losses.offices_without_campaign,
        losses.offices_with_another_position,
        losses.office_filters,
        losses.second_campaigns,
    ];
    let categories: Vec<_> = LOSSES
        .into_iter()
        .zip(rows)
        .filter(|(name, rows)| *rows > 0 && !accepted.iter().any(|accepted| accepted == name))
        .collect();
    if categories.is_empty() { Ok(()) } else { Err(PhaseError::Losses { categories }) }
}

/// An entry of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
pub struct PhaseEntry {
    /// The phase left.
    #[diesel(sql_type = Text)]
    pub from_phase: String,
    /// The phase entered.
    #[diesel(sql_type = Text)]
    pub to_phase: String,
    /// Who.
    #[diesel(sql_type = Text)]
    pub actor: String,
    /// Why.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// When, as the database writes it, in UTC.
    #[diesel(sql_type = Text)]
    pub at: String,
}

/// Every change of the phase, oldest first.
///
/// # Errors
/// The database's.
pub fn history(connection: &mut PgConnection) -> QueryResult<Vec<PhaseEntry>> {
    if !is_stored(connection)? {
        return Ok(Vec::new());
    }
    diesel::sql_query(
        "SELECT from_phase, to_phase, actor, reason, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS at
         FROM migration_phase_history ORDER BY id",
    )
    .load(connection)
}

/// The phase for the rest of the transaction, of a database that has a phase row.
///
/// # Errors
/// The database's, or a phase that this build does not know.
pub fn read_for_writing(connection: &mut PgConnection) -> QueryResult<Phase> {
    let name: String = diesel::select(migration_phase_for_writing()).get_result(connection)?;
    parse(&name)
}

fn is_stored(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass('migration_phase') IS NOT NULL AS exists")
        .get_result(connection)
        .map(|found: Exists| found.exists)
}

fn stored_phase(connection: &mut PgConnection) -> QueryResult<Phase> {
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
