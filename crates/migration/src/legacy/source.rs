//! Reads the old JSON for the backfill: only the moved keys, ordered by campaign or by the position
//! that campaigns name.

use std::{collections::HashMap, sync::LazyLock};

use diesel::{
    connection::SimpleConnection as _,
    pg::PgRowByRowLoadingMode,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text},
};
use serde_json::Value;
use winserve_domain::{
    base::CampaignId,
    campaigns::campaign_json::{self, Decoded, keys},
    positions::BallotReadyId,
};

use crate::sql::{Cut, CutRow, LastKey, Range, Remaining, unhurried};
use winserve_persistence::json::StoredJson;

/// Keys of `campaign.details` that [`campaign_json::decode`] reads; the keys about a shared
/// position come first.
const DETAILS: [&str; 10] = [
    keys::POSITION_ID,
    keys::BALLOT_LEVEL,
    keys::LEVEL,
    keys::STATE,
    keys::OFFICE,
    keys::OTHER_OFFICE,
    keys::CITY,
    keys::COUNTY,
    keys::DISTRICT,
    "raceId",
];
/// Keys of `path_to_victory.data` that it reads, and the source of the district; in the same order.
const GOALS: [&str; 6] = [
    keys::ELECTION_TYPE,
    keys::ELECTION_LOCATION,
    keys::DISTRICT_MANUALLY_SET,
    SOURCE,
    "officeContextFingerprint",
    "districtId",
];
/// How many of [`DETAILS`] and of [`GOALS`] are about a shared position.
const OF_POSITION: (usize, usize) = (6, 4);
const SOURCE: &str = "source";
/// `source` of a district that election-api matched (legacy contract §1, enums).
const ELECTION_API: &str = "ElectionApi";

/// Maximum number of campaigns per batch, to limit memory: each may take a few kilobytes.
pub(crate) const MOST: i64 = 2_000;

/// The position that a campaign names, without surrounding Unicode white space. Texts that cannot
/// be ids are skipped, because the index does not accept long values.
pub(super) const POSITION_KEY: &str = r#"(CASE WHEN jsonb_typeof(details->'positionId') = 'string' AND octet_length(details->>'positionId') <= 1024
        THEN btrim(details->>'positionId', E'\t\n\u000B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') COLLATE "C"
    END)"#;

/// A campaign that needs an organization or a position: from before phase 1, or from the old
/// service, completed by a trigger and changed since.
///
/// (`OFFSET 0` keeps PostgreSQL from hashing whole tables for a few rows.)
const UNLINKED: &str = r"(campaign.organization_id IS NULL OR campaign.position_id IS NULL
    OR (campaign.position_id = 'custom:campaign:' || campaign.id
        AND campaign.l2_district_name IS NULL
        AND (jsonb_typeof(details) = 'object'
                AND (EXISTS (SELECT FROM unnest(ARRAY['office', 'otherOffice', 'state', 'level', 'city', 'county', 'district']) AS text_key
                             WHERE jsonb_typeof(details->text_key) = 'string' AND details->>text_key ~ '\S')
                     OR (jsonb_typeof(details->'ballotLevel') = 'string'
                         AND upper(btrim(details->>'ballotLevel')) IN
                             ('CITY', 'COUNTY', 'FEDERAL', 'LOCAL', 'REGIONAL', 'STATE', 'TOWNSHIP'))
                     OR (jsonb_typeof(details->'positionId') = 'string'
                         AND octet_length(btrim(details->>'positionId')) <= 256
                         AND details->>'positionId' ~ '^\s*[^\s[:cntrl:]]+\s*$'
                         AND details->>'positionId' !~ '^\s*custom:'))
             OR EXISTS (SELECT FROM path_to_victory WHERE campaign_id = campaign.id
                 AND jsonb_typeof(data->'electionType') = 'string' AND data->>'electionType' ~ '\S'
                 AND jsonb_typeof(data->'electionLocation') = 'string' AND data->>'electionLocation' ~ '\S' OFFSET 0))
        AND EXISTS (SELECT FROM ballot_position AS own WHERE own.id = campaign.position_id
            AND coalesce(own.office, own.ballot_level, own.level, own.state, own.county, own.city,
                         own.district) IS NULL OFFSET 0)))";

