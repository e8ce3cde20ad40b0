//! The way back from phase 3: the JSON says again what the tables say.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Integer, Jsonb, Text},
};
use serde_json::{Map, Value};
use winserve_domain::{
    base::CampaignId,
    campaigns::campaign_json::{self, MOVED_PATH_TO_VICTORY},
    positions::{PositionId, PositionLink},
};
use winserve_persistence::{
    json::StoredJson,
    schema::{campaign, path_to_victory},
    tables::links::{self, LinkColumn},
};

use super::row::read_for_writing;
use crate::{legacy::archive::is_cleaned, phase::Phase};

/// Campaigns per transaction.
const PAGE: i64 = 500;

/// Transactions from this one on may have changed rows after they were compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since(i64);

/// A campaign with what both stores say.
type Row = (i32, StoredJson, Option<StoredJson>, Option<Value>);

/// Rewrites the moved keys of each campaign whose JSON does not agree with the tables, while users
/// write. What they change meanwhile is left to [`rewrite_rest`].
///
/// # Errors
/// If the database fails.
pub(super) fn rewrite(connection: &mut PgConnection) -> QueryResult<Since> {
    #[derive(QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = BigInt)]
        transaction: i64,
    }
    let oldest: Oldest = diesel::sql_query(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text::bigint AS transaction",
    )
    .get_result(connection)?;
    rewrite_since(connection, None, |connection, page| {
        connection.transaction(|connection| rewrite_page(connection, page))
    })?;
    Ok(Since(oldest.transaction))
}

/// [`rewrite`], of what has changed since; within the transaction that keeps writers waiting.
///
/// # Errors
/// If the database fails.
pub(super) fn rewrite_rest(connection: &mut PgConnection, since: Since) -> QueryResult<()> {
    rewrite_since(connection, Some(since), rewrite_page)
}

fn rewrite_since(
    connection: &mut PgConnection,
    since: Option<Since>,
    rewrite: fn(&mut PgConnection, &[CampaignId]) -> QueryResult<()>,
) -> QueryResult<()> {
    let mut after = i32::MIN;
    loop {
        let rows = page(connection, after, since)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.0;
        let differing = rows.into_iter().filter_map(|row| Some(differing(row)?.0));
        let differing: Vec<_> = differing.collect();
        if !differing.is_empty() {
            rewrite(connection, &differing)?;
        }
    }
}

fn page(connection: &mut PgConnection, after: i32, since: Option<Since>) -> QueryResult<Vec<Row>> {
    let mut rows = campaign::table
        .left_join(path_to_victory::table)
        .filter(campaign::id.gt(after))
        .select((campaign::id, campaign::details, path_to_victory::data.nullable(), LinkColumn))
        .order(campaign::id)
        .limit(PAGE)
        .into_boxed();
    if let Some(Since(transaction)) = since {
        let is_new = |version: &str| format!("age({version}.xmin) <= age('{transaction}'::xid)");
        rows = rows.filter(sql::<Bool>(&format!(
            // Voter goals that were deleted have no version: their district is compared again.
            "({} OR coalesce({}, campaign.l2_district_name IS NOT NULL)
              OR EXISTS (SELECT FROM ballot_position AS position
                 WHERE position.id = campaign.position_id AND {}))",
            is_new("campaign"),
            is_new("path_to_victory"),
            is_new("position"),
        )));
    }
    rows.load(connection)
}

/// A campaign whose JSON does not agree with its link. A link that cannot be read stays as it is.
fn differing((id, details, goals, link): Row) -> Option<(CampaignId, PositionLink)> {
    let link = links::read(id, link?).ok()?;
    let goals = goals.map(StoredJson::readable);
    let said = campaign_json::decode(CampaignId(id), &details.readable(), goals.as_ref()).link;
    (!link.agrees_with(&said)).then_some((CampaignId(id), link))
}

