//! The way into phase 2 and back: `migrate phase-2-expand`, `run voter-file-filters`, the gates,
//! `repair`, `enforce phase-2`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_domain::base::SystemClock;
use winserve_migration::Phase;
use winserve_migration::{
    RepairReport, RunError, Stop, Unobserved,
    migrate::{Group, MigrateError, expand, pending_of, revert},
    phase::{self, PhaseChange, PhaseError},
    plan, repair, run_organizations, run_voter_file_filters,
    sql::{
        EnforceError, enforce_phase_1, enforce_phase_2, is_phase_2_enforced, undo_phase_2,
        would_enforce_phase_2, would_undo_phase_2,
    },
    verify,
};
use winserve_persistence::PgConnection;
use winserve_testkit::TestDatabase;

use super::{
    backfill_run::{finish, options},
    generated,
};
use crate::{
    binaries::{blocked_statements, wait_until},
    fixtures::{self, COUNCIL, DUMP, MAYOR},
};

/// 40 filters of 20 campaigns, two of which are the mayor's, and an outreach that uses one.
fn legacy() -> TestDatabase {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    for id in 1..=20 {
        let details = match id {
            1 | 2 => {
                let office = if id == 1 { "Mayor" } else { "Burgomaster" };
                json!({"positionId": MAYOR, "office": "Other", "otherOffice": office})
            }
            _ => json!({"office": format!("Dog Catcher {id}"), "state": "MI"}),
        };
        fixtures::campaign(&database, id, 7, &details, None);
    }
    database.execute(
        "INSERT INTO voter_file_filter (updated_at, name, campaign_id, party_democrat)
         SELECT '2026-01-02', 'Filter ' || filter, 1 + filter % 20, true FROM generate_series(1, 40) AS filter;
         INSERT INTO outreach (\"updatedAt\", \"campaignId\", outreach_type, voter_file_filter_id)
         SELECT now(), campaign_id, 'text', id FROM voter_file_filter ORDER BY id LIMIT 1",
    );
    database
}

/// [`legacy`] after the whole path of phase 1.
fn enforced() -> TestDatabase {
    TestDatabase::copy_of("phase_1_with_filters", Phase::One, || {
        let database = legacy();
        generated::advance(&database);
        finish(&database);
        let mut connection = database.connect();
        verify(&mut connection).unwrap();
        enforce_phase_1(&mut connection).unwrap();
        database
    })
}

/// [`enforced`], as the gates of phase 2 require it.
fn ready() -> TestDatabase {
    let database = enforced();
    let mut connection = database.connect();
    expand(&mut connection, Group::Phase2).unwrap();
    assert_eq!(run_voter_file_filters(&options(&database), &mut Unobserved).unwrap().exit_code, 0);
    verify(&mut connection).unwrap();
    database
}

pub(super) fn in_phase_2() -> TestDatabase {
    let database = ready();
    enter_phase_2(&mut database.connect()).unwrap();
    database
}

fn change(from: Phase, to: Phase, accepted: &[&str]) -> PhaseChange {
    PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: accepted.iter().map(ToString::to_string).collect(),
        silence: Duration::ZERO,
    }
}

fn enter_phase_2(connection: &mut PgConnection) -> Result<(), PhaseError> {
    phase::change(connection, &change(Phase::One, Phase::Two, &["shared-text"]))
}

fn back(connection: &mut PgConnection, accepted: &[&str]) -> Result<(), PhaseError> {
    phase::change(connection, &change(Phase::Two, Phase::One, accepted))
}

