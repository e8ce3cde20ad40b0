//! Following the `Next:` lines of `backfill` always works: whatever is wrong with a database, in any phase, running
//! these commands one after the other ends with nothing left to do.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_migration::{
    Unobserved,
    migrate::{Group, expand},
    phase::{self, PhaseChange, PhaseError},
    run_voter_file_filters,
    sql::{enforce_phase_1, enforce_phase_2},
    verify,
};
use winserve_persistence::PgConnection;
use winserve_testkit::TestDatabase;

use super::{
    backfill_run::{finish, options},
    generated,
};
use crate::{
    binaries::{backfill, output},
    fixtures::{self, COUNCIL, MAYOR},
    reports::json_of,
};

/// The stage of a database on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Phase `legacy` after phase 1: the tables exist, but may be out of date.
    LegacyExpanded,
    /// Phase 1 after the backfill.
    Phase1,
    /// Phase 1 enforced, with the schema of phase 2 and filters that have organizations.
    Phase2Expanded,
    Phase2,
    Phase2Enforced,
}

const STAGES: [Stage; 5] = [
    Stage::LegacyExpanded,
    Stage::Phase1,
    Stage::Phase2Expanded,
    Stage::Phase2,
    Stage::Phase2Enforced,
];

impl Stage {
    const fn phase(self) -> Phase {
        match self {
            Self::LegacyExpanded => Phase::Legacy,
            Self::Phase1 | Self::Phase2Expanded => Phase::One,
            Self::Phase2 | Self::Phase2Enforced => Phase::Two,
        }
    }

    fn database(self) -> TestDatabase {
        let name = format!("next_steps_{self:?}").to_lowercase();
        let database = TestDatabase::copy_of(&name, self.phase(), || self.build());
        database.expect_damage();
        database
    }

    /// From the previous stage.
    fn build(self) -> TestDatabase {
        let database = match self {
            Self::Phase1 => legacy(),
            Self::LegacyExpanded | Self::Phase2Expanded => Self::Phase1.database(),
            Self::Phase2 => Self::Phase2Expanded.database(),
            Self::Phase2Enforced => Self::Phase2.database(),
        };
        let mut connection = database.connect();
        match self {
            Self::Phase1 => {
                generated::advance(&database);
                finish(&database);
            }
            Self::LegacyExpanded => enter(&mut connection, Phase::One, Phase::Legacy),
            Self::Phase2Expanded => {
                assert_eq!(verify(&mut connection).unwrap().defects(), 0);
                enforce_phase_1(&mut connection).unwrap();
                expand(&mut connection, Group::Phase2).unwrap();
                run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
            }
            Self::Phase2 => {
                verify(&mut connection).unwrap();
                enter(&mut connection, Phase::One, Phase::Two);
            }
            Self::Phase2Enforced => {
                enforce_phase_2(&mut connection).unwrap();
            }
        }
        database
    }
}

fn enter(connection: &mut PgConnection, from: Phase, to: Phase) {
    phase::change(connection, &into(from, to)).unwrap();
}

fn into(from: Phase, to: Phase) -> PhaseChange {
    let accepted: &[&str] =
        if to == Phase::Two { &["inherited-district", "shared-text"] } else { &[] };
    PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: accepted.iter().map(ToString::to_string).collect(),
        silence: Duration::ZERO,
    }
}

/// Campaigns 1 to 40 of user 7, each with a filter: those with an even id for a typed-in office, the others
/// for the mayor's. An office was won with each.
fn legacy() -> TestDatabase {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::user(&database, 8, "candidate");
    let district = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
    for id in 1..=40 {
        let details = match id % 2 {
            0 => {
                json!({"positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "MI"})
            }
            _ => {
                json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI"})
            }
        };
        fixtures::campaign(&database, id, 7, &details, Some(&district));
    }
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id)
             SELECT 'o-' || id, now(), 7, id FROM campaign;
         INSERT INTO voter_file_filter (id, updated_at, name, campaign_id)
             SELECT id, now(), 'Voters', id FROM campaign",
    );
    database
}