fn rewrite_page(connection: &mut PgConnection, page: &[CampaignId]) -> QueryResult<()> {
    // Also marks the transaction as ours.
    if read_for_writing(connection)? != Phase::Three {
        return Ok(());
    }
    let mut rewritten = 0;
    for campaign in page {
        rewritten += i32::from(rewrite_campaign(connection, *campaign)?);
    }
    tracing::info!(campaigns = rewritten, "wrote office and district to the JSON again");
    Ok(())
}

/// Writes office and district of a campaign to its JSON, in canonical form, unless it agrees
/// already; the rest of the JSON stays to the letter. Returns whether anything was written. The
/// transaction must be marked as ours.
fn rewrite_campaign(connection: &mut PgConnection, campaign: CampaignId) -> QueryResult<bool> {
    campaign::table
        .find(campaign.0)
        .select(campaign::id)
        .for_no_key_update()
        .first::<i32>(connection)
        .optional()?;
    path_to_victory::table
        .filter(path_to_victory::campaign_id.eq(campaign.0))
        .select(path_to_victory::id)
        .for_no_key_update()
        .load::<i32>(connection)?;
    // A `clean` that began meanwhile has the original keys: `restore` puts them back.
    if is_cleaned(connection)? {
        return Ok(false);
    }
    // Read after the locks.
    let row: Option<Row> = campaign::table
        .left_join(path_to_victory::table)
        .filter(campaign::id.eq(campaign.0))
        .select((campaign::id, campaign::details, path_to_victory::data.nullable(), LinkColumn))
        .first(connection)
        .optional()?;
    let Some((_, link)) = row.and_then(differing) else { return Ok(false) };
    write_details(connection, campaign, &link)?;
    write_goals(connection, campaign, &link)?;
    Ok(true)
}

fn write_details(
    connection: &mut PgConnection,
    campaign: CampaignId,
    link: &PositionLink,
) -> QueryResult<()> {
    let mut shown = Value::Object(Map::new());
    campaign_json::show_details(link, &mut shown);
    let is_custom = !matches!(link.position.id, PositionId::BallotReady(_));
    let moved: Vec<_> = campaign_json::moved_details(is_custom).collect();
    diesel::sql_query(
        "UPDATE campaign SET details =
             (CASE jsonb_typeof(details) WHEN 'object' THEN details ELSE '{}' END - $2) || $3
         WHERE id = $1 AND (jsonb_typeof(details) = 'object' OR $3 <> '{}')",
    )
    .bind::<Integer, _>(campaign.0)
    .bind::<Array<Text>, _>(moved)
    .bind::<Jsonb, _>(shown)
    .execute(connection)
    .map(drop)
}

/// Voter goals are created, or replaced if they are no object, only for a district of the
/// campaign's own: another one is inherited from its position.
fn write_goals(
    connection: &mut PgConnection,
    campaign: CampaignId,
    link: &PositionLink,
) -> QueryResult<()> {
    let mut shown = Value::Object(Map::new());
    campaign_json::show_path_to_victory(link, &mut shown);
    let has_own = link.district_override.is_some();
    diesel::sql_query(
        "WITH written AS (
             UPDATE path_to_victory SET data =
                 (CASE jsonb_typeof(data) WHEN 'object' THEN data ELSE '{}' END - $2) || $3
             WHERE campaign_id = $1 AND (jsonb_typeof(data) = 'object' OR $4))
         INSERT INTO path_to_victory (campaign_id, data, updated_at)
         SELECT $1, $3, now()
         WHERE $4 AND NOT EXISTS (SELECT FROM path_to_victory WHERE campaign_id = $1)",
    )
    .bind::<Integer, _>(campaign.0)
    .bind::<Array<Text>, _>(MOVED_PATH_TO_VICTORY.as_slice())
    .bind::<Jsonb, _>(shown)
    .bind::<Bool, _>(has_own)
    .execute(connection)
    .map(drop)
}
