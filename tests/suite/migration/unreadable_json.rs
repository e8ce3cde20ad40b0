//! JSON that PostgreSQL stores and Rust cannot read, in `status`, the backfill and the repair.

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_domain::base::SystemClock;
use winserve_migration::Phase;
use winserve_migration::legacy::unreadable_rows;
use winserve_migration::{
    Stop, Unobserved, repair, run_organizations, run_positions, status, verify,
};
use winserve_testkit::TestDatabase;

use super::backfill_run::options;
use crate::{
    api::unreadable_json::{DEEP, with_unreadable_position},
    fixtures,
};

/// A database before the backfill with something unreadable in each column.
fn damaged() -> TestDatabase {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    for id in [11, 12] {
        fixtures::campaign(&database, id, 7, &json!({"office": "Clerk"}), Some(&json!({})));
    }
    fixtures::unlink(&database);
    database.execute_unmapped(&format!(
        "UPDATE campaign SET details = details || '{{\"budget\": 1e400}}', data = '{{\"crm\": 1e400}}',
             ai_content = jsonb_build_object('bio', {DEEP}), vendor_ts_data = {DEEP} WHERE id = 12;
         UPDATE path_to_victory SET data = '{{\"turnout\": 1e400}}' WHERE id = 12;
         UPDATE \"user\" SET meta_data = '{{\"lastVisited\": 1e400}}'"
    ));
    database
}

/// Table, row and what is unreadable of it.
fn expected() -> Vec<Value> {
    [
        ("campaign", 12, "ai_content.bio"),
        ("campaign", 12, "data.crm"),
        ("campaign", 12, "details.budget"),
        ("campaign", 12, "vendor_ts_data"),
        ("path_to_victory", 12, "data.turnout"),
        ("user", 7, "meta_data.lastVisited"),
    ]
    .map(|(table, row, column)| json!({"table": table, "row": row, "column": column}))
    .to_vec()
}

#[test]
fn status_names_row_and_column() {
    let database = damaged();
    let report = json!(status::collect(&mut database.connect()).unwrap());
    let mut parts = report["unreadable"]["examples"].as_array().unwrap().clone();
    parts.sort_by_key(ToString::to_string);
    let mut expected = expected();
    expected.sort_by_key(ToString::to_string);
    assert_eq!((parts, &report["unreadable"]["parts"]), (expected, &json!(6)));
}

#[test]
fn whole_tables_are_searched_for_it_however_long_that_takes() {
    let database = damaged();
    database.expect_damage();
    database.execute_unmapped(
        "CREATE FUNCTION slow(id integer) RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_sleep(0.05); RETURN true; END $$;
         ALTER TABLE campaign RENAME TO campaigns;
         CREATE VIEW campaign AS SELECT * FROM campaigns WHERE slow(id)",
    );
    let mut connection = database.connect();
    connection.batch_execute("SET statement_timeout = 50").unwrap();
    connection.batch_execute("SELECT details FROM campaign").expect_err("two rows take too long");
    assert_eq!(unreadable_rows(&mut connection).unwrap().len(), 6);
}

#[test]
fn quarantine_names_row_and_column_and_the_row_is_still_linked() {
    let database = damaged();
    let options = options(&database);
    run_positions(&options, None, &mut Unobserved).unwrap();
    assert_eq!(run_organizations(&options, None, &mut Unobserved).unwrap().exit_code, 41);
    let entries = database.rows(
        "SELECT source_table AS table, source_key::integer AS row, detail AS column FROM backfill_quarantine
         WHERE code LIKE '%-unreadable' ORDER BY source_table, detail",
    );
    assert_eq!(entries, expected());
    let office = database.row(
        "SELECT office FROM campaign JOIN ballot_position AS held ON held.id = position_id WHERE campaign.id = 12",
    );
    assert_eq!(office, json!({"office": "Clerk"}));
    database
        .execute_unmapped("UPDATE campaign SET data = '{}', details = '{\"office\": \"Clerk\"}'");
    run_organizations(&options, None, &mut Unobserved).unwrap();
    let left = database.rows("SELECT FROM backfill_quarantine WHERE code LIKE '%-unreadable'");
    assert_eq!(left.len(), 4);
}

#[actix_web::test]
async fn the_repair_keeps_the_district_of_a_position_that_cannot_be_read_and_forgets_what_is_no_id()
{
    let app = with_unreadable_position().await;
    let mut connection = app.database.connect();
    let found = verify(&mut connection).unwrap();
    assert_eq!(found.keys("ballot_position", "unreadable-position"), [fixtures::MAYOR]);
    repair(&mut connection, true, false, &Stop::default(), &SystemClock).unwrap();
    let mine = app.user(11).get("/v1/campaigns/mine").await.json();
    assert_eq!(mine.get("problem"), None);
    assert_eq!(verify(&mut connection).unwrap().defects(), 0);
}
