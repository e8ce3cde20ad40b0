//! Fixes rows in which a verification found a defect, one at a time, whatever the defect.
//!
//! The JSON of a campaign is authoritative in every phase up to 2, because the old service and the
//! way back rely on it. An elected office has no JSON: its own data is authoritative, and its
//! campaign supplies what is missing.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Bool, Integer, Text, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::base::{CampaignId, StoreError};

use super::repair::repair_campaign;
use crate::{
    legacy::IS_NO_DISTRICT_ID,
    phase,
    repositories::offices_of_campaigns::{UNLINKED, link},
};
use winserve_persistence::{
    store_error,
    tables::{CAMPAIGN, ELECTED_OFFICE, shared_positions},
};

/// A row with a defect, by its table and key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Damaged {
    /// A campaign, with organization, position and district.
    Campaign(CampaignId),
    /// An elected office, with organization, position and district.
    ElectedOffice(String),
    /// A saved filter.
    Filter(i32),
    /// An organization without a child.
    Organization(Uuid),
    /// A position: without a holder, or unreadable.
    Position(String),
}

impl Damaged {
    /// Parses table and key, as named by a verification.
    #[must_use]
    pub fn parse(table: &str, key: &str) -> Option<Self> {
        match table {
            "campaign" => key.parse().ok().map(|id| Self::Campaign(CampaignId(id))),
            "elected_office" => Some(Self::ElectedOffice(key.to_owned())),
            "voter_file_filter" => key.parse().ok().map(Self::Filter),
            "organization" => key.parse().ok().map(Self::Organization),
            "ballot_position" => Some(Self::Position(key.to_owned())),
            _ => None,
        }
    }

    /// Its table and key.
    #[must_use]
    pub fn name(&self) -> (&'static str, String) {
        match self {
            Self::Campaign(id) => ("campaign", id.to_string()),
            Self::ElectedOffice(id) => ("elected_office", id.clone()),
            Self::Filter(id) => ("voter_file_filter", id.to_string()),
            Self::Organization(id) => ("organization", id.to_string()),
            Self::Position(id) => ("ballot_position", id.clone()),
        }
    }
}

/// Fixes a row in one transaction; a deleted or already correct row stays unchanged.
///
/// # Errors
/// [`StoreError`]; then nothing was written.
pub fn mend(
    connection: &mut PgConnection,
    damaged: &Damaged,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut failed = None;
    let outcome = connection.transaction(|connection| {
        if !phase::read_for_writing(connection)?.writes_both() {
            return Ok(());
        }
        let mended = match damaged {
            Damaged::Campaign(campaign) => mend_campaign(connection, *campaign, now),
            Damaged::ElectedOffice(office) => mend_office(connection, office, now),
            Damaged::Filter(filter) => mend_filter(connection, *filter).map_err(store_error),
            Damaged::Organization(id) => delete_orphan(connection, *id).map_err(store_error),
            Damaged::Position(id) => mend_position(connection, id).map_err(store_error),
        };
        mended.map_err(|error| {
            failed = Some(error);
            diesel::result::Error::RollbackTransaction
        })
    });
    match failed {
        Some(error) => Err(error),
        None => outcome.map_err(store_error),
    }
}

fn mend_campaign(
    connection: &mut PgConnection,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let key = campaign.to_string();
    mend_organization(connection, &OF_CAMPAIGN, &key).map_err(store_error)?;
    forget_unreadable_district(connection, &OF_CAMPAIGN, &key).map_err(store_error)?;
    // A locked office is fixed on its own.
    repair_campaign(connection, campaign, now).map(drop)
}

fn mend_office(
    connection: &mut PgConnection,
    office: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Lock the campaign first, like all writers.
    if let Some(campaign) = incomplete_campaign_of(connection, office).map_err(store_error)? {
        mend_campaign(connection, campaign, now)?;
    }
    complete_office(connection, office).map_err(store_error)
}

/// The campaign of an office, locked, if the office cannot take over data from it yet.
fn incomplete_campaign_of(
    connection: &mut PgConnection,
    office: &str,
) -> QueryResult<Option<CampaignId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        id: i32,
        #[diesel(sql_type = Bool)]
        is_complete: bool,
    }
    let campaign: Option<Row> = diesel::sql_query(
        "SELECT id, EXISTS (SELECT FROM organization WHERE id = campaign.organization_id)
             AND EXISTS (SELECT FROM ballot_position WHERE id = campaign.position_id) AS is_complete
         FROM campaign WHERE id = (SELECT campaign_id FROM elected_office WHERE id = $1)
         FOR NO KEY UPDATE",
    )
    .bind::<Text, _>(office)
    .get_result(connection)
    .optional()?;
    Ok(campaign.filter(|it| !it.is_complete).map(|it| CampaignId(it.id)))
}

