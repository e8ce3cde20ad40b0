//! `backfill`.

use std::process::Stdio;

use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use crate::{
    api::binaries::demo::reachable_folder,
    binaries::{backfill, binary, output},
    fixtures,
};

#[test]
fn backfill_migrates_an_empty_database_and_reports_on_it() {
    let database = TestDatabase::empty();
    let (code, _, stderr) = output(backfill(&database).arg("status"));
    assert_eq!(code, Some(10));
    assert!(stderr.contains("backfill migrate baseline"), "{stderr}");

    let dry = ["migrate", "baseline", "--dry-run", "--json"];
    let (code, stdout, _) = output(backfill(&database).args(dry));
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["outcome"], "would_create");
    assert_eq!(report["next_steps"], json!(["backfill migrate baseline"]));

    for text in ["Created the tables", "nothing was changed"] {
        let (code, stdout, _) = output(backfill(&database).args(["migrate", "baseline"]));
        assert_eq!(code, Some(0));
        assert!(stdout.contains(text), "{stdout}");
    }

    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"office": "Mayor", "state": "mi"}), None);
    let (code, stdout, _) = output(backfill(&database).args(["status", "--json"]));
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["next_steps"], json!(["backfill migrate phase-1-expand"]));
    assert_eq!(report["campaigns"]["custom_office"], 1);
    let (_, stdout, _) = output(backfill(&database).arg("status"));
    assert!(stdout.contains("state-spelling"), "{stdout}");
}

#[test]
fn backfill_tells_scripts_how_it_ended() {
    assert_eq!(output(binary("backfill").arg("nonsense")).0, Some(2));
    let config = output(binary("backfill").arg("status").env("WINSERVE__PHASE", "phase-9"));
    assert_eq!(config.0, Some(2), "{}", config.2);
    let away = binary("backfill")
        .arg("status")
        .env("WINSERVE__DATABASE__URL", "postgresql://127.0.0.1:1/nowhere")
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(30));
}

/// A role without write access.
pub(crate) fn reader(database: &TestDatabase) -> String {
    let role = database.role("reader");
    database.execute_unmapped(&format!("GRANT pg_read_all_data TO {role}"));
    role
}

#[test]
fn backfill_status_writes_nothing() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let reader = reader(&database);
    let status = output(
        backfill(&database).env("WINSERVE__DATABASE__URL", database.url_as(&reader)).arg("status"),
    );
    let (code, _, stderr) = status;
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn backfill_expands_undoes_and_says_what_it_did() {
    let database = TestDatabase::new();
    let expand = ["migrate", "phase-1-expand", "--json"];
    let (code, stdout, stderr) = output(backfill(&database).args(expand));
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["migrations"].as_array().unwrap().len() > 20, "{report}");
    let (_, stdout, _) = output(backfill(&database).args(["migrate", "phase-1-expand"]));
    assert_eq!(stdout, "0 migrations applied.\nNext: backfill plan\n");
    let (_, stdout, _) = output(backfill(&database).args(["status", "--json"]));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["next_steps"], json!(["backfill phase advance --to phase-1"]));
    let (code, stdout, _) =
        output(backfill(&database).args(["migrate", "phase-1-expand", "--undo"]));
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("migrations undone.\nNext: backfill plan\n"), "{stdout}");
}

#[test]
fn backfill_reports_failures_as_json_too() {
    let database = TestDatabase::empty();
    let (code, stdout, _) = output(backfill(&database).args(["status", "--json"]));
    assert_eq!(code, Some(10));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["exit_code"], 10);
    assert_eq!(report["next_steps"], json!(["backfill migrate baseline"]));
}

#[test]
fn backfill_without_a_database_does_not_make_one_and_says_which_variable_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("nowhere/postgres");
    for arguments in [&["status"][..], &["migrate", "baseline"]] {
        let mut command = binary("backfill");
        command.args(arguments).env("WINSERVE__DATABASE__DATA_DIR", &data_dir);
        let (code, _, stderr) = output(&mut command);
        assert_eq!(code, Some(10), "{stderr}");
        assert!(stderr.contains("WINSERVE__DATABASE__URL"), "{stderr}");
        assert!(!data_dir.parent().unwrap().exists());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let database = TestDatabase::new();
    let mut child = backfill(&database).arg("status").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_misspelt_variable_stops_it_and_is_named() {
    let mut command = binary("backfill");
    let (code, _, stderr) = output(command.arg("status").env("WINSERVE__SERVER__BNID", "x"));
    assert_ne!(code, Some(0));
    assert!(stderr.contains("`bnid`"), "{stderr}");
}

#[test]
fn a_private_cluster_is_started_for_as_long_as_it_takes() {
    let folder = reachable_folder();
    let folder = folder.path().join("postgres");
    let mut demo = binary("demo");
    demo.args(["--", "true"]).env("WINSERVE__DATABASE__DATA_DIR", &folder);
    assert_eq!(output(&mut demo).0, Some(0));
    let mut status = binary("backfill");
    status.args(["status", "--json"]).env("WINSERVE__DATABASE__DATA_DIR", &folder);
    let (code, stdout, stderr) = output(&mut status);
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["campaigns"]["total"], 0);
    assert!(!folder.join("pgdata/postmaster.pid").exists());
}
