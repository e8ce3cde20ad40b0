//! How organizations are added to the outbox, in addition to the triggers of the schema.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

/// How many organizations have no Clerk id and are not in the outbox.
///
/// # Errors
/// If the database fails.
pub fn count_unqueued(connection: &mut PgConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    diesel::sql_query(
        "SELECT count(*) AS rows FROM organization WHERE clerk_organization_id IS NULL
           AND NOT EXISTS (SELECT FROM clerk_outbox WHERE organization_id = organization.id)",
    )
    .get_result(connection)
    .map(|count: Count| count.rows)
}

/// Queues the next organizations without a Clerk id, up to the limit, behind live changes. Returns
/// how many were queued, and the last one of the page.
///
/// # Errors
/// If the database fails.
pub fn queue(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<(i64, Option<Uuid>)> {
    #[derive(QueryableByName)]
    struct Page {
        #[diesel(sql_type = BigInt)]
        added: i64,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        last: Option<Uuid>,
    }
    let page: Page = diesel::sql_query(
        "WITH page AS (
             SELECT id FROM organization
             WHERE id > coalesce($1, '00000000-0000-0000-0000-000000000000') AND clerk_organization_id IS NULL
             ORDER BY id LIMIT $2
         ), added AS (
             INSERT INTO clerk_outbox (organization_id, is_backfill)
             SELECT id, true FROM page ORDER BY id ON CONFLICT (organization_id) DO NOTHING RETURNING true
         )
         SELECT (SELECT count(*) FROM added) AS added, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last",
    )
    .bind::<Nullable<SqlUuid>, _>(after)
    .bind::<BigInt, _>(limit)
    .get_result(connection)?;
    Ok((page.added, page.last))
}

/// Puts an organization into the outbox, with the id that Clerk may have for it.
///
/// # Errors
/// If the database fails.
pub fn note(
    connection: &mut PgConnection,
    organization: Uuid,
    hint: Option<&str>,
) -> QueryResult<()> {
    connection.transaction(|connection| write_note(connection, organization, hint))
}

/// [`note`] inside the caller's transaction.
pub(super) fn write_note(
    connection: &mut PgConnection,
    organization: Uuid,
    hint: Option<&str>,
) -> QueryResult<()> {
    diesel::sql_query("SELECT clerk_outbox_note(ARRAY[$1])")
        .bind::<SqlUuid, _>(organization)
        .execute(connection)?;
    let Some(hint) = hint else { return Ok(()) };
    diesel::sql_query(
        "UPDATE clerk_outbox SET clerk_organization_id = $2 WHERE organization_id = $1 AND NOT is_deletion",
    )
    .bind::<SqlUuid, _>(organization)
    .bind::<Text, _>(hint)
    .execute(connection)
    .map(drop)
}
