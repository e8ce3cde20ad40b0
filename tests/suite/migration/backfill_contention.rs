//! Other clients disturb a run: they lock rows, end statements and connections, and deadlock.

use std::thread;

use diesel::{Connection as _, RunQueryDsl as _, connection::SimpleConnection as _};
use winserve_migration::{
    RunError, Unobserved, complete_offices, run_organizations, run_positions,
    sql::{self as store, Range, Refusal, refusal},
};
use winserve_persistence::PgConnection;
use winserve_testkit::TestDatabase;

use super::{
    backfill_faults::{CAMPAIGNS, links, with_positions},
    backfill_run::{assert_same_result, finish, options, undisturbed},
    generated,
};
use crate::binaries::wait_until;

fn worker(database: &TestDatabase) -> PgConnection {
    store::connect_worker(&database.url(), "backfill/test").unwrap()
}

fn offices(connection: &mut PgConnection) -> diesel::QueryResult<Vec<String>> {
    let all = Range { after: None, through: "~".to_owned() };
    connection.transaction(|it| complete_offices(it, &all)).map(|(_, keys)| keys)
}

/// Every campaign is linked, and no office.
fn with_campaigns() -> TestDatabase {
    let database = undisturbed(CAMPAIGNS);
    database.execute(
        "SET session_replication_role = replica;
         DELETE FROM organization WHERE type = 'elected_office';
         DELETE FROM ballot_position WHERE id LIKE 'custom:office:%';
         UPDATE elected_office SET organization_id = NULL, position_id = NULL, l2_district_id = NULL,
             l2_district_type = NULL, l2_district_name = NULL, district_manually_set = false",
    );
    database
}

#[test]
fn no_office_is_linked_while_somebody_replaces_a_district() {
    let database = with_campaigns();
    let mut replacing = database.connect();
    replacing.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(7746532104)").unwrap();
    let mut connection = worker(&database);
    let refused = offices(&mut connection).unwrap_err();
    assert_eq!(refusal(&refused), Refusal::Contention, "{refused}");
    replacing.batch_execute("COMMIT").unwrap();
    assert!(!offices(&mut connection).unwrap().is_empty());
    finish(&database);
}

#[test]
fn a_writer_who_merely_refers_to_a_row_is_not_waited_for() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let mut connection = worker(&database);
    let links = links(&mut connection);
    let held = links[3].campaign;
    let mut writer = database.connect();
    // The lock that a foreign key takes for rows inserted for the campaign.
    writer
        .batch_execute(&format!("BEGIN; SELECT FROM campaign WHERE id = {held} FOR KEY SHARE"))
        .unwrap();
    let linked = connection.transaction(|it| store::link_campaigns(it, &links)).unwrap();
    assert_eq!(linked.len(), links.len() - 1);
    assert!(!linked.contains(&held));
    writer.batch_execute("COMMIT").unwrap();
    finish(&database);

    let database = with_campaigns();
    let mut connection = worker(&database);
    let key = database.row("SELECT max(id) AS id FROM elected_office")["id"].clone();
    let key = key.as_str().unwrap();
    let mut writer = database.connect();
    writer
        .batch_execute(&format!(
            "BEGIN; SELECT FROM elected_office WHERE id = '{key}' FOR KEY SHARE"
        ))
        .unwrap();
    let linked = offices(&mut connection).unwrap();
    assert!(!linked.is_empty() && !linked.iter().any(|it| it == key));
    writer.batch_execute("COMMIT").unwrap();
    finish(&database);
}

#[test]
fn a_deadlock_costs_a_batch_one_more_try() {
    let database = with_positions();
    let name = database.row("SELECT current_database()::text AS name")["name"].clone();
    let name = name.as_str().unwrap().to_owned();
    // The backfill notices first, before the lock timeout.
    database.execute(&format!("ALTER DATABASE {name} SET deadlock_timeout = '100ms'"));
    let campaign = database.row(
        "SELECT campaign.id, held.id AS position FROM campaign JOIN ballot_position AS held
             ON held.id = details->>'positionId' WHERE campaign.id > 100 ORDER BY campaign.id LIMIT 1",
    );
    let (id, position) = (&campaign["id"], campaign["position"].as_str().unwrap());
    let mut writer = database.connect();
    writer.batch_execute("SET deadlock_timeout = '1min'").unwrap();
    // The batch holds the campaign and waits for its position; the writer locks in the opposite order.
    writer
        .batch_execute(&format!(
            "BEGIN; SELECT FROM ballot_position WHERE id = '{position}' FOR UPDATE"
        ))
        .unwrap();
    let running = thread::spawn({
        let options = options(&database);
        move || run_organizations(&options, None, &mut Unobserved)
    });
    // Workers also wait for each other when they claim; the one that matters waits for the writer.
    let waiting = "SELECT FROM pg_stat_activity AS worker
        WHERE worker.application_name LIKE 'backfill/%' AND worker.datname = current_database()
          AND EXISTS (SELECT FROM pg_stat_activity AS other
                      WHERE other.pid = ANY(pg_blocking_pids(worker.pid)) AND other.application_name NOT LIKE 'backfill/%')";
    wait_until("a worker waits for the writer", || !database.rows(waiting).is_empty());
    writer
        .batch_execute(&format!("UPDATE campaign SET is_demo = is_demo WHERE id = {id}; COMMIT"))
        .unwrap();
    let report = running.join().unwrap().unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (41, 0), "{report:?}");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0";
    wait_until("there is a deadlock", || !database.rows(deadlocks).is_empty());
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_statement_that_somebody_cancels_is_tried_again() {
    let database = with_positions();
    let mut connection = worker(&database);
    let cancelled = connection
        .batch_execute(
            "DO $$ BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(5); END $$",
        )
        .unwrap_err();
    assert_eq!(refusal(&cancelled), Refusal::Contention, "{cancelled}");
}

