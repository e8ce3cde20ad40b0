//! Events of organizations that no route of ours writes: those of the backfill, of the worker that follows the old
//! service, and of the old service itself.

use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_testkit::{TestApp, TestDatabase};

use super::{backfill_run, generated, old_service::OldService};
use crate::{
    binaries::eventually,
    fixtures::{self, MAYOR},
};

const OFFICE: &str = "0193f6a4-0000-7000-8000-000000000011";

fn events(database: &TestDatabase) -> Vec<Value> {
    database.rows(
        "SELECT kind, actor, owner_id, organization_id, before, after FROM organization_event ORDER BY sequence",
    )
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[test]
fn the_backfill_writes_an_event_for_each_organization_and_none_when_it_runs_again() {
    let database = generated::in_phase_1(200);
    backfill_run::finish(&database);
    let without = database.rows(
        "SELECT id, count FROM organization FULL JOIN (
             SELECT organization_id, count(*) FROM organization_event WHERE kind = 'organization.created'
             GROUP BY organization_id
         ) AS created ON organization_id = id WHERE count IS DISTINCT FROM 1",
    );
    assert_eq!(without, [json!(null); 0]);
    let not_won = database.rows(
        "SELECT id FROM organization WHERE request_key LIKE 'won:%' AND NOT EXISTS (
             SELECT FROM organization_event WHERE organization_id = organization.id AND kind = 'office.won'
               AND 'won:' || (after ->> 'campaign_organization_id') = request_key)",
    );
    assert_eq!(not_won, [json!(null); 0]);
    let outdated = database.rows(
        "SELECT organization_id, position_id, facts FROM campaign JOIN LATERAL (
             SELECT after AS facts FROM organization_event AS event
             WHERE event.organization_id = campaign.organization_id AND after ? 'position_id'
             ORDER BY sequence DESC LIMIT 1
         ) AS last ON true
         WHERE facts ->> 'position_id' <> position_id
            OR facts #>> '{district,name}' IS DISTINCT FROM l2_district_name",
    );
    assert_eq!(outdated, [json!(null); 0]);
    let actors = database.rows("SELECT DISTINCT actor FROM organization_event");
    assert_eq!(actors, [json!({"actor": "winserve"})]);

    let before = events(&database).len();
    backfill_run::finish(&database);
    assert_eq!(events(&database).len(), before);
}

#[actix_web::test]
async fn what_the_old_service_does_and_what_follows_from_it_are_events() {
    for phase in [Phase::One, Phase::Two] {
        let app = TestApp::following(TestDatabase::in_phase(phase)).await;
        let database = &app.database;
        let other = database.row("SELECT 'other:' || session_user AS actor")["actor"].clone();
        let mut old = OldService::beside_us(database);
        let user = old.creates_a_user("ann@example.org");
        let campaign = old.creates_a_campaign(&user, "ann");
        old.creates_goals(&campaign);
        let found = events(database);
        assert_eq!(kinds(&found), ["organization.created"]);
        assert_eq!((&found[0]["actor"], &found[0]["owner_id"]), (&other, &user));

        let picked =
            json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI"});
        old.writes(&campaign, &picked, &json!({}));
        eventually("the worker copies the office", || events(database).len() == 2).await;
        let found = events(database);
        assert_eq!(found[1]["kind"], "organization.changed");
        assert_eq!(
            (&found[1]["actor"], &found[1]["after"]["position_id"]),
            (&json!("winserve"), &json!(MAYOR))
        );

        old.wins(&user, &campaign, OFFICE);
        eventually("the worker completes the office", || {
            database.rows("SELECT FROM legacy_change").is_empty()
        })
        .await;
        let mut of_office = events(database).split_off(2);
        of_office.sort_by_key(|event| event["kind"].as_str().unwrap().to_owned());
        assert_eq!(
            kinds(&of_office),
            ["office.won", "organization.changed", "organization.created"]
        );
        assert_eq!(of_office[0]["after"]["campaign_organization_id"], found[0]["organization_id"]);
        assert_eq!(of_office[1]["after"]["position_id"], MAYOR);

        let of_campaign = format!("id = {campaign}");
        for _ in 0..2 {
            old.updates("campaign", "can_download_federal = true", &of_campaign);
        }
        old.deletes("elected_office", &format!("id = '{OFFICE}'"));
        old.deletes("campaign", &of_campaign);
        let found = events(database).split_off(5);
        let expected = ["organization.changed", "organization.deleted", "organization.deleted"];
        assert_eq!(kinds(&found), expected);
        assert!(found.iter().all(|event| event["actor"] == other), "{found:?}");

        old.creates_a_campaign(&user, "again");
        old.deletes("user", &format!("id = {user}"));
        assert_eq!(events(database), [json!(null); 0]);
    }
}

#[actix_web::test]
async fn the_order_of_the_feed_begins_with_events_that_an_earlier_build_wrote() {
    let app = TestApp::with_clerk(Phase::Two).await;
    fixtures::user(&app.database, 7, "candidate");
    app.database.execute_unmapped(include_str!(
        "../../../migrations/phase-1-expand/20261201000100_organization_event_order/down.sql"
    ));
    app.database.execute_unmapped(
        "INSERT INTO organization_event (organization_id, owner_id, actor, kind)
         SELECT gen_random_uuid(), 7, 'user:' || n, 'organization.changed' FROM generate_series(1, 3) AS n",
    );
    app.database.execute_unmapped(include_str!(
        "../../../migrations/phase-1-expand/20261201000100_organization_event_order/up.sql"
    ));
    app.database.execute_unmapped(
        "INSERT INTO campaign (updated_at, slug, user_id) VALUES (now(), 'slug', 7)",
    );
    app.database.expect_unmapped_rows();
    let settled = "SELECT max(transaction) < pg_snapshot_xmin(pg_current_snapshot()) AS settled FROM organization_event";
    eventually("older transactions end", || app.database.row(settled)["settled"] == true).await;

    app.clerk().add_machine_token("mt_good", "mch_1", None);
    let machine = app.anonymous().authorized("Bearer mt_good");
    let other = app.database.row("SELECT 'other:' || session_user AS actor")["actor"].clone();
    let mut path = "/v1/organization-events?limit=2".to_owned();
    for expected in [vec![json!("user:1"), json!("user:2")], vec![json!("user:3"), other], vec![]] {
        let page = machine.get(&path).await.json();
        let events = page["events"].as_array().unwrap();
        let actors: Vec<_> = events.iter().map(|event| event["actor"].clone()).collect();
        assert_eq!(actors, expected);
        path = format!("/v1/organization-events?limit=2&after={}", page["next"].as_str().unwrap());
    }
}
