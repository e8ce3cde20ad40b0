//! Maps rows of the old service to the tables, as the backfill or `api` would have, for tests of phases that read
//! the tables.

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, connection::SimpleConnection as _,
    sql_types::Text,
};
use serde_json::{Value, json};
use winserve_domain::{
    base::CampaignId,
    campaigns::campaign_json::{
        self, MOVED_DETAILS, MOVED_DETAILS_OF_CUSTOM, MOVED_PATH_TO_VICTORY,
    },
    positions::{BallotLevel, PositionId},
};

use crate::rows::rows;

/// Changes of the old service that are not mapped yet.
const RECORDED: &str =
    "SELECT campaign.id, details, path_to_victory.data AS goals FROM legacy_change
    JOIN campaign ON campaign.id = legacy_change.campaign_id
    LEFT JOIN path_to_victory USING (campaign_id) ORDER BY campaign.id";

/// The links that follow from their JSON, as a relation.
const LINKS: &str =
    "jsonb_to_recordset($1::jsonb) AS link (campaign integer, position_id text, is_shared boolean,
    office text, ballot_level text, level text, state text, county text, city text, district text,
    l2_type text, l2_name text, is_manual boolean)";

/// The first campaign that names a shared position defines it, until it is verified.
const SHARED_POSITIONS: &str =
    "INSERT INTO ballot_position AS known (id, source, office, ballot_level, level, state, l2_district_type, l2_district_name)
     SELECT DISTINCT ON (position_id) position_id, 'ballot_ready', office, ballot_level, level, state, l2_type, l2_name
     FROM {LINKS} WHERE is_shared ORDER BY position_id, campaign
     ON CONFLICT (id) DO UPDATE SET office = coalesce(known.office, excluded.office),
         ballot_level = coalesce(known.ballot_level, excluded.ballot_level),
         level = coalesce(known.level, excluded.level), state = coalesce(known.state, excluded.state),
         l2_district_type = coalesce(known.l2_district_type, excluded.l2_district_type),
         l2_district_name = coalesce(known.l2_district_name, excluded.l2_district_name)
     WHERE known.verified_at IS NULL";

const OWN_POSITIONS: &str =
    "INSERT INTO ballot_position (id, source, office, ballot_level, level, state, county, city, district)
     SELECT position_id, 'custom', office, ballot_level, level, state, county, city, district
     FROM {LINKS} WHERE NOT is_shared
     ON CONFLICT (id) DO UPDATE SET office = excluded.office, ballot_level = excluded.ballot_level,
         level = excluded.level, state = excluded.state, county = excluded.county, city = excluded.city,
         district = excluded.district";

/// A district that was not chosen by hand is an override only if the position's differs.
const CAMPAIGNS: &str =
    "UPDATE campaign SET position_id = link.position_id, district_manually_set = is_manual,
         l2_district_type = own.l2_type, l2_district_name = own.l2_name,
         l2_district_id = CASE WHEN (own.l2_type, own.l2_name) = (known.l2_district_type, known.l2_district_name)
             THEN known.l2_district_id END
     FROM {LINKS} JOIN ballot_position AS known ON known.id = position_id
     LEFT JOIN LATERAL (SELECT l2_type, l2_name
         WHERE is_manual OR (l2_type, l2_name) IS DISTINCT FROM (known.l2_district_type, known.l2_district_name)
     ) AS own ON true
     WHERE campaign.id = campaign";

const FORMER_POSITIONS: &str = "DELETE FROM ballot_position USING {LINKS} WHERE is_shared AND id = 'custom:campaign:' || campaign";