/// The reasons why the phase cannot be entered.
pub(super) fn gates(outcome: Result<(), PhaseError>) -> Vec<String> {
    match outcome {
        Err(PhaseError::NotReady { gates, .. }) => gates.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn repaired(database: &TestDatabase, compare: bool) -> RepairReport {
    let connection = &mut database.connect();
    repair(connection, compare, false, &Stop::default(), &SystemClock).unwrap()
}

#[test]
fn phase_2_expand_run_twice_is_harmless_and_down_undoes_it_to_the_letter() {
    let database = enforced();
    let mut connection = database.connect();
    let before = database.rows(DUMP);
    let pending = pending_of(&mut connection, Group::Phase2).unwrap();
    assert_eq!(database.rows(DUMP), before, "a dry run writes nothing");
    assert_eq!(expand(&mut connection, Group::Phase2).unwrap(), pending);
    let after = database.rows(DUMP);
    assert!(expand(&mut connection, Group::Phase2).unwrap().is_empty());
    assert_eq!(database.rows(DUMP), after);
    let first = revert(&mut connection, Group::Phase1);
    assert!(matches!(first, Err(MigrateError::PhaseInUse | MigrateError::LaterGroup(_))));
    assert_eq!(revert(&mut connection, Group::Phase2).unwrap().len(), pending.len());
    assert_eq!(database.rows(DUMP), before);
    assert_eq!(expand(&mut connection, Group::Phase2).unwrap(), pending);
}

#[test]
fn phase_2_expand_requires_phase_1_expand() {
    let database = TestDatabase::new();
    let refused = expand(&mut database.connect(), Group::Phase2);
    assert!(matches!(refused, Err(MigrateError::FormerGroup("phase-1-expand"))), "{refused:?}");
}

#[test]
fn filters_get_the_organization_of_their_campaign_and_change_in_nothing_else() {
    let database = enforced();
    let rest = "SELECT to_jsonb(filter) - 'organization_id' - 'organization_type' AS filter
                FROM voter_file_filter AS filter ORDER BY id";
    let outreach = "SELECT * FROM outreach";
    let before = (database.rows(rest), database.rows(outreach));
    let unowned = "SELECT FROM voter_file_filter WHERE organization_id IS NULL";
    assert_eq!(database.rows(unowned).len(), 40);
    let refused = run_voter_file_filters(&options(&database), &mut Unobserved);
    let first = "backfill migrate phase-2-expand";
    assert!(matches!(refused, Err(RunError::NotYet(it)) if it == first), "{refused:?}");
    expand(&mut database.connect(), Group::Phase2).unwrap();

    let report = run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].changed), (0, 40));
    assert_eq!((database.rows(rest), database.rows(outreach)), before, "no row is duplicated");
    let wrong =
        "SELECT FROM voter_file_filter AS filter JOIN campaign ON campaign.id = filter.campaign_id
                 WHERE filter.organization_id IS DISTINCT FROM campaign.organization_id
                    OR filter.organization_type IS DISTINCT FROM 'campaign'";
    assert!(database.rows(wrong).is_empty());
    let again = run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
    assert_eq!((again.exit_code, again.steps[0].changed), (0, 0));
}

#[test]
fn a_filter_that_somebody_holds_is_swept_up_later() {
    let database = enforced();
    expand(&mut database.connect(), Group::Phase2).unwrap();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; SELECT FROM voter_file_filter WHERE id = 7 FOR UPDATE").unwrap();
    let running = std::thread::spawn({
        let options = options(&database);
        move || run_voter_file_filters(&options, &mut Unobserved).unwrap()
    });
    std::thread::sleep(Duration::from_millis(300));
    holder.batch_execute("COMMIT").unwrap();
    let report = running.join().unwrap();
    assert_eq!((report.exit_code, report.steps[0].changed), (0, 40));
    assert!(report.steps[0].skipped > 0);
}

