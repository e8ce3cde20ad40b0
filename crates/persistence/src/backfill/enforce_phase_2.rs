//! The end of phase 2: saved filters belong to organizations, and to campaigns no more.
//!
//! What is done is read from the catalog, so that an interrupted command is simply run again.

use std::time::{Duration, Instant};

use diesel::{
    prelude::*,
    sql_types::{Bool, Text},
};
use serde_json::json;
use uuid::Uuid;
use winserve_domain::phase::Phase;

use super::{
    EnforceError, Job, clean_verification,
    enforce::{
        Answer, constraint, drop_constraint, has_constraint, is_not_null, make_not_null, patiently,
        refuse_missing,
    },
    record, runs,
};
use crate::phase;

const FILTER: &str = "voter_file_filter";
const ORGANIZATION: &str = "organization_id";
/// What the column of the campaign had besides itself, as the old service made it (legacy contract §1).
const FOREIGN_KEY: &str = "voter_file_filter_campaign_id_fkey";
const INDEXES: [(&str, &str); 2] = [
    ("voter_file_filter_campaign_id_idx", "campaign_id"),
    ("voter_file_filter_id_campaign_id_idx", "id, campaign_id"),
];
/// Filters that get their campaign back at a time.
const BATCH: usize = 1_000;
/// Filters that somebody holds are waited for so long.
const HELD: Duration = Duration::from_millis(200);

/// Whether all of phase 2 is enforced.
///
/// # Errors
/// The database's.
pub fn is_phase_2_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(!has_campaign(connection)? && is_not_null(connection, FILTER, ORGANIZATION)?)
}

/// Whether any of it is, be it a CHECK of an interrupted command.
///
/// # Errors
/// The database's.
pub fn is_anything_of_phase_2_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(!has_campaign(connection)?
        || !has_constraint(connection, FILTER, FOREIGN_KEY)?
        || is_not_null(connection, FILTER, ORGANIZATION)?
        || has_constraint(connection, FILTER, &constraint(FILTER, ORGANIZATION))?)
}

/// Whether enforcing would succeed as things are; writes nothing. Returns the verification that
/// allows it.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_2(connection: &mut PgConnection) -> Result<Uuid, EnforceError> {
    let phase = phase::read(connection)?;
    if phase != Phase::Two {
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::Two });
    }
    refuse_missing(connection, FILTER, ORGANIZATION)?;
    if runs::is_under_way(connection, Job::VoterFileFilters)? {
        return Err(EnforceError::Unfinished(Job::VoterFileFilters));
    }
    clean_verification(connection)?.ok_or(EnforceError::NotVerified)
}

