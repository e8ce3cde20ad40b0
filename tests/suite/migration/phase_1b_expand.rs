//! `migrate phase-1b-expand`: every change that must reach Clerk is queued in its transaction, whichever service
//! makes it. Also tests the switch of phase 1b.

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_migration::{
    migrate::{Group, MigrateError, expand, pending_of, revert},
    phase::{PhaseError, history, turn_switch},
};
use winserve_persistence::clerk_outbox::{SwitchChange, read_switch};
use winserve_testkit::TestDatabase;

use crate::fixtures::{self, DUMP, MAYOR};

/// A user with a campaign, whose outbox rows are done.
fn settled() -> (TestDatabase, String) {
    let database = TestDatabase::with_clerk_outbox(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute("DELETE FROM clerk_outbox");
    let id = database.row("SELECT organization_id AS id FROM campaign")["id"].clone();
    (database, id.as_str().unwrap().to_owned())
}

fn outbox(database: &TestDatabase) -> Vec<Value> {
    let rows = database.rows(
        "SELECT organization_id, is_deletion, clerk_organization_id FROM clerk_outbox ORDER BY created_at, organization_id",
    );
    rows.into_iter()
        .map(|row| {
            json!([row["organization_id"], row["is_deletion"], row["clerk_organization_id"]])
        })
        .collect()
}

fn turn(database: &TestDatabase, is_on: bool) -> Result<(), PhaseError> {
    let change = SwitchChange { is_on, actor: "ann".into(), reason: "test".into() };
    turn_switch(&mut database.connect(), &change)
}

#[test]
fn phase_1b_expand_run_twice_is_harmless_and_down_undoes_it_to_the_letter() {
    let database = TestDatabase::in_phase(Phase::Two);
    let mut connection = database.connect();
    let before = database.rows(DUMP);
    let pending = pending_of(&mut connection, Group::Phase1b).unwrap();
    assert_eq!(database.rows(DUMP), before, "a dry run writes nothing");
    assert_eq!(expand(&mut connection, Group::Phase1b).unwrap(), pending);
    let after = database.rows(DUMP);
    assert!(expand(&mut connection, Group::Phase1b).unwrap().is_empty());
    assert_eq!(database.rows(DUMP), after);
    assert_eq!(revert(&mut connection, Group::Phase1b).unwrap().len(), pending.len());
    assert_eq!(database.rows(DUMP), before);
    assert_eq!(expand(&mut connection, Group::Phase1b).unwrap(), pending);
}

#[test]
fn phase_1b_expand_requires_phase_1_expand_which_cannot_be_undone_before_it() {
    let refused = expand(&mut TestDatabase::new().connect(), Group::Phase1b);
    assert!(matches!(refused, Err(MigrateError::FormerGroup("phase-1-expand"))), "{refused:?}");
    let database = TestDatabase::legacy_with_tables();
    let mut connection = database.connect();
    expand(&mut connection, Group::Phase1b).unwrap();
    let refused = revert(&mut connection, Group::Phase1);
    assert!(matches!(refused, Err(MigrateError::LaterGroup("phase-1b-expand"))), "{refused:?}");
}

#[test]
fn it_is_not_undone_while_the_switch_is_on_or_only_the_outbox_knows_something() {
    let (database, id) = settled();
    let mut connection = database.connect();
    let refused = revert(&mut connection, Group::Phase1b);
    assert!(matches!(refused, Err(MigrateError::SwitchInUse)), "{refused:?}");
    turn(&database, false).unwrap();
    for untold in [
        format!(
            "INSERT INTO clerk_outbox (organization_id, creating_since) VALUES ('{id}', now())"
        ),
        format!("INSERT INTO clerk_outbox (organization_id, is_deletion) VALUES ('{id}', true)"),
    ] {
        database.execute(&untold);
        let refused = revert(&mut connection, Group::Phase1b);
        assert!(matches!(refused, Err(MigrateError::NotSynced(1))), "{refused:?}");
        database.execute("DELETE FROM clerk_outbox");
    }
    revert(&mut connection, Group::Phase1b).unwrap();
}

#[test]
fn an_organization_is_queued_in_the_transaction_that_creates_it_whoever_creates_it() {
    let (database, first) = settled();
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('office', now(), 7, 11)",
    );
    database.execute(
        "BEGIN; INSERT INTO campaign (id, updated_at, slug, user_id) VALUES (12, now(), 'b', 7); ROLLBACK",
    );
    let office = database.row("SELECT organization_id AS id FROM elected_office")["id"].clone();
    assert_ne!(office, json!(first));
    assert_eq!(
        outbox(&database),
        [json!([office, false, null])],
        "a rolled-back change is not recorded"
    );
}

