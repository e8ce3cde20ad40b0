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

/// Campaigns that triggers noted until a moment, except those that the old service is changing right now; the one
/// that waits longest first.
///
/// # Errors
/// The database's.
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

/// The database's time, by which notes are dated.
///
/// # Errors
/// The database's.
pub fn database_time(connection: &mut PgConnection) -> QueryResult<DateTime<Utc>> {
    diesel::select(diesel::dsl::sql::<Timestamptz>("clock_timestamp()")).get_result(connection)
}

/// Which table triggers write their notes into, by the number that PostgreSQL gave it: another one when
/// `phase-1-expand` was undone and applied anew meanwhile. `None` before it.
///
/// # Errors
/// The database's.
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

/// How many campaigns triggers noted.
///
/// # Errors
/// The database's.
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

/// Connects for repairs: live writers are not kept waiting for long, and nobody keeps a repair waiting.
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

/// For how long writers may wait until what another service changed is in the tables: less than their lock time-out,
/// with the time that taking the locks may need.
const DRAINING: Duration = Duration::from_millis(500);

/// Brings what another service changed into the tables, within the caller's transaction, which keeps further notes
/// away. A campaign that somebody holds, or that fails, stays noted; so does what does not fit into the time.
///
/// # Errors
/// The database's.
pub(crate) fn drain_notes(connection: &mut PgConnection, limit: i64) -> QueryResult<()> {
    let since = Instant::now();
    let now = database_time(connection)?;
    // Whoever holds a campaign may be waiting to note it.
    connection.batch_execute("SET LOCAL lock_timeout = '200ms'")?;
    for campaign in noted_campaigns(connection, "true", now, limit)? {
        if since.elapsed() > DRAINING {
            break;
        }
        if let Err(error) = repair_campaign(connection, campaign, now) {
            tracing::warn!(campaign = campaign.0, %error, "a change of another service stays noted");
        }
    }
    Ok(())
}

/// Makes the tables say what the JSON of a campaign says, whichever of them the phase reads, in one
/// transaction under the lock that every writer of the campaign takes. Returns whether that was all: `false` when
/// somebody holds one of its offices, so that it stays noted.
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
        let repaired = if phase.has_tables() {
            // As in phase 1, the JSON is what counts. Nobody asks election-api here.
            campaigns::adopt_json(
                &mut PhasedUnitOfWork::new(connection, Phase::One, Limits::NONE),
                campaign,
                &Facts::Unverified,
                now,
            )
        } else {
            Ok(true)
        };
        match repaired {
            Ok(is_whole) => {
                // A change that came since the JSON was read is noted still.
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
