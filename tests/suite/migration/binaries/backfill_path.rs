//! The path of phase 1 with the real binary, including killed processes.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use diesel::RunQueryDsl as _;
use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use super::backfill::reader;
use crate::{
    binaries::{Running, backfill, binary, output},
    fixtures,
    migration::{
        backfill_faults::CAMPAIGNS,
        backfill_run::{assert_same_result, finish, undisturbed},
        generated,
    },
    reports::{json_of, report_of},
};

fn states(plan: &Value) -> Vec<&str> {
    plan["steps"].as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect()
}

#[test]
fn the_path_of_phase_1_from_plan_to_enforce_and_back() {
    let database = generated::legacy(600);
    let next = |expected: &str| {
        let (code, plan) = json_of(&database, &["plan"]);
        assert_eq!((code, &plan["schema_version"]), (Some(0), &json!(1)));
        assert_eq!(plan["next_steps"], json!([expected]));
    };
    next("backfill migrate phase-1-expand");
    let (code, refused) = json_of(&database, &["run", "positions"]);
    assert_eq!((code, &refused["next_steps"]), (Some(10), &json!(["backfill phase advance"])));
    json_of(&database, &["migrate", "phase-1-expand"]);
    next("backfill phase advance --to phase-1");
    assert_eq!(json_of(&database, &["enforce", "phase-1"]).0, Some(10));
    json_of(&database, &["phase", "advance"]);
    next("backfill run positions");
    let (code, refused) = json_of(&database, &["run", "organizations"]);
    assert_eq!((code, &refused["next_steps"]), (Some(10), &json!(["backfill run positions"])));

    let (code, report) = json_of(&database, &["run", "positions", "--workers", "2"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["look_ups"], json!({"configured": false, "positions": 0, "districts": 0}));
    assert_eq!(report["next_steps"], json!(["backfill run organizations"]));
    next("backfill run organizations");
    let (code, report) = json_of(&database, &["run", "organizations", "--aggressive"]);
    assert_eq!((code, &report["exit_code"]), (Some(41), &json!(41)));
    assert_eq!(report["steps"][0]["changed"], 610);
    assert_eq!(report["steps"][0]["examined"], 610);
    assert_eq!(report["next_steps"], json!(["backfill verify"]));
    next("backfill verify");
    assert_eq!(json_of(&database, &["enforce", "phase-1"]).0, Some(60));
    let (code, report) = json_of(&database, &["verify"]);
    assert_eq!((code, &report["campaigns"]), (Some(0), &json!(610)));
    next("backfill enforce phase-1");
    assert_eq!(json_of(&database, &["enforce", "phase-1"]).0, Some(0));
    next("backfill migrate phase-2-expand");

    database.execute("SET session_replication_role = replica; UPDATE campaign SET district_manually_set = NOT district_manually_set WHERE id = 1");
    let (code, stdout, _) = output(backfill(&database).arg("verify"));
    assert_eq!(code, Some(50));
    assert!(stdout.contains("wrong-manual-flag: 1 rows"), "{stdout}");

    database.execute(
        "INSERT INTO campaign (slug, updated_at, user_id)
             SELECT 'further', now(), user_id FROM campaign WHERE id = 1",
    );
    let (code, _, stderr) = output(backfill(&database).args(["phase", "back"]));
    assert_eq!(code, Some(10), "{stderr}");
    assert_eq!(states(&json_of(&database, &["plan"]).1)[5], "done", "enforced as before");
    let back = ["phase", "back", "--accept", "second-campaigns"];
    assert_eq!(json_of(&database, &back).0, Some(0));
    let (_, plan) = json_of(&database, &["plan"]);
    assert_eq!((states(&plan)[1], states(&plan)[5]), ("next", "later"));
}

#[test]
fn the_path_of_phase_2_from_plan_to_enforce_and_back() {
    let database = undisturbed(600);
    let filters = database.row("SELECT count(*) FROM voter_file_filter")["count"].clone();
    let next = |expected: &[&str]| {
        assert_eq!(json_of(&database, &["plan"]).1["next_steps"], json!(expected));
    };
    let refused = |arguments: &[&str], code: i32, next: &str| {
        let (refused, report) = json_of(&database, arguments);
        assert_eq!((refused, &report["next_steps"]), (Some(code), &json!([next])), "{report}");
    };
    refused(&["run", "voter-file-filters"], 10, "backfill enforce phase-1");
    json_of(&database, &["verify"]);
    json_of(&database, &["enforce", "phase-1"]);
    next(&["backfill migrate phase-2-expand"]);
    refused(&["run", "voter-file-filters"], 10, "backfill migrate phase-2-expand");
    json_of(&database, &["migrate", "phase-2-expand"]);
    next(&["backfill run voter-file-filters"]);
    let (code, report) = json_of(&database, &["run", "voter-file-filters", "--dry-run"]);
    assert_eq!((code, &report["rows"]), (Some(0), &json!({"voter_file_filter": filters})));
    let (code, report) = json_of(&database, &["run", "voter-file-filters", "--workers", "2"]);
    assert_eq!((code, &report["steps"][0]["changed"]), (Some(0), &filters));
    next(&["backfill verify"]);
    json_of(&database, &["verify"]);
    next(&["backfill phase advance --to phase-2"]);
    let (code, stdout, stderr) = output(backfill(&database).args(["phase", "advance"]));
    assert_eq!((code, stdout.as_str()), (Some(10), ""));
    assert!(stderr.contains("different answers: `--accept inherited-district`"), "{stderr}");
    refused(&["enforce", "phase-2"], 10, "backfill phase advance");
    let accepting = "backfill phase advance --to phase-2 --accept inherited-district,shared-text";
    refused(&["phase", "advance"], 10, accepting);
    let advance = ["phase", "advance", "--accept", "inherited-district,shared-text"];
    assert_eq!(json_of(&database, &advance).0, Some(0));
    next(&["backfill enforce phase-2"]);
    refused(&["enforce", "phase-1", "--undo"], 10, "backfill phase back");
    let (code, report) = json_of(&database, &["repair", "--dry-run"]);
    assert_eq!((code, &report["changed"]), (Some(0), &json!(0)));
    let (code, report) = json_of(&database, &["repair", "--compare"]);
    assert_eq!((code, &report["differing"]), (Some(0), &json!(0)));
    assert_eq!(json_of(&database, &["enforce", "phase-2", "--dry-run"]).0, Some(0));
    assert_eq!(json_of(&database, &["enforce", "phase-2"]).0, Some(0));
    next(&["backfill migrate phase-3-expand"]);
    let (code, stdout, _) = output(backfill(&database).args(["phase", "show"]));
    assert_eq!(code, Some(0));
    assert!(stdout.contains("accepted inherited-district, shared-text"), "{stdout}");
    assert_eq!(json_of(&database, &["phase", "back"]).0, Some(0), "undoes what is enforced");
    next(&["backfill phase advance --to phase-2"]);
    let campaigns = "SELECT FROM voter_file_filter WHERE campaign_id IS NULL";
    assert!(database.rows(campaigns).is_empty());
}

#[test]
fn dry_runs_write_nothing_and_say_what_would_be_done() {
    let database = generated::in_phase_1(600);
    let url = database.url_as(&reader(&database));
    let report_of =
        |words: &[&str]| report_of(backfill(&database).env("WINSERVE__DATABASE__URL", &url), words);
    let (code, report) = report_of(&["run", "positions", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(report["rows"]["ballot_position"].as_i64() > Some(100), "{report}");
    let (code, report) = report_of(&["run", "organizations", "--dry-run"]);
    assert_eq!((code, &report["rows"]["campaign"]), (Some(0), &json!(610)));
    assert!(report["quarantine"]["position-id-number"].as_i64() > Some(0), "{report}");
    assert_eq!(report_of(&["verify", "--dry-run"]).0, Some(50));
    assert_eq!(report_of(&["enforce", "phase-1", "--dry-run"]).0, Some(60));
    assert!(database.rows("SELECT FROM backfill_run").is_empty());
}

/// Whether campaigns or offices still need linking.
fn is_left(database: &TestDatabase) -> bool {
    let left = "SELECT EXISTS (SELECT FROM campaign WHERE organization_id IS NULL)
        OR EXISTS (SELECT FROM elected_office WHERE organization_id IS NULL) AS is_left";
    database.row(left)["is_left"] == true
}

fn organizations(database: &TestDatabase) -> Running {
    let mut command = backfill(database);
    command
        .args(["run", "organizations", "--lease", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// Kills three concurrent processes in the middle of their work, again and again. A kill counts only while rows are
/// left, and some must hit a batch. A last run finishes the rest.
fn killed(campaigns: u32, kills: u32) {
    let database = generated::in_phase_1(campaigns);
    let code = output(backfill(&database).args(["run", "positions", "--aggressive"])).0;
    assert_eq!(code, Some(0));
    // Any fixed seed: the kills happen at various moments.
    let mut moments = (1_u64..).map(|round| Duration::from_millis(round * 37 % 150));
    let mut watcher = database.connect();
    let mut counted = 0;
    let abandoned = "SELECT FROM backfill_batch WHERE attempts > 1 OR done_at IS NULL";
    let end = Instant::now() + Duration::from_secs(20) * kills;
    while counted < kills || database.rows(abandoned).len() <= 3 {
        assert!(Instant::now() < end, "{counted} kills, but they hit too few batches");
        let round = database.row("SELECT clock_timestamp()::text AS began")["began"].clone();
        // With the lease of these processes: the last round's leases block them for a second.
        let at_work = format!(
            "SELECT FROM backfill_batch WHERE done_at IS NULL AND lease_until > '{}'::timestamptz + interval '1 s'",
            round.as_str().unwrap()
        );
        let mut processes: Vec<Running> = (0..3).map(|_| organizations(&database)).collect();
        std::thread::sleep(Duration::from_millis(60) + moments.next().unwrap());
        let deadline = Instant::now() + Duration::from_secs(10);
        while diesel::sql_query(&at_work).execute(&mut watcher).unwrap() == 0 {
            assert!(Instant::now() < deadline, "no worker is running");
        }
        for process in &mut processes {
            counted += u32::from(process.kill());
        }
        assert!(is_left(&database), "too few rows: only {counted} kills");
    }
    let (code, stdout, stderr) =
        output(backfill(&database).args(["run", "organizations", "--lease", "1", "--aggressive"]));
    assert_eq!(code, Some(41), "{stdout}{stderr}");
    let runs =
        database.row("SELECT count(DISTINCT job) AS jobs, count(*) AS runs FROM backfill_run");
    assert_eq!(runs["jobs"], runs["runs"], "every process joined the current run");
    assert_same_result(&database, &undisturbed(campaigns));
}

#[test]
fn processes_that_are_killed_leave_what_an_undisturbed_run_leaves() {
    killed(CAMPAIGNS, 6);
}

#[test]
#[ignore = "make chaos"]
fn chaos_processes_that_are_killed_leave_what_an_undisturbed_run_leaves() {
    killed(200_000, 200);
}

#[test]
fn a_signal_stops_a_run_and_the_same_command_continues() {
    let database = generated::in_phase_1(CAMPAIGNS);
    assert_eq!(output(backfill(&database).args(["run", "positions", "--aggressive"])).0, Some(0));
    for signal in ["-TERM", "-INT"] {
        let mut running = organizations(&database);
        let deadline = Instant::now() + Duration::from_secs(20);
        let done = "SELECT FROM backfill_batch WHERE done_at IS NOT NULL AND run_id IN (SELECT id FROM backfill_run WHERE job = 'campaigns')";
        let before = database.rows(done).len();
        while database.rows(done).len() == before {
            assert!(Instant::now() < deadline, "no batch is done");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(is_left(&database));
        running.signal(signal);
        assert_eq!(running.ended_within(Duration::from_secs(20)), Some(22));
    }
    // Released rows block nothing.
    let open = database
        .rows("SELECT FROM backfill_batch WHERE done_at IS NULL AND lease_until IS NOT NULL");
    assert!(open.is_empty());
    finish(&database);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_process_that_was_stopped_beyond_its_lease_publishes_nothing_when_it_wakes() {
    let database = generated::in_phase_1(CAMPAIGNS);
    assert_eq!(output(backfill(&database).args(["run", "positions", "--aggressive"])).0, Some(0));
    let mut sleeper = organizations(&database);
    let held =
        "SELECT FROM backfill_batch WHERE done_at IS NULL AND lease_until > clock_timestamp()";
    let mut watcher = database.connect();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        sleeper.signal("-CONT");
        while diesel::sql_query(held).execute(&mut watcher).unwrap() == 0 {
            assert!(Instant::now() < deadline, "no batch is in progress");
            std::thread::sleep(Duration::from_millis(1));
        }
        sleeper.signal("-STOP");
        // Its last statement has finished: is it still in the middle of a batch?
        std::thread::sleep(Duration::from_millis(50));
        if diesel::sql_query(held).execute(&mut watcher).unwrap() == 1 {
            break;
        }
    }
    let heir = ["run", "organizations", "--lease", "1", "--aggressive"];
    let (code, stdout, stderr) = output(backfill(&database).args(heir));
    assert_eq!(code, Some(41), "{stdout}{stderr}");
    let taken_over = database.row("SELECT count(*) FROM backfill_batch WHERE attempts > 1");
    assert_eq!(taken_over["count"], 1);
    let before = database.rows("SELECT * FROM backfill_batch ORDER BY id");
    sleeper.signal("-CONT");
    assert_eq!(sleeper.0.wait().unwrap().code(), Some(41), "other workers finished the run");
    assert_eq!(database.rows("SELECT * FROM backfill_batch ORDER BY id"), before);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_run_without_a_terminal_reports_in_lines_and_a_missing_database_is_reported() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let help = output(backfill(&database).args(["run", "organizations", "--help"])).1;
    assert!(help.contains("--workers") && help.contains("--dry-run"), "{help}");
    let mut away: Command = binary("backfill");
    away.args(["run", "positions"])
        .env("WINSERVE__DATABASE__URL", "postgresql://127.0.0.1:1/nowhere");
    assert_eq!(output(&mut away).0, Some(30));
    assert_eq!(output(backfill(&database).args(["run", "positions", "--workers", "0"])).0, Some(2));
}
