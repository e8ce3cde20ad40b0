//! `backfill enforce phase-3` with the real binary: asked twice, killed in the middle, and under a running server.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use diesel::{Connection as _, connection::SimpleConnection as _};
use serde_json::json;
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{Running, api, backfill, free_port, output, token, wait_until_ready},
    fixtures::DUMP,
    migration::enforce_phase_3::cleaned,
    reports::json_of,
};

const ENFORCE: [&str; 4] = ["enforce", "phase-3", "--reason", "the old service is updated"];
const CONFIRMED: [&str; 3] = ["enforce", "phase-3", "--yes"];

#[test]
fn it_says_that_there_is_no_way_back_and_changes_nothing_until_that_is_confirmed() {
    let database = cleaned();
    let before = database.rows(DUMP);
    let (code, refused) = json_of(&database, &ENFORCE);
    assert_eq!(
        (code, &refused["next_steps"]),
        (Some(10), &json!(["backfill enforce phase-3 --yes"]))
    );
    let said = refused["error"].as_str().unwrap();
    assert!(
        said.contains("no way back") && said.contains("elected_office.campaign_id (4 offices)"),
        "{said}"
    );
    let (code, stdout, stderr) = output(backfill(&database).args(CONFIRMED).arg("--dry-run"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("no way back") && stdout.contains("would enforce"), "{stdout}{stderr}");
    assert_eq!(database.rows(DUMP), before);
}

#[test]
fn after_it_the_plan_is_done_and_every_other_command_says_so() {
    let database = cleaned();
    let (code, stdout, stderr) = output(backfill(&database).args(ENFORCE).arg("--yes"));
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stderr.contains("no way back"), "said before it is done: {stderr}");
    let (code, again) = json_of(&database, &ENFORCE);
    assert_eq!((code, &again["outcome"]), (Some(0), &json!("nothing_to_do")));
    let (code, stdout, _) = output(backfill(&database).arg("plan"));
    assert_eq!(code, Some(0));
    let last = stdout.trim_end().lines().last().unwrap();
    assert!(last.starts_with("done: nothing of the migration is needed any more."), "{stdout}");
    assert!(last.contains("make prove-deletable"), "{stdout}");
    assert_eq!(json_of(&database, &["plan"]).0, Some(0));
    assert_eq!(json_of(&database, &["status"]).0, Some(0));
    assert_eq!(json_of(&database, &["verify", "--dry-run"]).0, Some(0));
    for command in ["clean", "restore"] {
        let (code, refused) = json_of(&database, &[command]);
        assert_eq!(
            (code, &refused["next_steps"]),
            (Some(10), &json!(["backfill plan"])),
            "{refused}"
        );
    }
    let (code, refused) = json_of(&database, &["phase", "back"]);
    assert_eq!(code, Some(10), "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("no way back"), "{refused}");
    for step in ["phase-1", "phase-2"] {
        assert_eq!(json_of(&database, &["enforce", step]).0, Some(0), "nothing to do");
    }
}

fn is_there(database: &TestDatabase, relation: &str) -> bool {
    database.row(&format!("SELECT to_regclass('{relation}') IS NOT NULL AS is_there"))["is_there"]
        == true
}

fn offices_have_campaigns(database: &TestDatabase) -> bool {
    let column = "SELECT FROM information_schema.columns
                  WHERE (table_name, column_name) = ('elected_office', 'campaign_id')";
    !database.rows(column).is_empty()
}

#[test]
fn killed_between_two_statements_it_has_no_way_back_and_is_finished_by_the_next_run() {
    let database = cleaned();
    let mut reader = database.connect();
    let mut process = reader
        .transaction(|reader| {
            // The fourth statement waits for this reader, and is tried again.
            reader.batch_execute("LOCK TABLE path_to_victory IN ACCESS SHARE MODE")?;
            let mut command = backfill(&database);
            command.args(CONFIRMED).stdout(Stdio::null()).stderr(Stdio::null());
            let mut process = Running(command.spawn().unwrap());
            let deadline = Instant::now() + Duration::from_secs(20);
            let third = "SELECT FROM pg_trigger WHERE tgname = 'campaign_legacy_change'";
            while !database.rows(third).is_empty() {
                assert!(Instant::now() < deadline, "it does not get there");
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(process.kill(), "it waits");
            diesel::QueryResult::Ok(process)
        })
        .unwrap();
    assert!(!process.kill());
    assert!(!offices_have_campaigns(&database) && is_there(&database, "legacy_change"));
    let (_, plan) = json_of(&database, &["plan"]);
    assert_eq!(plan["next_steps"], json!(["backfill enforce phase-3"]));
    assert_eq!(json_of(&database, &["restore"]).0, Some(10));
    assert_eq!(json_of(&database, &["phase", "back"]).0, Some(10));
    assert_eq!(json_of(&database, &["status"]).0, Some(0));
    assert_eq!(json_of(&database, &ENFORCE).0, Some(10), "still to be confirmed");
    assert_eq!(json_of(&database, &CONFIRMED).0, Some(0));
    assert_eq!(database.rows(DUMP), TestDatabase::at_the_end().rows(DUMP));
}

#[actix_web::test]
async fn a_running_server_does_not_notice() {
    let database = cleaned();
    let bind = format!("127.0.0.1:{}", free_port());
    let server = api(&database, &bind).stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let client = winserve_testkit::http_client();
    let get = |path: &str| client.get(format!("{base}{path}")).bearer_auth(token()).send();
    let before = get("/v1/elected-office/current").await.unwrap().text().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    // The server has yet to report that it knows the end.
    while json_of(&database, &CONFIRMED).0 != Some(0) {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            database.rows("SELECT * FROM process_heartbeat")
        );
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(get("/readyz").await.unwrap().status(), 200);
    assert_eq!(get("/v1/elected-office/current").await.unwrap().text().await.unwrap(), before);
    assert!(before.contains("organizationId"), "{before}");
    for path in ["/v1/organizations", "/v1/voters/voter-file/filters", "/v1/eligibility"] {
        assert_eq!(
            get(path).await.unwrap().status(),
            if path.contains("filter") { 400 } else { 200 },
            "{path}"
        );
    }
    assert_eq!(server.terminate(), Some(0));
}