#[test]
fn every_gate_of_phase_2_is_named_with_what_opens_it() {
    let database = enforced();
    let mut connection = database.connect();
    let wanted = |connection: &mut PgConnection| gates(enter_phase_2(connection));
    assert_eq!(
        wanted(&mut connection),
        ["the schema is not prepared: `backfill migrate phase-2-expand`"]
    );
    expand(&mut connection, Group::Phase2).unwrap();
    database.execute(
        "UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3;
         DELETE FROM backfill_run WHERE job = 'verify';
         INSERT INTO process_heartbeat (process, build, phase, is_pinned, knows, unnamed_requests, unnamed_at) VALUES
             ('01900000-0000-7000-8000-000000000001', '1', 'phase-1', false, '{legacy,phase-1,phase-2}', 0, NULL),
             ('01900000-0000-7000-8000-000000000002', '2', 'legacy', false, '{legacy,phase-1,phase-2}', 0, NULL),
             ('01900000-0000-7000-8000-000000000003', '3', 'phase-1', true, '{legacy,phase-1,phase-2}', 5, now()),
             ('01900000-0000-7000-8000-000000000004', '4', 'phase-1', false, '{legacy,phase-1}', 0, NULL);
         INSERT INTO process_heartbeat (process, build, phase, is_pinned, knows, seen_at) VALUES
             ('01900000-0000-7000-8000-000000000005', '5', 'legacy', false, '{}', now() - interval '1 min');
         INSERT INTO process_heartbeat (process, build, phase, is_pinned, knows, stopped_at) VALUES
             ('01900000-0000-7000-8000-000000000006', '6', 'legacy', false, '{}', now())",
    );
    assert_eq!(
        wanted(&mut connection),
        [
            "40 saved filters have no organization: `backfill run voter-file-filters`",
            "another service changed 1 campaigns: `backfill repair`",
            "no clean verification since the last run and `phase-2-expand`: `backfill verify`",
            "process 01900000-0000-7000-8000-000000000002 (build 2) is still running in legacy",
            "process 01900000-0000-7000-8000-000000000003 (build 3) is pinned to phase-1 by its configuration",
            "process 01900000-0000-7000-8000-000000000004 (build 4) does not know phase-2",
            "1 API processes got requests without X-Organization-Id in the last hour from users with several \
             organizations; phase-2 rejects them: `--accept unnamed-requests`",
        ]
    );
    database.execute("ALTER TABLE campaign ALTER COLUMN position_id DROP NOT NULL");
    assert!(wanted(&mut connection)[0].ends_with("`backfill enforce phase-1`"));
    database.execute(
        "ALTER TABLE campaign ALTER COLUMN position_id SET NOT NULL;
         DELETE FROM process_heartbeat WHERE process::text LIKE '%4' OR process::text LIKE '%2';
         UPDATE process_heartbeat SET is_pinned = false",
    );
    run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
    assert_eq!(repaired(&database, false).repaired, 1);
    verify(&mut connection).unwrap();
    let unaccepted = phase::change(&mut connection, &change(Phase::One, Phase::Two, &[]));
    assert_eq!(gates(unaccepted).len(), 2, "unnamed requests, and a mayor's own wording");
    let differences = ["shared-text", "unnamed-requests"];
    phase::change(&mut connection, &change(Phase::One, Phase::Two, &differences)).unwrap();
    let entry = phase::history(&mut connection).unwrap().pop().unwrap();
    assert_eq!(entry.accepted, differences);
    let run = database.row("SELECT id FROM backfill_run WHERE job = 'verify'");
    assert_eq!(entry.verified_by.as_deref(), run["id"].as_str());
}

#[test]
fn a_server_that_has_not_said_anything_yet_keeps_the_phase() {
    let database = ready();
    let process = "01900000-0000-7000-8000-000000000001";
    let name = format!("{}/{process}", winserve_persistence::SERVER);
    let server = winserve_persistence::connect(&database.url(), &name);
    let wanted = gates(enter_phase_2(&mut database.connect()));
    let silent = format!("process {process} is connected but has not reported its phase yet");
    assert_eq!(wanted, [silent]);
    drop(server);
}

#[test]
fn only_what_a_change_asks_for_can_be_accepted() {
    let database = ready();
    let accepted = change(Phase::One, Phase::Two, &["second-campaigns"]);
    let refused = phase::change(&mut database.connect(), &accepted).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "--accept does not know the category second-campaigns; \
         known categories: inherited-district, shared-text, unnamed-requests"
    );
}

