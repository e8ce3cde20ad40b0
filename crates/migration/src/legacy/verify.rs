//! The comparisons of `backfill verify`, written in SQL independently of the mapper, so that the
//! same mistake cannot hide in both.
//!
//! Every statement reads one snapshot. Our writers change both stores in one transaction, so a
//! difference is a defect, except for changes that another service made within the last minute:
//! triggers recorded them, and a worker is about to copy them to the tables.

use std::sync::LazyLock;

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Nullable, Text},
};

use super::json_sql::{text, trimmed};
use crate::sql::{Cut, CutRow};

/// How often a category occurs in one state and at one level.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Finding {
    /// Such as `wrong-position`.
    #[diesel(sql_type = Text)]
    pub category: String,
    /// Whether the stores disagree; otherwise it is information only.
    #[diesel(sql_type = Bool)]
    pub is_defect: bool,
    /// State of the office; `?` when there is none.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// BallotReady's level; `?` when there is none.
    #[diesel(sql_type = Text)]
    pub level: String,
    /// How many rows.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    /// The first keys.
    #[diesel(sql_type = Array<Text>)]
    pub keys: Vec<String>,
}

/// Unreadable values of an `l2_district_id` column: election-api's ids are UUIDs.
pub(crate) const IS_NO_DISTRICT_ID: &str =
    "l2_district_id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'";

/// Whether triggers record when another service last changed a campaign; those of an earlier build
/// do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notes {
    /// They do not.
    Missing,
    /// They do.
    Dated,
}

/// What the triggers of this database record.
///
/// # Errors
/// If the database fails.
pub fn notes(connection: &mut PgConnection) -> QueryResult<Notes> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        are_dated: bool,
    }
    let row: Row = diesel::sql_query(
        "SELECT EXISTS (SELECT FROM pg_attribute
             WHERE attrelid = to_regclass('legacy_change') AND attname = 'noted_at') AS are_dated",
    )
    .get_result(connection)?;
    Ok(if row.are_dated { Notes::Dated } else { Notes::Missing })
}

/// Whether another service changed a campaign within the last minute and no attempt to copy the
/// change failed.
fn is_pending(campaign: &str, notes: Notes) -> String {
    if notes == Notes::Missing {
        return "false".to_owned();
    }
    format!(
        "EXISTS (SELECT FROM legacy_change AS note WHERE note.campaign_id = {campaign} AND note.attempts = 0
             AND note.noted_at > now() - interval '1 min')"
    )
}

/// The rows of `compared` by category. Differences explained by a pending change are not defects;
/// each row counts once.
fn categorized(key: &str, categories: &str) -> String {
    format!(
        "SELECT DISTINCT {key} AS key, shown_state AS state, shown_level AS level,
            CASE WHEN is_explained THEN 'pending-change' ELSE category END AS category,
            is_defect AND NOT is_explained AS is_defect
        FROM compared, LATERAL (VALUES {categories}) AS categories (category, is_defect, holds),
            LATERAL (SELECT is_pending AND category IN ('stale-position', 'wrong-position', 'wrong-office-text',
                'wrong-district', 'unexpected-district', 'wrong-manual-flag') AS is_explained) AS explained
        WHERE holds"
    )
}