/// A defect, as the statements that cause it: what the old service can write, what a bug of ours would write to
/// only one store, or what only a superuser can do without triggers and foreign keys. A stage that rejects the
/// statements cannot have the defect.
struct Defect {
    /// Table and category, as `verify` reports it; if the old service's change is recorded, `verify` need not
    /// report it.
    found_as: Option<(&'static str, &'static str)>,
    statements: String,
}

/// The old service's writes when a candidate picks an office.
fn picked(office: &str) -> String {
    fixtures::literal(&json!({"positionId": office, "office": "Other", "otherOffice": "Clerk"}))
}

/// It is not recorded, and only a CHECK or NOT NULL prevents it.
const UNNOTICED: &str = "SET session_replication_role = replica; ";

/// Each defect has its own rows, so that all can exist at once.
fn defects() -> Vec<Defect> {
    let unnoticed = |table: &'static str, category: &'static str, statements: &str| Defect {
        found_as: Some((table, category)),
        statements: format!("{UNNOTICED}{statements}"),
    };
    let of_old_service =
        |statements: &str| Defect { found_as: None, statements: statements.to_owned() };
    let campaign = |category, statements: &str| unnoticed("campaign", category, statements);
    let office = |category, statements: &str| unnoticed("elected_office", category, statements);
    let filter = |category, statements: &str| unnoticed("voter_file_filter", category, statements);
    vec![
        campaign("missing-organization", "UPDATE campaign SET organization_id = NULL WHERE id = 1"),
        campaign("missing-position", "UPDATE campaign SET position_id = NULL WHERE id = 2"),
        campaign("dangling-organization", "UPDATE campaign SET organization_id = gen_random_uuid() WHERE id = 3"),
        campaign("dangling-position", "UPDATE campaign SET position_id = 'nowhere' WHERE id = 4"),
        campaign(
            "wrong-owner",
            "UPDATE organization SET owner_id = 8 WHERE id = (SELECT organization_id FROM campaign WHERE id = 5)",
        ),
        campaign("wrong-position", &format!("UPDATE campaign SET details = {} WHERE id = 6", picked(COUNCIL))),
        campaign(
            "stale-position",
            "UPDATE campaign SET l2_district_type = NULL, l2_district_name = NULL WHERE id = 8;
             UPDATE ballot_position SET office = NULL, state = NULL WHERE id = 'custom:campaign:8'",
        ),
        campaign(
            "wrong-office-text",
            "UPDATE ballot_position SET office = 'Cat Catcher' WHERE id = 'custom:campaign:10'",
        ),
        campaign("wrong-district", "UPDATE campaign SET l2_district_name = 'ADRIAN' WHERE id = 12"),
        campaign("unexpected-district", "UPDATE path_to_victory SET data = '{}' WHERE campaign_id = 14"),
        campaign("wrong-manual-flag", "UPDATE campaign SET district_manually_set = true WHERE id = 16"),
        campaign(
            "manual-flag-without-district",
            "UPDATE campaign SET district_manually_set = true, l2_district_type = NULL, l2_district_name = NULL
             WHERE id = 17",
        ),
        campaign("unreadable-district", "UPDATE campaign SET l2_district_id = 'nonsense' WHERE id = 18"),
        office("missing-organization", "UPDATE elected_office SET organization_id = NULL WHERE id = 'o-1'"),
        office("missing-position", "UPDATE elected_office SET position_id = NULL WHERE id = 'o-2'"),
        office(
            "dangling-organization",
            "UPDATE elected_office SET organization_id = gen_random_uuid() WHERE id = 'o-3'",
        ),
        office("dangling-position", "UPDATE elected_office SET position_id = 'nowhere' WHERE id = 'o-4'"),
        office(
            "wrong-owner",
            "UPDATE organization SET owner_id = 8 WHERE id = (SELECT organization_id FROM elected_office WHERE id = 'o-5')",
        ),
        office(
            "wrong-position",
            "ALTER TABLE elected_office DROP CONSTRAINT elected_office_custom_position_own;
             UPDATE elected_office SET position_id = 'custom:office:o-20' WHERE id = 'o-6'",
        ),
        office(
            "stale-position",
            "UPDATE ballot_position SET office = NULL, state = NULL WHERE id = 'custom:office:o-30';
             UPDATE elected_office SET l2_district_type = NULL, l2_district_name = NULL WHERE id = 'o-30';
             UPDATE organization SET request_key = NULL WHERE id = (SELECT organization_id FROM elected_office WHERE id = 'o-30')",
        ),
        office(
            "manual-flag-without-district",
            "UPDATE elected_office SET district_manually_set = true, l2_district_type = NULL, l2_district_name = NULL
             WHERE id = 'o-9'",
        ),
        office("unreadable-district", "UPDATE elected_office SET l2_district_id = 'nonsense' WHERE id = 'o-10'"),
        unnoticed(
            "organization",
            "orphan-organization",
            "INSERT INTO organization (id, owner_id, type) VALUES ('00000000-0000-7000-8000-000000000001', 7, 'campaign')",
        ),
        unnoticed(
            "ballot_position",
            "orphan-position",
            "INSERT INTO ballot_position (id, source) VALUES ('custom:campaign:999', 'custom')",
        ),
        unnoticed(
            "ballot_position",
            "unreadable-position",
            &format!("UPDATE ballot_position SET l2_district_id = 'nonsense' WHERE id = '{MAYOR}'"),
        ),
        filter(
            "filter-without-organization",
            "UPDATE voter_file_filter SET organization_id = NULL, organization_type = NULL WHERE id = 21",
        ),
        filter(
            "wrong-organization",
            "UPDATE voter_file_filter SET organization_type = 'campaign',
                 organization_id = (SELECT organization_id FROM campaign WHERE id = 23) WHERE id = 22",
        ),
        filter(
            "party-in-office-filter",
            "ALTER TABLE voter_file_filter DROP CONSTRAINT voter_file_filter_office_without_party;
             INSERT INTO voter_file_filter (id, updated_at, organization_id, organization_type, party_democrat, campaign_id)
                 SELECT 101, now(), organization_id, 'elected_office', true, NULL FROM elected_office WHERE id = 'o-24'",
        ),
        filter(
            "filter-of-nobody",
            "INSERT INTO voter_file_filter (id, updated_at) VALUES (102, now())",
        ),
        of_old_service(&format!("UPDATE campaign SET details = {} WHERE id = 26", picked(COUNCIL))),
        of_old_service(
            "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('late', now(), 7, 27)",
        ),
        of_old_service(&format!(
            "INSERT INTO campaign (id, updated_at, slug, user_id, details) VALUES (103, now(), 'late', 8, {});
             INSERT INTO voter_file_filter (id, updated_at, campaign_id) VALUES (103, now(), 103);
             INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('later', now(), 8, 103)",
            picked(MAYOR)
        )),
        of_old_service("DELETE FROM path_to_victory WHERE campaign_id = 28"),
    ]
}