/// (`LATERAL`, because the planner would otherwise read all voter goals for every batch.)
pub(super) const WITH_GOALS: &str = "campaign LEFT JOIN LATERAL (
        SELECT data AS goals_data, xmin AS goals_version FROM path_to_victory
        WHERE campaign_id = campaign.id OFFSET 0) AS goals ON true";

/// A campaign's office and district, with the row versions that show later whether they changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The campaign.
    pub campaign: CampaignId,
    /// Read by the same mapper as live writes.
    pub decoded: Decoded,
    /// Whether election-api supplied the district.
    pub is_matched: bool,
    /// Versions of the rows read.
    pub version: Version,
    /// Whether it has an organization.
    pub has_organization: bool,
}

/// The versions of a campaign's two rows; every update changes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `xmin` of the campaign.
    pub campaign: String,
    /// `xmin` of the voter goals; `None` without a row.
    pub goals: Option<String>,
}

#[derive(QueryableByName)]
pub(super) struct SourceRow {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Text)]
    details_type: String,
    #[diesel(sql_type = Array<Nullable<Jsonb>>)]
    details: Vec<Option<StoredJson>>,
    #[diesel(sql_type = Nullable<Text>)]
    goals_type: Option<String>,
    #[diesel(sql_type = Array<Nullable<Jsonb>>)]
    goals: Vec<Option<StoredJson>>,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<Text>)]
    goals_version: Option<String>,
    #[diesel(sql_type = Bool)]
    has_organization: bool,
}

/// Columns with everything about a campaign.
pub(super) static COLUMNS: LazyLock<String> = LazyLock::new(|| columns(DETAILS.len(), GOALS.len()));
/// Columns about a shared position.
static COLUMNS_OF_POSITION: LazyLock<String> =
    LazyLock::new(|| columns(OF_POSITION.0, OF_POSITION.1));

/// The first keys of each list.
fn columns(details: usize, goals: usize) -> String {
    let picked = |column: &str, keys: &[&str], count: usize| {
        let members: Vec<_> =
            keys.iter().take(count).map(|key| format!("{column}->'{key}'")).collect();
        format!("ARRAY[{}]", members.join(", "))
    };
    format!(
        "SELECT id, jsonb_typeof(details) AS details_type, {} AS details,
             jsonb_typeof(goals_data) AS goals_type, {} AS goals, version::text AS version,
             goals_version::text AS goals_version, organization_id IS NOT NULL AS has_organization",
        picked("details", &DETAILS, details),
        picked("goals_data", &GOALS, goals),
    )
}

/// Reads columns of the campaigns that match a condition. A subquery unpacks each value once;
/// otherwise PostgreSQL would unpack a large value for every key.
fn sources(columns: &str, condition: &str) -> String {
    format!(
        "{columns} FROM (SELECT campaign.id, campaign.xmin AS version, goals_version, organization_id,
                 details #> '{{}}' AS details, goals_data #> '{{}}' AS goals_data
             FROM {WITH_GOALS} WHERE {condition} OFFSET 0) AS unpacked"
    )
}

impl From<SourceRow> for Source {
    fn from(row: SourceRow) -> Self {
        let campaign = CampaignId(row.id);
        let details = root(&row.details_type, &DETAILS, row.details);
        let goals = row.goals_type.map(|kind| root(&kind, &GOALS, row.goals));
        let source = goals.as_ref().and_then(|goals| goals.get(SOURCE)).and_then(Value::as_str);
        Self {
            campaign,
            is_matched: source == Some(ELECTION_API),
            decoded: campaign_json::decode(campaign, &details, goals.as_ref()),
            version: Version { campaign: row.version, goals: row.goals_version },
            has_organization: row.has_organization,
        }
    }
}

