//! Campaigns whose office or district another service wrote into the JSON alone.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer},
};
use winserve_domain::{id::CampaignId, phase::Phase, unit_of_work::StoreError, use_cases};

use crate::{error::store_error, phase, unit_of_work::PgUnitOfWork};

/// Campaigns that triggers noted, the one that waits longest first.
///
/// # Errors
/// The database's.
pub fn changed_campaigns(
    connection: &mut PgConnection,
    limit: i64,
) -> QueryResult<Vec<CampaignId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        campaign_id: i32,
    }
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT campaign_id FROM legacy_change ORDER BY changed_at, campaign_id LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| CampaignId(row.campaign_id)).collect())
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

/// Makes the tables say what the JSON of a campaign says, whichever of them the phase reads, in one
/// transaction under the lock that every writer of the campaign takes.
///
/// # Errors
/// [`StoreError`]; then nothing was written.
pub fn repair_campaign(
    connection: &mut PgConnection,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut failed = None;
    let outcome = connection.transaction(|connection| {
        let phase = phase::read_for_writing(connection)?;
        let repaired = if phase.has_tables() {
            // As in phase 1, the JSON is what counts.
            use_cases::adopt_json(&mut PgUnitOfWork::new(connection, Phase::One), campaign, now)
        } else {
            Ok(())
        };
        if let Err(error) = repaired {
            failed = Some(error);
            return Err(diesel::result::Error::RollbackTransaction);
        }
        diesel::sql_query("DELETE FROM legacy_change WHERE campaign_id = $1")
            .bind::<Integer, _>(campaign.0)
            .execute(connection)
            .map(drop)
    });
    match failed {
        Some(error) => Err(error),
        None => outcome.map_err(store_error),
    }
}
