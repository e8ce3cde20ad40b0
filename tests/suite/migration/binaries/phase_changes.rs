//! `backfill phase advance` and `backfill phase back` between phases 2 and 3, with processes that are killed.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use winserve_migration::{
    Phase, Unobserved,
    migrate::{Group, expand},
    run_voter_file_filters,
    sql::{enforce_phase_1, enforce_phase_2},
    verify,
};
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{Running, backfill, output},
    migration::{
        backfill_run::{options, undisturbed},
        clean_and_restore::{chaos_size, rows_as_text},
    },
};

const ADVANCE: [&str; 4] = ["phase", "advance", "--accept", "other-services-updated"];
const BACK: [&str; 2] = ["phase", "back"];
/// JSON that says something else than the tables, so that the way back has to write every campaign.
const STALE: &str = r#"SET winserve.writer = 'winserve';
    UPDATE campaign SET details = details || '{"office": "Stale", "state": "WY", "positionId": null}'
    WHERE jsonb_typeof(details) = 'object';
    RESET winserve.writer"#;

/// Generated campaigns in phase 2, as the gates of phase 3 want them.
fn ready(campaigns: u32) -> TestDatabase {
    TestDatabase::copy_of(&format!("leaving_phase_2_{campaigns}"), Phase::One, || {
        let database = undisturbed(campaigns);
        let mut connection = database.connect();
        verify(&mut connection).unwrap();
        enforce_phase_1(&mut connection).unwrap();
        expand(&mut connection, Group::Phase2).unwrap();
        run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
        database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-2'");
        enforce_phase_2(&mut connection).unwrap();
        expand(&mut connection, Group::Phase3).unwrap();
        database
    })
}

fn phase_of(database: &TestDatabase) -> Value {
    database.row("SELECT phase FROM migration_phase")["phase"].clone()
}

fn finish(database: &TestDatabase, words: &[&str], phase: Phase) {
    if phase_of(database) != phase.as_str() {
        let (code, stdout, stderr) = output(backfill(database).args(words));
        assert_eq!(code, Some(0), "{stdout}{stderr}");
    }
    assert_eq!(phase_of(database), phase.as_str());
}

/// Kills three processes of a command, a few times; a last one does what they left. Returns how many were still
/// running.
fn killed(
    database: &TestDatabase,
    words: &[&str],
    moments: impl Iterator<Item = Duration>,
    phase: Phase,
) -> u32 {
    let start = || {
        let mut process = backfill(database);
        process.args(words).stdout(Stdio::null()).stderr(Stdio::null());
        Running(process.spawn().unwrap())
    };
    let mut kills = 0;
    for moment in moments {
        let mut processes = [start(), start(), start()];
        std::thread::sleep(moment);
        kills += processes.iter_mut().map(|process| u32::from(process.kill())).sum::<u32>();
    }
    finish(database, words, phase);
    kills
}

/// There and back again, until so many processes were killed: the phase, its history and every row are as after an
/// undisturbed change.
fn killed_there_and_back(campaigns: u32, kills: u32) {
    let database = ready(campaigns);
    let there_and_back = |change: &mut dyn FnMut(&[&str], Phase) -> u32| {
        assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
        let kills = change(&ADVANCE, Phase::Three);
        database.execute_unmapped(STALE);
        kills + change(&BACK, Phase::Two)
    };
    there_and_back(&mut |words, phase| {
        finish(&database, words, phase);
        0
    });
    let undisturbed = rows_as_text(&database);
    // Any fixed seed: the kills happen at various moments, more of them later if there is more to do.
    let latest = u64::from(200 + campaigns / 10);
    let mut moments = (1_u64..).map(|round| Duration::from_millis(20 + round * 37 % latest));
    let (mut counted, mut rounds) = (0, 1);
    while counted < kills {
        counted += there_and_back(&mut |words, phase| {
            killed(&database, words, moments.by_ref().take(3), phase)
        });
        rounds += 1;
        assert_eq!(rows_as_text(&database), undisturbed);
    }
    let history = database.rows(
        "SELECT to_phase FROM migration_phase_history WHERE 'phase-3' IN (from_phase, to_phase) ORDER BY id",
    );
    let entered: Vec<_> = history.iter().map(|entry| entry["to_phase"].as_str().unwrap()).collect();
    assert_eq!(entered, ["phase-3", "phase-2"].repeat(rounds), "each change was made once");
}

#[test]
fn processes_that_are_killed_change_the_phase_once_or_not_at_all() {
    killed_there_and_back(600, 20);
}

#[test]
#[ignore = "make chaos"]
fn chaos_processes_that_are_killed_change_the_phase_once_or_not_at_all() {
    let (campaigns, kills) = chaos_size();
    killed_there_and_back(campaigns, kills);
}
