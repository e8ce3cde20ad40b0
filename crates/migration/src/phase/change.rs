//! Changes the phase row (design §3), for `backfill phase`.

use std::{thread, time::Duration};

use crate::phase::Phase;
use diesel::{
    prelude::*,
    sql_types::{Array, Nullable, Text, Uuid as SqlUuid},
};
use serde::Serialize;
use uuid::Uuid;
use winserve_admin::{Exit, Failure};
use winserve_domain::base::{BoxError, StoreError};
use winserve_persistence::{
    backends::{announce, holder_of_advisory_lock, writer_of_table},
    clerk_outbox::SWITCH_NAME,
    is_lock_timeout,
};

use super::{
    gates::{self, Gate, Notes},
    rewrite::{Since, rewrite, rewrite_rest},
    row::{Exists, PHASE_LOCK, is_stored, keep_writers_waiting, stored_phase},
};
use crate::{
    commands,
    sql::{drain_notes, is_anything_enforced, is_anything_of_phase_2_enforced},
};

/// Pause between attempts to drain the old service's changes, so that writers and that service can
/// proceed.
const DRAIN_PAUSES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
    Duration::from_millis(3_200),
];
/// What a change waits for between these attempts.
const OLD_SERVICE: &str = "the old service to pause its changes";

/// Why the phase was not changed. Nothing was written, except that a change from phase 3 may have copied
/// office and district to the JSON, which phase 3 does not read: if a writer or a closed gate came in
/// its way after it had begun.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// There is no phase row.
    #[error("the database is not prepared; run `{}` first", commands::EXPAND_PHASE_1)]
    NotExpanded,
    /// The current phase is not the one to leave.
    #[error("the current phase is {found}, not {expected}")]
    Changed {
        /// The phase to leave.
        expected: Phase,
        /// The phase found.
        found: Phase,
    },
    /// The old schema cannot store all the data.
    #[error(
        "Going back loses data that the old schema cannot store: {}. Re-run with --accept <category> for each.",
        list(categories)
    )]
    Losses {
        /// Categories and how many rows are in each.
        categories: Vec<(&'static str, i64)>,
        /// The command that accepts them.
        again: String,
    },
    /// `enforce phase-3` dropped what the earlier phases need.
    #[error(
        "`enforce phase-3` dropped the columns of the old service; there is no way back from it"
    )]
    NoWayBack,
    /// The enforced constraints would reject writes of the previous phase.
    #[error("{0} is enforced; run `backfill enforce {0} --undo` first")]
    Enforced(Phase),
    /// A prerequisite is missing.
    #[error("not yet: {}", gates.iter().map(Gate::to_string).collect::<Vec<_>>().join("; "))]
    NotReady {
        /// The prerequisites, each with its remedy.
        gates: Vec<Gate>,
        /// Commands to run next.
        next_steps: Vec<String>,
    },
    /// The switch is already in that position.
    #[error("{} is {} already", SWITCH_NAME, if *.is_on { "on" } else { "off" })]
    SwitchUnchanged {
        /// Its position.
        is_on: bool,
    },
    /// A category was accepted that the change does not ask for.
    #[error("--accept does not know the category {name}{}", these(known))]
    UnknownCategory {
        /// The accepted category.
        name: String,
        /// The categories that the change may ask for.
        known: &'static [&'static str],
    },
    /// The list of applied migrations cannot be read.
    #[error("the schema cannot be read")]
    Unreadable(#[source] BoxError),
    /// Write transactions did not end in time.
    #[error("could not lock the phase row: write transactions still running{}; try again", named(holder.as_deref()))]
    Busy {
        /// The session with the oldest of them, if it is still open.
        holder: Option<String>,
        /// The lock timeout.
        source: diesel::result::Error,
    },
    /// The database failed.
    #[error("database error")]
    Failed(#[source] diesel::result::Error),
}

impl Failure for PhaseError {
    fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) | Self::Unreadable(_) => Exit::Unexpected,
            Self::Busy { .. } => Exit::Infrastructure,
            Self::NotExpanded
            | Self::Changed { .. }
            | Self::Losses { .. }
            | Self::NoWayBack
            | Self::Enforced(_)
            | Self::NotReady { .. }
            | Self::SwitchUnchanged { .. }
            | Self::UnknownCategory { .. } => Exit::Precondition,
        }
    }
}

impl PhaseError {
    /// Commands to run next.
    #[must_use]
    pub fn next_steps(&self) -> Vec<String> {
        match self {
            Self::NotExpanded => vec![commands::EXPAND_PHASE_1.to_owned()],
            Self::NotReady { next_steps, .. } => next_steps.clone(),
            Self::Losses { again, .. } => vec![again.clone()],
            Self::Enforced(phase) => vec![format!("backfill enforce {phase} --undo")],
            Self::Changed { .. }
            | Self::SwitchUnchanged { .. }
            | Self::Busy { .. }
            | Self::NoWayBack => vec![commands::PLAN.to_owned()],
            Self::UnknownCategory { .. } | Self::Unreadable(_) | Self::Failed(_) => Vec::new(),
        }
    }
}

