//! Open lookups in election-api.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz},
};
use winserve_domain::{
    base::{CampaignId, StoreError},
    positions::{
        BallotReadyId, District, DistrictId, LookupMiss, Lookups, OpenLookups, PositionId, Subject,
    },
};

use crate::error::{inconsistent_key, store_error};

/// Only one session at a time, across all processes, records open lookups.
const NOTING_LOCK: i64 = 7_746_532_105;

/// Whether the district of the position `held` may still become known: its facts are unverified, or
/// they lack a district and election-api will be asked once more.
const IS_DISTRICT_AWAITED: &str = "(held.source = 'ballot_ready' AND (held.verified_at IS NULL
    OR held.l2_district_name IS NULL AND EXISTS (
        SELECT FROM open_look_up AS asked WHERE asked.kind = 'position' AND asked.key = held.id)))";

/// Data that is incomplete now: unverified positions, and districts without an id in a known state.
/// Each part has its own partial index.
const HALF_KNOWN: &str = "
    SELECT 'position' AS kind, id AS key FROM ballot_position
    WHERE verified_at IS NULL AND source = 'ballot_ready'
    UNION
    SELECT 'district', jsonb_build_array(state, l2_district_type, l2_district_name)::text
    FROM ballot_position
    WHERE l2_district_name IS NOT NULL AND l2_district_id IS NULL AND state ~ '^[A-Z]{2}$'
    UNION
    SELECT 'district', jsonb_build_array(state, holder.l2_district_type, holder.l2_district_name)::text
    FROM campaign AS holder JOIN ballot_position AS held ON held.id = position_id
    WHERE holder.l2_district_name IS NOT NULL AND holder.l2_district_id IS NULL AND state ~ '^[A-Z]{2}$'
    UNION
    SELECT 'district', jsonb_build_array(state, holder.l2_district_type, holder.l2_district_name)::text
    FROM elected_office AS holder JOIN ballot_position AS held ON held.id = position_id
    WHERE holder.l2_district_name IS NOT NULL AND holder.l2_district_id IS NULL AND state ~ '^[A-Z]{2}$'";

pub(crate) struct PgLookUps<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// A stored subject.
#[derive(QueryableByName)]
pub struct StoredSubject {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    key: String,
}

impl TryFrom<StoredSubject> for Subject {
    type Error = StoreError;

    fn try_from(StoredSubject { kind, key }: StoredSubject) -> Result<Self, StoreError> {
        subject(&kind, &key).ok_or_else(|| inconsistent_key("open_look_up", &key, "key"))
    }
}

#[derive(QueryableByName)]
struct Depth {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    open: i64,
    #[diesel(sql_type = BigInt)]
    unanswered: i64,
    #[diesel(sql_type = BigInt)]
    oldest_seconds: i64,
}

