//! `run positions` and `run organizations` on generated data.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_migration::{
    Job, Observer, Options, Progress, Unobserved, run_organizations, run_positions,
    sql::enforce_phase_1, verify,
};
use winserve_persistence::PgConnection;
use winserve_testkit::TestDatabase;

use super::{backfill_faults::CAMPAIGNS, generated};
use crate::fixtures;

/// At full speed, with leases short enough for tests to wait for.
pub(crate) fn options(database: &TestDatabase) -> Options {
    let lease = Duration::from_secs(1);
    Options { nice: 0.0, lease, ..Options::new(&database.url()) }
}

/// The undisturbed result of both jobs on generated campaigns.
pub(crate) fn undisturbed(campaigns: u32) -> TestDatabase {
    TestDatabase::copy_of(&format!("backfilled_{campaigns}"), Phase::One, || {
        let database = generated::in_phase_1(campaigns);
        finish(&database);
        database
    })
}

/// Runs both jobs to completion.
pub(crate) fn finish(database: &TestDatabase) {
    let options = options(database);
    assert_eq!(run_positions(&options, None, &mut Unobserved).unwrap().exit_code, 0);
    let organizations = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert!(matches!(organizations.exit_code, 0 | 41), "{organizations:?}");
}

/// Everything that the backfill writes, except for generated ids and times.
const RESULT: [&str; 4] = [
    "SELECT campaign.id, position_id, l2_district_id, l2_district_type, l2_district_name, district_manually_set,
            owner_id = user_id AS owned, type, request_key, campaign.updated_at
     FROM campaign LEFT JOIN organization ON organization.id = organization_id ORDER BY campaign.id",
    "SELECT office.id, office.position_id, office.l2_district_id, office.l2_district_type, office.l2_district_name,
            office.district_manually_set, office.can_download_federal, owner_id = office.user_id AS owned, type,
            request_key = 'won:' || campaign.organization_id AS is_key, office.updated_at
     FROM elected_office AS office LEFT JOIN organization ON organization.id = office.organization_id
     LEFT JOIN campaign ON campaign.id = office.campaign_id ORDER BY office.id",
    "SELECT id, office, ballot_level, level, state, county, city, district, zip, l2_district_id, l2_district_type,
            l2_district_name, source, verified_at IS NOT NULL AS is_verified FROM ballot_position ORDER BY id COLLATE \"C\"",
    "SELECT source_table, source_key, code, detail FROM backfill_quarantine ORDER BY source_table, source_key COLLATE \"C\", code",
];

/// Digests of [`RESULT`], for quick comparison.
fn result(database: &TestDatabase) -> Vec<Value> {
    let digest = |query: &&str| {
        let of_rows = format!(
            "SELECT count(*) AS rows, md5(string_agg(row::text, ';')) AS digest FROM ({query}) AS row"
        );
        database.row(&of_rows)
    };
    RESULT.iter().map(digest).collect()
}

/// Two databases have the same content, row by row.
pub(crate) fn assert_same_result(database: &TestDatabase, expected: &TestDatabase) {
    if result(database) == result(expected) {
        return;
    }
    for query in RESULT {
        let (found, expected) = (database.rows(query), expected.rows(query));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected);
        }
        assert_eq!(found.len(), expected.len());
    }
    panic!("the digests differ, and the rows do not");
}

#[test]
fn the_whole_path_links_every_row() {
    links_every_row(CAMPAIGNS);
}

#[test]
#[ignore = "make chaos"]
fn chaos_the_whole_path_links_every_row_of_five_thousand_campaigns() {
    links_every_row(5_000);
}

fn links_every_row(campaigns: u32) {
    let database = generated::in_phase_1(campaigns);
    let rows = i64::from(campaigns) + 10;
    let options = options(&database);
    let positions = run_positions(&options, None, &mut Unobserved).unwrap();
    assert_eq!(positions.exit_code, 0);
    let organizations = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert_eq!(organizations.exit_code, 41, "rows are in quarantine");
    let examined: Vec<_> =
        organizations.steps.iter().map(|step| (step.examined, step.changed)).collect();
    let offices = database.row("SELECT count(*) FROM elected_office")["count"].as_i64().unwrap();
    assert!(offices > rows / 50, "{offices}");
    assert_eq!(examined, [(rows, rows), (offices, offices)]);
    let verified = verify(&mut database.connect()).unwrap();
    assert_eq!((verified.defects(), verified.campaigns), (0, rows), "{verified:?}");
    assert_eq!(enforce_phase_1(&mut database.connect()).unwrap().len(), 4);

    // A second run finds nothing to do.
    let before = result(&database);
    let again = run_positions(&options, None, &mut Unobserved).unwrap();
    assert_eq!(again.steps[0].changed, 0);
    let again = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert!(again.steps.iter().all(|step| step.examined == 0), "{again:?}");
    assert!(result(&database) == before);
}