/// Compares each campaign's JSON with the tables.
fn campaigns(notes: Notes) -> String {
    let details = |key| text("details", key);
    let goals = |key| text("goals.data", key);
    let position_id = trimmed("(details->>'positionId')");
    let state = trimmed("state");
    let ballot_level = trimmed("(details->>'ballotLevel')");
    let piece = trimmed("piece");
    format!(
        r"
    WITH json AS (
        SELECT campaign.*,
            CASE WHEN jsonb_typeof(details->'positionId') = 'string' THEN {position_id} END AS position,
            {office} AS office, {other} AS other_office, {state_text} AS state, {level} AS level,
            {city} AS city, {county} AS county, {district} AS district,
            CASE WHEN jsonb_typeof(details->'ballotLevel') = 'string' THEN upper({ballot_level}) END AS ballot_level,
            {kind} AS kind, {name} AS name,
            coalesce(goals.data->'districtManuallySet' = 'true', false) AS manual
        FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id
        WHERE campaign.id > $1 AND campaign.id <= $2
    ), said AS (
        SELECT id, user_id, organization_id, position_id, l2_district_id, l2_district_type, l2_district_name,
            district_manually_set, custom,
            CASE WHEN custom THEN 'custom:campaign:' || id ELSE position END AS position,
            CASE WHEN office IS NULL THEN other_office
                 WHEN NOT lower({trimmed_office}) = 'other' THEN office
                 WHEN custom THEN coalesce(other_office, office)
                 ELSE other_office END AS office,
            CASE WHEN {state} ~ '^[A-Za-z]{{2}}$' THEN upper({state}) ELSE {state} END AS state,
            translate({trimmed_level}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') AS level,
            CASE WHEN ballot_level IN ('CITY', 'COUNTY', 'FEDERAL', 'LOCAL', 'REGIONAL', 'STATE', 'TOWNSHIP')
                 THEN ballot_level END AS ballot_level,
            CASE WHEN custom THEN city END AS city, CASE WHEN custom THEN county END AS county,
            CASE WHEN custom THEN district END AS district,
            CASE WHEN name IS NOT NULL THEN {trimmed_kind} END AS kind,
            CASE WHEN kind IS NOT NULL THEN coalesce(
                (SELECT {piece} FROM unnest(string_to_array(name, '##')) WITH ORDINALITY AS pieces (piece, place)
                 WHERE {piece} <> ''
                 -- Length in UTF-16, where characters beyond the first plane count twice.
                 ORDER BY length({piece}) + length(regexp_replace({piece}, '[\u0001-\uFFFF]', '', 'g')) DESC, place
                 LIMIT 1), name) END AS name,
            manual AND kind IS NOT NULL AND name IS NOT NULL AS manual
        FROM json, LATERAL (SELECT position IS NULL OR position = '' OR octet_length(position) > 256
            OR position LIKE 'custom:%' OR position ~ '[\u0001-\u001F\u007F-\u009F]' AS custom) AS known
    ), compared AS (
        SELECT said.*, held.id IS NOT NULL AS has_row, held.source, held.verified_at,
            coalesce(held.state, said.state, '?') AS shown_state,
            coalesce(held.ballot_level, said.ballot_level, '?') AS shown_level,
            coalesce(held.office, held.ballot_level, held.level, held.state, held.county, held.city, held.district)
                IS NULL AND held.source = 'custom' AS says_nothing,
            (held.office, held.ballot_level, held.level, held.state, held.county, held.city, held.district)
                IS DISTINCT FROM (said.office, said.ballot_level, said.level, said.state, said.county,
                                  said.city, said.district) AS other_texts,
            held.source = 'ballot_ready' AND (held.office, held.state, held.ballot_level, held.level)
                IS DISTINCT FROM (said.office, said.state, said.ballot_level, said.level) AS own_words,
            said.l2_district_name IS NOT NULL
                AND (said.l2_district_type, said.l2_district_name) = (held.l2_district_type, held.l2_district_name) AS is_needless,
            organization.id IS NOT NULL AS has_organization, organization.owner_id, organization.type,
            coalesce(said.l2_district_type, held.l2_district_type) AS effective_kind,
            coalesce(said.l2_district_name, held.l2_district_name) AS effective_name,
            CASE WHEN said.l2_district_name IS NULL THEN held.l2_district_id ELSE said.l2_district_id END AS effective_id,
            {is_pending} AS is_pending
        FROM said LEFT JOIN ballot_position AS held ON held.id = said.position_id
        LEFT JOIN organization ON organization.id = said.organization_id
    ), found AS (
        {categorized}
    ) {GROUPED}",
        is_pending = is_pending("said.id", notes),
        categorized = categorized("id::text", &format!(
            "('missing-organization', true, organization_id IS NULL),
            ('missing-position', true, position_id IS NULL),
            ('dangling-organization', true, organization_id IS NOT NULL AND NOT has_organization),
            ('dangling-position', true, position_id IS NOT NULL AND NOT has_row),
            ('wrong-owner', true, has_organization AND (owner_id <> user_id OR type <> 'campaign')),
            ('stale-position', true, has_row AND says_nothing AND (position_id <> position OR other_texts)),
            ('wrong-position', true, has_row AND NOT says_nothing AND position_id <> position),
            ('wrong-office-text', true, has_row AND NOT says_nothing AND custom AND position_id = position AND other_texts),
            ('wrong-district', true, has_row AND name IS NOT NULL
                AND (kind, name) IS DISTINCT FROM (effective_kind, effective_name)),
            ('unexpected-district', true, name IS NULL AND l2_district_name IS NOT NULL),
            ('wrong-manual-flag', true, position_id IS NOT NULL AND manual <> district_manually_set),
            ('manual-flag-without-district', true, district_manually_set AND l2_district_name IS NULL),
            ('unreadable-district', true, {IS_NO_DISTRICT_ID}),
            ('needless-override', false, is_needless AND NOT district_manually_set),
            ('inherited-district', false, name IS NULL AND l2_district_name IS NULL AND effective_name IS NOT NULL),
            ('shared-text', false, coalesce(own_words, false)),
            ('unverified-position', false, source = 'ballot_ready' AND verified_at IS NULL),
            ('district-without-id', false, effective_name IS NOT NULL AND effective_id IS NULL)"
        )),
        office = details("office"),
        other = details("otherOffice"),
        state_text = details("state"),
        level = details("level"),
        city = details("city"),
        county = details("county"),
        district = details("district"),
        kind = goals("electionType"),
        name = goals("electionLocation"),
        trimmed_office = trimmed("office"),
        trimmed_level = trimmed("level"),
        trimmed_kind = trimmed("kind"),
    )
}

/// Findings about campaigns that compare with the JSON. From phase 3 on, it says nothing.
pub(crate) const OF_JSON: [&str; 9] = [
    "stale-position",
    "wrong-position",
    "wrong-office-text",
    "wrong-district",
    "unexpected-district",
    "wrong-manual-flag",
    "inherited-district",
    "shared-text",
    "pending-change",
];

const GROUPED: &str = "SELECT category, is_defect, state, level, count(*) AS rows,
        (array_agg(key ORDER BY key COLLATE \"C\"))[1:$3] AS keys
    FROM found GROUP BY category, is_defect, state, level";

/// The campaign of `office`, read as JSON, because the end of phase 3 drops the column.
const CAMPAIGN_OF_OFFICE: &str = "(to_jsonb(office.*)->>'campaign_id')::integer";

/// An office has no JSON, so only impossible values are defects.
fn offices(notes: Notes) -> String {
    format!(
        r"
    WITH compared AS (
        SELECT office.*, held.id IS NOT NULL AS has_row, held.source, held.verified_at,
            coalesce(held.state, '?') AS shown_state, coalesce(held.ballot_level, '?') AS shown_level,
            held.source = 'custom' AND coalesce(held.office, held.ballot_level, held.level, held.state, held.county,
                held.city, held.district) IS NULL AND office.l2_district_name IS NULL AS says_nothing,
            campaign.id IS NOT NULL AND (run_for.source = 'ballot_ready' OR campaign.l2_district_name IS NOT NULL
                OR coalesce(run_for.office, run_for.ballot_level, run_for.level, run_for.state, run_for.county,
                    run_for.city, run_for.district) IS NOT NULL) AS campaign_says,
            CASE WHEN run_for.source = 'ballot_ready' THEN run_for.id ELSE 'custom:office:' || office.id END AS of_campaign,
            campaign.id IS NOT NULL AS has_campaign,
            (coalesce(office.l2_district_type, held.l2_district_type), coalesce(office.l2_district_name, held.l2_district_name))
                IS DISTINCT FROM (coalesce(campaign.l2_district_type, run_for.l2_district_type),
                                  coalesce(campaign.l2_district_name, run_for.l2_district_name)) AS other_district,
            office.l2_district_name IS NOT NULL
                AND (office.l2_district_type, office.l2_district_name) = (held.l2_district_type, held.l2_district_name) AS is_needless,
            organization.request_key IS NULL AS is_completed,
            organization.id IS NOT NULL AS has_organization, organization.owner_id, organization.type,
            CASE WHEN details->>'electionDate' ~ '^\d{{4}}-(0\d|1[0-2])-[0-3]\d$' THEN details->>'electionDate' END AS election,
            coalesce(office.elected_date, office.sworn_in_date, office.term_start_date, office.created_at::date)::text AS won,
            coalesce(office.l2_district_name, held.l2_district_name) AS effective_name,
            CASE WHEN office.l2_district_name IS NULL THEN held.l2_district_id ELSE office.l2_district_id END AS effective_id,
            {is_pending} AS is_pending
        FROM elected_office AS office LEFT JOIN ballot_position AS held ON held.id = office.position_id
        LEFT JOIN organization ON organization.id = office.organization_id
        LEFT JOIN campaign ON campaign.id = {CAMPAIGN_OF_OFFICE}
        LEFT JOIN ballot_position AS run_for ON run_for.id = campaign.position_id
        WHERE ($1::text IS NULL OR office.id > $1) AND office.id <= $2
    ), found AS (
        {categorized}
    ) {GROUPED}",
        is_pending = is_pending(CAMPAIGN_OF_OFFICE, notes),
        categorized = categorized("id", &format!(
            "('missing-organization', true, organization_id IS NULL),
            ('missing-position', true, position_id IS NULL),
            ('dangling-organization', true, organization_id IS NOT NULL AND NOT has_organization),
            ('dangling-position', true, position_id IS NOT NULL AND NOT has_row),
            ('wrong-owner', true, has_organization AND (owner_id <> user_id OR type <> 'elected_office')),
            ('wrong-position', true, position_id LIKE 'custom:%' AND position_id <> 'custom:office:' || id),
            -- Only offices completed by a trigger: an office that was won has its campaign's data of that time.
            ('stale-position', true, has_row AND says_nothing AND campaign_says AND is_completed),
            ('manual-flag-without-district', true, district_manually_set AND l2_district_name IS NULL),
            ('unreadable-district', true, {IS_NO_DISTRICT_ID}),
            ('needless-override', false, is_needless AND NOT district_manually_set),
            ('office-district-differs', false, has_row AND has_campaign AND other_district),
            ('office-differs', false, has_row AND has_campaign AND position_id <> of_campaign),
            ('campaign-moved-on', false, election > won),
            ('unverified-position', false, source = 'ballot_ready' AND verified_at IS NULL),
            ('district-without-id', false, effective_name IS NOT NULL AND effective_id IS NULL)"
        )),
    )
}

/// Rows without a holder, and invalid filters and positions.
static ORPHANS: LazyLock<String> = LazyLock::new(|| {
    format!(
        r"
    WITH found AS (
        SELECT organization.id::text AS key, '?' AS state, '?' AS level, 'orphan-organization' AS category, true AS is_defect
        FROM organization
        WHERE NOT EXISTS (SELECT FROM campaign WHERE organization_id = organization.id)
          AND NOT EXISTS (SELECT FROM elected_office WHERE organization_id = organization.id)
      UNION ALL
        SELECT id, coalesce(state, '?'), coalesce(ballot_level, '?'),
            CASE WHEN source = 'custom' THEN 'orphan-position' ELSE 'unreferenced-position' END, source = 'custom'
        FROM ballot_position
        WHERE NOT EXISTS (SELECT FROM campaign WHERE position_id = ballot_position.id)
          AND NOT EXISTS (SELECT FROM elected_office WHERE position_id = ballot_position.id)
      UNION ALL
        SELECT id, coalesce(state, '?'), coalesce(ballot_level, '?'), 'unreadable-position', true
        FROM ballot_position WHERE {IS_NO_DISTRICT_ID}
      UNION ALL
        -- Before filters are read by organization, `run voter-file-filters` may not have run yet. The campaign
        -- column is read as JSON, because an earlier build dropped it at the end of phase 2.
        SELECT id::text, '?', '?', CASE WHEN is_nobodys THEN 'filter-of-nobody' ELSE 'filter-without-organization' END,
            is_nobodys OR $1
        FROM (SELECT id, to_jsonb(filter)->>'campaign_id' IS NULL AS is_nobodys FROM voter_file_filter AS filter
              WHERE organization_id IS NULL) AS without_organization
      UNION ALL
        SELECT filter.id::text, '?', '?', 'wrong-organization', true
        FROM voter_file_filter AS filter
        JOIN campaign ON campaign.id = (to_jsonb(filter)->>'campaign_id')::integer
        WHERE filter.organization_id <> campaign.organization_id
      UNION ALL
        SELECT id::text, '?', '?', 'party-in-office-filter', true FROM voter_file_filter
        WHERE organization_type = 'elected_office'
          AND true IN (party_independent, party_democrat, party_republican, party_unknown)
    ) {}",
        GROUPED.replace("$3", "$2")
    )
});

/// The last of the next campaigns.
///
/// # Errors
/// If the database fails.
pub fn next_campaigns(
    connection: &mut PgConnection,
    after: Option<i64>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(
        "SELECT max(id)::text AS through, count(*) AS rows FROM (
             SELECT id FROM campaign WHERE id > $1 ORDER BY id LIMIT $2) AS cut",
    )
    .bind::<BigInt, _>(after.unwrap_or(i64::MIN))
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// The last of the next offices.
///
/// # Errors
/// If the database fails.
pub fn next_offices(
    connection: &mut PgConnection,
    after: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(
        "SELECT max(id) AS through, count(*) AS rows FROM (
             SELECT id FROM elected_office WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2) AS cut",
    )
    .bind::<Nullable<Text>, _>(after)
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// Compares the campaigns after one key and through another; `keys` limits the keys listed per
/// category, state and level.
///
/// # Errors
/// If the database fails.
pub fn verify_campaigns(
    connection: &mut PgConnection,
    notes: Notes,
    after: Option<i64>,
    through: i64,
    keys: i64,
) -> QueryResult<Vec<Finding>> {
    diesel::sql_query(campaigns(notes))
        .bind::<BigInt, _>(after.unwrap_or(i64::MIN))
        .bind::<BigInt, _>(through)
        .bind::<BigInt, _>(keys)
        .load(connection)
}

/// Compares the offices after one key and through another.
///
/// # Errors
/// If the database fails.
pub fn verify_offices(
    connection: &mut PgConnection,
    notes: Notes,
    after: Option<&str>,
    through: &str,
    keys: i64,
) -> QueryResult<Vec<Finding>> {
    diesel::sql_query(offices(notes))
        .bind::<Nullable<Text>, _>(after)
        .bind::<Text, _>(through)
        .bind::<BigInt, _>(keys)
        .load(connection)
}

/// Looks for rows without a holder, and invalid filters and positions. Once a phase reads filters
/// by organization, every filter must have one.
///
/// # Errors
/// If the database fails.
pub fn verify_orphans(
    connection: &mut PgConnection,
    filters_have_organizations: bool,
    keys: i64,
) -> QueryResult<Vec<Finding>> {
    diesel::sql_query(ORPHANS.as_str())
        .bind::<Bool, _>(filters_have_organizations)
        .bind::<BigInt, _>(keys)
        .load(connection)
}
