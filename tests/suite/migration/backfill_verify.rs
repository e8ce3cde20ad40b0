//! `verify` and `enforce phase-1`.

use std::{collections::BTreeMap, time::Duration};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_domain::base::SystemClock;
use winserve_migration::Phase;
use winserve_migration::{
    Stop, Unobserved,
    migrate::{Group, expand},
    phase::{self, PhaseChange, PhaseError},
    plan, repair, run_organizations, run_positions,
    sql::{
        self as store, EnforceError, Job, enforce_phase_1, is_anything_enforced,
        is_phase_1_enforced, undo_phase_1,
    },
    verify, verify_read_only,
};
use winserve_testkit::TestDatabase;

use super::{backfill_run::options, generated};
use crate::{binaries::wait_until, fixtures};

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
const CLERK: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMQ==";

fn picked(position: &str, office: &str) -> Value {
    json!({"positionId": position, "office": "Other", "otherOffice": office, "state": "MI", "ballotLevel": "CITY"})
}

fn typed_in(office: &str) -> Value {
    json!({"positionId": null, "office": office, "otherOffice": "", "state": "MI", "city": "Adrian"})
}

fn district(name: &str, manual: bool) -> Value {
    json!({"electionType": "City", "electionLocation": name, "districtManuallySet": manual, "source": "ElectionApi"})
}

/// Campaigns 1 to 30, some with offices, after the backfill.
fn backfilled() -> TestDatabase {
    // Not checked when a test ends: most of them damage it.
    TestDatabase::copy_of("verified", Phase::Legacy, build_backfilled)
}

fn build_backfilled() -> TestDatabase {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::user(&database, 8, "candidate");
    for id in 1..=30 {
        let details = if id % 2 == 0 { typed_in("Dog Catcher") } else { picked(MAYOR, "Mayor") };
        fixtures::campaign(
            &database,
            id,
            7,
            &details,
            Some(&district("TECUMSEH CITY", id % 5 == 0)),
        );
    }
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id)
         SELECT 'o-' || id, now(), 7, id FROM campaign WHERE id <= 12",
    );
    generated::advance(&database);
    backfill(&database);
    database
}

fn backfill(database: &TestDatabase) {
    let options = options(database);
    assert_eq!(run_positions(&options, None, &mut Unobserved).unwrap().exit_code, 0);
    assert_eq!(run_organizations(&options, None, &mut Unobserved).unwrap().exit_code, 0);
}