/// An office without a position, or whose position is missing or belongs to another holder.
const HAS_NONE: &str = "(office.position_id IS NULL
    OR NOT EXISTS (SELECT FROM ballot_position WHERE id = office.position_id)
    OR office.position_id LIKE 'custom:%' AND office.position_id <> 'custom:office:' || office.id)";

fn complete_office(connection: &mut PgConnection, office: &str) -> QueryResult<()> {
    mend_organization(connection, &OF_OFFICE, office)?;
    forget_unreadable_district(connection, &OF_OFFICE, office)?;
    // Text that its holder typed in, although nothing refers to it anymore.
    diesel::sql_query(format!(
        "UPDATE elected_office AS office SET position_id = own.id FROM ballot_position AS own
         WHERE office.id = $1 AND own.id = 'custom:office:' || office.id AND {HAS_NONE}
           AND coalesce(own.office, own.ballot_level, own.level, own.state, own.county, own.city,
                        own.district) IS NOT NULL"
    ))
    .bind::<Text, _>(office)
    .execute(connection)?;
    shared_positions::share_district_lock(connection)?;
    let wanted = format!("$1::text IS NULL AND office.id = $2 AND ({HAS_NONE} OR {UNLINKED})");
    link(connection, &wanted, None, office)?;
    diesel::sql_query(
        "UPDATE elected_office SET district_manually_set = false
         WHERE id = $1 AND district_manually_set AND l2_district_name IS NULL",
    )
    .bind::<Text, _>(office)
    .execute(connection)
    .map(drop)
}

/// A table of holders, and how its rows are found.
struct Holders {
    table: &'static str,
    other_table: &'static str,
    kind: &'static str,
    /// The key, bound as a text.
    key: &'static str,
    /// Which of several organizations without a child it gets: an SQL list, followed by the id.
    preference: &'static str,
    /// Other columns that a row gets with its first organization.
    besides: &'static str,
}

const OF_CAMPAIGN: Holders = Holders {
    table: "campaign",
    other_table: "elected_office",
    kind: CAMPAIGN,
    key: "$1::integer",
    preference:
        "EXISTS (SELECT FROM voter_file_filter AS filter WHERE organization_id = organization.id
                    AND to_jsonb(filter)->>'campaign_id' = $1) DESC, ",
    besides: "",
};
const OF_OFFICE: Holders = Holders {
    table: "elected_office",
    other_table: "campaign",
    kind: ELECTED_OFFICE,
    key: "$1",
    preference: "request_key = (SELECT 'won:' || campaign.organization_id FROM elected_office AS won
                    JOIN campaign ON campaign.id = won.campaign_id WHERE won.id = $1) DESC NULLS LAST, ",
    besides: ", can_download_federal = CASE WHEN holder.position_id IS NOT NULL THEN holder.can_download_federal
                  ELSE coalesce((SELECT can_download_federal FROM campaign WHERE id = holder.campaign_id), false) END",
};