/// Makes the organization of saved filters NOT NULL and drops the column of their campaign, and records
/// it. Returns what was not so before.
///
/// # Errors
/// See [`EnforceError`].
pub fn enforce_phase_2(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    if is_phase_2_enforced(connection)? {
        drop_constraint(connection, FILTER, ORGANIZATION)?;
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let verified = check_phase_2(connection)?;
    let mut enforced = Vec::new();
    if make_not_null(connection, FILTER, ORGANIZATION)? {
        enforced.push(format!("{FILTER}.{ORGANIZATION}"));
    }
    drop_constraint(connection, FILTER, ORGANIZATION)?;
    // The trigger kept the two in step, each for the phase that reads the other one.
    patiently(
        connection,
        FILTER,
        "DROP TRIGGER IF EXISTS voter_file_filter_complete ON voter_file_filter;
         ALTER TABLE voter_file_filter DROP COLUMN IF EXISTS campaign_id",
    )?;
    enforced.push(format!("{FILTER}.campaign_id dropped"));
    let report = json!({"enforced": &enforced, "verified_by": verified});
    record(connection, Job::EnforcePhase2, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Gives saved filters the column of their campaign back, filled and kept in step, and records it.
/// Returns what was undone.
///
/// # Errors
/// See [`EnforceError`].
pub fn undo_phase_2(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    let started = Instant::now();
    if !is_anything_of_phase_2_enforced(connection)? {
        return Ok(Vec::new());
    }
    // With the trigger in the same transaction: no filter that is saved from now on lacks it.
    patiently(
        connection,
        FILTER,
        "ALTER TABLE voter_file_filter ADD COLUMN IF NOT EXISTS campaign_id integer;
         DROP TRIGGER IF EXISTS voter_file_filter_complete ON voter_file_filter;
         CREATE TRIGGER voter_file_filter_complete BEFORE INSERT ON voter_file_filter
             FOR EACH ROW EXECUTE FUNCTION voter_file_filter_complete()",
    )?;
    let rows = refill_campaigns(connection)?;
    for (index, columns) in INDEXES {
        build_index(connection, index, columns)?;
    }
    if !has_constraint(connection, FILTER, FOREIGN_KEY)? {
        let add = format!(
            "ALTER TABLE {FILTER} ADD CONSTRAINT {FOREIGN_KEY} FOREIGN KEY (campaign_id)
                 REFERENCES campaign (id) ON DELETE CASCADE ON UPDATE CASCADE NOT VALID"
        );
        patiently(connection, FILTER, &add)?;
    }
    let validate = format!("ALTER TABLE {FILTER} VALIDATE CONSTRAINT {FOREIGN_KEY}");
    patiently(connection, FILTER, &validate)?;
    drop_constraint(connection, FILTER, ORGANIZATION)?;
    let nullable = format!("ALTER TABLE {FILTER} ALTER COLUMN {ORGANIZATION} DROP NOT NULL");
    patiently(connection, FILTER, &nullable)?;
    let undone =
        vec![format!("{FILTER}.{ORGANIZATION}"), format!("{FILTER}.campaign_id ({rows} rows)")];
    record(connection, Job::EnforcePhase2, started.elapsed(), 0, &json!({"undone": &undone}))?;
    Ok(undone)
}

/// A filter of an elected office has no campaign.
fn refill_campaigns(connection: &mut PgConnection) -> Result<usize, EnforceError> {
    let mut rows = 0;
    loop {
        let filled = diesel::sql_query(format!(
            "WITH held AS (
                 SELECT filter.id, campaign.id AS campaign_id
                 FROM voter_file_filter AS filter
                 JOIN campaign ON campaign.organization_id = filter.organization_id
                 WHERE filter.campaign_id IS NULL AND filter.organization_type = 'campaign'
                 LIMIT {BATCH} FOR NO KEY UPDATE OF filter SKIP LOCKED
             )
             UPDATE voter_file_filter SET campaign_id = held.campaign_id
             FROM held WHERE voter_file_filter.id = held.id"
        ))
        .execute(connection)?;
        rows += filled;
        if filled == 0 {
            let left: Answer = diesel::sql_query(
                "SELECT EXISTS (SELECT FROM voter_file_filter
                     WHERE campaign_id IS NULL AND organization_type = 'campaign') AS answer",
            )
            .get_result(connection)?;
            if !left.answer {
                return Ok(rows);
            }
            std::thread::sleep(HELD);
        }
    }
}

/// Concurrently; one that was half built by an interrupted command is built anew.
fn build_index(
    connection: &mut PgConnection,
    index: &str,
    columns: &str,
) -> Result<(), EnforceError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        is_valid: bool,
    }
    let found: Option<Found> = diesel::sql_query(
        "SELECT indisvalid AS is_valid FROM pg_index WHERE indexrelid = to_regclass($1)",
    )
    .bind::<Text, _>(index)
    .get_result(connection)
    .optional()?;
    match found {
        Some(Found { is_valid: true }) => return Ok(()),
        Some(Found { is_valid: false }) => {
            diesel::sql_query(format!("DROP INDEX CONCURRENTLY {index}")).execute(connection)?;
        }
        None => {}
    }
    diesel::sql_query(format!("CREATE INDEX CONCURRENTLY {index} ON {FILTER} ({columns})"))
        .execute(connection)?;
    Ok(())
}

fn has_campaign(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('voter_file_filter')
             AND attname = 'campaign_id' AND NOT attisdropped) AS answer",
    )
    .get_result(connection)
    .map(|found: Answer| found.answer)
}
