//! What `enforce phase-3` drops: whether it is there, and how much of it.

use std::fmt;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};
use serde::Serialize;

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

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
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