#[test]
fn another_position_is_noted_and_another_wording_is_not() {
    let (database, id) = settled();
    database.expect_damage();
    database.execute(&format!(
        "UPDATE campaign SET details = '{{\"office\": \"Dog Catcher\"}}', position_id = position_id;
         UPDATE ballot_position SET office = 'Dog Catcher';
         INSERT INTO ballot_position (id, source) VALUES ('{MAYOR}', 'ballot_ready')"
    ));
    assert_eq!(outbox(&database), Vec::<Value>::new());
    database.execute(&format!("UPDATE campaign SET position_id = '{MAYOR}'"));
    assert_eq!(outbox(&database), [json!([id, false, null])]);
    let version = "SELECT version FROM clerk_outbox";
    database.execute("UPDATE campaign SET position_id = 'custom:campaign:11'");
    assert_eq!(database.row(version)["version"], 2, "two changes are one row");
}

#[test]
fn an_owner_whom_clerk_knows_from_now_on_is_noted_for_all_that_they_own() {
    let (database, id) = settled();
    database.execute("UPDATE \"user\" SET clerk_id = NULL, name = 'B'");
    assert!(outbox(&database).is_empty());
    database.execute("UPDATE \"user\" SET clerk_id = 'user_7'");
    assert_eq!(outbox(&database), [json!([id, false, null])]);
    database.execute("DELETE FROM clerk_outbox; UPDATE \"user\" SET clerk_id = NULL");
    assert!(outbox(&database).is_empty());
}

#[test]
fn what_clerk_never_saw_is_forgotten_when_it_goes_and_all_else_has_to_go_there_too() {
    let (database, id) = settled();
    let recreate = "DELETE FROM clerk_outbox; DELETE FROM campaign WHERE id = 11;
         INSERT INTO campaign (id, updated_at, slug, user_id) VALUES (11, now(), 'c', 7)";
    database.execute(
        "SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization)); DELETE FROM campaign",
    );
    assert!(outbox(&database).is_empty());
    // One with a create call already sent.
    database.execute(recreate);
    database.execute("UPDATE clerk_outbox SET creating_since = now(); DELETE FROM campaign");
    let rows = outbox(&database);
    assert_eq!((rows.len(), &rows[0][1], &rows[0][2]), (1, &json!(true), &Value::Null));
    // One that exists in Clerk, deleted by a cascade from its owner.
    database.execute(recreate);
    database.execute("DELETE FROM clerk_outbox; UPDATE organization SET clerk_organization_id = 'org_1'; DELETE FROM \"user\"");
    let rows = outbox(&database);
    assert_eq!((rows.len(), &rows[0][1], &rows[0][2]), (1, &json!(true), &json!("org_1")));
    assert_ne!(rows[0][0], json!(id));
    // Later records do not bring it back.
    database.execute("SELECT clerk_outbox_note(ARRAY(SELECT organization_id FROM clerk_outbox))");
    assert_eq!(outbox(&database), rows);
}

