//! The old service's changes, as triggers recorded them.

use std::{collections::HashSet, time::Duration};

use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{Array, BigInt, Double, Integer, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, StoreError},
    migration::{Lag, LegacyChange, LegacyChanges, Taken},
    positions::BallotReadyId,
};

use winserve_persistence::{
    schema::{ballot_position, campaign},
    store_error,
};

use crate::{legacy, schema::legacy_change};

/// How long a transaction waits for a locked row; other sessions queue behind it.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '200ms'";

/// Wait until the old service pauses: it often sends several serializable transactions in a row,
/// which fail if another session changes the campaign in between. But wait a second or less.
pub(crate) const IS_QUIET: &str = "(changed_at <= clock_timestamp() - interval '200 ms'
    OR noted_at <= clock_timestamp() - interval '1 s')";

/// An unlocked campaign; takes the same lock as every writer.
const FREE_CAMPAIGN: &str = "SELECT id FROM campaign WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED";

/// A change record that nobody is updating right now.
const FREE: &str =
    "(SELECT campaign_id FROM legacy_change WHERE campaign_id = $1 FOR UPDATE SKIP LOCKED)";

pub(crate) struct PgLegacyChanges<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

impl PgLegacyChanges<'_> {
    /// The positions among these whose facts election-api has confirmed.
    fn verified(&mut self, positions: &[&str]) -> QueryResult<HashSet<String>> {
        ballot_position::table
            .filter(ballot_position::id.eq_any(positions))
            .filter(ballot_position::verified_at.is_not_null())
            .select(ballot_position::id)
            .load(self.connection)
            .map(HashSet::from_iter)
    }

    fn read_due(&mut self, limit: i64, tried: &[CampaignId]) -> QueryResult<Vec<LegacyChange>> {
        #[derive(QueryableByName)]
        struct Note {
            #[diesel(sql_type = Integer)]
            campaign_id: i32,
            #[diesel(sql_type = Integer)]
            changes: i32,
        }
        let notes: Vec<Note> = diesel::sql_query(format!(
            "SELECT campaign_id, changes FROM legacy_change
             WHERE next_attempt_at <= clock_timestamp() AND {IS_QUIET}
             ORDER BY array_position($2, campaign_id) NULLS FIRST, noted_at, campaign_id LIMIT $1"
        ))
        .bind::<BigInt, _>(limit)
        .bind::<Array<Integer>, _>(tried.iter().map(|it| it.0).collect::<Vec<_>>())
        .load(self.connection)?;
        if notes.is_empty() {
            return Ok(Vec::new());
        }
        let campaigns: Vec<i32> = notes.iter().map(|note| note.campaign_id).collect();
        let named = legacy::positions_named_by(self.connection, &campaigns)?;
        let ids: Vec<&str> = named.values().map(BallotReadyId::as_str).collect();
        let verified = self.verified(&ids)?;
        let change = |Note { campaign_id, changes }| {
            let campaign = CampaignId(campaign_id);
            let unverified = named.get(&campaign).filter(|id| !verified.contains(id.as_str()));
            LegacyChange { campaign, changes, unverified: unverified.cloned() }
        };
        Ok(notes.into_iter().map(change).collect())
    }
}

impl LegacyChanges for PgLegacyChanges<'_> {
    fn lease(&mut self, worker: Uuid, duration: Duration) -> Result<bool, StoreError> {
        diesel::sql_query(
            "UPDATE legacy_change_lease
             SET holder = $1, held_until = clock_timestamp() + make_interval(secs => $2)
             WHERE holder = $1 OR held_until <= clock_timestamp()",
        )
        .bind::<SqlUuid, _>(worker)
        .bind::<Double, _>(duration.as_secs_f64())
        .execute(self.connection)
        .map(|rows| rows == 1)
        .map_err(store_error)
    }

    fn release(&mut self, worker: Uuid) -> Result<(), StoreError> {
        diesel::sql_query(
            "UPDATE legacy_change_lease SET held_until = clock_timestamp() WHERE holder = $1",
        )
        .bind::<SqlUuid, _>(worker)
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn due(&mut self, limit: i64, tried: &[CampaignId]) -> Result<Vec<LegacyChange>, StoreError> {
        self.read_due(limit, tried).map_err(store_error)
    }

    fn take(&mut self, campaign: CampaignId) -> Result<Taken, StoreError> {
        self.connection.batch_execute(LOCK_TIMEOUT).map_err(store_error)?;
        let locked = diesel::sql_query(FREE_CAMPAIGN)
            .bind::<Integer, _>(campaign.0)
            .execute(self.connection)
            .map_err(store_error)?;
        // Read after the lock: see `noted_of_locked`.
        let noted = noted(self.connection, campaign).map_err(store_error)?;
        Ok(match noted {
            None => Taken::Settled,
            Some(changes) if locked == 1 => Taken::Noted(changes),
            Some(_) => Taken::Held,
        })
    }

    fn forget(&mut self, campaign: CampaignId, changes: i32) -> Result<bool, StoreError> {
        diesel::sql_query(format!(
            "DELETE FROM legacy_change WHERE campaign_id = {FREE} AND changes = $2"
        ))
        .bind::<Integer, _>(campaign.0)
        .bind::<Integer, _>(changes)
        .execute(self.connection)
        .map(|rows| rows == 1)
        .map_err(store_error)
    }

    fn postpone(&mut self, campaign: CampaignId) -> Result<(), StoreError> {
        diesel::sql_query(format!(
            "UPDATE legacy_change SET attempts = attempts + 1,
                 next_attempt_at = clock_timestamp() + make_interval(secs => least(300, power(2, least(attempts, 9))))
             WHERE campaign_id = {FREE} AND campaign_id = ({FREE_CAMPAIGN})"
        ))
        .bind::<Integer, _>(campaign.0)
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn lag(&mut self) -> Result<Lag, StoreError> {
        lag(self.connection).map_err(store_error)
    }
}

/// Locks a campaign; returns how many of its changes are recorded. Read after the lock: a count
/// from before it could belong to a record that another session settles in between, and equal the
/// count of the next record.
pub(crate) fn noted_of_locked(
    connection: &mut PgConnection,
    campaign: CampaignId,
) -> QueryResult<Option<i32>> {
    campaign::table
        .find(campaign.0)
        .select(campaign::id)
        .for_no_key_update()
        .first::<i32>(connection)
        .optional()?;
    noted(connection, campaign)
}

fn noted(connection: &mut PgConnection, campaign: CampaignId) -> QueryResult<Option<i32>> {
    legacy_change::table
        .find(campaign.0)
        .select(legacy_change::changes)
        .first(connection)
        .optional()
}

/// How far the tables lag behind the old service, once changes are recorded.
///
/// # Errors
/// If the database fails.
pub fn lag(connection: &mut PgConnection) -> QueryResult<Lag> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        pending: i64,
        #[diesel(sql_type = BigInt)]
        failing: i64,
        #[diesel(sql_type = Double)]
        oldest_seconds: f64,
    }
    let Row { pending, failing, oldest_seconds } = diesel::sql_query(
        "SELECT count(*) AS pending, count(*) FILTER (WHERE attempts > 0) AS failing,
             coalesce(greatest(extract(epoch FROM clock_timestamp() - min(noted_at)), 0), 0)::double precision
                 AS oldest_seconds
         FROM legacy_change",
    )
    .get_result(connection)?;
    Ok(Lag { pending, failing, oldest_seconds })
}

/// Fails if the table for change records is missing; reads none.
pub(crate) fn probe(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT attempts FROM legacy_change, legacy_change_lease LIMIT 0")
        .execute(connection)
        .map(drop)
}
