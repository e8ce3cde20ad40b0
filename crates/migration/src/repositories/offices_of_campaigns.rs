//! Links elected offices to their organization and position: those of the campaign that won them.
//!
//! An office has no JSON. Its campaign was linked before, so everything comes from tables, in one
//! statement.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Integer, Nullable, Text},
};
use winserve_domain::base::{CampaignId, ElectedOfficeId};
use winserve_persistence::tables::shared_positions;

/// An office that needs an organization or a position: from before phase 1, or from the old service
/// and completed by a trigger with an empty position although its campaign's has data. An office
/// won in phase 1 has a request key: it has its campaign's data of that time. So does an office
/// that was changed explicitly since, even to nothing.
///
/// (`OFFSET 0` keeps PostgreSQL from hashing whole tables for a few rows.)
pub(crate) const UNLINKED: &str = "(office.organization_id IS NULL OR office.position_id IS NULL
    OR (office.position_id = 'custom:office:' || office.id AND office.l2_district_name IS NULL
        AND EXISTS (SELECT FROM organization WHERE organization.id = office.organization_id
                    AND organization.request_key IS NULL OFFSET 0)
        AND EXISTS (SELECT FROM ballot_position AS own WHERE own.id = office.position_id
            AND coalesce(own.office, own.ballot_level, own.level, own.state, own.county, own.city,
                         own.district) IS NULL OFFSET 0)
        AND EXISTS (SELECT FROM campaign JOIN ballot_position AS run_for ON run_for.id = campaign.position_id
            WHERE campaign.id = office.campaign_id
              AND (run_for.source = 'ballot_ready' OR campaign.l2_district_name IS NOT NULL
                   OR coalesce(run_for.office, run_for.ballot_level, run_for.level, run_for.state,
                               run_for.county, run_for.city, run_for.district) IS NOT NULL) OFFSET 0)))";

/// Links unlocked offices. Skips an office whose campaign is not linked yet.
///
/// Locked `FOR UPDATE`, like the update that follows: it changes a unique column, and would wait for
/// a writer who merely refers to the row.
///
/// The oldest office of a campaign gets the request key that a repeated \"I won\" finds; another one
/// has it already when the office was won in phase 1.
const LINK: &str = "
    WITH held AS (
        SELECT office.id, office.user_id, office.campaign_id, office.organization_id, office.can_download_federal
        FROM elected_office AS office
        WHERE {WANTED}
          AND NOT EXISTS (SELECT FROM campaign WHERE campaign.id = office.campaign_id
                          AND (campaign.position_id IS NULL OR campaign.organization_id IS NULL) OFFSET 0)
        ORDER BY office.id
        FOR UPDATE SKIP LOCKED
    ), link AS (
        SELECT held.id, held.user_id, held.organization_id AS present,
               coalesce(held.organization_id, winserve_uuid_v7()) AS organization_id,
               CASE WHEN run_for.source = 'ballot_ready' THEN run_for.id
                    ELSE 'custom:office:' || held.id END AS position_id,
               coalesce(run_for.source, 'custom') = 'custom' AS is_own,
               run_for.office, run_for.ballot_level, run_for.level, run_for.state, run_for.county,
               run_for.city, run_for.district,
               campaign.l2_district_id, campaign.l2_district_type, campaign.l2_district_name,
               coalesce(campaign.district_manually_set, false) AS is_manual,
               -- Staff may have enabled it for the office since.
               held.can_download_federal OR coalesce(campaign.can_download_federal, false) AS can_download_federal,
               CASE WHEN held.id = (SELECT oldest.id FROM elected_office AS oldest
                                    WHERE oldest.campaign_id = held.campaign_id
                                    ORDER BY oldest.created_at, oldest.id LIMIT 1)
                    AND NOT EXISTS (SELECT FROM organization AS won
                                    WHERE won.owner_id = held.user_id
                                      AND won.request_key = 'won:' || campaign.organization_id)
                    THEN 'won:' || campaign.organization_id END AS request_key
        FROM held LEFT JOIN campaign ON campaign.id = held.campaign_id
        LEFT JOIN ballot_position AS run_for ON run_for.id = campaign.position_id
    ), own_position AS (
        INSERT INTO ballot_position AS known (id, source, office, ballot_level, level, state, county, city, district)
        SELECT position_id, 'custom', office, ballot_level, level, state, county, city, district
        FROM link WHERE is_own
        ON CONFLICT (id) DO UPDATE SET office = excluded.office, ballot_level = excluded.ballot_level,
            level = excluded.level, state = excluded.state, county = excluded.county,
            city = excluded.city, district = excluded.district, updated_at = excluded.updated_at
    ), made AS (
        INSERT INTO organization (id, owner_id, type, request_key)
        SELECT organization_id, user_id, 'elected_office', request_key FROM link WHERE present IS NULL
    ), keyed AS (
        UPDATE organization SET request_key = link.request_key, updated_at = now()
        FROM link WHERE organization.id = link.present AND organization.request_key IS NULL
          AND link.request_key IS NOT NULL
    )
    UPDATE elected_office SET position_id = link.position_id, organization_id = link.organization_id,
        l2_district_id = link.l2_district_id, l2_district_type = link.l2_district_type,
        l2_district_name = link.l2_district_name, district_manually_set = link.is_manual,
        can_download_federal = link.can_download_federal
    FROM link WHERE elected_office.id = link.id
    RETURNING elected_office.id, NOT is_own AND present IS NOT NULL AS has_former_position";