#[test]
fn a_job_and_a_time_in_legacy_make_a_verification_out_of_date() {
    let database = ready();
    let mut connection = database.connect();
    run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
    let wanted =
        ["no clean verification since the last run and `phase-2-expand`: `backfill verify`"];
    assert_eq!(gates(enter_phase_2(&mut connection)), wanted);
    verify(&mut connection).unwrap();
    winserve_migration::sql::undo_phase_1(&mut connection).unwrap();
    let losses = ["second-campaigns"];
    phase::change(&mut connection, &change(Phase::One, Phase::Legacy, &losses)).unwrap();
    phase::change(&mut connection, &change(Phase::Legacy, Phase::One, &[])).unwrap();
    assert!(matches!(enforce_phase_1(&mut connection), Err(EnforceError::NotVerified)));
    assert_eq!(gates(enter_phase_2(&mut connection))[1..], wanted);
}

#[test]
fn what_another_service_writes_into_the_json_is_noted_and_repaired() {
    let noted = |database: &TestDatabase| {
        let rows =
            database.rows("SELECT campaign_id, changes FROM legacy_change ORDER BY campaign_id");
        rows.into_iter().map(|row| json!([row["campaign_id"], row["changes"]])).collect::<Vec<_>>()
    };
    let of = |database: &TestDatabase, id: i32| {
        database.row(&format!(
            "SELECT position_id, office, state, campaign.l2_district_name AS district, district_manually_set AS manual
             FROM campaign JOIN ballot_position AS held ON held.id = position_id WHERE campaign.id = {id}"
        ))
    };
    for database in [ready(), in_phase_2()] {
        database.expect_damage();
        // With a different role and search path, as the old service may use, and with ours, which identifies
        // itself.
        database.execute_unmapped(
            "UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3;
             UPDATE campaign SET details = details || '{\"state\": \"PA\"}' WHERE id = 3;
             UPDATE campaign SET details = details || '{\"tier\": 3}', tier = NULL WHERE id = 4;
             INSERT INTO path_to_victory (updated_at, campaign_id, data)
                 VALUES (now(), 5, '{\"electionType\": \"City\", \"electionLocation\": \"TECUMSEH CITY\"}'),
                        (now(), 6, '{\"p2vStatus\": \"Waiting\"}');
             DELETE FROM campaign WHERE id = 20;
             SET winserve.writer = 'winserve';
             UPDATE campaign SET details = details || '{\"state\": \"NV\"}' WHERE id = 8",
        );
        database.execute_unmapped(&format!(
            "INSERT INTO campaign (id, updated_at, slug, user_id, details)
             VALUES (31, now(), 'slug-31', 7, '{{\"positionId\": \"{COUNCIL}\", \"office\": \"Other\", \"state\": \"WY\"}}')"
        ));
        assert_eq!(noted(&database), [json!([3, 2]), json!([5, 1]), json!([31, 1])]);
        let report = repaired(&database, false);
        assert_eq!((report.changed, report.repaired, report.exit_code), (3, 3, 0));
        assert_eq!(noted(&database), Vec::<Value>::new());
        let dog_catcher = |id: i32, state: &str, district: Value| {
            json!({"position_id": format!("custom:campaign:{id}"), "office": format!("Dog Catcher {id}"),
                   "state": state, "district": district, "manual": false})
        };
        assert_eq!(of(&database, 3), dog_catcher(3, "PA", Value::Null));
        assert_eq!(of(&database, 5), dog_catcher(5, "MI", json!("TECUMSEH CITY")));
        assert_eq!(of(&database, 31)["position_id"], COUNCIL);
    }
}

#[test]
fn a_repair_ends_while_the_old_service_keeps_writing() {
    let database = ready();
    database.expect_damage();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut old_service = database.connect();
            let mut number = 0;
            while !is_done.load(Ordering::Relaxed) {
                number += 1;
                let picked = format!(
                    "UPDATE campaign SET details = details || '{{\"state\": \"{number}\"}}' WHERE id = {}",
                    3 + number % 18
                );
                old_service.batch_execute(&picked).unwrap();
            }
        });
        let repairing = scope.spawn(|| repaired(&database, false));
        let deadline = Instant::now() + Duration::from_mins(1);
        while !repairing.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let has_ended = repairing.is_finished();
        is_done.store(true, Ordering::Relaxed);
        assert!(has_ended, "it repairs changes that came after it started");
        assert_eq!(repairing.join().unwrap().exit_code, 0);
    });
}