/// Unmapped offices get the link of the campaign that won them. The oldest office of a campaign gets the request
/// key that a repeated "I won" finds.
const OFFICES: &str = "
    WITH link AS (
        SELECT elected_office.id, elected_office.organization_id, run_for.source = 'custom' AS is_own,
               CASE run_for.source WHEN 'custom' THEN own.id ELSE run_for.id END AS position_id,
               run_for.office, run_for.ballot_level, run_for.level, run_for.state, run_for.county, run_for.city,
               run_for.district, campaign.l2_district_id, campaign.l2_district_type, campaign.l2_district_name,
               campaign.district_manually_set, campaign.can_download_federal,
               CASE WHEN elected_office.id = (SELECT oldest.id FROM elected_office AS oldest
                                              WHERE oldest.campaign_id = campaign.id
                                              ORDER BY oldest.created_at, oldest.id LIMIT 1)
                    AND NOT EXISTS (SELECT FROM organization AS won WHERE won.owner_id = elected_office.user_id
                                    AND won.request_key = 'won:' || campaign.organization_id)
                    THEN 'won:' || campaign.organization_id END AS request_key
        FROM elected_office
        JOIN organization ON organization.id = elected_office.organization_id AND organization.request_key IS NULL
        JOIN ballot_position AS own ON own.id = elected_office.position_id
        JOIN campaign ON campaign.id = elected_office.campaign_id
        JOIN ballot_position AS run_for ON run_for.id = campaign.position_id
        WHERE own.id = 'custom:office:' || elected_office.id AND elected_office.l2_district_name IS NULL
          AND coalesce(own.office, own.ballot_level, own.level, own.state, own.county, own.city, own.district) IS NULL
          AND (run_for.source = 'ballot_ready' OR campaign.l2_district_name IS NOT NULL
               OR coalesce(run_for.office, run_for.ballot_level, run_for.level, run_for.state, run_for.county,
                           run_for.city, run_for.district) IS NOT NULL)
    ), own_position AS (
        UPDATE ballot_position SET office = link.office, ballot_level = link.ballot_level, level = link.level,
            state = link.state, county = link.county, city = link.city, district = link.district
        FROM link WHERE is_own AND ballot_position.id = position_id
    ), keyed AS (
        UPDATE organization SET request_key = link.request_key
        FROM link WHERE organization.id = link.organization_id
    )
    UPDATE elected_office SET position_id = link.position_id, l2_district_id = link.l2_district_id,
        l2_district_type = link.l2_district_type, l2_district_name = link.l2_district_name,
        district_manually_set = link.district_manually_set,
        can_download_federal = elected_office.can_download_federal OR coalesce(link.can_download_federal, false)
    FROM link WHERE elected_office.id = link.id";

const FORMER_POSITIONS_OF_OFFICES: &str =
    "DELETE FROM ballot_position WHERE id LIKE 'custom:office:%'
    AND NOT EXISTS (SELECT FROM elected_office WHERE position_id = ballot_position.id)";

/// The old service's columns, which the final schema lacks.
const OLD_SHAPE: &str = "
    ALTER TABLE elected_office ADD COLUMN campaign_id integer;
    ALTER TABLE voter_file_filter ADD COLUMN campaign_id integer, ALTER COLUMN organization_id DROP NOT NULL;
    UPDATE elected_office SET campaign_id = campaign.id FROM organization AS its, campaign
        WHERE its.id = elected_office.organization_id
          AND left(its.request_key, 40) = 'won:' || campaign.organization_id";

/// The final schema again. (A transaction may not change a table with pending triggers.)
const FINAL_SHAPE: &str = "
    UPDATE voter_file_filter AS filter SET organization_id = campaign.organization_id, organization_type = 'campaign'
        FROM campaign WHERE campaign.id = campaign_id AND filter.organization_id IS NULL;
    SET CONSTRAINTS ALL IMMEDIATE;
    ALTER TABLE elected_office DROP COLUMN campaign_id;
    ALTER TABLE voter_file_filter DROP COLUMN campaign_id, ALTER COLUMN organization_id SET NOT NULL";

