//! The commands of the runbook, in its order and word for word.

use winserve_migration::Phase;
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{backfill, output},
    migration::generated,
};

const RUNBOOK: &str = include_str!("../../../../docs/runbook.md");
const MARK: &str = "<!-- run: ";

/// A command, with the exit codes that its comment allows.
struct Line {
    words: Vec<&'static str>,
    codes: Vec<i32>,
}

impl Line {
    fn parse(line: &'static str) -> Self {
        let (command, comment) = line.split_once('#').unwrap_or((line, ""));
        // Numbers before the first colon or semicolon.
        let codes = comment.split([':', ';', '`']).next().unwrap_or_default();
        let codes: Vec<i32> =
            codes.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let words: Vec<_> = command.split_whitespace().collect();
        assert_eq!(words.first(), Some(&"backfill"), "{line}");
        Self { words: words[1..].to_vec(), codes: if codes.is_empty() { vec![0] } else { codes } }
    }
}

/// The commands of the blocks with a mark, in order.
fn lines(mark: &str) -> Vec<Line> {
    let marked = RUNBOOK.split(MARK).skip(1).filter_map(|rest| rest.strip_prefix(mark));
    let blocks = marked.map(|rest| {
        let block = rest.strip_prefix(" -->\n```sh\n").unwrap();
        block.split("```").next().unwrap()
    });
    blocks.flat_map(str::lines).map(Line::parse).collect()
}

fn run(database: &TestDatabase, mark: &str) {
    for Line { words, codes } in lines(mark) {
        let (code, stdout, stderr) = output(backfill(database).args(&words));
        let is_allowed = code.is_some_and(|code| codes.contains(&code));
        assert!(is_allowed, "{words:?} ended with {code:?}, not {codes:?}\n{stdout}\n{stderr}");
    }
}

/// A database of the old service that has gone the whole path.
fn migrated() -> TestDatabase {
    TestDatabase::copy_of("runbook", Phase::Legacy, || {
        let database = generated::legacy(200);
        run(&database, "path");
        database
    })
}

fn phase_of(database: &TestDatabase) -> String {
    database.row("SELECT phase FROM migration_phase")["phase"].as_str().unwrap().to_owned()
}

#[test]
fn every_block_of_the_runbook_is_run_by_a_test() {
    let blocks = RUNBOOK.matches("```").count() / 2;
    let marks = ["path", "back", "end"]
        .map(|mark| RUNBOOK.matches(&format!("{MARK}{mark} -->\n```sh\n")).count());
    assert_eq!(marks.iter().sum::<usize>(), blocks);
    assert!(marks.iter().all(|count| *count > 0), "{marks:?}");
}

#[test]
fn its_path_leads_to_a_cleaned_phase_3_and_its_way_back_to_the_beginning() {
    let database = migrated();
    assert_eq!(phase_of(&database), "phase-3");
    assert!(!database.rows("SELECT FROM backfill_archive").is_empty());
    run(&database, "back");
    assert_eq!(database.row("SELECT to_regclass('organization') IS NULL AS gone")["gone"], true);
}

#[test]
fn its_end_is_the_end_of_the_migration() {
    let database = migrated();
    run(&database, "end");
    assert_eq!(phase_of(&database), "phase-3");
}