/// The JSON with only the requested keys. Values that only PostgreSQL can hold, such as huge
/// numbers, are not text anyway.
fn root(kind: &str, keys: &[&str], values: Vec<Option<StoredJson>>) -> Value {
    match kind {
        "object" => {
            let members = keys
                .iter()
                .zip(values)
                .filter_map(|(key, value)| Some(((*key).to_owned(), value?.readable())));
            Value::Object(members.collect())
        }
        "array" => Value::Array(Vec::new()),
        "string" => Value::String(String::new()),
        "null" => Value::Null,
        _ => Value::Bool(false),
    }
}

/// The next campaigns that need links, after one key and through another.
///
/// # Errors
/// If the database fails.
pub fn cut_campaigns(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(format!(
        "SELECT max(id)::text AS through, count(*) AS rows FROM (
             SELECT campaign.id FROM campaign
             WHERE campaign.id > $1 AND campaign.id <= $2 AND {UNLINKED}
             ORDER BY campaign.id LIMIT $3) AS cut"
    ))
    .bind::<BigInt, _>(campaign_key(after, i64::from(i32::MIN) - 1)?)
    .bind::<BigInt, _>(campaign_key(through, i64::from(i32::MAX))?)
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

pub(super) fn campaign_key(key: Option<&str>, otherwise: i64) -> QueryResult<i64> {
    key.map_or(Ok(otherwise), |key| {
        key.parse().map_err(|error: std::num::ParseIntError| {
            diesel::result::Error::DeserializationError(error.into())
        })
    })
}

/// The campaigns of a range that need links.
///
/// # Errors
/// If the database fails.
pub fn unlinked_campaigns(
    connection: &mut PgConnection,
    range: &Range,
) -> QueryResult<Vec<Source>> {
    let rows: Vec<SourceRow> = diesel::sql_query(sources(
        &COLUMNS,
        &format!("campaign.id > $1 AND campaign.id <= $2 AND {UNLINKED} ORDER BY campaign.id"),
    ))
    .bind::<BigInt, _>(campaign_key(range.after.as_deref(), i64::from(i32::MIN) - 1)?)
    .bind::<BigInt, _>(campaign_key(Some(&range.through), 0)?)
    .load(connection)?;
    Ok(rows.into_iter().map(Source::from).collect())
}

/// The positions that these campaigns name.
///
/// # Errors
/// If the database fails.
pub(crate) fn positions_named_by(
    connection: &mut PgConnection,
    campaigns: &[i32],
) -> QueryResult<HashMap<CampaignId, BallotReadyId>> {
    let rows: Vec<SourceRow> =
        diesel::sql_query(sources(&COLUMNS_OF_POSITION, "campaign.id = ANY($1)"))
            .bind::<Array<Integer>, _>(campaigns)
            .load(connection)?;
    let named = rows.into_iter().map(Source::from).filter_map(|source| {
        let id = source.decoded.link.position.id.ballot_ready().cloned();
        Some((source.campaign, id?))
    });
    Ok(named.collect())
}

/// The last key; `"0"` without campaigns.
///
/// # Errors
/// If the database fails.
pub fn last_campaign(connection: &mut PgConnection) -> QueryResult<String> {
    diesel::sql_query("SELECT coalesce(max(id), 0)::text AS key FROM campaign")
        .get_result(connection)
        .map(|LastKey { key }| key)
}

/// How many campaigns through a key need links, with the first keys.
///
/// # Errors
/// If the database fails.
pub fn remaining_campaigns(
    connection: &mut PgConnection,
    through: Option<&str>,
    examples: i64,
) -> QueryResult<Remaining> {
    let unlinked = format!(
        "SELECT campaign.id AS key FROM campaign
         WHERE ($4 IS NULL OR campaign.id <= $4::bigint) AND {UNLINKED}"
    );
    Remaining::of(connection, "campaign", &unlinked, through, examples)
}

/// Records which positions campaigns name now, for [`cut_positions`] and
/// [`campaigns_of_positions`]. An index on the JSON would make live updates of campaigns more
/// expensive.
///
/// # Errors
/// If the database fails.
pub fn note_named_positions(connection: &mut PgConnection) -> QueryResult<()> {
    connection.transaction(|connection| {
        connection.batch_execute(&format!(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'; SET LOCAL enable_seqscan = on;
             TRUNCATE backfill_named_position;
             INSERT INTO backfill_named_position (position_id, campaign_id)
                 SELECT position_id, id FROM (SELECT id, {POSITION_KEY} AS position_id FROM campaign) AS named
                 WHERE position_id > '';
             ANALYZE backfill_named_position"
        ))
    })
}

