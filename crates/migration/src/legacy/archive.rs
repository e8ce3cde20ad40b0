//! Removes the moved keys from the JSON into `backfill_archive`, and puts them back.
//!
//! Both directions copy values within the database: what comes back is what was there, byte for
//! byte, even if it cannot be read here.

use std::sync::LazyLock;

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use serde_json::{Value, json};
use uuid::Uuid;
use winserve_domain::{
    base::CampaignId,
    campaigns::campaign_json::{
        self, MOVED_DETAILS, MOVED_DETAILS_OF_CUSTOM, MOVED_PATH_TO_VICTORY,
    },
    positions::PositionLink,
};
use winserve_persistence::tables::links;

use super::source::{COLUMNS, Source, SourceRow, Version, WITH_GOALS, campaign_key};
use crate::sql::{Cut, CutRow, ROW_REFUSED, Range};

/// Table of the archive.
pub(crate) const ARCHIVE: &str = "backfill_archive";

/// Moved keys of `campaign.details` of a shared position.
static DETAILS: LazyLock<String> = LazyLock::new(|| keys(&[&MOVED_DETAILS]));
/// Moved keys of `campaign.details` of a custom position.
static DETAILS_OF_CUSTOM: LazyLock<String> =
    LazyLock::new(|| keys(&[&MOVED_DETAILS, &MOVED_DETAILS_OF_CUSTOM]));
/// Moved keys of `path_to_victory.data`.
static GOALS: LazyLock<String> = LazyLock::new(|| keys(&[&MOVED_PATH_TO_VICTORY]));

fn keys(lists: &[&[&str]]) -> String {
    format!("'{{{}}}'::text[]", lists.concat().join(","))
}

/// Moved keys of the details of each campaign.
static DETAILS_OF_CAMPAIGN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "CASE WHEN campaign.position_id LIKE 'custom:%' THEN {} ELSE {} END",
        *DETAILS_OF_CUSTOM, *DETAILS
    )
});

/// Campaigns whose JSON has moved keys. (On an array of texts, `?|` would look at its elements.)
static HAS_MOVED_KEYS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "(jsonb_typeof(campaign.details) = 'object' AND campaign.details ?| {details}
          OR jsonb_typeof(goals_data) = 'object' AND goals_data ?| {goals})",
        details = *DETAILS_OF_CAMPAIGN,
        goals = *GOALS,
    )
});

/// A campaign's office and district in the JSON and in the tables.
pub(crate) struct Both {
    /// From the JSON.
    pub(crate) source: Source,
    /// From the tables; `None`: its position is missing or unreadable.
    pub(crate) link: Option<PositionLink>,
    /// Whether the database rejected a change of the row.
    pub(crate) is_refused: bool,
    /// Whether Winserve has changed the tables in phase 3, and no other service the JSON: then the
    /// JSON is just older.
    pub(crate) is_outdated: bool,
}

/// A campaign in the archive.
pub(crate) struct Archived {
    /// Its JSON as it was before, and what the tables say now.
    pub(crate) both: Both,
    /// What the tables said when it was archived, if somebody accepted that they differed.
    pub(crate) accepted: Option<PositionLink>,
    /// Whether what the members were in is still a JSON object.
    pub(crate) has_place: bool,
}

#[derive(QueryableByName)]
struct ArchivedRow {
    #[diesel(embed)]
    both: BothRow,
    #[diesel(sql_type = Nullable<Jsonb>)]
    accepted: Option<Value>,
    #[diesel(sql_type = Bool)]
    has_place: bool,
}

#[derive(QueryableByName)]
struct BothRow {
    #[diesel(embed)]
    source: SourceRow,
    #[diesel(sql_type = Nullable<Jsonb>)]
    link: Option<Value>,
    #[diesel(sql_type = Bool)]
    is_refused: bool,
    #[diesel(sql_type = Bool)]
    is_outdated: bool,
}

impl From<BothRow> for Both {
    fn from(BothRow { source, link, is_refused, is_outdated }: BothRow) -> Self {
        let source = Source::from(source);
        let link = link.and_then(|link| links::read(source.campaign.0, link).ok());
        Self { source, link, is_refused, is_outdated }
    }
}

