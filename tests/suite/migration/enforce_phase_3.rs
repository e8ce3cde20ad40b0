//! The end of phase 3: what only the old service needs is dropped, and nothing of ours misses it.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_migration::{
    LastStep, Phase, Unobserved, check_phase_3, clean, enforce_phase_3,
    migrate::{Group, MigrateError, expand, is_expanded, revert},
    phase::{self, PhaseChange, PhaseError},
    plan,
    sql::EnforceError,
    status,
};
use winserve_testkit::{TestApp, TestDatabase};

use super::backfill_run::options;
use crate::fixtures::{self, COUNCIL, DUMP, MAYOR};

fn confirmed() -> LastStep {
    LastStep { is_confirmed: true, actor: "ann".to_owned(), reason: "the end".to_owned() }
}

/// Phase 3 after `clean`: a campaign of user 7 that won, with a list, and one of user 8 that won two offices, as only
/// the old service could do it. The last one has an office without any text.
pub(crate) fn cleaned() -> TestDatabase {
    TestDatabase::copy_of("cleaned", Phase::Three, || {
        let database = TestDatabase::in_phase(Phase::Two);
        for user in [7, 8, 9] {
            fixtures::user(&database, user, "candidate");
        }
        let details =
            json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI"});
        fixtures::campaign(&database, 11, 7, &details, None);
        fixtures::campaign(&database, 12, 8, &details, None);
        fixtures::campaign(&database, 13, 9, &json!({}), None);
        database.execute(
            "INSERT INTO elected_office (id, created_at, updated_at, user_id, campaign_id, is_active) VALUES
                 ('o-11', '2026-01-01', now(), 7, 11, true), ('o-12', '2026-01-01', now(), 8, 12, false),
                 ('o-12-again', '2026-01-02', now(), 8, 12, true), ('o-13', '2026-01-01', now(), 9, 13, true);
             INSERT INTO voter_file_filter (id, updated_at, name, campaign_id) VALUES (1, now(), 'Voters', 11);
             ALTER TABLE campaign ALTER organization_id SET NOT NULL, ALTER position_id SET NOT NULL;
             ALTER TABLE elected_office ALTER organization_id SET NOT NULL, ALTER position_id SET NOT NULL;
             ALTER TABLE voter_file_filter ALTER organization_id SET NOT NULL",
        );
        let mut connection = database.connect();
        expand(&mut connection, Group::Phase3).unwrap();
        winserve_migration::verify(&mut connection).unwrap();
        let change = PhaseChange {
            from: Phase::Two,
            to: Phase::Three,
            actor: "ann".to_owned(),
            reason: "test".to_owned(),
            accepted: vec!["other-services-updated".to_owned()],
            silence: Duration::ZERO,
        };
        phase::change(&mut connection, &change).unwrap();
        let report = clean(&options(&database), &[], &mut Unobserved).unwrap();
        assert_eq!(report.exit_code, 0, "{report:?}");
        database
    })
}

fn enforced() -> TestDatabase {
    let database = cleaned();
    enforce_phase_3(&mut database.connect(), &confirmed()).unwrap();
    database
}

/// The campaign of each office, as machines see it.
async fn campaigns_of_offices(app: &TestApp) -> Vec<(String, Value)> {
    app.clerk().add_machine_token("mt_good", "mch_1", None);
    let machine = app.anonymous().authorized("Bearer mt_good");
    let listed = machine.get("/v1/elected-office/list?sortBy=id&sortOrder=asc").await.json();
    let offices = listed["data"].as_array().unwrap_or_else(|| panic!("{listed}"));
    let mut offices: Vec<_> = offices
        .iter()
        .map(|office| (office["id"].as_str().unwrap().to_owned(), office["campaignId"].clone()))
        .collect();
    offices.sort_by(|one, other| one.0.cmp(&other.0));
    offices
}

#[actix_web::test]
async fn every_office_keeps_its_campaign_and_every_list_its_owner() {
    let expected = [("o-11", 11), ("o-12", 12), ("o-12-again", 12), ("o-13", 13)]
        .map(|(office, campaign)| (office.to_owned(), json!(campaign)));
    for database in [cleaned(), enforced()] {
        let app = TestApp::with_clerk_on(database).await;
        assert_eq!(campaigns_of_offices(&app).await, expected);
        let lists = app.user_of_campaign(7, 11).get("/v1/voters/voter-file/filters").await.json();
        assert_eq!((&lists[0]["name"], &lists[0]["campaignId"]), (&json!("Voters"), &json!(11)));
        // A repeat finds the office that is held.
        let again = app
            .user_of_campaign(8, 12)
            .post("/v1/elected-office", json!({"electedDate": "2024-11-05"}))
            .await;
        assert_eq!((again.status.as_u16(), &again.json()["id"]), (200, &json!("o-12-again")));
        let eligible = app.user(9).get("/v1/eligibility").await.json();
        assert_eq!(eligible["wins"][0]["reason"], "already-won", "{eligible}");
    }
}