#[derive(QueryableByName)]
struct Linked {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    has_former_position: bool,
}

/// Links the offices that were won with a linked campaign; returns whether all are linked, because
/// none was locked.
///
/// # Errors
/// If the database fails.
pub(crate) fn link_offices_of(
    connection: &mut PgConnection,
    campaign: CampaignId,
) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let wanting: Count = diesel::sql_query(format!(
        "SELECT count(*) AS rows FROM elected_office AS office WHERE office.campaign_id = $1 AND {UNLINKED}"
    ))
    .bind::<Integer, _>(campaign.0)
    .get_result(connection)?;
    if wanting.rows == 0 {
        return Ok(true);
    }
    shared_positions::share_district_lock(connection)?;
    let wanted = format!("$1::text IS NULL AND office.campaign_id = $2::integer AND {UNLINKED}");
    let linked = link(connection, &wanted, None, &campaign.0.to_string())?;
    Ok(i64::try_from(linked.len()) == Ok(wanting.rows))
}

/// Links an office that was won with a linked campaign, unless it is linked already. Waits for the
/// lock of the office.
///
/// # Errors
/// If the database fails.
pub(crate) fn link_office_when_free(
    connection: &mut PgConnection,
    office: &ElectedOfficeId,
) -> QueryResult<()> {
    // The same lock strength as the statement below, which skips locked rows.
    diesel::sql_query("SELECT FROM elected_office WHERE id = $1 FOR UPDATE")
        .bind::<Text, _>(&office.0)
        .execute(connection)?;
    shared_positions::share_district_lock(connection)?;
    let wanted = format!("$1::text IS NULL AND office.id = $2 AND {UNLINKED}");
    link(connection, &wanted, None, &office.0).map(drop)
}

/// Links the offices for which a condition on the two keys holds, and returns which were linked.
///
/// # Errors
/// If the database fails.
pub(crate) fn link(
    connection: &mut PgConnection,
    wanted: &str,
    after: Option<&str>,
    through: &str,
) -> QueryResult<Vec<String>> {
    let linked: Vec<Linked> = diesel::sql_query(LINK.replace("{WANTED}", wanted))
        .bind::<Nullable<Text>, _>(after)
        .bind::<Text, _>(through)
        .load(connection)?;
    let former: Vec<String> = linked
        .iter()
        .filter(|it| it.has_former_position)
        .map(|it| format!("custom:office:{}", it.id))
        .collect();
    if !former.is_empty() {
        diesel::sql_query("DELETE FROM ballot_position WHERE id = ANY($1)")
            .bind::<Array<Text>, _>(former)
            .execute(connection)?;
    }
    Ok(linked.into_iter().map(|it| it.id).collect())
}