impl From<ArchivedRow> for Archived {
    fn from(ArchivedRow { both, accepted, has_place }: ArchivedRow) -> Self {
        let both = Both::from(both);
        let accepted = accepted.and_then(|link| links::read(both.source.campaign.0, link).ok());
        Self { both, accepted, has_place }
    }
}

/// Every change of a campaign's office or district writes an event, which names its writer. Changes
/// of the JSON by other services are recorded, and in phase 3 nobody forgets the record.
const IS_OUTDATED: &str = "(EXISTS (
        SELECT FROM organization_event AS event
        WHERE event.organization_id = campaign.organization_id AND event.kind = 'organization.changed'
          AND event.created_at >= (SELECT since FROM migration_phase) AND event.actor NOT LIKE 'other:%' OFFSET 0)
    AND NOT EXISTS (SELECT FROM legacy_change WHERE campaign_id = campaign.id))";

/// Reads both stores of campaigns, and more columns; each JSON value is unpacked once.
fn both(details: &str, goals: &str, more: &[(&str, &str)], from: &str, condition: &str) -> String {
    let names: Vec<_> = more.iter().map(|(name, _)| format!(", {name}")).collect();
    let more: Vec<_> = more.iter().map(|(name, value)| format!("{value} AS {name}, ")).collect();
    let (names, more) = (names.concat(), more.concat());
    format!(
        "{columns}, link, is_refused, is_outdated{names} FROM (
             SELECT campaign.id, campaign.xmin AS version, goals_version, campaign.organization_id,
                 {details} AS details, {goals} AS goals_data, {link} AS link, {more}
                 EXISTS (SELECT FROM backfill_quarantine WHERE source_table = '{ARCHIVE}'
                     AND source_key = campaign.id::text AND code = '{ROW_REFUSED}') AS is_refused,
                 {IS_OUTDATED} AS is_outdated
             FROM {from} WHERE {condition} OFFSET 0) AS unpacked",
        columns = *COLUMNS,
        link = links::LINK,
    )
}

static WITH_MOVED_KEYS: LazyLock<String> = LazyLock::new(|| {
    let condition = format!(
        "campaign.id > $1 AND campaign.id <= $2 AND {} ORDER BY campaign.id LIMIT $3",
        *HAS_MOVED_KEYS
    );
    both("campaign.details #> '{}'", "goals_data #> '{}'", &[], WITH_GOALS, &condition)
});

/// The first campaigns of a range whose JSON has moved keys.
///
/// # Errors
/// If the database fails.
pub(crate) fn campaigns_with_moved_keys(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Vec<Both>> {
    let rows: Vec<BothRow> = diesel::sql_query(WITH_MOVED_KEYS.as_str())
        .bind::<BigInt, _>(campaign_key(after, i64::from(i32::MIN) - 1)?)
        .bind::<BigInt, _>(campaign_key(through, i64::from(i32::MAX))?)
        .bind::<BigInt, _>(limit)
        .load(connection)?;
    Ok(rows.into_iter().map(Both::from).collect())
}

/// The next campaigns whose JSON has moved keys.
///
/// # Errors
/// If the database fails.
pub(crate) fn cut_moved_keys(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(format!(
        "SELECT max(id)::text AS through, count(*) AS rows FROM (
             SELECT campaign.id FROM {WITH_GOALS}
             WHERE campaign.id > $1 AND campaign.id <= $2 AND {}
             ORDER BY campaign.id LIMIT $3) AS cut",
        *HAS_MOVED_KEYS
    ))
    .bind::<BigInt, _>(campaign_key(after, i64::from(i32::MIN) - 1)?)
    .bind::<BigInt, _>(campaign_key(through, i64::from(i32::MAX))?)
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// Rows that were neither locked nor changed since they were read.
#[derive(QueryableByName)]
pub(crate) struct Written {
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub(crate) rows: i64,
    /// How many of them in canonical form.
    #[diesel(sql_type = BigInt)]
    pub(crate) rewritten: i64,
}

/// Locks the campaigns `wanted (id, version, goals_version)` and their voter goals. Those that are
/// locked, or changed since they were read, are left out.
fn unchanged(picked: &str, from: &str) -> String {
    format!(
        "held AS (
             SELECT campaign.id, wanted.goals_version, {picked}
             FROM wanted JOIN campaign ON campaign.id = wanted.id {from}
             WHERE campaign.xmin::text = wanted.version
             ORDER BY campaign.id
             FOR NO KEY UPDATE OF campaign SKIP LOCKED
         ), held_goals AS (
             SELECT goals.campaign_id, goals.xmin::text AS version, goals.data #> '{{}}' AS data
             FROM held JOIN path_to_victory AS goals ON goals.campaign_id = held.id
             ORDER BY goals.campaign_id
             FOR NO KEY UPDATE OF goals SKIP LOCKED
         )"
    )
}

