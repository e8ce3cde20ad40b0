//! `backfill clean` and `backfill restore` with the real binary, including killed processes.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{Running, backfill, output},
    migration::{
        clean_and_restore::{archive_as_text, chaos_size, in_phase_3, rows_as_text},
        generated,
    },
    reports::json_of,
};

#[test]
fn they_print_what_their_schema_describes_and_end_with_the_documented_codes() {
    let early = generated::in_phase_1(600);
    for command in ["clean", "restore"] {
        assert_eq!(json_of(&early, &[command]).0, Some(10));
    }
    let database = in_phase_3(600);
    database.expect_damage();
    database.execute_unmapped(
        "UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'ELSEWHERE' WHERE id = 5",
    );
    assert_eq!(json_of(&database, &["clean", "--dry-run"]).0, Some(70));
    let (code, report) = json_of(&database, &["clean", "--workers", "2"]);
    assert_eq!(code, Some(70));
    let refused: Vec<_> = report["refused"].as_object().unwrap().values().collect();
    assert_eq!(refused, [&json!({"rows": 1, "keys": [5]})]);
    let accept = report["next_steps"][0].as_str().unwrap().replace("backfill ", "");
    let accept: Vec<_> = accept.split(' ').collect();
    assert_eq!(json_of(&database, &accept).0, Some(0));
    assert_eq!(json_of(&database, &["clean", "--accept", "shared-text"]).0, Some(10));
    assert_eq!(json_of(&database, &["restore", "--dry-run"]).0, Some(0));
    database.execute_unmapped("UPDATE campaign SET l2_district_name = 'NOWHERE' WHERE id = 5");
    assert_eq!(json_of(&database, &["restore", "--accept", "wrong-district"]).0, Some(10));
    let (code, report) = json_of(&database, &["restore", "--aggressive"]);
    assert_eq!((code, &report["rewritten"]), (Some(0), &json!(1)));
    let text = output(backfill(&database).arg("clean")).1;
    assert!(text.contains("were moved to the archive"), "{text}");
    let text = output(backfill(&database).arg("restore")).1;
    assert!(text.contains("were put back"), "{text}");
}

/// Kills three processes of a command in the middle of their work, a few times; a last one finishes the rest.
/// Returns how many were still running.
fn killed(
    database: &TestDatabase,
    command: &str,
    moments: &mut impl Iterator<Item = Duration>,
) -> u32 {
    let mut kills = 0;
    for moment in moments.take(3) {
        let mut processes: Vec<Running> = (0..3)
            .map(|_| {
                let mut process = backfill(database);
                process.args([command, "--lease", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
                Running(process.spawn().unwrap())
            })
            .collect();
        std::thread::sleep(moment);
        for process in &mut processes {
            kills += u32::from(process.kill());
        }
    }
    let rest = [command, "--lease", "1", "--aggressive"];
    let (code, stdout, stderr) = output(backfill(database).args(rest));
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    kills
}

/// Both directions end as they do undisturbed, again and again, until so many processes were killed.
fn killed_there_and_back(campaigns: u32, kills: u32) {
    let database = in_phase_3(campaigns);
    let original = rows_as_text(&database);
    let state = |database: &TestDatabase| -> (Value, Value) {
        (rows_as_text(database), archive_as_text(database))
    };
    assert_eq!(output(backfill(&database).args(["clean", "--aggressive"])).0, Some(0));
    let clean = state(&database);
    assert_eq!(output(backfill(&database).args(["restore", "--aggressive"])).0, Some(0));
    assert_eq!(rows_as_text(&database), original);
    // Any fixed seed: the kills happen at various moments.
    let mut moments = (1_u64..).map(|round| Duration::from_millis(30 + round * 37 % 250));
    let mut counted = 0;
    while counted < kills {
        counted += killed(&database, "clean", &mut moments);
        assert_eq!(state(&database), clean);
        counted += killed(&database, "restore", &mut moments);
        assert_eq!(rows_as_text(&database), original);
    }
}

#[test]
fn processes_that_are_killed_lose_nothing_on_the_way_there_and_back() {
    killed_there_and_back(1_500, 20);
}

#[test]
#[ignore = "make chaos"]
fn chaos_processes_that_are_killed_lose_nothing_on_the_way_there_and_back() {
    let (campaigns, kills) = chaos_size();
    killed_there_and_back(campaigns, kills);
}