fn list(categories: &[(&str, i64)]) -> String {
    let counts: Vec<_> = categories.iter().map(|(name, rows)| format!("{name} ({rows})")).collect();
    counts.join(", ")
}

fn named(holder: Option<&str>) -> String {
    holder.map(|holder| format!(": {holder}")).unwrap_or_default()
}

fn these(known: &[&str]) -> String {
    if known.is_empty() {
        String::new()
    } else {
        format!("; known categories: {}", known.join(", "))
    }
}

impl From<diesel::result::Error> for PhaseError {
    fn from(error: diesel::result::Error) -> Self {
        if is_lock_timeout(&error) {
            Self::Busy { holder: None, source: error }
        } else {
            Self::Failed(error)
        }
    }
}

impl From<StoreError> for PhaseError {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// A phase change, with actor and reason.
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
    /// Differences and losses accepted by name.
    pub accepted: Vec<String>,
    /// How long other services must not have changed office or district before phase 3.
    pub silence: Duration,
}

impl PhaseChange {
    /// The command that makes the change.
    #[must_use]
    pub fn command(&self) -> String {
        commands::accepting(&self.command_without_acceptance(), &self.accepted)
    }

    pub(super) fn command_without_acceptance(&self) -> String {
        if self.to > self.from {
            let seconds = self.silence.as_secs_f64();
            let silence = (seconds > 0.0).then(|| format!(" --silent-for {seconds}"));
            format!("{} --to {}{}", commands::ADVANCE, self.to, silence.unwrap_or_default())
        } else {
            commands::BACK.to_owned()
        }
    }

    pub(super) fn not_ready(&self, gates: Vec<Gate>) -> PhaseError {
        let again = self.command_without_acceptance();
        let next_steps = gates::next_steps(&gates, &again, &self.accepted);
        PhaseError::NotReady { gates, next_steps }
    }
}

/// Whether a change would be made, as far as this can be checked without blocking writers; writes
/// nothing. Returns the verification that allows it, if one is required.
///
/// # Errors
/// See [`PhaseError`].
pub fn check(
    connection: &mut PgConnection,
    change: &PhaseChange,
) -> Result<Option<Uuid>, PhaseError> {
    look_at_gates(connection, change, Notes::ToBeDrained)
}

fn look_at_gates(
    connection: &mut PgConnection,
    change: &PhaseChange,
    notes: Notes,
) -> Result<Option<Uuid>, PhaseError> {
    if !is_stored(connection)? {
        return Err(PhaseError::NotExpanded);
    }
    let found = stored_phase(connection)?;
    if found != change.from {
        return Err(PhaseError::Changed { expected: change.from, found });
    }
    gates::pass(connection, change, notes)
}

/// Changes the phase: waits for write transactions of the old phase, blocks new ones until the end,
/// and writes the history. Gates are checked twice: first without blocking anyone, so that a
/// refusal delays nobody, and again when nothing can change anymore. In between, the latest changes
/// of other services are copied to the tables; on the way back from phase 3, office and district are
/// copied to the JSON, but only after the phase could have been changed for a moment.
///
/// # Errors
/// See [`PhaseError`].
pub fn change(connection: &mut PgConnection, change: &PhaseChange) -> Result<(), PhaseError> {
    check(connection, change)?;
    if change.to == Phase::Three {
        name_campaigns(connection)?;
    }
    let since = if change.from == Phase::Three {
        try_to_enter(connection, change)?;
        Some(rewrite(connection)?)
    } else {
        None
    };
    let mut pauses = DRAIN_PAUSES.iter();
    let mut waiting = None;
    loop {
        match enter(connection, change, since) {
            Err(PhaseError::Busy { source, .. }) => return Err(busy(connection, source)),
            // The old service was just changing a campaign again; that takes only a moment.
            Err(PhaseError::NotReady { .. }) if check(connection, change).is_ok() => {
                waiting.get_or_insert_with(|| announce(OLD_SERVICE));
                match pauses.next() {
                    Some(pause) => thread::sleep(*pause),
                    None => return enter(connection, change, since),
                }
            }
            outcome => return outcome,
        }
    }
}

/// Names the session that blocked the phase, if it still does.
fn busy(connection: &mut PgConnection, source: diesel::result::Error) -> PhaseError {
    let writer = holder_of_advisory_lock(connection, PHASE_LOCK);
    let holder = writer.and_then(|writer| match writer {
        Some(writer) => Ok(Some(writer)),
        None => writer_of_table(connection, "legacy_change"),
    });
    match holder {
        Ok(holder) => PhaseError::Busy { holder: holder.map(|it| it.to_string()), source },
        Err(error) => error.into(),
    }
}