impl Lookups for PgLookUps<'_> {
    fn are_kept(&mut self) -> Result<bool, StoreError> {
        are_kept(self.connection).map_err(store_error)
    }

    fn note(&mut self) -> Result<(), StoreError> {
        note(self.connection).map_err(store_error)
    }

    fn note_choice(
        &mut self,
        campaign: CampaignId,
        position: &BallotReadyId,
    ) -> Result<(), StoreError> {
        note_campaign(self.connection, campaign, position).map_err(store_error)
    }

    fn forget_former_choice(
        &mut self,
        campaign: CampaignId,
        position: &PositionId,
    ) -> Result<(), StoreError> {
        if !self.are_kept()? {
            return Ok(());
        }
        diesel::sql_query(
            "DELETE FROM open_look_up WHERE kind = 'campaign' AND key = $1::text
               AND NOT EXISTS (SELECT FROM campaign WHERE id = $1 AND position_id = $2)",
        )
        .bind::<Integer, _>(campaign.0)
        .bind::<Text, _>(position.to_string())
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn claim(&mut self, lease: Duration) -> Result<Option<Subject>, StoreError> {
        let claimed: Option<StoredSubject> = diesel::sql_query(format!(
            "UPDATE open_look_up AS it
             SET due_at = clock_timestamp() + make_interval(secs => $1), attempts = attempts + 1
             FROM (SELECT kind, key FROM open_look_up
                   WHERE due_at <= clock_timestamp()
                     AND CASE kind WHEN 'campaign' THEN NOT EXISTS (
                             SELECT FROM campaign JOIN ballot_position AS held ON held.id = position_id
                             WHERE campaign.id = key::integer AND {IS_DISTRICT_AWAITED})
                         ELSE true END
                   ORDER BY due_at, kind, key LIMIT 1 FOR UPDATE SKIP LOCKED) AS next
             WHERE (it.kind, it.key) = (next.kind, next.key)
             RETURNING it.kind, it.key"
        ))
        .bind::<Double, _>(lease.as_secs_f64())
        .get_result(self.connection)
        .optional()
        .map_err(store_error)?;
        claimed.map(Subject::try_from).transpose()
    }

    fn claim_this(&mut self, subject: &Subject, lease: Duration) -> Result<bool, StoreError> {
        diesel::sql_query(
            "UPDATE open_look_up
             SET due_at = clock_timestamp() + make_interval(secs => $3), attempts = attempts + 1
             WHERE kind = $1 AND key = $2",
        )
        .bind::<Text, _>(subject.kind())
        .bind::<Text, _>(key(subject))
        .bind::<Double, _>(lease.as_secs_f64())
        .execute(self.connection)
        .map(|rows| rows > 0)
        .map_err(store_error)
    }

    fn is_district_awaited(&mut self, position: &BallotReadyId) -> Result<bool, StoreError> {
        diesel::sql_query(format!(
            "SELECT EXISTS (SELECT FROM ballot_position AS held WHERE held.id = $1 AND {IS_DISTRICT_AWAITED}) AS flag"
        ))
        .bind::<Text, _>(position.as_str())
        .get_result(self.connection)
        .map(|row: Flag| row.flag)
        .map_err(store_error)
    }

    fn identify(
        &mut self,
        state: &str,
        district: &District,
        id: &DistrictId,
    ) -> Result<(), StoreError> {
        // Campaigns first, then offices, then positions: the lock order of all writers.
        for statement in [
            "UPDATE campaign SET l2_district_id = $4 FROM ballot_position AS held
             WHERE held.id = position_id AND held.state = $1 AND campaign.l2_district_type = $2
               AND campaign.l2_district_name = $3 AND campaign.l2_district_id IS NULL",
            "UPDATE elected_office AS office SET l2_district_id = $4 FROM ballot_position AS held
             WHERE held.id = position_id AND held.state = $1 AND office.l2_district_type = $2
               AND office.l2_district_name = $3 AND office.l2_district_id IS NULL",
            "UPDATE ballot_position SET l2_district_id = $4
             WHERE state = $1 AND l2_district_type = $2 AND l2_district_name = $3
               AND l2_district_id IS NULL",
        ] {
            diesel::sql_query(statement)
                .bind::<Text, _>(state)
                .bind::<Text, _>(&district.kind)
                .bind::<Text, _>(&district.name)
                .bind::<Text, _>(id.as_str())
                .execute(self.connection)
                .map_err(store_error)?;
        }
        Ok(())
    }

    fn finish(&mut self, subject: &Subject) -> Result<(), StoreError> {
        diesel::sql_query("DELETE FROM open_look_up WHERE kind = $1 AND key = $2")
            .bind::<Text, _>(subject.kind())
            .bind::<Text, _>(key(subject))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn postpone(&mut self, subject: &Subject, miss: LookupMiss) -> Result<(), StoreError> {
        let (first, longest) = miss.waits();
        diesel::sql_query(
            "UPDATE open_look_up
             SET outcome = $3, asked_at = clock_timestamp(), due_at = clock_timestamp()
                 + least(make_interval(secs => $4) * 2 ^ least(attempts - 1, 20), make_interval(secs => $5))
                 * (0.75 + random() / 2)
             WHERE kind = $1 AND key = $2",
        )
        .bind::<Text, _>(subject.kind())
        .bind::<Text, _>(key(subject))
        .bind::<Text, _>(miss.as_str())
        .bind::<Double, _>(first.as_secs_f64())
        .bind::<Double, _>(longest.as_secs_f64())
        .execute(self.connection)
        .map(drop)
        .map_err(store_error)
    }

    fn depth(&mut self) -> Result<Vec<OpenLookups>, StoreError> {
        depth(self.connection).map_err(store_error)
    }
}

/// Whether the table exists; it was added after the phases that use it.
///
/// # Errors
/// If the database fails.
pub fn are_kept(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass('open_look_up') IS NOT NULL AS flag")
        .get_result(connection)
        .map(|row: Flag| row.flag)
}

pub(crate) fn note(connection: &mut PgConnection) -> QueryResult<()> {
    let is_first: Flag = diesel::sql_query("SELECT pg_try_advisory_xact_lock($1) AS flag")
        .bind::<BigInt, _>(NOTING_LOCK)
        .get_result(connection)?;
    if !is_first.flag {
        return Ok(());
    }
    diesel::sql_query(format!(
        "WITH half_known AS MATERIALIZED ({HALF_KNOWN}),
         known AS (
             DELETE FROM open_look_up AS it WHERE kind <> 'campaign'
               AND NOT EXISTS (SELECT FROM half_known AS half WHERE (half.kind, half.key) = (it.kind, it.key))
               -- Positions to be looked up once more.
               AND NOT (kind = 'position' AND EXISTS (
                   SELECT FROM ballot_position AS held
                   WHERE held.id = it.key AND (l2_district_name IS NULL OR ballot_level IS NULL)))
         )
         INSERT INTO open_look_up (kind, key) SELECT kind, key FROM half_known AS half
         WHERE NOT EXISTS (SELECT FROM open_look_up AS it WHERE (it.kind, it.key) = (half.kind, half.key))
         ORDER BY kind, key
         ON CONFLICT DO NOTHING"
    ))
    .execute(connection)
    .map(drop)
}

/// Records that positions verified by this transaction must be looked up once more, at a random
/// time within a day, so that a large backfill does not make thousands of lookups due at once.
pub(crate) fn ask_once_more(
    connection: &mut PgConnection,
    positions: &[&str],
    verified_at: DateTime<Utc>,
) -> QueryResult<()> {
    if positions.is_empty() || !are_kept(connection)? {
        return Ok(());
    }
    diesel::sql_query(
        "INSERT INTO open_look_up (kind, key, due_at)
         SELECT 'position', id, clock_timestamp() + interval '1 hour' * (1 + 23 * random())
         FROM ballot_position WHERE id = ANY($1) AND verified_at = $2::timestamptz(3)
         ORDER BY id
         ON CONFLICT (kind, key) DO UPDATE SET since = excluded.since, due_at = excluded.due_at,
             attempts = 0, outcome = NULL, asked_at = NULL",
    )
    .bind::<Array<Text>, _>(positions)
    .bind::<Timestamptz, _>(verified_at)
    .execute(connection)
    .map(drop)
}

/// Records that a campaign waits for the district of its position, if that may still become known.
fn note_campaign(
    connection: &mut PgConnection,
    campaign: CampaignId,
    position: &BallotReadyId,
) -> QueryResult<()> {
    if !are_kept(connection)? {
        return Ok(());
    }
    diesel::sql_query(format!(
        "INSERT INTO open_look_up (kind, key) SELECT 'campaign', $1::text
         WHERE EXISTS (SELECT FROM ballot_position AS held WHERE held.id = $2 AND {IS_DISTRICT_AWAITED})
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Integer, _>(campaign.0)
    .bind::<Text, _>(position.as_str())
    .execute(connection)
    .map(drop)
}

///
/// # Errors
/// If the database fails.
pub fn depth(connection: &mut PgConnection) -> QueryResult<Vec<OpenLookups>> {
    let rows: Vec<Depth> = diesel::sql_query(
        "SELECT shown AS kind, count(*) AS open, count(*) FILTER (WHERE outcome = 'unanswered') AS unanswered,
                coalesce(extract(epoch FROM clock_timestamp() - min(since) FILTER (WHERE is_awaited))::bigint, 0)
                    AS oldest_seconds
         FROM (SELECT outcome, since,
                   CASE WHEN kind = 'position' AND EXISTS (
                       SELECT FROM ballot_position AS held WHERE held.id = key AND verified_at IS NOT NULL)
                   THEN 'verified-position' ELSE kind END AS shown,
                   CASE kind WHEN 'campaign' THEN NOT EXISTS (
                       SELECT FROM campaign JOIN ballot_position AS held ON held.id = position_id
                       LEFT JOIN open_look_up AS asked ON asked.kind = 'position' AND asked.key = held.id
                       WHERE campaign.id = it.key::integer
                         AND (asked.outcome = 'unknown'
                              OR held.verified_at IS NOT NULL AND held.l2_district_name IS NULL))
                   ELSE true END AS is_awaited
               FROM open_look_up AS it) AS it
         GROUP BY shown ORDER BY shown",
    )
    .load(connection)?;
    let open = |Depth { kind, open, unanswered, oldest_seconds }| OpenLookups {
        kind,
        open,
        unanswered,
        oldest_seconds,
    };
    Ok(rows.into_iter().map(open).collect())
}

/// Open lookups that may be asked about, oldest first.
///
/// # Errors
/// If the database fails.
pub fn open_questions(connection: &mut PgConnection) -> Result<Vec<Subject>, StoreError> {
    let sql =
        "SELECT kind, key FROM open_look_up WHERE kind <> 'campaign' ORDER BY due_at, kind, key";
    subjects(diesel::sql_query(sql).load(connection))
}

/// The campaigns that no longer wait for anything; only for these positions, if any are given.
///
/// # Errors
/// If the database fails.
pub fn ready_campaigns(
    connection: &mut PgConnection,
    positions: Option<&[&str]>,
) -> Result<Vec<Subject>, StoreError> {
    let sql = format!(
        "SELECT kind, key FROM open_look_up WHERE kind = 'campaign' AND NOT EXISTS (
             SELECT FROM campaign JOIN ballot_position AS held ON held.id = position_id
             WHERE campaign.id = key::integer
               AND ({IS_DISTRICT_AWAITED} OR held.id <> ALL($1)))
         ORDER BY due_at, key"
    );
    subjects(diesel::sql_query(sql).bind::<Nullable<Array<Text>>, _>(positions).load(connection))
}

/// Rows of a query for kinds and keys.
///
/// # Errors
/// If the database fails.
pub fn subjects(rows: QueryResult<Vec<StoredSubject>>) -> Result<Vec<Subject>, StoreError> {
    rows.map_err(store_error)?.into_iter().map(Subject::try_from).collect()
}

fn key(subject: &Subject) -> String {
    match subject {
        Subject::Position(id) => id.as_str().to_owned(),
        Subject::District { state, district } => {
            // In `jsonb` format.
            let texts = [state, &district.kind, &district.name];
            let texts = texts.map(|text| serde_json::Value::from(text.as_str()).to_string());
            format!("[{}]", texts.join(", "))
        }
        Subject::Campaign(id) => id.to_string(),
    }
}

fn subject(kind: &str, key: &str) -> Option<Subject> {
    match kind {
        "position" => BallotReadyId::parse(key).map(Subject::Position),
        "district" => {
            let [state, kind, name]: [String; 3] = serde_json::from_str(key).ok()?;
            Some(Subject::District { state, district: District { kind, name } })
        }
        "campaign" => key.parse().ok().map(|id| Subject::Campaign(CampaignId(id))),
        _ => None,
    }
}