/// Runs a test's statements in the final schema: with the old service's columns, whose content is mapped and goes
/// with them.
pub(crate) fn in_the_old_shape(connection: &mut PgConnection, sql: &str) {
    let keys = |keys: &[&str]| format!("'{{{}}}'::text[]", keys.join(","));
    let (details, custom, goals) =
        (keys(&MOVED_DETAILS), keys(&MOVED_DETAILS_OF_CUSTOM), keys(&MOVED_PATH_TO_VICTORY));
    let written = format!(
        "SELECT campaign.id, details, path_to_victory.data AS goals
         FROM campaign LEFT JOIN path_to_victory ON campaign_id = campaign.id
         WHERE jsonb_typeof(details) = 'object' AND details ?| {details}
            OR jsonb_typeof(path_to_victory.data) = 'object' AND path_to_victory.data ?| {goals} ORDER BY campaign.id"
    );
    let cleaned = format!(
        "UPDATE campaign SET details = details - {details}
             - CASE WHEN position_id LIKE 'custom:%' THEN {custom} ELSE '{{}}' END
         WHERE jsonb_typeof(details) = 'object'
           AND (details ?| {details} OR position_id LIKE 'custom:%' AND details ?| {custom});
         UPDATE path_to_victory SET data = data - {goals} WHERE jsonb_typeof(data) = 'object' AND data ?| {goals}"
    );
    let run = |connection: &mut PgConnection, sql: &str| connection.batch_execute(sql);
    connection
        .transaction(|connection| {
            run(connection, OLD_SHAPE)?;
            run(connection, sql)?;
            map(connection, &written);
            run(connection, &cleaned)?;
            run(connection, FINAL_SHAPE)
        })
        .expect("the test's own SQL");
}

/// Maps the rows that a test has just written.
pub(crate) fn map_recorded_changes(connection: &mut PgConnection) {
    if map(connection, RECORDED) {
        connection
            .batch_execute("DELETE FROM legacy_change")
            .expect("recorded changes can be deleted");
    }
}

/// Maps these campaigns, and all unmapped offices; returns whether there are such campaigns.
fn map(connection: &mut PgConnection, campaigns: &str) -> bool {
    let links: Vec<Value> = rows(connection, campaigns).iter().map(link).collect();
    let is_any = !links.is_empty();
    if is_any {
        let links = Value::Array(links).to_string();
        let statements = [SHARED_POSITIONS, OWN_POSITIONS, CAMPAIGNS, FORMER_POSITIONS];
        for statement in statements {
            diesel::sql_query(statement.replace("{LINKS}", LINKS))
                .bind::<Text, _>(&links)
                .execute(connection)
                .expect("a test's rows can be mapped");
        }
    }
    let mapped = diesel::sql_query(OFFICES).execute(connection).expect("offices are mapped");
    if mapped > 0 {
        connection
            .batch_execute(FORMER_POSITIONS_OF_OFFICES)
            .expect("unused positions can be deleted");
    }
    is_any
}

/// A row of [`LINKS`].
fn link(recorded: &Value) -> Value {
    let id = recorded["id"].as_i64().and_then(|id| i32::try_from(id).ok()).expect("an id");
    let goals = Some(&recorded["goals"]).filter(|goals| !goals.is_null());
    let link = campaign_json::decode(CampaignId(id), &recorded["details"], goals).link;
    let position = link.position;
    let own = link.district_override.map(|own| own.district);
    json!({
        "campaign": id,
        "position_id": position.id.to_string(),
        "is_shared": matches!(position.id, PositionId::BallotReady(_)),
        "office": position.office,
        "ballot_level": position.ballot_level.map(BallotLevel::as_str),
        "level": position.level,
        "state": position.state,
        "county": position.county,
        "city": position.city,
        "district": position.district,
        "l2_type": own.as_ref().map(|own| &own.kind),
        "l2_name": own.as_ref().map(|own| &own.name),
        "is_manual": link.district_manually_set,
    })
}