#[test]
fn a_time_in_legacy_is_made_good_by_a_comparison() {
    let database = ready();
    let mut connection = database.connect();
    database.execute(
        "SET winserve.writer = 'winserve';
         UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id IN (3, 4);
         INSERT INTO path_to_victory (updated_at, campaign_id, data)
             VALUES (now(), 5, '{\"electionType\": \"City\", \"electionLocation\": \"TECUMSEH CITY\"}')",
    );
    assert_eq!(verify(&mut connection).unwrap().defects(), 3);
    let report = repaired(&database, true);
    assert_eq!((report.differing, report.repaired, report.exit_code), (3, 3, 0));
    assert_eq!(verify(&mut connection).unwrap().defects(), 0);
}

#[test]
fn enforced_phase_2_requires_the_organization_of_a_filter_and_keeps_its_campaign() {
    let database = in_phase_2();
    let mut connection = database.connect();
    let campaigns = "SELECT id, campaign_id FROM voter_file_filter ORDER BY id";
    let (catalog, before) = (database.rows(DUMP), database.rows(campaigns));
    let enforced = enforce_phase_2(&mut connection).unwrap();
    assert_eq!(enforced, ["voter_file_filter.organization_id"]);
    assert!(is_phase_2_enforced(&mut connection).unwrap());
    assert!(enforce_phase_2(&mut connection).unwrap().is_empty(), "again there is nothing to do");
    let unowned = connection
        .batch_execute("INSERT INTO voter_file_filter (updated_at, name) VALUES (now(), 'x')");
    assert!(unowned.unwrap_err().to_string().contains("organization_id"));
    verify(&mut connection).unwrap();
    assert!(matches!(back(&mut connection, &[]), Err(PhaseError::Enforced(Phase::Two))));

    // Our writes name the organization, the old service's the campaign; each row gets both.
    database.execute_unmapped(
        "INSERT INTO voter_file_filter (updated_at, name, organization_id, organization_type)
         SELECT now(), 'Ours', organization_id, 'campaign' FROM campaign WHERE id = 5;
         INSERT INTO voter_file_filter (updated_at, name, campaign_id) VALUES (now(), 'Theirs', 5)",
    );
    let both = database.rows(
        "SELECT campaign_id, organization_id = (SELECT organization_id FROM campaign WHERE id = 5) AS is_its
         FROM voter_file_filter WHERE id > 40",
    );
    assert_eq!(
        both,
        [json!({"campaign_id": 5, "is_its": true}), json!({"campaign_id": 5, "is_its": true})]
    );
    assert_eq!(undo_phase_2(&mut connection).unwrap().len(), 1);
    assert!(undo_phase_2(&mut connection).unwrap().is_empty());
    assert_eq!(database.rows(DUMP), catalog);
    assert_eq!(database.rows(campaigns)[..40], before);
    back(&mut connection, &[]).unwrap();
}

#[test]
fn phase_2_is_enforced_only_in_it_and_after_a_clean_verification() {
    let database = ready();
    let mut connection = database.connect();
    let early = enforce_phase_2(&mut connection);
    assert!(matches!(early, Err(EnforceError::WrongPhase { wanted: Phase::Two, .. })), "{early:?}");
    enter_phase_2(&mut connection).unwrap();
    let of_phase_1 = winserve_migration::sql::undo_phase_1(&mut connection);
    assert!(matches!(of_phase_1, Err(EnforceError::WrongPhase { wanted: Phase::One, .. })));
    database.execute_unmapped("UPDATE voter_file_filter SET organization_id = NULL, organization_type = NULL WHERE id = 3");
    let missing = enforce_phase_2(&mut connection);
    assert!(matches!(missing, Err(EnforceError::Missing { rows: 1, .. })), "{missing:?}");
    database.execute_unmapped(
        "UPDATE voter_file_filter SET organization_type = 'campaign', organization_id =
             (SELECT organization_id FROM campaign WHERE id = campaign_id) WHERE id = 3;
         DELETE FROM backfill_run WHERE job = 'verify'",
    );
    assert!(matches!(enforce_phase_2(&mut connection), Err(EnforceError::NotVerified)));
}