/// Passes what [`enter`] has to pass, and writes nothing.
fn try_to_enter(connection: &mut PgConnection, change: &PhaseChange) -> Result<(), PhaseError> {
    let passed = connection.transaction(|connection| {
        keep_everybody_waiting(connection)?;
        look_at_gates(connection, change, Notes::Drained).map(drop)
    });
    match passed {
        Err(PhaseError::Busy { source, .. }) => Err(busy(connection, source)),
        passed => passed,
    }
}

fn keep_everybody_waiting(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SET LOCAL lock_timeout = '3s'").execute(connection)?;
    keep_writers_waiting(connection)?;
    keep_other_services_waiting(connection)
}

fn enter(
    connection: &mut PgConnection,
    change: &PhaseChange,
    rewritten: Option<Since>,
) -> Result<(), PhaseError> {
    connection.transaction(|connection| {
        keep_everybody_waiting(connection)?;
        if (change.from, change.to) == (Phase::One, Phase::Two) {
            drain_notes(connection, gates::DRAINABLE)?;
        }
        let verified_by = look_at_gates(connection, change, Notes::Drained)?;
        if change.to == Phase::Three {
            name_campaigns(connection)?;
        }
        if let Some(since) = rewritten {
            rewrite_rest(connection, since)?;
        }
        if change.to < change.from && is_in_the_way(connection, change.from)? {
            return Err(PhaseError::Enforced(change.from));
        }
        diesel::sql_query("UPDATE migration_phase SET phase = $1, since = now()")
            .bind::<Text, _>(change.to.as_str())
            .execute(connection)?;
        record(connection, change, verified_by)?;
        Ok(())
    })
}

/// From phase 3 on, nobody reads the campaign of an office: its organization names it.
fn name_campaigns(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT offices_name_their_campaign()").execute(connection).map(drop)
}

/// Waits for other services' transactions that recorded changes, and blocks new ones until this one
/// ends. Returns immediately if changes are not recorded yet.
fn keep_other_services_waiting(connection: &mut PgConnection) -> QueryResult<()> {
    let notes: Exists =
        diesel::sql_query("SELECT to_regclass('legacy_change') IS NOT NULL AS exists")
            .get_result(connection)?;
    if notes.exists {
        // Writers queue behind this attempt, so keep it short.
        diesel::sql_query("SET LOCAL lock_timeout = '500ms'").execute(connection)?;
        diesel::sql_query("LOCK TABLE legacy_change IN SHARE MODE").execute(connection)?;
    }
    Ok(())
}

/// Whether the constraints of one phase would reject writes of the previous one.
fn is_in_the_way(connection: &mut PgConnection, phase: Phase) -> QueryResult<bool> {
    match phase {
        Phase::Legacy | Phase::Three => Ok(false),
        Phase::One => is_anything_enforced(connection),
        Phase::Two => is_anything_of_phase_2_enforced(connection),
    }
}

/// Writes the history; its evidence columns come with phase 2.
fn record(
    connection: &mut PgConnection,
    change: &PhaseChange,
    verified_by: Option<Uuid>,
) -> QueryResult<()> {
    let has_evidence = change.from.max(change.to) >= Phase::Two;
    let insert = diesel::sql_query(if has_evidence {
        "INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason, verified_by, accepted)
         VALUES ($1, $2, $3, $4, $5, $6)"
    } else {
        "INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason)
         VALUES ($1, $2, $3, $4)"
    })
    .bind::<Text, _>(change.from.as_str())
    .bind::<Text, _>(change.to.as_str())
    .bind::<Text, _>(&change.actor)
    .bind::<Text, _>(&change.reason);
    if !has_evidence {
        return insert.execute(connection).map(drop);
    }
    insert
        .bind::<Nullable<SqlUuid>, _>(verified_by)
        .bind::<Array<Text>, _>(&change.accepted)
        .execute(connection)
        .map(drop)
}

/// An entry of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
pub struct PhaseEntry {
    /// The previous phase.
    #[diesel(sql_type = Text)]
    pub from_phase: String,
    /// The new phase.
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
    /// The run of `backfill verify` that allowed it.
    #[diesel(sql_type = Nullable<Text>)]
    pub verified_by: Option<String>,
    /// Differences and losses that were accepted, by name.
    #[diesel(sql_type = Array<Text>)]
    pub accepted: Vec<String>,
}

/// Every change of the phase, oldest first.
///
/// # Errors
/// If the database fails.
pub fn history(connection: &mut PgConnection) -> QueryResult<Vec<PhaseEntry>> {
    if !is_stored(connection)? {
        return Ok(Vec::new());
    }
    diesel::sql_query(
        "SELECT from_phase, to_phase, actor, reason, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS at,
                to_jsonb(entry)->>'verified_by' AS verified_by,
                ARRAY(SELECT jsonb_array_elements_text(to_jsonb(entry)->'accepted')) AS accepted
         FROM migration_phase_history AS entry ORDER BY id",
    )
    .load(connection)
}