/// Writes the JSON of the rows in `ready`, and counts these.
const WRITE_READY: &str = "
    write_goals AS (
        UPDATE path_to_victory SET data = ready.new_goals
        FROM ready WHERE campaign_id = ready.id AND new_goals IS NOT NULL
    ), write_details AS (
        UPDATE campaign SET details = ready.new_details
        FROM ready WHERE campaign.id = ready.id AND new_details IS NOT NULL
    )
    SELECT count(*) AS rows, count(*) FILTER (WHERE is_rewritten) AS rewritten FROM ready";

/// Archives and removes in one statement: no crash comes between.
static CLEAN: LazyLock<String> = LazyLock::new(|| {
    let removed = |value: &str, keys: &str| {
        format!(
            "CASE WHEN jsonb_typeof({value}) = 'object'
                 THEN (SELECT jsonb_object_agg(key, {value}->key) FROM unnest({keys}) AS key WHERE {value} ? key) END"
        )
    };
    format!(
        "WITH wanted AS (
             SELECT * FROM unnest($1, $2, $3, $5) AS wanted (id, version, goals_version, differs)
         ), {unchanged}, removed AS MATERIALIZED (
             SELECT id, details, keys, data, link,
                 {removed_details} AS removed_details, {removed_goals} AS removed_goals
             FROM held LEFT JOIN held_goals ON campaign_id = id
             WHERE goals_version IS NOT DISTINCT FROM held_goals.version
         ), ready AS MATERIALIZED (
             SELECT id, link, false AS is_rewritten, removed_details, removed_goals,
                 CASE WHEN removed_details IS NOT NULL THEN details - keys END AS new_details,
                 CASE WHEN removed_goals IS NOT NULL THEN data - {goals} END AS new_goals
             FROM removed
         ), archived AS (
             INSERT INTO backfill_archive AS archive (campaign_id, details, path_to_victory, run_id, link)
             SELECT id, removed_details, removed_goals, $4, link FROM ready
             -- Somebody wrote the old keys again: the later values count.
             ON CONFLICT (campaign_id) DO UPDATE SET
                 details = coalesce(archive.details || excluded.details, archive.details, excluded.details),
                 path_to_victory = coalesce(archive.path_to_victory || excluded.path_to_victory,
                                            archive.path_to_victory, excluded.path_to_victory),
                 link = coalesce(excluded.link, archive.link),
                 run_id = excluded.run_id, archived_at = excluded.archived_at
         ), {WRITE_READY}",
        unchanged = unchanged(
            &format!(
                "campaign.details #> '{{}}' AS details, {} AS keys, CASE WHEN differs THEN {} END AS link",
                *DETAILS_OF_CAMPAIGN,
                links::LINK
            ),
            ""
        ),
        removed_details = removed("details", "keys"),
        removed_goals = removed("data", &GOALS),
        goals = *GOALS,
    )
});

/// A campaign to clean, and whether somebody accepted that the tables differ: then the archive keeps what
/// they say, too.
pub(crate) type Cleanable = (CampaignId, Version, bool);

