//! Campaigns whose office or district another service wrote into the JSON alone.

use std::time::{Duration, Instant};

use crate::phase::Phase;
use chrono::{DateTime, Utc};
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{BigInt, Integer, Nullable, Timestamptz},
};
use winserve_domain::{
    base::{CampaignId, StoreError},
    campaigns::{self},
    positions::Facts,
};

use crate::{
    legacy_changes::{self, IS_QUIET},
    phase,
    unit_of_work::PhasedUnitOfWork,
};
use winserve_persistence::{Limits, connect_with, session::Timeouts, store_error};

/// Campaigns that triggers recorded up to a moment, except those that the old service is changing
/// right now; the longest waiting first.
///
/// # Errors
/// If the database fails.
pub fn changed_campaigns(
    connection: &mut PgConnection,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<CampaignId>> {
    noted_campaigns(connection, IS_QUIET, until, limit)
}

fn noted_campaigns(
    connection: &mut PgConnection,
    condition: &str,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<CampaignId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        campaign_id: i32,
    }
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT campaign_id FROM legacy_change WHERE noted_at <= $1 AND {condition}
         ORDER BY changed_at, campaign_id LIMIT $2"
    ))
    .bind::<Timestamptz, _>(until)
    .bind::<BigInt, _>(limit)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| CampaignId(row.campaign_id)).collect())
}

/// The database time, which dates change records.
///
/// # Errors
/// If the database fails.
pub fn database_time(connection: &mut PgConnection) -> QueryResult<DateTime<Utc>> {
    diesel::select(diesel::dsl::sql::<Timestamptz>("clock_timestamp()")).get_result(connection)
}

/// The OID of the table that triggers write to: it changes if `phase-1-expand` is undone and
/// applied again. `None` before it.
///
/// # Errors
/// If the database fails.
pub fn notes_of_other_services(connection: &mut PgConnection) -> QueryResult<Option<i64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<BigInt>)]
        number: Option<i64>,
    }
    diesel::sql_query("SELECT to_regclass('legacy_change')::oid::bigint AS number")
        .get_result(connection)
        .map(|row: Row| row.number)
}

/// How many campaigns triggers recorded.
///
/// # Errors
/// If the database fails.
pub fn count_changed_campaigns(connection: &mut PgConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    diesel::sql_query("SELECT count(*) AS rows FROM legacy_change")
        .get_result(connection)
        .map(|row: Row| row.rows)
}

/// Connects for repairs: live writers are not blocked for long, and a repair does not wait for
/// them.
///
/// # Errors
/// [`StoreError`].
pub fn connect_repair(url: &str) -> Result<PgConnection, StoreError> {
    let timeouts = Timeouts {
        statement: Duration::from_secs(15),
        lock: Duration::from_secs(2),
        idle_in_transaction: Duration::from_secs(10),
    };
    Ok(connect_with(url, "winserve-repair", timeouts)?)
}

/// How long writers may wait until changes of other services are in the tables: less than their
/// lock timeout minus the time for taking the locks.
const DRAINING: Duration = Duration::from_millis(500);

/// Copies changes of other services to the tables, within the caller's transaction, which blocks
/// new change records. A campaign that is locked or fails stays recorded, as does everything that
/// does not fit into the time.
///
/// # Errors
/// If the database fails.
pub(crate) fn drain_notes(connection: &mut PgConnection, limit: i64) -> QueryResult<()> {
    let since = Instant::now();
    let now = database_time(connection)?;
    // The session that holds a campaign may be waiting to record it.
    connection.batch_execute("SET LOCAL lock_timeout = '200ms'")?;
    for campaign in noted_campaigns(connection, "true", now, limit)? {
        if since.elapsed() > DRAINING {
            break;
        }
        if let Err(error) = repair_campaign(connection, campaign, now) {
            tracing::warn!(campaign = campaign.0, %error, "could not copy a change of another service; it stays recorded");
        }
    }
    Ok(())
}

/// Makes the tables match the JSON of a campaign, whichever of them the phase reads, in one
/// transaction under the lock that every writer of the campaign takes. Returns whether this was
/// complete: `false` if one of its offices is locked, so that the campaign stays recorded.
///
/// # Errors
/// [`StoreError`]; then nothing was written.
pub fn repair_campaign(
    connection: &mut PgConnection,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut failed = None;
    let outcome = connection.transaction(|connection| {
        let phase = phase::read_for_writing(connection)?;
        let noted = legacy_changes::noted_of_locked(connection, campaign)?;
        let repaired = if phase.writes_both() {
            // As in phase 1, the JSON is authoritative. Does not ask election-api.
            campaigns::adopt_json(
                &mut PhasedUnitOfWork::new(connection, Phase::One, Limits::NONE),
                campaign,
                &Facts::Unverified,
                now,
            )
        } else {
            // From phase 3 on, the JSON is outdated: nothing is copied, and the record stays.
            Ok(!phase.has_tables())
        };
        match repaired {
            Ok(is_whole) => {
                // A change made after the JSON was read stays recorded.
                if let Some(changes) = noted.filter(|_| is_whole) {
                    diesel::sql_query(
                        "DELETE FROM legacy_change WHERE campaign_id = $1 AND changes = $2",
                    )
                    .bind::<Integer, _>(campaign.0)
                    .bind::<Integer, _>(changes)
                    .execute(connection)?;
                }
                Ok(is_whole)
            }
            Err(error) => {
                failed = Some(error);
                Err(diesel::result::Error::RollbackTransaction)
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => outcome.map_err(store_error),
    }
}