/// Blockers of the path that are not in a row.
fn blockers(stage: Stage) -> Vec<Defect> {
    let mut statements: Vec<_> =
        ["positions", "campaigns", "elected-offices", "voter-file-filters"]
            .iter()
            .map(|job| {
                format!("INSERT INTO backfill_run (id, job) VALUES (gen_random_uuid(), '{job}')")
            })
            .collect();
    statements.push("DELETE FROM backfill_run WHERE job = 'verify'".to_owned());
    if !matches!(stage, Stage::LegacyExpanded | Stage::Phase1) {
        // As an earlier build left it at the end of phase 2.
        statements.push(
            "DROP TRIGGER voter_file_filter_complete ON voter_file_filter;
             ALTER TABLE voter_file_filter DROP COLUMN campaign_id"
                .to_owned(),
        );
    }
    statements.into_iter().map(|statements| Defect { found_as: None, statements }).collect()
}

/// Whether the stage allows the defect.
fn make(database: &TestDatabase, Defect { statements, .. }: &Defect) -> bool {
    match database.connect().batch_execute(&format!("BEGIN; {statements}; COMMIT")) {
        Ok(()) => true,
        Err(error) if error.to_string().contains("null value") => false,
        Err(error) => panic!("{statements}: {error}"),
    }
}