#[test]
fn going_back_to_phase_1_requires_a_verification_within_the_last_hour() {
    let database = in_phase_2();
    let mut connection = database.connect();
    database.execute_unmapped(
        "UPDATE backfill_run SET started_at = now() - interval '2 h', finished_at = now() - interval '2 h'",
    );
    let wanted = gates(back(&mut connection, &[]));
    assert_eq!(
        wanted,
        ["no clean verification of the last hour: `backfill verify`, or `--accept unverified`"]
    );
    back(&mut connection, &["unverified"]).unwrap();
    verify(&mut connection).unwrap();
    enter_phase_2(&mut connection).unwrap();
    back(&mut connection, &[]).unwrap();
}

/// Removes what an earlier build of `phase-1-expand` lacked: it recorded changes of other services only from
/// `phase-2-expand` on.
fn without_notes(database: &TestDatabase) {
    let of_later_builds = [
        (
            "20261121000430",
            include_str!(
                "../../../migrations/phase-1-expand/20261121000430_legacy_change_only_when_moved/down.sql"
            ),
        ),
        (
            "20261121000420",
            include_str!(
                "../../../migrations/phase-1-expand/20261121000420_elected_office_legacy_change/down.sql"
            ),
        ),
        (
            "20261121000410",
            include_str!(
                "../../../migrations/phase-1-expand/20261121000410_legacy_change_queue/down.sql"
            ),
        ),
        (
            "20261121000400",
            include_str!(
                "../../../migrations/phase-1-expand/20261121000400_legacy_change/down.sql"
            ),
        ),
        (
            "20261121000350",
            include_str!(
                "../../../migrations/phase-1-expand/20261121000350_declared_writer/down.sql"
            ),
        ),
    ];
    for (version, down) in of_later_builds {
        database.execute(down);
        database.execute(&format!(
            "DELETE FROM __diesel_schema_migrations WHERE version = '{version}'"
        ));
    }
}

#[test]
fn a_database_that_an_earlier_build_took_to_phase_1_notes_changes_once_it_is_expanded_again() {
    let database = enforced();
    let mut connection = database.connect();
    let catalog = database.rows(DUMP);
    without_notes(&database);
    let refused = expand(&mut connection, Group::Phase2);
    assert!(matches!(refused, Err(MigrateError::FormerGroup("phase-1-expand"))), "{refused:?}");
    let refused = run_organizations(&options(&database), None, &mut Unobserved);
    let first = "backfill migrate phase-1-expand";
    assert!(matches!(refused, Err(RunError::NotYet(it)) if it == first), "{refused:?}");

    let added = expand(&mut connection, Group::Phase1).unwrap();
    assert_eq!(added.first().unwrap(), "20261121000350_declared_writer");
    assert_eq!(database.rows(DUMP), catalog);
    database.execute("UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3");
    assert_eq!(database.rows("SELECT campaign_id FROM legacy_change"), [json!({"campaign_id": 3})]);
    expand(&mut connection, Group::Phase2).unwrap();
    run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
    repaired(&database, false);
    verify(&mut connection).unwrap();
    enter_phase_2(&mut connection).unwrap();
}

#[test]
fn no_phase_is_entered_where_an_earlier_build_expanded_the_database() {
    let wanted = ["the schema is not prepared: `backfill migrate phase-1-expand`"];
    let database = TestDatabase::legacy_with_tables();
    without_notes(&database);
    let into_phase_1 = change(Phase::Legacy, Phase::One, &[]);
    assert_eq!(gates(phase::change(&mut database.connect(), &into_phase_1)), wanted);
    let database = ready();
    without_notes(&database);
    assert_eq!(gates(enter_phase_2(&mut database.connect())), wanted);
}