#[test]
fn verify_names_exactly_the_rows_that_were_damaged() {
    let database = backfilled();
    let clean = verify(&mut database.connect()).unwrap();
    assert_eq!((clean.defects(), clean.exit_code), (0, 0), "{clean:?}");
    // Only a superuser can do this, by turning off triggers and foreign keys.
    database.execute(&format!(
        "SET session_replication_role = replica;
         ALTER TABLE campaign DROP CONSTRAINT campaign_custom_position_own;
         ALTER TABLE elected_office DROP CONSTRAINT elected_office_custom_position_own;
         INSERT INTO ballot_position (id, source) VALUES ('{CLERK}', 'ballot_ready'), ('custom:campaign:999', 'custom');
         UPDATE campaign SET organization_id = NULL WHERE id = 1;
         UPDATE campaign SET position_id = NULL WHERE id = 3;
         UPDATE campaign SET organization_id = gen_random_uuid() WHERE id = 5;
         UPDATE campaign SET position_id = 'nowhere' WHERE id = 7;
         UPDATE organization SET owner_id = 8 WHERE id = (SELECT organization_id FROM campaign WHERE id = 9);
         UPDATE campaign SET position_id = '{CLERK}', l2_district_type = 'City', l2_district_name = 'TECUMSEH CITY' WHERE id = 11;
         UPDATE campaign SET details = details || '{{\"positionId\": \"{CLERK}\"}}' WHERE id = 13;
         UPDATE ballot_position SET office = NULL, state = NULL, city = NULL WHERE id = 'custom:campaign:2';
         UPDATE ballot_position SET office = 'Cat Catcher' WHERE id = 'custom:campaign:4';
         UPDATE path_to_victory SET data = data || '{{\"electionLocation\": \"ADRIAN\"}}' WHERE campaign_id = 17;
         UPDATE campaign SET l2_district_name = 'ADRIAN' WHERE id = 6;
         UPDATE path_to_victory SET data = '{{}}' WHERE campaign_id = 8;
         UPDATE campaign SET district_manually_set = true WHERE id = 19;
         UPDATE path_to_victory SET data = data || '{{\"districtManuallySet\": true}}' WHERE campaign_id = 21;
         UPDATE campaign SET position_id = 'custom:campaign:22' WHERE id = 24;
         UPDATE elected_office SET organization_id = NULL WHERE id = 'o-1';
         UPDATE elected_office SET position_id = NULL WHERE id = 'o-3';
         UPDATE elected_office SET organization_id = gen_random_uuid() WHERE id = 'o-5';
         UPDATE elected_office SET position_id = 'nowhere' WHERE id = 'o-7';
         UPDATE organization SET owner_id = 8 WHERE id = (SELECT organization_id FROM elected_office WHERE id = 'o-9');
         UPDATE elected_office SET position_id = 'custom:office:o-10' WHERE id = 'o-12';
         UPDATE ballot_position SET office = NULL, state = NULL, city = NULL WHERE id = 'custom:office:o-6';
         UPDATE elected_office SET l2_district_id = NULL, l2_district_type = NULL, l2_district_name = NULL WHERE id = 'o-6';
         UPDATE organization SET request_key = NULL WHERE id = (SELECT organization_id FROM elected_office WHERE id = 'o-6');
         UPDATE elected_office SET district_manually_set = true, l2_district_id = NULL, l2_district_type = NULL, l2_district_name = NULL
             WHERE id = 'o-2';
         INSERT INTO organization (id, owner_id, type) VALUES ('00000000-0000-7000-8000-000000000001', 7, 'campaign');
         ALTER TABLE voter_file_filter DROP CONSTRAINT voter_file_filter_office_without_party,
             DROP CONSTRAINT voter_file_filter_organization_whole;
         INSERT INTO voter_file_filter (id, updated_at, organization_type, campaign_id, party_democrat)
             VALUES (77, now(), 'elected_office', 1, true)",
    ));
    let verified = verify(&mut database.connect()).unwrap();
    let found: BTreeMap<(&str, &str), Vec<&str>> = verified
        .categories
        .iter()
        .filter(|it| it.is_defect && it.table != "organization")
        .map(|it| {
            let keys = it.keys.iter().map(String::as_str).collect();
            ((it.table.as_str(), it.category.as_str()), keys)
        })
        .collect();
    let expected = BTreeMap::from([
        (("campaign", "missing-organization"), vec!["1"]),
        (("campaign", "missing-position"), vec!["3"]),
        (("campaign", "dangling-organization"), vec!["5"]),
        (("campaign", "dangling-position"), vec!["7"]),
        (("campaign", "wrong-owner"), vec!["9"]),
        (("campaign", "wrong-position"), vec!["11", "13", "24"]),
        (("campaign", "stale-position"), vec!["2"]),
        (("campaign", "wrong-office-text"), vec!["4"]),
        (("campaign", "wrong-district"), vec!["6", "17"]),
        (("campaign", "unexpected-district"), vec!["8"]),
        (("campaign", "wrong-manual-flag"), vec!["19", "21"]),
        (("campaign", "manual-flag-without-district"), vec!["19"]),
        (("elected_office", "missing-organization"), vec!["o-1"]),
        (("elected_office", "missing-position"), vec!["o-3"]),
        (("elected_office", "dangling-organization"), vec!["o-5"]),
        (("elected_office", "dangling-position"), vec!["o-7"]),
        (("elected_office", "wrong-owner"), vec!["o-9"]),
        (("elected_office", "wrong-position"), vec!["o-12"]),
        (("elected_office", "stale-position"), vec!["o-6"]),
        (("elected_office", "manual-flag-without-district"), vec!["o-2"]),
        (
            ("ballot_position", "orphan-position"),
            vec!["custom:campaign:24", "custom:campaign:999", "custom:office:o-12"],
        ),
        (("voter_file_filter", "party-in-office-filter"), vec!["77"]),
    ]);
    let mut found = found;
    if let Some(keys) = found.get_mut(&("ballot_position", "orphan-position")) {
        keys.sort_unstable();
    }
    assert_eq!(found, expected);
    // Of the campaigns 1 and 5 and the offices o-1 and o-5, and the one created above.
    assert_eq!(verified.keys("organization", "orphan-organization").len(), 5);
    assert_eq!(verified.exit_code, 50);
    let recorded = database.row("SELECT exit_code, report->'categories'->'campaign/wrong-district' AS rows FROM backfill_run ORDER BY id DESC LIMIT 1");
    assert_eq!(recorded, json!({"exit_code": 50, "rows": 2}));
}