/// More steps than the whole path with repairs at both ends needs.
const STEPS: usize = 60;
/// Optional steps, which need Clerk, are skipped.
const BESIDE: [&str; 4] = [
    "backfill migrate phase-1b-expand",
    "backfill phase advance phase-1b",
    "backfill run clerk-organizations",
    "backfill enforce phase-1b",
];
/// The exit codes of commands that print what comes next: done, refused, rows left, rows in quarantine,
/// defects found.
const ENDS: [i32; 6] = [0, 10, 23, 41, 50, 60];

/// Runs a command; returns how it ended, and the commands that it names.
fn run(database: &TestDatabase, command: &str) -> (i32, Vec<String>) {
    let words = command.split_whitespace().skip_while(|word| *word == "backfill");
    let (code, stdout, stderr) = output(backfill(database).args(words));
    let code = code.filter(|code| ENDS.contains(code));
    let code = code.unwrap_or_else(|| panic!("{command}: {stdout}{stderr}"));
    let lines = stdout.lines().chain(stderr.lines());
    let next = lines.filter_map(|line| line.strip_prefix("Next: ").map(str::to_owned)).collect();
    (code, next)
}

/// Runs the first `Next:` of each command, to the end of the path. Returns each command, its exit code and the
/// commands that it named.
fn walk_from(database: &TestDatabase, first: &str) -> Vec<String> {
    let mut trace = Vec::new();
    let mut command = first.to_owned();
    for _ in 0..STEPS {
        let (code, next) = run(database, &command);
        trace.push(format!("{command} → {code}, {next:?}"));
        command = match next.into_iter().next() {
            Some(next) if BESIDE.contains(&next.as_str()) => return trace,
            Some(next) => next,
            // A report without a next step.
            None if code == 0 => return trace,
            None => panic!("a dead end: {trace:#?}"),
        };
    }
    panic!("no end: {trace:#?}");
}

/// [`walk_from`], then again from `verify`. Afterwards, nothing may be left to do.
fn walk_to_the_end(database: &TestDatabase, first: &str) {
    let mut trace = walk_from(database, first);
    trace.extend(walk_from(database, "backfill verify"));
    let is_clean = verify(&mut database.connect()).unwrap().defects() == 0;
    let is_over = !database.rows("SELECT WHERE to_regclass('legacy_change') IS NULL").is_empty();
    assert!(is_clean && is_over, "{trace:#?}");
    let phase = database.row("SELECT phase FROM migration_phase")["phase"].clone();
    assert_eq!(phase, "phase-3", "{trace:#?}");
}

/// Every command that prints what comes next and changes only what may be changed at any time.
const COMMANDS: [&str; 24] = [
    "status",
    "plan",
    "verify --dry-run",
    "phase show",
    "phase advance --dry-run",
    "phase back --dry-run",
    "enforce phase-1 --dry-run",
    "enforce phase-1 --undo --dry-run",
    "enforce phase-2 --dry-run",
    "enforce phase-2 --undo --dry-run",
    "enforce phase-1b",
    "migrate phase-1-expand",
    "migrate phase-2-expand --dry-run",
    "migrate phase-3-expand --dry-run",
    "phase advance phase-1b",
    "phase back phase-1b",
    "quarantine list",
    "quarantine show 5",
    "quarantine retry --all",
    "run positions --dry-run",
    "run organizations --dry-run",
    "run voter-file-filters --dry-run",
    "repair --dry-run",
    "repair --compare --dry-run",
];