/// Moves the keys of these rows to the archive; returns how many rows were neither locked nor
/// changed since they were read.
///
/// # Errors
/// If the database fails; then nothing was moved.
pub(crate) fn archive(
    connection: &mut PgConnection,
    run: Uuid,
    rows: &[Cleanable],
) -> QueryResult<i64> {
    let ids: Vec<_> = rows.iter().map(|(campaign, ..)| campaign.0).collect();
    let versions: Vec<_> = rows.iter().map(|(_, it, _)| it.campaign.as_str()).collect();
    let goals_versions: Vec<_> = rows.iter().map(|(_, it, _)| it.goals.as_deref()).collect();
    let differing: Vec<_> = rows.iter().map(|(.., differs)| *differs).collect();
    diesel::sql_query(CLEAN.as_str())
        .bind::<Array<Integer>, _>(ids)
        .bind::<Array<Text>, _>(versions)
        .bind::<Array<Nullable<Text>>, _>(goals_versions)
        .bind::<SqlUuid, _>(run)
        .bind::<Array<Bool>, _>(differing)
        .get_result(connection)
        .map(|written: Written| written.rows)
}

/// The original JSON; a key that somebody has written since counts.
fn original(value: &str, archived: &str) -> String {
    format!(
        "CASE WHEN jsonb_typeof({value}) = 'object'
             THEN coalesce(archive.{archived}, '{{}}') || {value} ELSE {value} END"
    )
}

/// Whether there is no JSON object any more that the archived members fit in.
const HAS_NO_PLACE: &str =
    "(archive.details IS NOT NULL AND jsonb_typeof(campaign.details) IS DISTINCT FROM 'object'
      OR archive.path_to_victory IS NOT NULL AND jsonb_typeof(goals_data) IS DISTINCT FROM 'object')";

static ARCHIVED: LazyLock<String> = LazyLock::new(|| {
    both(
        &original("campaign.details", "details"),
        &original("goals_data", "path_to_victory"),
        &[("accepted", "archive.link"), ("has_place", &format!("NOT {HAS_NO_PLACE}"))],
        &format!(
            "{WITH_GOALS} JOIN backfill_archive AS archive ON archive.campaign_id = campaign.id"
        ),
        "archive.campaign_id > $1 AND archive.campaign_id <= $2 ORDER BY archive.campaign_id",
    )
});

/// The campaigns of a range with an archive, with their JSON as it was before.
///
/// # Errors
/// If the database fails.
pub(crate) fn archived_campaigns(
    connection: &mut PgConnection,
    range: &Range,
) -> QueryResult<Vec<Archived>> {
    let rows: Vec<ArchivedRow> = diesel::sql_query(ARCHIVED.as_str())
        .bind::<BigInt, _>(campaign_key(range.after.as_deref(), i64::from(i32::MIN) - 1)?)
        .bind::<BigInt, _>(campaign_key(Some(&range.through), 0)?)
        .load(connection)?;
    Ok(rows.into_iter().map(Archived::from).collect())
}

/// The campaigns with an archive that has no place any more.
///
/// # Errors
/// If the database fails.
pub(crate) fn archived_without_place(
    connection: &mut PgConnection,
    through: Option<&str>,
) -> QueryResult<Vec<i32>> {
    #[derive(QueryableByName)]
    struct Key {
        #[diesel(sql_type = Integer)]
        id: i32,
    }
    let rows: Vec<Key> = diesel::sql_query(format!(
        "SELECT campaign.id FROM {WITH_GOALS}
         JOIN backfill_archive AS archive ON archive.campaign_id = campaign.id
         WHERE campaign.id <= $1 AND {HAS_NO_PLACE} ORDER BY campaign.id"
    ))
    .bind::<BigInt, _>(campaign_key(through, i64::from(i32::MAX))?)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The next campaigns with an archive.
///
/// # Errors
/// If the database fails.
pub(crate) fn cut_archive(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(
        "SELECT max(campaign_id)::text AS through, count(*) AS rows FROM (
             SELECT campaign_id FROM backfill_archive WHERE campaign_id > $1 AND campaign_id <= $2
             ORDER BY campaign_id LIMIT $3) AS cut",
    )
    .bind::<BigInt, _>(campaign_key(after, i64::from(i32::MIN) - 1)?)
    .bind::<BigInt, _>(campaign_key(through, i64::from(i32::MAX))?)
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// What the moved keys of a campaign have to say, in canonical form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Canonical {
    details: Value,
    path_to_victory: Value,
}