/// The next recorded positions, after one key and through another.
///
/// # Errors
/// If the database fails.
pub fn cut_positions(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    // Steps through the index from key to key; DISTINCT would read every campaign of a popular
    // position.
    let next = |after: &str| {
        format!(
            "(SELECT position_id FROM backfill_named_position
              WHERE position_id > {after} AND ($2 IS NULL OR position_id <= $2)
              ORDER BY position_id LIMIT 1)"
        )
    };
    diesel::sql_query(format!(
        "WITH RECURSIVE cut (key, place) AS (
             SELECT {}, 1::bigint
             UNION ALL
             SELECT {}, place + 1 FROM cut WHERE key IS NOT NULL AND place < $3)
         SELECT max(key) AS through, count(key) AS rows FROM cut",
        next("$1"),
        next("cut.key"),
    ))
    .bind::<Text, _>(after.unwrap_or_default())
    .bind::<Nullable<Text>, _>(through)
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// How many positions campaigns name.
///
/// # Errors
/// If the database fails.
pub fn count_positions(connection: &mut PgConnection) -> QueryResult<i64> {
    diesel::sql_query(format!(
        "SELECT NULL::text AS through, count(DISTINCT {POSITION_KEY}) AS rows FROM campaign
         WHERE {POSITION_KEY} > ''"
    ))
    .get_result::<CutRow>(connection)
    .map(|row| row.rows)
}

/// How many positions were recorded.
///
/// # Errors
/// If the database fails.
pub fn count_noted_positions(connection: &mut PgConnection) -> QueryResult<i64> {
    diesel::sql_query(
        "SELECT NULL::text AS through, count(DISTINCT position_id) AS rows FROM backfill_named_position",
    )
    .get_result::<CutRow>(connection)
    .map(|row| row.rows)
}

/// Passes on the data of every campaign that was recorded for a position of a range and still names
/// one, one at a time and in no order, because a popular position may have any number of campaigns.
///
/// # Errors
/// If the database fails.
pub fn campaigns_of_positions(
    connection: &mut PgConnection,
    range: &Range,
    each: impl FnMut(Source),
) -> QueryResult<()> {
    let range_of_keys = format!(
        "campaign.id IN (SELECT campaign_id FROM backfill_named_position
                         WHERE position_id > $1 AND position_id <= $2)
         AND {POSITION_KEY} > $1 AND {POSITION_KEY} <= $2"
    );
    let query = sources(&COLUMNS_OF_POSITION, &range_of_keys);
    let query = diesel::sql_query(query)
        .bind::<Text, _>(range.after.as_deref().unwrap_or_default())
        .bind::<Text, _>(&range.through);
    hand_over(query.load_iter::<SourceRow, PgRowByRowLoadingMode>(connection)?, each)
}

/// Passes on the data of every campaign that names one of these positions, one at a time and in no
/// order. Reads every campaign.
///
/// # Errors
/// If the database fails.
pub fn campaigns_naming(
    connection: &mut PgConnection,
    positions: &[BallotReadyId],
    each: impl FnMut(Source),
) -> QueryResult<()> {
    let ids: Vec<&str> = positions.iter().map(BallotReadyId::as_str).collect();
    let query =
        diesel::sql_query(sources(&COLUMNS_OF_POSITION, &format!("{POSITION_KEY} = ANY($1)")));
    let query = query.bind::<Array<Text>, _>(ids);
    unhurried(connection, |connection| {
        hand_over(query.load_iter::<SourceRow, PgRowByRowLoadingMode>(connection)?, each)
    })
}

fn hand_over(
    rows: impl Iterator<Item = QueryResult<SourceRow>>,
    mut each: impl FnMut(Source),
) -> QueryResult<()> {
    for row in rows {
        each(row?.into());
    }
    Ok(())
}