#[test]
fn verify_counts_by_state_and_level_and_marks_what_is_not_a_defect() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(
        &database,
        1,
        7,
        &picked(MAYOR, "Mayor"),
        Some(&district("TECUMSEH CITY", false)),
    );
    fixtures::campaign(&database, 2, 7, &picked(MAYOR, "Mayor"), None);
    fixtures::campaign(&database, 3, 7, &picked(MAYOR, "Mayor (old)"), None);
    let mut later = picked(MAYOR, "Mayor");
    later["electionDate"] = json!("2028-11-07");
    fixtures::campaign(&database, 4, 7, &later, None);
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id, elected_date)
         VALUES ('o-4', now(), 7, 4, '2024-11-05'), ('o-1', now(), 7, 1, '2024-11-05')",
    );
    generated::advance(&database);
    backfill(&database);
    let verified = verify_read_only(&mut database.connect()).unwrap();
    assert_eq!((verified.defects(), verified.run), (0, None));
    assert_eq!(verified.keys("campaign", "inherited-district"), ["2", "3", "4"]);
    assert_eq!(verified.keys("campaign", "shared-text"), ["3"]);
    assert_eq!(verified.keys("campaign", "unverified-position"), ["1", "2", "3", "4"]);
    assert_eq!(verified.keys("elected_office", "campaign-moved-on"), ["o-4"]);
    // A value that only one side has is a difference too. An office is reported if it keeps a district that its
    // campaign no longer has, or that equals its position's.
    database.execute(
        "UPDATE campaign SET details = details - 'otherOffice' WHERE id = 2;
         UPDATE elected_office SET l2_district_type = 'City', l2_district_name = 'ADRIAN' WHERE id = 'o-1';
         UPDATE elected_office SET l2_district_type = 'City', l2_district_name = 'TECUMSEH CITY' WHERE id = 'o-4';
         UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'TECUMSEH CITY' WHERE id = 1"
    );
    database.expect_damage();
    let verified = verify_read_only(&mut database.connect()).unwrap();
    assert_eq!(verified.defects(), 0, "{verified:?}");
    assert_eq!(verified.keys("campaign", "shared-text"), ["2", "3"]);
    assert_eq!(verified.keys("campaign", "needless-override"), ["1"]);
    assert_eq!(verified.keys("elected_office", "needless-override"), ["o-4"]);
    assert_eq!(verified.keys("elected_office", "office-district-differs"), ["o-1"]);
    let inherited =
        verified.categories.iter().find(|it| it.category == "inherited-district").unwrap();
    assert_eq!(inherited.by_state, BTreeMap::from([("MI".to_owned(), 3)]));
    assert_eq!(inherited.by_level, BTreeMap::from([("CITY".to_owned(), 3)]));
}

const NULLABLE: &str =
    "SELECT attrelid::regclass::text AS relation, attname::text AS name FROM pg_attribute
    WHERE attrelid IN ('campaign'::regclass, 'elected_office'::regclass)
      AND attname IN ('organization_id', 'position_id') AND NOT attnotnull";

#[test]
fn enforce_requires_a_clean_verify_and_nothing_left() {
    let database = backfilled();
    let mut connection = database.connect();
    assert!(matches!(enforce_phase_1(&mut connection), Err(EnforceError::NotVerified)));
    verify(&mut connection).unwrap();
    // A run after it could have changed everything.
    backfill(&database);
    assert!(matches!(enforce_phase_1(&mut connection), Err(EnforceError::NotVerified)));
    verify(&mut connection).unwrap();
    database.execute("SET session_replication_role = replica; UPDATE campaign SET position_id = NULL WHERE id = 3");
    let refused = enforce_phase_1(&mut connection);
    assert!(matches!(
        refused,
        Err(EnforceError::Missing { table: "campaign", column: "position_id", rows: 1 })
    ));
    assert_eq!(database.rows(NULLABLE).len(), 4);
    let left = database.rows("SELECT FROM pg_constraint WHERE conname LIKE '%_present'");
    assert!(left.is_empty());
}

