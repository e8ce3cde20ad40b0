//! Our database functions run for every writer, some with the rights of the tables' owner. No writer can make them
//! run other code.

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_persistence::PgConnection;
use winserve_persistence::migrate::{Group, expand, revert};
use winserve_testkit::Phase;
use winserve_testkit::TestDatabase;

use crate::fixtures::{self, DUMP};

const EVERY_GROUP: [Group; 3] = [Group::Phase1, Group::Phase1b, Group::Phase2];

/// Every group applied, with user 7 and the campaign 11.
fn expanded() -> TestDatabase {
    let database = TestDatabase::in_phase(Phase::Two);
    expand(&mut database.connect(), Group::Phase1b).unwrap();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.expect_unmapped_rows();
    database
}

/// Functions that resolve names through their caller's search path, or that any role may run as their owner.
fn trusting(database: &TestDatabase) -> Vec<Value> {
    database.rows(
        "SELECT proname, proconfig, prosecdef FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace
           AND ((prosqlbody IS NULL OR prosecdef)
                    AND 'search_path=pg_catalog, public, pg_temp' <> ALL(coalesce(proconfig, '{}'))
                OR prosecdef AND has_function_privilege('public', oid, 'EXECUTE'))",
    )
}

#[test]
fn every_function_has_a_search_path_of_its_own_whatever_group_was_applied_or_undone_last() {
    let database = TestDatabase::new();
    let mut connection = database.connect();
    for group in EVERY_GROUP {
        expand(&mut connection, group).unwrap();
        assert_eq!(trusting(&database), [json!(null); 0], "after {}", group.name());
    }
    let all = database.rows("SELECT FROM pg_proc WHERE pronamespace = 'public'::regnamespace");
    assert_eq!(all.len(), 23);
    for group in EVERY_GROUP.into_iter().rev() {
        revert(&mut connection, group, |_| Ok(())).unwrap();
        assert_eq!(trusting(&database), [json!(null); 0], "without {}", group.name());
    }
}

#[test]
fn a_database_that_was_expanded_by_an_earlier_version_is_repaired_by_the_next_run() {
    let database = expanded();
    let after = database.rows(DUMP);
    database.execute_unmapped(
        "DELETE FROM __diesel_schema_migrations WHERE version = '20261120001865'",
    );
    let down =
        include_str!("../../../migrations/phase-1-expand/20261120001865_exact_operators/down.sql");
    database.execute_unmapped(down);
    database.execute_unmapped(
        "ALTER FUNCTION campaign_complete SET search_path = public;
         ALTER FUNCTION voter_file_filter_complete SET search_path = public;
         GRANT EXECUTE ON FUNCTION campaign_clean_up TO PUBLIC",
    );
    assert_eq!(trusting(&database).len(), 4);
    let body =
        || database.row("SELECT prosrc FROM pg_proc WHERE proname = 'voter_file_filter_complete'");
    let of_phase_2 = body();
    expand(&mut database.connect(), Group::Phase1).unwrap();
    assert_eq!(trusting(&database), [json!(null); 0]);
    assert_eq!((body(), database.rows(DUMP)), (of_phase_2, after), "a later group's are kept");
}

/// A session that may insert campaigns, and has no other rights than PostgreSQL's defaults.
fn attacker(database: &TestDatabase) -> (PgConnection, String) {
    let role = database.role("attacker");
    database.execute_unmapped(&format!(
        "GRANT INSERT ON campaign TO {role};
         GRANT USAGE ON SEQUENCE campaign_id_seq TO {role};
         CREATE TABLE loot (who text); GRANT INSERT ON loot TO PUBLIC"
    ));
    (database.connect_as(&role), role)
}

/// The roles, other than the attacker's own, that ran the attacker's code.
fn loot(database: &TestDatabase, attacker: &str) -> Vec<Value> {
    database.rows(&format!("SELECT who FROM loot WHERE who <> '{attacker}'"))
}

const INSERT: &str = "INSERT INTO public.campaign (updated_at, slug, user_id)
    VALUES (now(), 'stolen', 7), (now(), 'stolen-2', 7)";