/// A database at a stage with every defect that it allows, and those that `verify` must find.
fn damaged(stage: Stage) -> (TestDatabase, BTreeSet<(&'static str, &'static str)>) {
    let database = stage.database();
    let made = defects().into_iter().filter(|defect| make(&database, defect));
    let expected = made.filter_map(|defect| defect.found_as).collect();
    (database, expected)
}

/// With all defects at once: `verify` names each, every command prints a next step, and the walk from `verify` ends
/// with nothing left to do. `make chaos` also walks from every other command.
fn leads_to_nothing_left(stage: Stage) {
    let (database, expected) = damaged(stage);
    if stage != Stage::LegacyExpanded {
        let (code, report) = json_of(&database, &["verify", "--dry-run"]);
        let found: BTreeSet<_> = report["categories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["table"].as_str().unwrap(), it["category"].as_str().unwrap()))
            .collect();
        let missed: Vec<_> =
            expected.iter().filter(|category| !found.contains(*category)).collect();
        assert!(missed.is_empty(), "{missed:?} of {found:?}");
        assert_eq!(code, Some(50));
    }
    for command in COMMANDS {
        let (code, next) = run(&database, command);
        assert!(
            code == 0 || !next.is_empty(),
            "{command} ended with {code} and printed no next step"
        );
    }
    walk_to_the_end(&database, "backfill verify");
}

#[test]
fn every_next_step_leads_on_in_legacy_with_the_tables_of_phase_1() {
    leads_to_nothing_left(Stage::LegacyExpanded);
}

#[test]
fn every_next_step_leads_on_in_phase_1() {
    leads_to_nothing_left(Stage::Phase1);
}

#[test]
fn every_next_step_leads_on_in_phase_1_with_the_schema_of_phase_2() {
    leads_to_nothing_left(Stage::Phase2Expanded);
}

#[test]
fn every_next_step_leads_on_in_phase_2() {
    leads_to_nothing_left(Stage::Phase2);
}

#[test]
fn every_next_step_leads_on_in_phase_2_enforced() {
    leads_to_nothing_left(Stage::Phase2Enforced);
}

#[test]
#[ignore = "make chaos: every defect alone, in every phase"]
fn chaos_every_next_step_leads_on_from_each_defect_alone() {
    for stage in STAGES {
        for defect in defects().into_iter().chain(blockers(stage)) {
            let database = stage.database();
            if !make(&database, &defect) {
                continue;
            }
            walk_to_the_end(&database, "backfill verify");
        }
    }
}

#[test]
#[ignore = "make chaos: every command on all defects, in every phase"]
fn chaos_every_next_step_leads_on_from_each_command() {
    for stage in STAGES {
        for command in COMMANDS {
            walk_to_the_end(&damaged(stage).0, command);
        }
        for obstacle in blockers(stage) {
            for command in
                ["phase advance", "enforce phase-1", "enforce phase-2", "run organizations"]
            {
                let database = stage.database();
                if make(&database, &obstacle) {
                    walk_to_the_end(&database, command);
                }
            }
        }
    }
}

const ADVANCE: &str = "backfill phase advance --accept inherited-district,shared-text";

/// A database that is ready for phase 2, and what the old service does then.
fn changed_after_the_verification(changes: &str) -> TestDatabase {
    let database = Stage::Phase2Expanded.database();
    verify(&mut database.connect()).unwrap();
    database.execute_unmapped(changes);
    database
}

fn picks_the_council(campaigns: &str) -> String {
    format!("UPDATE campaign SET details = {} WHERE id {campaigns}", picked(COUNCIL))
}

#[test]
fn what_the_old_service_writes_after_the_verification_is_in_the_tables_when_the_phase_changes() {
    let office = "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('late', now(), 7, 27)";
    let database =
        changed_after_the_verification(&format!("{}; {office}", picks_the_council("= 26")));
    let (code, _) = run(&database, ADVANCE);
    assert_eq!(code, 0);
    assert_eq!(database.rows("SELECT FROM legacy_change"), Vec::<Value>::new());
    let picked = database.row("SELECT position_id FROM campaign WHERE id = 26");
    assert_eq!(picked["position_id"], COUNCIL);
    let won = database.row("SELECT position_id FROM elected_office WHERE id = 'late'");
    assert_eq!(won["position_id"], MAYOR);
    walk_to_the_end(&database, "backfill verify");
}

#[test]
fn more_changes_than_the_old_service_can_wait_for_are_repaired_before_the_phase_changes() {
    let database = changed_after_the_verification(&format!(
        "INSERT INTO campaign (id, updated_at, slug, user_id, details)
         SELECT 1000 + number, now(), 'late-' || number, 8, {} FROM generate_series(1, 51) AS number",
        picked(MAYOR)
    ));
    let (code, next) = run(&database, ADVANCE);
    assert_eq!((code, next), (10, vec!["backfill repair".to_owned()]));
    walk_to_the_end(&database, ADVANCE);
}

#[test]
fn a_change_that_cannot_be_brought_into_the_tables_keeps_the_phase() {
    let database = changed_after_the_verification(&format!(
        "ALTER TABLE campaign ADD CONSTRAINT refused CHECK (position_id <> '{COUNCIL}');
         {}",
        picks_the_council("= 26")
    ));
    let (code, next) = run(&database, ADVANCE);
    assert_eq!((code, next), (10, vec!["backfill repair".to_owned()]));
    for command in ["repair", "repair --compare"] {
        let (code, stdout, _) = output(backfill(&database).args(command.split_whitespace()));
        assert_eq!(code, Some(23), "{stdout}");
        assert!(stdout.contains("campaign 26: "), "{stdout}");
        let is_last = command.contains("compare");
        assert_eq!(stdout.contains("Next: "), !is_last, "{stdout}");
        assert_eq!(stdout.contains("No command repairs these."), is_last, "{stdout}");
    }
}

/// Enters phase 2 while the old service has a transaction open, which `commit` ends.
fn enters_phase_2_during(database: &TestDatabase, transaction: &str) {
    let mut old_service = database.connect();
    old_service.batch_execute(&format!("BEGIN; {transaction}")).unwrap();
    let mut connection = database.connect();
    let advancing = std::thread::spawn(move || {
        loop {
            match phase::change(&mut connection, &into(Phase::One, Phase::Two)) {
                // It gives up early, so that statements of the old service do not queue behind it.
                Err(PhaseError::Busy { .. }) => {}
                outcome => return outcome,
            }
        }
    });
    let waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let deadline = Instant::now() + Duration::from_secs(10);
    while database.rows(waiting).is_empty() {
        assert!(Instant::now() < deadline, "no statement waits for the old service");
        std::thread::sleep(Duration::from_millis(5));
    }
    old_service.batch_execute("COMMIT").unwrap();
    advancing.join().unwrap().unwrap();
    assert_eq!(database.rows("SELECT FROM legacy_change"), Vec::<Value>::new());
    let picked = database.row("SELECT position_id FROM campaign WHERE id = 26");
    assert_eq!(picked["position_id"], COUNCIL);
}

#[test]
fn a_running_change_of_the_old_service_is_waited_for_and_seen() {
    let database = changed_after_the_verification("SELECT");
    enters_phase_2_during(&database, &picks_the_council("= 26"));
}

#[test]
fn a_campaign_that_the_old_service_is_changing_again_is_waited_for() {
    let database = changed_after_the_verification(&picks_the_council("= 26"));
    enters_phase_2_during(&database, "SELECT FROM campaign WHERE id = 26 FOR UPDATE");
}