#[test]
fn what_was_changed_while_the_phase_was_legacy_is_named_and_repaired() {
    let database = backfilled();
    let mut connection = database.connect();
    let change = |from, to, accepted: &[&str]| PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: accepted.iter().map(ToString::to_string).collect(),
        silence: Duration::ZERO,
    };
    let losses = ["second-campaigns"];
    phase::change(&mut connection, &change(Phase::One, Phase::Legacy, &losses)).unwrap();
    database.execute(&format!(
        "UPDATE campaign SET details = details || '{{\"positionId\": \"{CLERK}\"}}' WHERE id = 13;
         UPDATE campaign SET details = details || '{{\"office\": \"Cat Catcher\"}}' WHERE id = 4;
         UPDATE path_to_victory SET data = data || '{{\"electionLocation\": \"ADRIAN\"}}' WHERE campaign_id = 17"
    ));
    phase::change(&mut connection, &change(Phase::Legacy, Phase::One, &[])).unwrap();
    backfill(&database);
    let verified = verify(&mut connection).unwrap();
    assert_eq!(verified.defects(), 0, "{verified:?}");
    assert_eq!(verified.keys("campaign", "pending-change"), ["4", "13", "17"]);
    assert_eq!(verified.next_steps, ["backfill repair", "backfill plan"]);
    database.execute("UPDATE legacy_change SET noted_at = now() - interval '2 min'");
    let verified = verify(&mut connection).unwrap();
    assert_eq!(verified.defects(), 3, "{verified:?}");
    assert_eq!(verified.keys("campaign", "wrong-position"), ["13"]);
    assert_eq!(verified.keys("campaign", "wrong-office-text"), ["4"]);
    assert_eq!(verified.keys("campaign", "wrong-district"), ["17"]);
    assert_eq!(verified.next_steps, ["backfill repair --compare"]);
    expand(&mut connection, Group::Phase2).unwrap();
    let repaired = repair(&mut connection, true, false, &Stop::default(), &SystemClock).unwrap();
    assert_eq!((repaired.repaired, repaired.exit_code), (3, 0));
    assert_eq!(verify(&mut connection).unwrap().defects(), 0);
}

#[test]
fn enforce_names_the_job_that_was_left_in_the_middle() {
    let database = backfilled();
    let mut connection = database.connect();
    store::join(&mut connection, Job::ELECTED_OFFICES, None).unwrap();
    verify(&mut connection).unwrap();
    let refused = enforce_phase_1(&mut connection);
    assert!(matches!(refused, Err(EnforceError::Unfinished(Job::ELECTED_OFFICES))), "{refused:?}");
    let steps = plan(&mut connection).unwrap().next_steps;
    assert_eq!(steps, ["backfill run organizations"]);
    backfill(&database);
    verify(&mut connection).unwrap();
    assert_eq!(enforce_phase_1(&mut connection).unwrap().len(), 4);
}

#[test]
fn a_check_that_an_interrupted_enforce_left_goes_with_the_next_one() {
    let database = backfilled();
    let mut connection = database.connect();
    verify(&mut connection).unwrap();
    enforce_phase_1(&mut connection).unwrap();
    database.execute("ALTER TABLE campaign ADD CONSTRAINT campaign_position_id_present CHECK (position_id IS NOT NULL)");
    let left = "SELECT FROM pg_constraint WHERE conname LIKE '%_present'";
    assert!(enforce_phase_1(&mut connection).unwrap().is_empty());
    assert!(database.rows(left).is_empty());
    undo_phase_1(&mut connection).unwrap();
    assert!(!is_anything_enforced(&mut connection).unwrap());
    // Practically enforced: it refuses what phase `legacy` may write.
    database.execute("ALTER TABLE campaign ADD CONSTRAINT campaign_position_id_present CHECK (position_id IS NOT NULL) NOT VALID");
    assert!(is_anything_enforced(&mut connection).unwrap());
    undo_phase_1(&mut connection).unwrap();
    assert!(database.rows(left).is_empty());
}

#[test]
fn a_connection_that_is_lost_while_enforcing_is_no_defect() {
    let database = backfilled();
    let mut connection = database.connect();
    verify(&mut connection).unwrap();
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; UPDATE campaign SET is_demo = true WHERE id = 1").unwrap();
    connection.batch_execute("SET application_name = 'enforcing'").unwrap();
    let enforcing = std::thread::spawn(move || enforce_phase_1(&mut connection));
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'enforcing' AND datname = current_database() AND wait_event_type = 'Lock'";
    wait_until("it waits and is cut off", || !database.rows(cut).is_empty());
    let lost = enforcing.join().unwrap();
    assert!(matches!(lost, Err(EnforceError::Unavailable(_))), "{lost:?}");
}