#[test]
fn a_dead_letter_gets_another_chance_by_a_change_and_nothing_else_is_hurried() {
    let (database, id) = settled();
    let note = format!("SELECT clerk_outbox_note(ARRAY['{id}'::uuid])");
    database.execute(&note);
    database
        .execute("UPDATE clerk_outbox SET attempts = 3, next_attempt_at = now() + interval '1 h'");
    let waits = "SELECT attempts, next_attempt_at > now() + interval '30 min' AS waits, dead_at IS NULL AS lives FROM clerk_outbox";
    database.execute(&note);
    assert_eq!(database.row(waits), json!({"attempts": 3, "waits": true, "lives": true}));
    database.execute("UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'no-answer'");
    database.execute(&note);
    assert_eq!(database.row(waits), json!({"attempts": 0, "waits": false, "lives": true}));
}

#[test]
fn the_database_refuses_halves_of_leases_and_dead_letters() {
    let (database, id) = settled();
    database.execute(&format!("SELECT clerk_outbox_note(ARRAY['{id}'::uuid])"));
    for (change, constraint) in [
        ("lease_until = now()", "clerk_outbox_lease_whole"),
        ("dead_at = now()", "clerk_outbox_dead_whole"),
        (
            "dead_at = now(), dead_reason = 'x', lease_until = now(), lease_token = organization_id",
            "clerk_outbox_dead_at_rest",
        ),
        ("creating_for = 'user_1'", "clerk_outbox_creating_whole"),
        ("attempts = -1", "clerk_outbox_attempts_counted"),
    ] {
        let refused =
            database.connect().batch_execute(&format!("UPDATE clerk_outbox SET {change}"));
        assert!(refused.unwrap_err().to_string().contains(constraint), "{change}");
    }
    let second =
        database.connect().batch_execute("INSERT INTO clerk_switch (only_row) VALUES (false)");
    assert!(second.unwrap_err().to_string().contains("clerk_switch_only_row"));
}

#[test]
fn the_switch_is_turned_on_from_phase_1_on_and_the_history_says_by_whom() {
    let database = TestDatabase::legacy_with_tables();
    let mut connection = database.connect();
    assert_eq!(read_switch(&mut connection).unwrap(), None);
    let refused = turn(&database, true).unwrap_err().to_string();
    assert_eq!(
        refused,
        "not yet: there are no organizations before phase-1: `backfill phase advance`; \
         the schema is not prepared: `backfill migrate phase-1b-expand`"
    );
    expand(&mut connection, Group::Phase1b).unwrap();
    database.execute("UPDATE migration_phase SET phase = 'phase-1'");
    assert!(!read_switch(&mut connection).unwrap().unwrap().is_on);
    turn(&database, true).unwrap();
    assert!(read_switch(&mut connection).unwrap().unwrap().is_on);
    assert_eq!(turn(&database, true).unwrap_err().to_string(), "phase-1b is on already");
    turn(&database, false).unwrap();
    let entries = history(&mut connection).unwrap();
    let said: Vec<_> = entries.iter().map(|it| (it.to_phase.as_str(), it.actor.as_str())).collect();
    assert_eq!(said, [("phase-1b", "ann"), ("without phase-1b", "ann")]);
}

#[test]
fn the_old_service_may_know_nothing_of_the_outbox() {
    let (database, _) = settled();
    let name = database.row("SELECT current_database()::text AS n")["n"].clone();
    let role = format!("old_{}", name.as_str().unwrap());
    database.execute(&format!(
        r#"CREATE ROLE {role};
           GRANT SELECT, INSERT, UPDATE, DELETE ON campaign, elected_office, "user" TO {role};
           GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
           SET ROLE {role}; SET search_path = '';
           INSERT INTO public.campaign (id, updated_at, slug, user_id) VALUES (12, now(), 'b', 7);
           INSERT INTO public.elected_office (id, updated_at, user_id, campaign_id) VALUES ('o', now(), 7, 11);
           DELETE FROM public.campaign WHERE id = 12;
           UPDATE public."user" SET clerk_id = 'user_7';
           RESET ROLE; RESET search_path;
           DROP OWNED BY {role}; DROP ROLE {role}"#
    ));
    assert_eq!(outbox(&database).len(), 2, "the earlier campaign, and the office");
}