#[test]
fn a_verification_from_before_changes_were_noted_opens_no_gate() {
    let database = enforced();
    let mut connection = database.connect();
    database.execute("DELETE FROM voter_file_filter");
    verify(&mut connection).unwrap();
    without_notes(&database);
    expand(&mut connection, Group::Phase1).unwrap();
    expand(&mut connection, Group::Phase2).unwrap();
    let wanted =
        ["no clean verification since the last run and `phase-2-expand`: `backfill verify`"];
    assert_eq!(gates(enter_phase_2(&mut connection)), wanted);
    assert_eq!(plan(&mut connection).unwrap().next_steps, ["backfill verify"]);
    verify(&mut connection).unwrap();
    enter_phase_2(&mut connection).unwrap();
}

#[test]
fn a_database_in_phase_2_that_has_what_moved_to_phase_1_expand_is_left_alone() {
    let database = in_phase_2();
    database.execute_unmapped(
        "UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3",
    );
    let catalog = database.rows(DUMP);
    for group in [Group::Phase1, Group::Phase2] {
        assert!(expand(&mut database.connect(), group).unwrap().is_empty());
    }
    assert_eq!(database.rows(DUMP), catalog);
    assert_eq!(database.rows("SELECT campaign_id FROM legacy_change"), [json!({"campaign_id": 3})]);
    repaired(&database, false);
}

#[test]
fn undoing_phase_2_expand_keeps_the_changes_of_others_noted() {
    let database = ready();
    database.execute("UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3");
    revert(&mut database.connect(), Group::Phase2).unwrap();
    assert_eq!(database.rows("SELECT campaign_id FROM legacy_change"), [json!({"campaign_id": 3})]);
    expand(&mut database.connect(), Group::Phase2).unwrap();
    repaired(&database, false);
}

#[test]
fn the_old_service_is_noted_under_a_role_and_a_search_path_that_know_nothing_of_it() {
    let database = ready();
    let name =
        database.row("SELECT current_database()::text AS n")["n"].as_str().unwrap().to_owned();
    let role = format!("old_2_{name}");
    database.execute(&format!(
        r#"CREATE ROLE {role};
           GRANT SELECT, INSERT, UPDATE, DELETE ON campaign, path_to_victory TO {role};
           GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
           SET ROLE {role}; SET search_path = '';
           UPDATE public.campaign SET details = details || '{{"state": "OH"}}' WHERE id = 3;
           INSERT INTO public.path_to_victory (updated_at, campaign_id, data)
               VALUES (now(), 4, '{{"electionType": "City", "electionLocation": "X"}}');
           DELETE FROM public.campaign WHERE id IN (4, 5);
           RESET ROLE; RESET search_path;
           DROP OWNED BY {role}; DROP ROLE {role}"#
    ));
    let noted = database.rows("SELECT campaign_id FROM legacy_change");
    assert_eq!(noted, [json!({"campaign_id": 3})]);
    repaired(&database, false);
}

#[test]
fn a_change_that_comes_while_its_campaign_is_repaired_is_repaired_as_well() {
    let database = ready();
    database.execute("UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 5");
    let mut old_service = database.connect();
    old_service
        .batch_execute(
            "BEGIN; INSERT INTO path_to_victory (updated_at, campaign_id, data)
                 VALUES (now(), 5, '{\"electionType\": \"City\", \"electionLocation\": \"ADRIAN CITY\"}')",
        )
        .unwrap();
    let url = database.url();
    let repairing = std::thread::spawn(move || {
        let mut connection = winserve_persistence::connect(&url, "test").unwrap();
        repair(&mut connection, false, false, &Stop::default(), &SystemClock).unwrap()
    });
    std::thread::sleep(Duration::from_millis(500));
    old_service.batch_execute("COMMIT").unwrap();
    let report = repairing.join().unwrap();
    assert_eq!((report.repaired, report.exit_code), (1, 0), "{report:?}");
    let district = database.row("SELECT l2_district_name FROM campaign WHERE id = 5");
    assert_eq!(district["l2_district_name"], "ADRIAN CITY");
}

