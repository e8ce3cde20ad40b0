//! Queries of a sweep, and how it keeps workers away from an organization.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Double, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

/// An organization, with its intended state in Clerk.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct ClerkLink {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub organization: Uuid,
    /// Clerk's id, as stored.
    #[diesel(sql_type = Nullable<Text>)]
    pub clerk_organization: Option<String>,
    /// Whether it belongs to a campaign.
    #[diesel(sql_type = Bool)]
    pub is_campaign: bool,
    /// Its position.
    #[diesel(sql_type = Nullable<Text>)]
    pub position: Option<String>,
    /// Whether its owner has a Clerk account, as far as we know.
    #[diesel(sql_type = Bool)]
    pub has_linked_owner: bool,
}

/// Organizations after a key, ordered by key.
///
/// # Errors
/// If the database fails.
pub fn links(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<ClerkLink>> {
    diesel::sql_query(
        "SELECT organization.id AS organization, clerk_organization_id AS clerk_organization,
                type = 'campaign' AS is_campaign,
                coalesce(campaign.position_id, elected_office.position_id) AS position,
                owner.clerk_id IS NOT NULL AS has_linked_owner
         FROM organization JOIN \"user\" AS owner ON owner.id = owner_id
         LEFT JOIN campaign ON campaign.organization_id = organization.id
         LEFT JOIN elected_office ON elected_office.organization_id = organization.id
         WHERE organization.id > coalesce($1, '00000000-0000-0000-0000-000000000000')
         ORDER BY organization.id LIMIT $2",
    )
    .bind::<Nullable<SqlUuid>, _>(after)
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// Clerk's id of an organization, as stored; `None` for a deleted one.
///
/// # Errors
/// If the database fails.
pub fn clerk_id_of(
    connection: &mut PgConnection,
    organization: Uuid,
) -> QueryResult<Option<Option<String>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        id: Option<String>,
    }
    diesel::sql_query("SELECT clerk_organization_id AS id FROM organization WHERE id = $1")
        .bind::<SqlUuid, _>(organization)
        .get_result(connection)
        .optional()
        .map(|row: Option<Row>| row.map(|row| row.id))
}

/// A hold on the row of an organization, which keeps workers from starting with it. After it
/// expires, a worker takes the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The organization.
    pub organization: Uuid,
    /// Fencing token against earlier holders.
    pub token: Uuid,
    /// Its duration without renewal.
    pub lease: Duration,
}

/// Holds an organization that is not in the outbox; `false` if it is.
///
/// # Errors
/// If the database fails.
pub fn hold(connection: &mut PgConnection, hold: &Hold) -> QueryResult<bool> {
    diesel::sql_query(
        "INSERT INTO clerk_outbox (organization_id, is_backfill, lease_token, lease_until)
         VALUES ($1, true, $2, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (organization_id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(hold.organization)
    .bind::<SqlUuid, _>(hold.token)
    .bind::<Double, _>(hold.lease.as_secs_f64())
    .execute(connection)
    .map(|rows| rows == 1)
}

/// Renews a hold while no organization uses this Clerk id; `false` if the hold has expired, the
/// organization has changed, or the id is stored.
///
/// # Errors
/// If the database fails.
pub fn renew_while_unneeded(
    connection: &mut PgConnection,
    hold: &Hold,
    id: &str,
) -> QueryResult<bool> {
    diesel::sql_query(
        "UPDATE clerk_outbox SET lease_until = clock_timestamp() + make_interval(secs => $3)
         WHERE organization_id = $1 AND lease_token = $2 AND version = 1
           AND NOT EXISTS (SELECT FROM organization WHERE clerk_organization_id = $4)",
    )
    .bind::<SqlUuid, _>(hold.organization)
    .bind::<SqlUuid, _>(hold.token)
    .bind::<Double, _>(hold.lease.as_secs_f64())
    .bind::<Text, _>(id)
    .execute(connection)
    .map(|rows| rows == 1)
}

/// Ends a hold; workers take what was queued in the meantime.
///
/// # Errors
/// If the database fails.
pub fn release(connection: &mut PgConnection, hold: &Hold) -> QueryResult<()> {
    for statement in [
        "DELETE FROM clerk_outbox WHERE organization_id = $1 AND lease_token = $2 AND version = 1",
        "UPDATE clerk_outbox SET lease_token = NULL, lease_until = NULL
         WHERE organization_id = $1 AND lease_token = $2",
    ] {
        diesel::sql_query(statement)
            .bind::<SqlUuid, _>(hold.organization)
            .bind::<SqlUuid, _>(hold.token)
            .execute(connection)?;
    }
    Ok(())
}

/// The id of this database, which the metadata in Clerk names.
///
/// # Errors
/// If the database fails.
pub fn source(connection: &mut PgConnection) -> QueryResult<Uuid> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        source: Uuid,
    }
    diesel::sql_query("SELECT source FROM clerk_switch")
        .get_result(connection)
        .map(|it: Row| it.source)
}