#[test]
fn temporary_tables_that_are_called_like_ours_are_not_written() {
    let database = expanded();
    let (mut session, role) = attacker(&database);
    session
        .batch_execute(
            "CREATE FUNCTION pg_temp.rob() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO public.loot VALUES (current_user); RETURN NEW; END $$;
             CREATE TEMP TABLE organization (id uuid, owner_id integer, type text);
             CREATE TEMP TABLE ballot_position (id text PRIMARY KEY, source text);
             CREATE TEMP TABLE clerk_outbox (organization_id uuid PRIMARY KEY);
             CREATE TEMP TABLE legacy_change (campaign_id integer PRIMARY KEY);
             CREATE TRIGGER rob BEFORE INSERT ON organization FOR EACH ROW EXECUTE FUNCTION pg_temp.rob();
             CREATE TRIGGER rob BEFORE INSERT ON ballot_position FOR EACH ROW EXECUTE FUNCTION pg_temp.rob();
             CREATE TRIGGER rob BEFORE INSERT ON clerk_outbox FOR EACH ROW EXECUTE FUNCTION pg_temp.rob();
             CREATE TRIGGER rob BEFORE INSERT ON legacy_change FOR EACH ROW EXECUTE FUNCTION pg_temp.rob();",
        )
        .unwrap();
    for (number, path) in ["pg_temp, public", "public", "''"].into_iter().enumerate() {
        session.batch_execute(&format!("SET search_path = {path}")).unwrap();
        session.batch_execute(&INSERT.replace("stolen", &format!("stolen-{number}"))).unwrap();
    }
    assert_eq!(loot(&database, &role), [json!(null); 0]);
    let linked = database.row(
        "SELECT count(*) AS campaigns FROM campaign JOIN organization ON organization.id = organization_id
         JOIN ballot_position ON ballot_position.id = position_id WHERE slug LIKE 'stolen%'",
    );
    assert_eq!(linked, json!({"campaigns": 6}));
}

#[test]
fn operators_and_functions_that_fit_better_are_not_called() {
    let database = expanded();
    let (mut session, role) = attacker(&database);
    // The default up to PostgreSQL 14.
    database.execute_unmapped("GRANT CREATE ON SCHEMA public TO PUBLIC");
    session
        .batch_execute(
            "CREATE FUNCTION public.rob(text, integer) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO public.loot VALUES (current_user); RETURN $1 OPERATOR(pg_catalog.||) $2::text; END $$;
             CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = integer, FUNCTION = public.rob);
             CREATE FUNCTION public.set_bit(bytea, integer, integer) RETURNS bytea LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO public.loot VALUES (current_user); RETURN pg_catalog.set_bit($1, $2::bigint, $3); END $$;
             CREATE FUNCTION public.rob(numeric, integer) RETURNS numeric LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO public.loot VALUES (current_user); RETURN $1 OPERATOR(pg_catalog.*) $2::numeric; END $$;
             CREATE OPERATOR public.* (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = public.rob);",
        )
        .unwrap();
    session.batch_execute(INSERT).unwrap();
    database.execute_unmapped("DELETE FROM campaign WHERE slug LIKE 'stolen%'");
    assert_eq!(loot(&database, &role), [json!(null); 0]);
}

#[test]
fn our_functions_are_neither_called_nor_attached_by_others() {
    let database = expanded();
    let (mut session, _) = attacker(&database);
    session
        .batch_execute("CREATE TEMP TABLE mine (id integer, organization_id uuid, user_id integer)")
        .unwrap();
    for attack in [
        "SELECT clerk_outbox_note(ARRAY[gen_random_uuid()])",
        "SELECT legacy_change_note(11)",
        "CREATE TRIGGER rob AFTER DELETE ON mine FOR EACH ROW EXECUTE FUNCTION campaign_clean_up()",
        "CREATE TRIGGER rob AFTER DELETE ON mine FOR EACH ROW EXECUTE FUNCTION organization_provisioned()",
        "CREATE TRIGGER rob BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION campaign_complete()",
    ] {
        let refused = session.batch_execute(attack).unwrap_err().to_string();
        assert!(refused.starts_with("permission denied for function"), "{attack}: {refused}");
    }
}
