//! Privileges on migrated objects (design §3, "Roles"), and the settings of our functions.
//!
//! The migrator and the servers may have different roles. A server's role is identified by its
//! privileges on `campaign`; it gets exactly what a server needs. Both depend on the database, so
//! they are not migrations: they are set within each migration, and by each later run of `migrate`.

use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{Array, Bool, Text},
};

use super::MigrateError;

const READ: &[&str] = &["SELECT"];
const APPEND: &[&str] = &["SELECT", "INSERT"];

/// How a server uses the relations that migrations add. All others are for the tool only.
const RELATIONS: [(&str, &[&str]); 14] = [
    ("ballot_position", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("organization", &["SELECT", "INSERT", "UPDATE"]),
    ("organization_event", APPEND),
    ("migration_phase", READ),
    ("user_holding", READ),
    ("clerk_switch", READ),
    ("clerk_budget", &["SELECT", "UPDATE"]),
    ("clerk_outbox", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("clerk_webhook_message", &["SELECT", "INSERT", "DELETE"]),
    ("clerk_deleted_user", APPEND),
    ("process_heartbeat", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("legacy_change", &["SELECT", "UPDATE", "DELETE"]),
    ("open_look_up", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("legacy_change_lease", &["SELECT", "UPDATE"]),
];

/// The relations that migrations add for servers.
pub(crate) fn added_relations() -> impl Iterator<Item = &'static str> {
    RELATIONS.iter().map(|(name, _)| *name)
}

/// Functions that a server calls directly.
const CALLED_BY_SERVERS: [&str; 2] = ["migration_phase_for_writing()", "clerk_outbox_note(uuid[])"];
/// Functions that run as the writer of a campaign.
const CALLED_BY_WRITERS: [&str; 1] = ["is_change_of_another_service()"];

/// Every function that migrations add, with its argument types, because others may have the same
/// name.
const FUNCTIONS: [&str; 26] = [
    "migration_phase_for_writing()",
    "winserve_uuid_v7()",
    "organization_require_child()",
    "campaign_complete()",
    "campaign_clean_up()",
    "elected_office_complete()",
    "elected_office_clean_up()",
    "voter_file_filter_complete()",
    "clerk_outbox_note(uuid[])",
    "organization_provisioned()",
    "holder_provisioned()",
    "user_email_changed()",
    "user_provisioned()",
    "is_change_of_another_service()",
    "legacy_change_note(integer)",
    "campaign_legacy_change()",
    "path_to_victory_legacy_change()",
    "elected_office_legacy_change()",
    "organization_facts(text, text, text, text, text, boolean, boolean)",
    "organization_event_note(uuid, integer, text, jsonb, jsonb)",
    "holder_event()",
    "organization_won()",
    "custom_position_event()",
    "legacy_change_remember()",
    "elected_office_campaign()",
    "offices_name_their_campaign()",
];

/// A required statement, and whether this role may run it.
#[derive(QueryableByName)]
struct Wanted {
    #[diesel(sql_type = Text)]
    statement: String,
    #[diesel(sql_type = Bool)]
    is_allowed: bool,
}

/// Required function settings.
///
/// Names are resolved in our schema only, never in the caller's: a session could create temporary
/// tables with our table names, with triggers that would then run as the owner of the function. A
/// function whose body was parsed at creation needs no search path, unless it runs as its owner.
///
/// Nobody may call functions that run as their owner: with EXECUTE on a trigger function, a role
/// could attach it to its own table and have it delete anything. Existing triggers need no
/// privilege. Only if PUBLIC is a server role may everybody call what servers call.
const FUNCTION_SETTINGS: &str = "
    WITH ours AS (
        SELECT pg_proc.oid, prosecdef, prosqlbody, proconfig, nspname, signature, campaign.oid AS campaign,
               format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)) AS function,
               pg_has_role(current_user, proowner, 'USAGE') AS is_allowed
        FROM pg_class AS campaign
        JOIN pg_namespace ON pg_namespace.oid = campaign.relnamespace
        JOIN pg_proc ON pronamespace = pg_namespace.oid
        -- The name by itself is in an index.
        JOIN unnest($1) AS signature ON proname = split_part(signature, '(', 1)
            AND signature = format('%s(%s)', proname, oidvectortypes(proargtypes))
        WHERE campaign.oid = to_regclass('campaign'))
    SELECT format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', function, nspname) AS statement,
           is_allowed
    FROM ours WHERE (prosecdef OR prosqlbody IS NULL)
        AND format('search_path=pg_catalog, %I, pg_temp', nspname) <> ALL(coalesce(proconfig, '{}'))
    UNION ALL
    SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function), is_allowed
    FROM ours WHERE prosecdef AND has_function_privilege('public', oid, 'EXECUTE')
        AND NOT (signature = ANY($3)
                 AND (SELECT bool_and(has_table_privilege('public', campaign, needed))
                      FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS needed))
    UNION ALL
    SELECT format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', function), is_allowed
    FROM ours WHERE signature = ANY($2) AND NOT has_function_privilege('public', oid, 'EXECUTE')
    ORDER BY statement";