#[test]
fn enforce_makes_the_columns_not_null_and_undo_takes_it_back() {
    let database = backfilled();
    let mut connection = database.connect();
    verify(&mut connection).unwrap();
    let enforced = enforce_phase_1(&mut connection).unwrap();
    assert_eq!(enforced.len(), 4);
    assert!(database.rows(NULLABLE).is_empty());
    assert!(database.rows("SELECT FROM pg_constraint WHERE conname LIKE '%_present'").is_empty());
    assert!(enforce_phase_1(&mut connection).unwrap().is_empty(), "run again, it does nothing");
    let refused = connection.batch_execute("UPDATE campaign SET position_id = NULL WHERE id = 1");
    assert!(refused.unwrap_err().to_string().contains("null value"));

    // The old service keeps running: it inserts, upserts and deletes as before.
    connection
        .batch_execute(
            "INSERT INTO campaign (id, updated_at, slug, user_id) VALUES (99, now(), 'new', 7);
             INSERT INTO campaign (id, updated_at, slug, user_id) VALUES (99, now(), 'other', 7) ON CONFLICT DO NOTHING;
             INSERT INTO campaign (id, updated_at, slug, user_id) VALUES (100, now(), 'new', 7)
                 ON CONFLICT (slug) DO UPDATE SET is_demo = true;
             INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 1)
                 ON CONFLICT (id) DO UPDATE SET is_active = false;
             DELETE FROM campaign WHERE id = 99",
        )
        .unwrap();
    assert!(
        database.rows("SELECT FROM ballot_position WHERE id LIKE 'custom:campaign:__0'").is_empty()
    );
    assert_eq!(verify(&mut connection).unwrap().defects(), 0);

    assert_eq!(undo_phase_1(&mut connection).unwrap().len(), 4);
    assert_eq!(database.rows(NULLABLE).len(), 4);
    assert!(!is_phase_1_enforced(&mut connection).unwrap());
    let recorded =
        database.rows("SELECT report FROM backfill_run WHERE job = 'enforce-phase-1' ORDER BY id");
    assert!(recorded[0]["report"]["verified_by"].is_string(), "{recorded:?}");
    assert_eq!(recorded[1]["report"]["undone"].as_array().unwrap().len(), 4);
}

#[test]
fn enforce_continues_after_an_interruption() {
    let database = backfilled();
    let mut connection = database.connect();
    verify(&mut connection).unwrap();
    database.execute(
        "ALTER TABLE campaign ADD CONSTRAINT campaign_organization_id_present CHECK (organization_id IS NOT NULL) NOT VALID;
         ALTER TABLE elected_office ALTER COLUMN position_id SET NOT NULL;
         ALTER TABLE elected_office ADD CONSTRAINT elected_office_position_id_present CHECK (position_id IS NOT NULL)",
    );
    assert_eq!(enforce_phase_1(&mut connection).unwrap().len(), 3);
    assert!(database.rows(NULLABLE).is_empty());
    assert!(database.rows("SELECT FROM pg_constraint WHERE conname LIKE '%_present'").is_empty());
}

#[test]
fn a_busy_table_delays_enforce_but_is_never_kept_waiting_long() {
    let database = backfilled();
    verify(&mut database.connect()).unwrap();
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; UPDATE campaign SET is_demo = true WHERE id = 1").unwrap();
    let enforcing = std::thread::spawn({
        let mut connection = database.connect();
        move || enforce_phase_1(&mut connection)
    });
    std::thread::sleep(Duration::from_millis(800));
    // Other statements get through between the attempts, although the command waits for the first
    // writer.
    let mut other = database.connect();
    other.batch_execute("SET statement_timeout = '5s'; SELECT count(*) FROM campaign").unwrap();
    writer.batch_execute("COMMIT").unwrap();
    assert_eq!(enforcing.join().unwrap().unwrap().len(), 4);
}

#[test]
fn the_phase_does_not_go_back_under_what_is_enforced() {
    let database = backfilled();
    let mut connection = database.connect();
    verify(&mut connection).unwrap();
    enforce_phase_1(&mut connection).unwrap();
    let back = PhaseChange {
        from: Phase::One,
        to: Phase::Legacy,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: vec!["second-campaigns".into()],
        silence: Duration::ZERO,
    };
    assert!(matches!(phase::change(&mut connection, &back), Err(PhaseError::Enforced(_))));
    undo_phase_1(&mut connection).unwrap();
    phase::change(&mut connection, &back).unwrap();
    assert!(matches!(
        enforce_phase_1(&mut connection),
        Err(EnforceError::WrongPhase { phase: Phase::Legacy, .. })
    ));
}
