//! The end of phase 3: what only the old service needs is dropped. Nothing undoes it.
//!
//! The statements are the last group of migrations, because the final schema outlives this crate.

use std::{fmt, time::Instant};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use serde::Serialize;
use serde_json::json;
use winserve_persistence::migrate::expand_after;

use super::{EnforceError, Job, enforce::Answer, record};
use crate::{
    commands, jobs,
    migrate::{self, Group},
    phase::{self, Phase},
    steps::{self, ENFORCE_PHASE_3},
};

/// What `enforce phase-3` takes away for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Offices that name the campaign they were won with; from now on, only their organization
    /// does.
    pub offices_with_campaign: i64,
    /// Saved filters that name their campaign; from now on, only their organization does.
    pub filters_with_campaign: i64,
    /// Campaigns whose office or district other services changed in the JSON, which nobody reads.
    pub changes_of_other_services: i64,
    /// Campaigns whose old JSON is in the archive, from which it cannot be restored any more.
    pub archived_campaigns: i64,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "There is no way back from `enforce phase-3`: neither `restore` nor `phase back` works afterwards, and \
             the old JSON of {} campaigns stays in the archive. It drops elected_office.campaign_id ({} offices) \
             and voter_file_filter.campaign_id ({} filters), the triggers that serve the old service, and the \
             record of other services' changes ({} campaigns). A program that still names these columns fails.",
            self.archived_campaigns,
            self.offices_with_campaign,
            self.filters_with_campaign,
            self.changes_of_other_services,
        )
    }
}

/// Who ends the migration, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastStep {
    /// Whether an operator confirmed that there is no way back.
    pub is_confirmed: bool,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Whether anything of phase 3 is enforced: from then on, there is no way back. The first migration
/// drops this column.
///
/// # Errors
/// If the database fails.
pub fn is_anything_of_phase_3_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    let is_there = to_regclass(connection, "elected_office")?;
    Ok(is_there && !has_campaign(connection, "elected_office")?)
}

/// What enforcing would take away now.
///
/// # Errors
/// If the database fails.
pub fn lost_with_phase_3(connection: &mut PgConnection) -> QueryResult<Lost> {
    let mut lost = Lost {
        archived_campaigns: count(connection, "backfill_archive")?,
        changes_of_other_services: count(connection, "legacy_change")?,
        ..Lost::default()
    };
    // An interrupted command may have dropped one of them.
    for (table, rows) in [
        ("elected_office", &mut lost.offices_with_campaign),
        ("voter_file_filter", &mut lost.filters_with_campaign),
    ] {
        if has_campaign(connection, table)? {
            *rows = count(connection, &format!("{table} WHERE campaign_id IS NOT NULL"))?;
        }
    }
    Ok(lost)
}

/// Whether enforcing would succeed now; writes nothing.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_3(connection: &mut PgConnection) -> Result<(), EnforceError> {
    let phase = phase::read(connection)?;
    if phase != Phase::Three {
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::Three });
    }
    if let Some(first) = steps::first_undone(connection, ENFORCE_PHASE_3.after)? {
        return Err(EnforceError::NotPrepared { command: first.command });
    }
    // An interrupted command passed the other gates.
    if is_anything_of_phase_3_enforced(connection)? {
        return Ok(());
    }
    if !jobs::clean::is_done(connection)? {
        return Err(EnforceError::NotClean);
    }
    let processes = phase::processes_behind(connection, Phase::Three, Group::Phase3Enforce.name())?;
    if !processes.is_empty() {
        return Err(EnforceError::ProcessesBehind { processes, again: commands::ENFORCE_PHASE_3 });
    }
    let users = phase::users_of_what_goes(connection)?;
    if users.is_empty() { Ok(()) } else { Err(EnforceError::OthersBehind { users }) }
}

/// Drops the campaign columns of offices and saved filters, the triggers and the records that serve
/// the old service, and records it. Returns the names of the migrations that did it; none if all of
/// it was done before.
///
/// # Errors
/// See [`EnforceError`]; [`EnforceError::NotConfirmed`] without a confirmation.
pub fn enforce_phase_3(
    connection: &mut PgConnection,
    LastStep { is_confirmed, actor, reason }: &LastStep,
) -> Result<Vec<String>, EnforceError> {
    if migrate::is_expanded(connection, Group::Phase3Enforce)? {
        return Ok(Vec::new());
    }
    check_phase_3(connection)?;
    let lost = lost_with_phase_3(connection)?;
    if !is_confirmed {
        return Err(EnforceError::NotConfirmed { lost });
    }
    let started = Instant::now();
    let enforced = expand_after(
        connection,
        Group::Phase3Enforce,
        // Keeps the phase until the transaction ends.
        |connection| match phase::read_for_writing(connection)? {
            Phase::Three => Ok(()),
            phase => Err(EnforceError::WrongPhase { phase, wanted: Phase::Three }.into()),
        },
        |_| (),
    );
    let enforced = match enforced {
        Ok(enforced) => enforced,
        Err(error) => return Err(check_phase_3(connection).err().unwrap_or(error.into())),
    };
    let report = json!({"enforced": &enforced, "lost": lost, "actor": actor, "reason": reason});
    record(connection, Job::ENFORCE_PHASE_3, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Whether [`enforce_phase_3`] would change anything; writes nothing.
///
/// # Errors
/// The same as for enforcing.
pub fn would_enforce_phase_3(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    if migrate::is_expanded(connection, Group::Phase3Enforce)? {
        return Ok(false);
    }
    check_phase_3(connection).map(|()| true)
}

fn has_campaign(connection: &mut PgConnection, table: &str) -> QueryResult<bool> {
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1)
                            AND attname = 'campaign_id' AND NOT attisdropped) AS answer",
    )
    .bind::<Text, _>(table)
    .get_result(connection)
    .map(|found: Answer| found.answer)
}

fn to_regclass(connection: &mut PgConnection, table: &str) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass($1) IS NOT NULL AS answer")
        .bind::<Text, _>(table)
        .get_result(connection)
        .map(|found: Answer| found.answer)
}

/// The rows of a table, which may follow with a condition; none if there is no such table.
fn count(connection: &mut PgConnection, rows: &str) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let table = rows.split(' ').next().unwrap_or(rows);
    if !to_regclass(connection, table)? {
        return Ok(0);
    }
    diesel::sql_query(format!("SELECT count(*) AS rows FROM {rows}"))
        .get_result(connection)
        .map(|count: Count| count.rows)
}