/// Missing server privileges. A server reads, inserts and updates campaigns. A role that has these
/// privileges through membership also inherits what is granted here. PUBLIC's privilege on a
/// function that runs as its owner does not count, because [`FUNCTION_SETTINGS`] revokes it.
const MISSING: &str = "
    WITH home AS (
        SELECT relnamespace, nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE pg_class.oid = to_regclass('campaign')),
    serving AS (
        SELECT role.* FROM (SELECT oid AS role_id, quote_ident(rolname) AS grantee FROM pg_roles
                            UNION ALL SELECT 0, 'PUBLIC') AS role
        WHERE (SELECT bool_and(has_table_privilege(role_id, to_regclass('campaign'), needed))
               FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS needed)),
    topmost AS (
        SELECT * FROM serving WHERE NOT EXISTS (
            SELECT FROM serving AS wider WHERE wider.role_id <> serving.role_id AND CASE
                WHEN wider.role_id = 0 THEN true
                WHEN serving.role_id = 0 THEN false
                ELSE pg_has_role(serving.role_id, wider.role_id, 'USAGE') END))
    SELECT format('GRANT %s ON %I.%I TO %s', string_agg(privilege, ', ' ORDER BY place), nspname, relname, grantee)
               AS statement,
           pg_has_role(current_user, relowner, 'USAGE') AS is_allowed
    FROM topmost, home
    JOIN pg_class USING (relnamespace)
    JOIN unnest($1, $2) WITH ORDINALITY AS needed (relation, privilege, place) ON relation = relname
    WHERE NOT has_table_privilege(role_id, pg_class.oid, privilege)
    GROUP BY nspname, relname, grantee, relowner
    UNION ALL
    SELECT format('GRANT EXECUTE ON FUNCTION %I.%I(%s) TO %s', nspname, proname,
                  pg_get_function_identity_arguments(pg_proc.oid), grantee),
           pg_has_role(current_user, proowner, 'USAGE')
    FROM topmost, home JOIN pg_proc ON pronamespace = relnamespace
    JOIN unnest($3) AS signature ON proname = split_part(signature, '(', 1)
        AND signature = format('%s(%s)', proname, oidvectortypes(proargtypes))
    WHERE NOT CASE WHEN prosecdef AND role_id <> 0 THEN EXISTS (
              SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS held
              WHERE held.privilege_type = 'EXECUTE' AND held.grantee <> 0
                AND pg_has_role(role_id, held.grantee, 'USAGE'))
          ELSE has_function_privilege(role_id, pg_proc.oid, 'EXECUTE') END
    ORDER BY statement";

/// Grants missing server privileges, and configures functions; all or nothing.
///
/// # Errors
/// [`MigrateError::Rights`] with everything that another role has to run; nothing was changed then.
pub(super) fn settle(connection: &mut PgConnection) -> Result<(), MigrateError> {
    // The order also matters for manual execution: no server loses a PUBLIC privilege before it has
    // its own.
    let mut wanted = missing_grants(connection)?;
    wanted.extend(function_settings(connection)?);
    if wanted.iter().any(|it| !it.is_allowed) {
        let statements = wanted.into_iter().map(|it| it.statement).collect();
        return Err(MigrateError::Rights { statements });
    }
    connection.transaction(|connection| {
        for Wanted { statement, .. } in wanted {
            tracing::debug!(statement, "settled");
            connection.batch_execute(&statement)?;
        }
        Ok(())
    })
}

/// Missing server privileges on added objects: the statements that grant them.
///
/// # Errors
/// If the database fails.
pub fn missing(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    Ok(missing_grants(connection)?.into_iter().map(|it| it.statement).collect())
}

fn function_settings(connection: &mut PgConnection) -> QueryResult<Vec<Wanted>> {
    diesel::sql_query(FUNCTION_SETTINGS)
        .bind::<Array<Text>, _>(FUNCTIONS.as_slice())
        .bind::<Array<Text>, _>(CALLED_BY_WRITERS.as_slice())
        .bind::<Array<Text>, _>(CALLED_BY_SERVERS.as_slice())
        .load(connection)
}

fn missing_grants(connection: &mut PgConnection) -> QueryResult<Vec<Wanted>> {
    let (relations, privileges): (Vec<&str>, Vec<&str>) = RELATIONS
        .iter()
        .flat_map(|(relation, needed)| needed.iter().map(|privilege| (*relation, *privilege)))
        .unzip();
    diesel::sql_query(MISSING)
        .bind::<Array<Text>, _>(relations)
        .bind::<Array<Text>, _>(privileges)
        .bind::<Array<Text>, _>(CALLED_BY_SERVERS.as_slice())
        .load(connection)
}
