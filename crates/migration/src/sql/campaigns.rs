//! Links campaigns to their organization and position.

use std::collections::HashSet;

use diesel::{
    pg::Pg,
    prelude::*,
    sql_types::{Array, Bool, Integer, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::{
    base::CampaignId,
    positions::{BallotLevel, BallotPosition, District, PositionId, PositionLink},
};

use crate::legacy::Version;
use winserve_persistence::tables::{district_id, shared_positions};

/// A campaign's link, written only if the campaign is unchanged since it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignLink {
    /// The campaign.
    pub campaign: CampaignId,
    /// The versions read.
    pub version: Version,
    /// The resulting link. A custom position is written with it; a shared one must exist.
    pub link: PositionLink,
    /// The position's district when the link was made.
    pub position_district: Option<District>,
    /// Id for its organization, if it has none.
    pub organization: Uuid,
    /// Whether a trigger completed it before, with a separate position.
    pub is_completed: bool,
}

#[derive(QueryableByName)]
struct Linked {
    #[diesel(sql_type = Integer)]
    id: i32,
}

/// Links, in one statement, campaigns that nobody else holds and nobody changed since they were
/// read, and returns them. It does not wait for locked campaigns, and waits no longer than
/// `lock_timeout` for sessions that lock a position or owner for deletion; a writer waits for it no
/// longer than the batch takes. User writes are kept: a changed row has another version, and a
/// position is not linked if its district changed since the link was made. The custom position is
/// written under the campaign's lock, because it belongs to that campaign alone.
///
/// (`LATERAL`, because the planner would otherwise read all positions for every batch.)
///
/// Locked `FOR UPDATE`, like the update that follows: it changes a unique column, and would wait
/// for a writer who merely refers to the row.
const LINK: &str = "
    WITH read AS (
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
            AS read (id, version, goals_version, position_id, l2_id, l2_type, l2_name, is_manual,
                     organization_id, office, ballot_level, level, state, county, city, district, known_type, known_name)
    ), held AS (
        SELECT campaign.id, campaign.user_id, campaign.organization_id
        FROM campaign JOIN read ON read.id = campaign.id
        LEFT JOIN LATERAL (SELECT path_to_victory.xmin AS version FROM path_to_victory
                           WHERE campaign_id = campaign.id OFFSET 0) AS goals ON true
        LEFT JOIN LATERAL (SELECT l2_district_type, l2_district_name FROM ballot_position
                           WHERE id = read.position_id AND source = 'ballot_ready' OFFSET 0) AS known ON true
        WHERE campaign.xmin::text = read.version
          AND (known.l2_district_type, known.l2_district_name)
              IS NOT DISTINCT FROM (read.known_type, read.known_name)
          AND goals.version::text IS NOT DISTINCT FROM read.goals_version
        ORDER BY campaign.id
        FOR UPDATE OF campaign SKIP LOCKED
    ), own_position AS (
        INSERT INTO ballot_position AS known (id, source, office, ballot_level, level, state, county, city, district)
        SELECT position_id, 'custom', office, ballot_level, level, state, county, city, district
        FROM held JOIN read USING (id) WHERE position_id = 'custom:campaign:' || held.id
        ON CONFLICT (id) DO UPDATE SET office = excluded.office, ballot_level = excluded.ballot_level,
            level = excluded.level, state = excluded.state, county = excluded.county,
            city = excluded.city, district = excluded.district, updated_at = excluded.updated_at
    ), made AS (
        INSERT INTO organization (id, owner_id, type)
        SELECT read.organization_id, held.user_id, 'campaign'
        FROM held JOIN read USING (id) WHERE held.organization_id IS NULL
    )
    UPDATE campaign SET position_id = read.position_id,
        organization_id = coalesce(held.organization_id, read.organization_id),
        l2_district_id = read.l2_id, l2_district_type = read.l2_type,
        l2_district_name = read.l2_name, district_manually_set = read.is_manual
    FROM held JOIN read USING (id) WHERE campaign.id = held.id
    RETURNING campaign.id";

/// Links campaigns, within the transaction that publishes their batch; returns those that were
/// linked. The others were locked or changed, and are left to a sweep.
///
/// # Errors
/// If the database fails.
pub fn link_campaigns(
    connection: &mut PgConnection,
    links: &[CampaignLink],
) -> QueryResult<HashSet<CampaignId>> {
    shared_positions::share_district_lock(connection)?;
    let overrides = |pick: fn(&PositionLink) -> Option<&str>| -> Vec<Option<&str>> {
        links.iter().map(|it| pick(&it.link)).collect()
    };
    // A shared position already has its row; the texts here would be the campaign's own.
    let own = |pick: fn(&BallotPosition) -> Option<&str>| -> Vec<Option<&str>> {
        let is_own = |position: &BallotPosition| !matches!(position.id, PositionId::BallotReady(_));
        let positions = links.iter().map(|it| &it.link.position);
        positions.map(|position| Some(position).filter(|it| is_own(it)).and_then(pick)).collect()
    };
    let inherited = |pick: fn(&District) -> &str| -> Vec<Option<&str>> {
        links.iter().map(|it| it.position_district.as_ref().map(pick)).collect()
    };
    let linked: Vec<Linked> = diesel::sql_query(LINK)
        .into_boxed::<Pg>()
        .bind::<Array<Integer>, _>(links.iter().map(|it| it.campaign.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(
            links.iter().map(|it| it.version.campaign.as_str()).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            links.iter().map(|it| it.version.goals.as_deref()).collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(
            links.iter().map(|it| it.link.position.id.to_string()).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(overrides(|link| {
            link.district_override.as_ref().and_then(district_id)
        }))
        .bind::<Array<Nullable<Text>>, _>(overrides(|link| {
            link.district_override.as_ref().map(|own| own.district.kind.as_str())
        }))
        .bind::<Array<Nullable<Text>>, _>(overrides(|link| {
            link.district_override.as_ref().map(|own| own.district.name.as_str())
        }))
        .bind::<Array<Bool>, _>(
            links.iter().map(|it| it.link.district_manually_set).collect::<Vec<_>>(),
        )
        .bind::<Array<SqlUuid>, _>(links.iter().map(|it| it.organization).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.office.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.ballot_level.map(BallotLevel::as_str)))
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.level.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.state.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.county.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.city.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(own(|it| it.district.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(inherited(|district| &district.kind))
        .bind::<Array<Nullable<Text>>, _>(inherited(|district| &district.name))
        .load(connection)?;
    let linked: HashSet<CampaignId> = linked.into_iter().map(|row| CampaignId(row.id)).collect();
    remove_former_positions(connection, links, &linked)?;
    Ok(linked)
}

/// A row that a trigger completed may name a shared position now; its separate position is deleted
/// then.
fn remove_former_positions(
    connection: &mut PgConnection,
    links: &[CampaignLink],
    linked: &HashSet<CampaignId>,
) -> QueryResult<()> {
    let is_former = |it: &&CampaignLink| {
        let is_shared = matches!(it.link.position.id, PositionId::BallotReady(_));
        it.is_completed && is_shared && linked.contains(&it.campaign)
    };
    let own = |it: &CampaignLink| PositionId::CustomOfCampaign(it.campaign).to_string();
    let former: Vec<String> = links.iter().filter(is_former).map(own).collect();
    if former.is_empty() {
        return Ok(());
    }
    diesel::sql_query("DELETE FROM ballot_position WHERE id = ANY($1)")
        .bind::<Array<Text>, _>(former)
        .execute(connection)
        .map(drop)
}