/// Inserts rows as soon as the run starts, and releases a row once the run has counted its work.
struct Counting<'t> {
    holding: Option<PgConnection>,
    total: Option<i64>,
    has_begun: &'t AtomicBool,
}

impl Observer for Counting<'_> {
    fn begin(&mut self, _job: Job, _done: Progress) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    fn total(&mut self, rows: i64) {
        self.total.get_or_insert(rows);
        self.holding = None;
    }

    fn tick(&mut self, _progress: &mut dyn FnMut() -> Option<Progress>) {}
    fn end(&mut self) {}
}

#[test]
fn a_run_ends_with_the_rows_that_existed_at_its_start_however_fast_others_are_added() {
    let database = generated::in_phase_1(60);
    let options = options(&database);
    assert_eq!(run_positions(&options, None, &mut Unobserved).unwrap().exit_code, 0);
    let at_first = database.row("SELECT count(*) AS rows FROM campaign")["rows"].clone();
    let mut holding = database.connect();
    holding.batch_execute("BEGIN; SELECT FROM campaign WHERE id = 5 FOR UPDATE").unwrap();
    let (has_begun, has_ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut counting = Counting { holding: Some(holding), total: None, has_begun: &has_begun };
    let (report, came) = thread::scope(|scope| {
        let coming = scope.spawn(|| {
            let (mut service, mut came) = (database.connect(), 0);
            // A run that chased new rows would not end before the inserts do.
            let deadline = Instant::now() + Duration::from_secs(30);
            while !has_ended.load(Ordering::Relaxed) && Instant::now() < deadline {
                if !has_begun.load(Ordering::Relaxed) {
                    thread::yield_now();
                    continue;
                }
                came += 1;
                service
                    .batch_execute(&format!(
                        "INSERT INTO campaign (updated_at, slug, user_id, data, details)
                         SELECT now(), 'came-{came}', min(id), '{{}}', '{{\"office\": \"Mayor\"}}' FROM \"user\""
                    ))
                    .unwrap();
                // Hundreds during the count: the next run has to process them all.
                thread::sleep(Duration::from_millis(5));
            }
            came
        });
        let report = run_organizations(&options, None, &mut counting).unwrap();
        has_ended.store(true, Ordering::Relaxed);
        (report, coming.join().unwrap())
    });
    let campaigns = &report.steps[0];
    assert_eq!(counting.total, at_first.as_i64(), "{came} came");
    assert_eq!(Some(campaigns.changed), at_first.as_i64(), "{came} came");
    let next = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert_eq!(next.steps[0].changed, came, "they are the next run's");
}

#[test]
fn several_workers_leave_what_one_leaves() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let options = Options { workers: 4, ..options(&database) };
    run_positions(&options, None, &mut Unobserved).unwrap();
    let organizations = run_organizations(&options, None, &mut Unobserved).unwrap();
    let rows = i64::from(CAMPAIGNS) + 10;
    assert_eq!(organizations.steps[0].changed, rows, "no row was written twice");
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
    let verified = verify(&mut database.connect()).unwrap();
    assert_eq!(json!(verified.defects()), json!(0));
}

#[test]
fn an_office_that_was_won_keeps_its_silence_and_one_that_a_trigger_completed_what_staff_said() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    generated::advance(&database);
    for id in 1..=2 {
        fixtures::campaign(&database, id, 7, &json!({}), None);
    }
    // From the old service, and from phase 1: won before the office was known.
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 1), ('o-2', now(), 7, 2);
         UPDATE elected_office SET can_download_federal = true WHERE id = 'o-1';
         UPDATE organization SET request_key = 'won:' || (SELECT organization_id FROM campaign WHERE id = 2)
             WHERE id = (SELECT organization_id FROM elected_office WHERE id = 'o-2')",
    );
    let picked = json!({"positionId": fixtures::MAYOR, "office": "Other", "otherOffice": "Mayor"});
    let picked = fixtures::literal(&picked);
    database.execute(&format!("UPDATE campaign SET details = {picked}"));
    finish(&database);
    let offices = database.rows("SELECT id, position_id AS position, can_download_federal AS federal FROM elected_office ORDER BY id");
    let expected = [
        json!({"id": "o-1", "position": fixtures::MAYOR, "federal": true}),
        json!({"id": "o-2", "position": "custom:office:o-2", "federal": false}),
    ];
    assert_eq!(offices, expected);
    let verified = verify(&mut database.connect()).unwrap();
    assert_eq!(verified.defects(), 0, "{verified:?}");
    assert_eq!(verified.keys("elected_office", "office-differs"), ["o-2"]);
}