#[test]
fn a_server_that_ends_every_connection_is_given_up_and_nothing_is_lost() {
    let database = with_positions();
    database.execute(
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
         CREATE TRIGGER hang_up AFTER UPDATE ON campaign FOR EACH STATEMENT EXECUTE FUNCTION hang_up()",
    );
    let lost = run_organizations(&options(&database), None, &mut Unobserved);
    assert!(matches!(lost, Err(RunError::Unavailable(_))), "{lost:?}");
    database.execute("DROP TRIGGER hang_up ON campaign");
    finish(&database);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn what_reads_a_whole_table_may_take_longer_than_a_batch() {
    let database = TestDatabase::new();
    let mut connection = worker(&database);
    connection.batch_execute("SET statement_timeout = 50").unwrap();
    let slow = |connection: &mut PgConnection| {
        diesel::sql_query("SELECT pg_sleep(0.1)").execute(connection)
    };
    assert_eq!(refusal(&slow(&mut connection).unwrap_err()), Refusal::TooSlow);
    store::unhurried(&mut connection, slow).unwrap();
    assert!(slow(&mut connection).is_err(), "it counts for that one");
}

fn refuse(database: &TestDatabase, when: &str) {
    database.execute(&format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
         CREATE TRIGGER refuse BEFORE {when} EXECUTE FUNCTION refuse()"
    ));
}

fn refused(database: &TestDatabase) -> Vec<serde_json::Value> {
    database.rows("SELECT source_table AS relation, source_key AS key FROM backfill_quarantine WHERE code = 'row-refused' ORDER BY 1, 2")
}

#[test]
fn a_position_that_is_refused_keeps_its_campaigns_only_and_leaves_the_quarantine_when_it_is_written()
 {
    let database = generated::in_phase_1(CAMPAIGNS);
    let alone = database.row(
        "SELECT details->>'positionId' AS id, min(id) AS campaign FROM campaign
         WHERE jsonb_typeof(details->'positionId') = 'string' AND details->>'positionId' LIKE 'Z2lk%'
         GROUP BY 1 HAVING count(*) = 1 ORDER BY 1 LIMIT 1",
    );
    let (id, campaign) = (alone["id"].as_str().unwrap(), alone["campaign"].to_string());
    refuse(&database, &format!("INSERT ON ballot_position FOR EACH ROW WHEN (NEW.id = '{id}')"));
    let options = options(&database);
    assert_eq!(run_positions(&options, None, &mut Unobserved).unwrap().exit_code, 41);
    assert_eq!(refused(&database)[0]["key"], id);
    let report = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, &report.steps[0].remaining_keys), (23, &vec![campaign]));
    database.execute("DROP TRIGGER refuse ON ballot_position");
    finish(&database);
    assert!(refused(&database).is_empty());
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_row_that_every_sweep_refuses_counts_once_against_the_budget() {
    let database = with_positions();
    let all = links(&mut worker(&database));
    let some = [0, all.len() / 2, all.len() - 1].map(|place| all[place].clone());
    let ids: Vec<_> = some.iter().map(|it| it.campaign.to_string()).collect();
    let when = format!(
        "UPDATE OF position_id ON campaign FOR EACH ROW WHEN (OLD.id IN ({}))",
        ids.join(", ")
    );
    refuse(&database, &when);
    let mut writer = database.connect();
    // Rows are left for the sweeps, which meet the refused rows again.
    writer.batch_execute("BEGIN; SELECT FROM campaign WHERE id = 888 FOR UPDATE").unwrap();
    let report = run_organizations(&options(&database), None, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (23, 3), "{report:?}");
    let times = database.row("SELECT sum(refused) AS times FROM backfill_batch");
    assert!(times["times"].as_i64() > Some(12), "the budget would be exceeded: {times}");
    writer.batch_execute("COMMIT").unwrap();
    // Its user links one meanwhile, so it needs no work and blocks nothing.
    database.execute("ALTER TABLE campaign DISABLE TRIGGER refuse");
    let mut connection = worker(&database);
    connection.transaction(|it| store::link_campaigns(it, &some[..1])).unwrap();
    finish(&database);
    assert!(refused(&database).is_empty());
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn the_row_in_quarantine_is_the_one_that_was_refused_and_not_the_last_of_its_batch() {
    let database = with_positions();
    refuse(&database, "UPDATE OF position_id ON campaign FOR EACH ROW WHEN (OLD.id = 13)");
    let run = store::join(&mut database.connect(), store::Job::CAMPAIGNS, None).unwrap().id;
    database.execute(&format!(
        "INSERT INTO backfill_batch (run_id, pass, after_key, through_key) VALUES ('{run}', 1, '12', '20');
         UPDATE backfill_run SET frontier = '20';
         DELETE FROM elected_office WHERE campaign_id BETWEEN 14 AND 20;
         DELETE FROM campaign WHERE id BETWEEN 14 AND 20"
    ));
    run_organizations(&options(&database), None, &mut Unobserved).unwrap();
    let keys: Vec<_> = refused(&database).iter().map(|it| it["key"].clone()).collect();
    assert_eq!(keys, ["13"]);
}