#[actix_web::test]
async fn an_office_that_is_won_in_phase_3_has_its_campaign_for_the_way_back() {
    let database = TestDatabase::in_phase(Phase::Three);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let app = TestApp::with_clerk_on(database).await;
    let won = app.user(7).post("/v1/elected-office", json!({"electedDate": "2024-11-05"})).await;
    assert_eq!(won.status, 201, "{won:?}");
    let taken = json!({"electedDate": "2024-11-05", "positionId": COUNCIL});
    let client = app.user(7);
    let request = client.request(reqwest::Method::POST, "/v1/elected-office").json(&taken);
    assert_eq!(client.send(request).await.status, 201);
    let stored = app
        .database
        .rows("SELECT campaign_id FROM elected_office ORDER BY created_at, campaign_id");
    assert_eq!(stored, [json!({"campaign_id": 11}), json!({"campaign_id": null})]);
}

#[test]
fn it_drops_what_the_old_service_needs_and_nothing_of_ours() {
    let database = cleaned();
    let before = database.rows(DUMP);
    enforce_phase_3(&mut database.connect(), &confirmed()).unwrap();
    let after = database.rows(DUMP);
    let gone: Vec<&str> = before
        .iter()
        .filter(|line| !after.contains(line))
        .map(|line| line["line"].as_str().unwrap())
        .collect();
    let is_expected = |line: &&&str| {
        line.contains("campaign_id")
            || line.contains("legacy_change")
            || [
                "elected_office_campaign",
                "offices_name_their_campaign",
                "voter_file_filter_complete",
            ]
            .contains(*line)
    };
    let unexpected: Vec<_> = gone.iter().filter(|line| !is_expected(line)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    let added: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(added.is_empty(), "{added:?}");
    let kept = |name: &str| after.iter().any(|line| line["line"] == name);
    for name in
        ["campaign_complete", "campaign_clean_up", "elected_office_complete", "campaign_event"]
    {
        assert!(kept(name), "{name} serves every program");
    }
    assert_eq!(after, TestDatabase::at_the_end().rows(DUMP), "a new database has the same");
    let run = database.row(
        "SELECT job, exit_code, report->>'actor' AS actor, report->>'reason' AS reason
                            FROM backfill_run WHERE job = 'enforce-phase-3'",
    );
    assert_eq!(
        run,
        json!({"job": "enforce-phase-3", "exit_code": 0, "actor": "ann", "reason": "the end"})
    );
}

#[test]
fn run_twice_it_is_harmless_and_there_is_no_way_back() {
    let database = enforced();
    let mut connection = database.connect();
    let unconfirmed = LastStep { is_confirmed: false, ..confirmed() };
    assert!(enforce_phase_3(&mut connection, &unconfirmed).unwrap().is_empty());
    for group in [Group::Phase1, Group::Phase2, Group::Phase3] {
        assert!(expand(&mut connection, group).unwrap().is_empty());
        assert!(is_expanded(&mut connection, group).unwrap());
    }
    let refused = revert(&mut connection, Group::Phase3);
    assert!(matches!(refused, Err(MigrateError::PhaseInUse)), "{refused:?}");
    let back = PhaseChange {
        from: Phase::Three,
        to: Phase::Two,
        actor: "ann".to_owned(),
        reason: String::new(),
        accepted: Vec::new(),
        silence: Duration::ZERO,
    };
    let refused = phase::change(&mut connection, &back);
    assert!(matches!(refused, Err(PhaseError::NoWayBack)), "{refused:?}");
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-2'");
    for group in [Group::Phase3, Group::Phase3Enforce] {
        let refused = revert(&mut connection, group);
        assert!(
            matches!(refused, Err(MigrateError::NoWayBack | MigrateError::PhaseInUse)),
            "{refused:?}"
        );
    }
}

#[test]
fn each_gate_is_named() {
    let database = cleaned();
    let mut connection = database.connect();
    let unconfirmed = LastStep { is_confirmed: false, ..confirmed() };
    let refused = enforce_phase_3(&mut connection, &unconfirmed).unwrap_err();
    let EnforceError::NotConfirmed { lost } = &refused else { panic!("{refused:?}") };
    assert_eq!(
        (lost.offices_with_campaign, lost.filters_with_campaign, lost.archived_campaigns),
        (4, 1, 2)
    );
    assert_eq!(refused.next_steps(), ["backfill enforce phase-3 --yes"]);

    // Another service wrote an old key again.
    database.execute_unmapped("UPDATE campaign SET details = '{\"state\": \"WY\"}' WHERE id = 13");
    let refused = check_phase_3(&mut connection).unwrap_err();
    assert!(matches!(refused, EnforceError::NotClean), "{refused:?}");
    assert_eq!(refused.next_steps(), ["backfill clean"]);
    database.execute_unmapped("UPDATE campaign SET details = '{}' WHERE id = 13");

    database.execute_unmapped(
        "INSERT INTO process_heartbeat (process, build, phase, is_pinned, knows)
         VALUES ('00000000-0000-7000-8000-000000000001', 'old', 'phase-3', false, '{phase-3}')",
    );
    let refused = check_phase_3(&mut connection).unwrap_err();
    assert!(refused.to_string().contains("(build old) does not know phase-3-enforce"), "{refused}");
    assert_eq!(refused.next_steps(), ["backfill enforce phase-3"]);
    database.execute_unmapped("UPDATE process_heartbeat SET knows = '{phase-3,phase-3-enforce}'");

    let mut other = database.connect();
    other.batch_execute("SELECT FROM elected_office WHERE campaign_id = 11").unwrap();
    let refused = check_phase_3(&mut connection).unwrap_err();
    let EnforceError::OthersBehind { users } = &refused else { panic!("{refused:?}") };
    assert!(users[0].contains("WHERE campaign_id = 11"), "{users:?}");
    other.batch_execute("SELECT FROM elected_office").unwrap();

    check_phase_3(&mut connection).unwrap();
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-2'");
    let refused = check_phase_3(&mut connection).unwrap_err();
    assert!(
        matches!(refused, EnforceError::WrongPhase { wanted: Phase::Three, .. }),
        "{refused:?}"
    );
    assert_eq!(refused.next_steps(), ["backfill phase advance"]);
}

#[test]
fn an_office_that_another_service_adds_at_the_last_moment_keeps_its_campaign() {
    let database = cleaned();
    database.execute_unmapped(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('late', now(), 9, 13)",
    );
    enforce_phase_3(&mut database.connect(), &confirmed()).unwrap();
    let key = database.row(
        "SELECT its.request_key = 'won:' || run_for.organization_id || ':' || its.id AS names_it
         FROM elected_office AS office JOIN organization AS its ON its.id = organization_id, campaign AS run_for
         WHERE office.id = 'late' AND run_for.id = 13",
    );
    assert_eq!(key["names_it"], true);
}

#[test]
fn the_plan_ends_and_says_what_can_be_removed() {
    let database = cleaned();
    let mut connection = database.connect();
    let before = plan(&mut connection).unwrap();
    assert_eq!(before.next_steps, ["backfill enforce phase-3"]);
    assert_eq!(before.conclusion, None);
    enforce_phase_3(&mut connection, &confirmed()).unwrap();
    let after = plan(&mut connection).unwrap();
    assert!(after.next_steps.iter().all(|step| step.contains("1b")), "{after:?}");
    let conclusion = after.conclusion.unwrap();
    assert!(
        conclusion.starts_with("done: nothing of the migration is needed any more"),
        "{conclusion}"
    );
    for removed in ["prove-deletable", "crates/migration", "bins/backfill", "tests/suite/migration"]
    {
        assert!(conclusion.contains(removed), "{conclusion}");
    }
    let status = status::collect(&mut connection).unwrap();
    assert_eq!(status.elected_offices.total, 4);
    assert_eq!(status.old_service, None);
    let verified = winserve_migration::verify_read_only(&mut connection).unwrap();
    assert_eq!((verified.defects(), verified.elected_offices), (0, 4), "{verified:?}");
}

#[test]
fn a_service_that_is_updated_still_signs_people_up_and_cleans_up() {
    let database = enforced();
    database.execute_unmapped(
        "INSERT INTO campaign (id, updated_at, slug, user_id, details) VALUES (21, now(), 'new', 9, '{\"zip\": \"49286\"}');
         INSERT INTO path_to_victory (updated_at, campaign_id, data) VALUES (now(), 21, '{\"winNumber\": 5}');
         UPDATE campaign SET details = details || '{\"occupation\": \"Baker\"}' WHERE id = 21;
         INSERT INTO elected_office (id, updated_at, user_id) VALUES ('o-21', now(), 9);
         INSERT INTO voter_file_filter (id, updated_at, organization_id, organization_type)
             SELECT 2, now(), organization_id, 'campaign' FROM campaign WHERE id = 21",
    );
    let made = database.row(
        "SELECT position_id, organization_id IS NOT NULL AS has_one FROM campaign WHERE id = 21",
    );
    assert_eq!(made, json!({"position_id": "custom:campaign:21", "has_one": true}));
    database.execute_unmapped(
        "DELETE FROM campaign WHERE id IN (11, 21); DELETE FROM elected_office WHERE id = 'o-21'",
    );
    assert!(database.rows("SELECT FROM voter_file_filter").is_empty());
    assert_eq!(database.rows("SELECT FROM elected_office WHERE id = 'o-11'").len(), 1);
    database.assert_invariants();
}