/// Gives a holder its own organization. An organization that lost its child goes to a holder with
/// the same owner and kind that lost its organization, because filters and Clerk data depend on it.
fn mend_organization(
    connection: &mut PgConnection,
    holders: &Holders,
    holder: &str,
) -> QueryResult<()> {
    let Holders { table, other_table, kind, key, preference, besides } = holders;
    diesel::sql_query(format!("SELECT FROM {table} WHERE id = {key} FOR UPDATE"))
        .bind::<Text, _>(holder)
        .execute(connection)?;
    diesel::sql_query(format!(
        "UPDATE organization SET owner_id = holder.user_id, type = '{kind}', request_key = NULL,
             request_digest = NULL, updated_at = now()
         FROM {table} AS holder
         WHERE holder.id = {key} AND organization.id = holder.organization_id
           AND (owner_id, type) <> (holder.user_id, '{kind}')
           AND NOT EXISTS (SELECT FROM {other_table} WHERE organization_id = organization.id)"
    ))
    .bind::<Text, _>(holder)
    .execute(connection)?;
    diesel::sql_query(format!(
        "WITH wanting AS (
             SELECT holder.id, holder.user_id FROM {table} AS holder
             WHERE holder.id = {key} AND NOT EXISTS (
                 SELECT FROM organization WHERE organization.id = holder.organization_id
                     AND (owner_id, type) = (holder.user_id, '{kind}'))
         ), found AS (
             SELECT wanting.*, (
                 SELECT organization.id FROM organization
                 WHERE owner_id = wanting.user_id AND type = '{kind}'
                   AND NOT EXISTS (SELECT FROM {table} WHERE organization_id = organization.id)
                   AND NOT EXISTS (SELECT FROM {other_table} WHERE organization_id = organization.id)
                 ORDER BY {preference}organization.id LIMIT 1) AS without_child
             FROM wanting
         ), given AS (
             SELECT *, coalesce(without_child, winserve_uuid_v7()) AS organization_id FROM found
         ), made AS (
             INSERT INTO organization (id, owner_id, type)
             SELECT organization_id, user_id, '{kind}' FROM given WHERE without_child IS NULL
         )
         UPDATE {table} AS holder SET organization_id = given.organization_id{besides}
         FROM given WHERE holder.id = given.id"
    ))
    .bind::<Text, _>(holder)
    .execute(connection)
    .map(drop)
}

/// A district is identified by type and name; its id is looked up again.
fn forget_unreadable_district(
    connection: &mut PgConnection,
    Holders { table, key, .. }: &Holders,
    holder: &str,
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "UPDATE {table} SET l2_district_id = NULL WHERE id = {key} AND {IS_NO_DISTRICT_ID}"
    ))
    .bind::<Text, _>(holder)
    .execute(connection)
    .map(drop)
}

/// The organization of a filter is that of its campaign; a filter with neither belongs to nobody
/// and is unreachable.
fn mend_filter(connection: &mut PgConnection, filter: i32) -> QueryResult<()> {
    for statement in [
        "UPDATE voter_file_filter AS filter
         SET organization_id = campaign.organization_id, organization_type = 'campaign'
         FROM campaign WHERE filter.id = $1 AND campaign.id = filter.campaign_id
           AND campaign.organization_id IS NOT NULL
           AND filter.organization_id IS DISTINCT FROM campaign.organization_id",
        "DELETE FROM voter_file_filter WHERE id = $1 AND campaign_id IS NULL AND organization_id IS NULL",
        "UPDATE voter_file_filter SET party_independent = false, party_democrat = false,
             party_republican = false, party_unknown = false
         WHERE id = $1 AND organization_type = 'elected_office'
           AND true IN (party_independent, party_democrat, party_republican, party_unknown)",
    ] {
        diesel::sql_query(statement).bind::<Integer, _>(filter).execute(connection)?;
    }
    Ok(())
}

/// Its filters are deleted with it, as with its holder; filters of an existing campaign get the
/// campaign's organization first.
fn delete_orphan(connection: &mut PgConnection, organization: Uuid) -> QueryResult<()> {
    diesel::sql_query(
        "DELETE FROM organization WHERE id = $1
           AND NOT EXISTS (SELECT FROM voter_file_filter AS filter WHERE organization_id = organization.id
               AND to_jsonb(filter)->>'campaign_id' IS NOT NULL)
           AND NOT EXISTS (SELECT FROM campaign WHERE organization_id = organization.id)
           AND NOT EXISTS (SELECT FROM elected_office WHERE organization_id = organization.id)",
    )
    .bind::<SqlUuid, _>(organization)
    .execute(connection)
    .map(drop)
}

/// A typed-in position is deleted with its holder. Unreadable facts of a shared one become unknown;
/// election-api may supply them again.
fn mend_position(connection: &mut PgConnection, position: &str) -> QueryResult<()> {
    for statement in [
        "DELETE FROM ballot_position WHERE id = $1 AND source = 'custom'
           AND NOT EXISTS (SELECT FROM campaign WHERE position_id = ballot_position.id)
           AND NOT EXISTS (SELECT FROM elected_office WHERE position_id = ballot_position.id)",
        &format!(
            "UPDATE ballot_position SET l2_district_id = NULL, verified_at = NULL
             WHERE id = $1 AND {IS_NO_DISTRICT_ID}"
        ),
    ] {
        diesel::sql_query(statement).bind::<Text, _>(position).execute(connection)?;
    }
    Ok(())
}