impl From<&PositionLink> for Canonical {
    fn from(link: &PositionLink) -> Self {
        let (mut details, mut path_to_victory) = (json!({}), json!({}));
        campaign_json::show_details(link, &mut details);
        campaign_json::show_path_to_victory(link, &mut path_to_victory);
        Self { details, path_to_victory }
    }
}

/// Puts the archive back and deletes it, in one statement. With a canonical form, what is archived says
/// nothing any more: it may have places of a typed-in office that somebody removed since.
static RESTORE: LazyLock<String> = LazyLock::new(|| {
    let restored = |value: &str, archived: &str, keys: &str, canonical: &str| {
        format!(
            "CASE WHEN jsonb_typeof({value}) = 'object' THEN
                 CASE WHEN {canonical} IS NOT NULL
                     THEN {value} - {keys} || {canonical}
                     ELSE {archived} || {value} END END"
        )
    };
    format!(
        "WITH wanted AS (
             SELECT * FROM unnest($1, $2, $3, $4, $5)
                 AS wanted (id, version, goals_version, canonical_details, canonical_goals)
         ), {unchanged}, ready AS MATERIALIZED (
             SELECT id, canonical_details IS NOT NULL AS is_rewritten,
                 {details} AS new_details, {goals} AS new_goals
             FROM held LEFT JOIN held_goals ON campaign_id = id
             WHERE goals_version IS NOT DISTINCT FROM held_goals.version
         ), put_back AS (
             DELETE FROM backfill_archive USING ready WHERE campaign_id = ready.id
         ), {WRITE_READY}",
        unchanged = unchanged(
            &format!(
                "campaign.details #> '{{}}' AS details, {} AS keys, canonical_details, canonical_goals,
                 archive.details AS archived_details, archive.path_to_victory AS archived_goals",
                *DETAILS_OF_CAMPAIGN
            ),
            "JOIN backfill_archive AS archive ON archive.campaign_id = campaign.id"
        ),
        details = restored("details", "archived_details", "keys", "canonical_details"),
        goals = restored("data", "archived_goals", &GOALS, "canonical_goals"),
    )
});

/// A campaign to restore: as it was, unless there is a canonical form.
pub(crate) type Restored = (CampaignId, Version, Option<Canonical>);

/// Puts the keys of these rows back into the JSON, and deletes them from the archive.
///
/// # Errors
/// If the database fails; then nothing was put back.
pub(crate) fn put_back(connection: &mut PgConnection, rows: &[Restored]) -> QueryResult<Written> {
    let ids: Vec<_> = rows.iter().map(|(campaign, ..)| campaign.0).collect();
    let versions: Vec<_> = rows.iter().map(|(_, it, _)| it.campaign.as_str()).collect();
    let goals_versions: Vec<_> = rows.iter().map(|(_, it, _)| it.goals.as_deref()).collect();
    let canonical = |pick: fn(&Canonical) -> &Value| -> Vec<Option<&Value>> {
        rows.iter().map(|(_, _, canonical)| canonical.as_ref().map(pick)).collect()
    };
    diesel::sql_query(RESTORE.as_str())
        .bind::<Array<Integer>, _>(ids)
        .bind::<Array<Text>, _>(versions)
        .bind::<Array<Nullable<Text>>, _>(goals_versions)
        .bind::<Array<Nullable<Jsonb>>, _>(canonical(|it| &it.details))
        .bind::<Array<Nullable<Jsonb>>, _>(canonical(|it| &it.path_to_victory))
        .get_result(connection)
}

/// Whether `clean` moved keys to the archive that `restore` has not put back.
pub(crate) fn is_cleaned(connection: &mut PgConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        is_found: bool,
    }
    // A phase-3 schema of an older build has no archive.
    let table: Found =
        diesel::sql_query("SELECT to_regclass('backfill_archive') IS NOT NULL AS is_found")
            .get_result(connection)?;
    if !table.is_found {
        return Ok(false);
    }
    diesel::sql_query("SELECT EXISTS (SELECT FROM backfill_archive) AS is_found")
        .get_result(connection)
        .map(|row: Found| row.is_found)
}