#[test]
fn enforcing_stops_when_the_phase_goes_back_meanwhile() {
    let database = in_phase_2();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; SELECT FROM voter_file_filter LIMIT 1").unwrap();
    let url = database.url();
    let enforcing = std::thread::spawn(move || {
        enforce_phase_2(&mut winserve_persistence::connect(&url, "test").unwrap())
    });
    wait_until("it waits for the holder", || blocked_statements(&database) > 0);
    back(&mut database.connect(), &[]).unwrap();
    holder.batch_execute("COMMIT").unwrap();
    let stopped = enforcing.join().unwrap();
    assert!(
        matches!(stopped, Err(EnforceError::WrongPhase { phase: Phase::One, .. })),
        "{stopped:?}"
    );
    assert!(database.rows("SELECT FROM voter_file_filter WHERE campaign_id IS NULL").is_empty());
}

#[test]
fn phase_2_is_enforced_when_every_server_works_in_it() {
    let database = in_phase_2();
    database.execute_unmapped(
        "INSERT INTO process_heartbeat (process, build, phase, is_pinned, knows) VALUES
             ('01900000-0000-7000-8000-000000000001', '1', 'phase-1', false, '{phase-1,phase-2}')",
    );
    let refused = enforce_phase_2(&mut database.connect());
    assert!(matches!(refused, Err(EnforceError::ProcessesBehind { .. })), "{refused:?}");
    database.execute_unmapped("UPDATE process_heartbeat SET phase = 'phase-2'");
    assert_eq!(enforce_phase_2(&mut database.connect()).unwrap().len(), 1);
}

#[test]
fn filters_whose_campaign_an_earlier_build_dropped_are_named_with_the_statements_that_bring_it_back()
 {
    let database = in_phase_2();
    let mut connection = database.connect();
    enforce_phase_2(&mut connection).unwrap();
    let before = database.rows("SELECT id, campaign_id FROM voter_file_filter ORDER BY id");
    let catalog = database.rows(DUMP);
    let drop = "DROP TRIGGER voter_file_filter_complete ON voter_file_filter;
                ALTER TABLE voter_file_filter DROP COLUMN campaign_id";
    database.execute_unmapped(drop);
    let refused = enforce_phase_2(&mut connection);
    assert!(matches!(refused, Err(EnforceError::Dropped { .. })), "{refused:?}");
    for dry_run in [would_enforce_phase_2, would_undo_phase_2] {
        let refused = dry_run(&mut connection);
        assert!(matches!(refused, Err(EnforceError::Dropped { .. })), "{refused:?}");
    }
    let statements = match undo_phase_2(&mut connection) {
        Err(EnforceError::Dropped { statements }) => statements,
        other => panic!("{other:?}"),
    };
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-1'");
    let closed = gates(enter_phase_2(&mut connection));
    assert!(matches!(&closed[..], [gate] if gate.ends_with(&statements.join("; "))), "{closed:?}");
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-2'");
    for _twice in 0..2 {
        for statement in &statements {
            database.execute_unmapped(statement);
        }
    }
    assert_eq!(database.rows("SELECT id, campaign_id FROM voter_file_filter ORDER BY id"), before);
    assert_eq!(database.rows(DUMP), catalog);
    database.execute_unmapped(drop);
    assert_eq!(pending_of(&mut connection, Group::Phase2).unwrap().len(), 1);
    assert_eq!(expand(&mut connection, Group::Phase2).unwrap().len(), 1);
    assert_eq!(database.rows("SELECT id, campaign_id FROM voter_file_filter ORDER BY id"), before);
    assert_eq!(database.rows(DUMP), catalog);
    assert_eq!(undo_phase_2(&mut connection).unwrap().len(), 1);
}
