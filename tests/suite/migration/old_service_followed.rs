//! Writes of the old service soon reach our tables: the worker of `api` copies them, or the next write of ours
//! does.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, ElectionEmulator, Fault, World};
use winserve_migration::Phase;
use winserve_testkit::{TestApp, TestDatabase, http_client};

use super::old_service::OldService;
use crate::{
    api::asking_again::ask_again,
    binaries::{
        Running, api, backfill, free_port, output, wait_for_a_blocked_statement, wait_until_ready,
    },
    fixtures::{COUNCIL, MAYOR},
};

/// The phases in which the worker follows the old service.
const FOLLOWED: [Phase; 2] = [Phase::One, Phase::Two];
/// Two seconds on an idle machine; tests run in parallel, so more here.
const PATIENCE: Duration = Duration::from_secs(20);
const OFFICE: &str = "0193f6a4-0000-7000-8000-000000000011";
const YOUNGER: &str = "0193f6a4-0000-7000-8000-000000000012";
/// More than the worker processes at once.
const MANY: i32 = 25;
const SHOWN: &str = "
    SELECT position_id, verified_at IS NOT NULL AS verified, office,
           coalesce(campaign.l2_district_name, held.l2_district_name) AS district
    FROM campaign JOIN ballot_position AS held ON held.id = position_id WHERE campaign.id = ";

fn pick(position: &str, name: &str, state: &str) -> Value {
    json!({"positionId": position, "office": "Other", "otherOffice": name, "state": state, "electionDate": "2028-11-07"})
}

fn won() -> Value {
    json!({"electedDate": "2025-11-04"})
}

/// Waits until something holds.
async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what} is not so yet");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

fn notes(database: &TestDatabase) -> Vec<Value> {
    let notes = "SELECT campaign_id, changes FROM legacy_change ORDER BY campaign_id";
    database.rows(notes).iter().map(|it| json!([it["campaign_id"], it["changes"]])).collect()
}

async fn drained(database: &TestDatabase) {
    soon("everything is drained", async || notes(database).is_empty()).await;
}

fn number(id: &Value) -> i32 {
    i32::try_from(id.as_i64().unwrap()).unwrap()
}

/// A user of the old service with a campaign, and its goals.
fn candidate(old: &mut OldService, name: &str) -> (Value, Value) {
    let user = old.creates_a_user(&format!("{name}@example.org"));
    let campaign = old.creates_a_campaign(&user, name);
    old.creates_goals(&campaign);
    (user, campaign)
}

/// Position and district of each organization of a user, by its type.
async fn organizations(app: &TestApp, user: &Value) -> BTreeMap<String, Value> {
    let answer = app.user(number(user)).get("/v1/organizations").await.json();
    let items = answer["organizations"].as_array().unwrap().iter().map(|item| {
        let kind = item["type"].as_str().unwrap().to_owned();
        (kind, json!([item["position"]["id"], item["positionName"], item["district"]["name"]]))
    });
    items.collect()
}

#[actix_web::test]
async fn picks_districts_and_wins_of_the_old_service_are_shown_by_our_routes() {
    for phase in FOLLOWED {
        let app = TestApp::following(TestDatabase::in_phase(phase)).await;
        let mut old = OldService::beside_us(&app.database);
        let (user, campaign) = candidate(&mut old, "ann");

        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        let mayor = json!([MAYOR, "Tecumseh City Mayor", "TECUMSEH CITY"]);
        let is_mayor = async || organizations(&app, &user).await["campaign"] == mayor;
        soon("the pick is shown", is_mayor).await;

        let county = json!({"electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true});
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &county);
        let own = json!([MAYOR, "Tecumseh City Mayor", "LENAWEE"]);
        let is_own = async || organizations(&app, &user).await["campaign"] == own;
        soon("the district is shown", is_own).await;

        old.wins(&user, &campaign, OFFICE);
        let has_won = async || organizations(&app, &user).await.get("electedOffice") == Some(&own);
        soon("the office is shown", has_won).await;
        drained(&app.database).await;

        // Winning twice counts once, whichever service was first.
        let client = app.user_of_campaign(number(&user), number(&campaign));
        let again = client.request(Method::POST, "/v1/elected-office").json(&won());
        let again = client.send(again).await;
        assert_eq!(again.json()["id"], OFFICE, "{phase}");

        old.writes(&campaign, &json!({"office": "Dog Catcher", "state": "MI"}), &json!({}));
        let typed_in = json!([null, "Dog Catcher", null]);
        let is_typed_in = async || organizations(&app, &user).await["campaign"] == typed_in;
        soon("the typed-in office is shown", is_typed_in).await;
        assert_eq!(organizations(&app, &user).await["electedOffice"], own, "it is its own now");
        let mine = app.user_of_campaign(number(&user), number(&campaign));
        assert_eq!(mine.get("/v1/campaigns/mine").await.json()["details"]["office"], "Dog Catcher");
        drained(&app.database).await;
    }
}

#[actix_web::test]
async fn a_position_that_election_api_does_not_state_is_stored_by_the_campaigns_word() {
    for phase in FOLLOWED {
        let app = TestApp::following(TestDatabase::in_phase(phase)).await;
        let mut old = OldService::beside_us(&app.database);
        let (_, unknown) = candidate(&mut old, "ann");
        let (_, away) = candidate(&mut old, "bob");
        old.writes(&unknown, &pick("Z2lkOi8v", "Mayor", "MI"), &json!({}));
        drained(&app.database).await;
        app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
        old.writes(&away, &pick(COUNCIL, "Councilwoman", "WY"), &json!({}));
        drained(&app.database).await;
        for (campaign, position, office) in
            [(unknown, "Z2lkOi8v", "Mayor"), (away, COUNCIL, "Councilwoman")]
        {
            assert_eq!(
                app.database.row(&format!("{SHOWN} {campaign}")),
                json!({"position_id": position, "verified": false, "office": office, "district": null})
            );
        }
    }
}

#[actix_web::test]
async fn a_campaign_that_cannot_be_copied_to_the_tables_is_retried_and_blocks_no_other() {
    let app = TestApp::following(TestDatabase::in_phase(Phase::Two)).await;
    let mut old = OldService::beside_us(&app.database);
    let (_, broken) = candidate(&mut old, "ann");
    let (_, held) = candidate(&mut old, "bob");
    let (_, sound) = candidate(&mut old, "eve");
    drained(&app.database).await;
    app.database.execute_unmapped(&format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
         CREATE TRIGGER refuse BEFORE UPDATE OF position_id ON campaign FOR EACH ROW
             WHEN (NEW.id = {broken}) EXECUTE FUNCTION refuse()"
    ));
    for campaign in [&broken, &held, &sound] {
        old.writes(campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    }
    let mut holder = app.database.connect();
    holder
        .batch_execute(&format!("BEGIN; SELECT FROM campaign WHERE id = {held} FOR UPDATE"))
        .unwrap();
    let failing = "SELECT campaign_id FROM legacy_change WHERE attempts > 0 ORDER BY campaign_id";
    let (sound, of_sound) = (number(&sound), format!("{SHOWN} {sound}"));
    soon("the sound one is drained", async || {
        notes(&app.database).iter().all(|it| it[0] != json!(sound))
            && app.database.rows(failing).iter().any(|it| it["campaign_id"] == broken)
    })
    .await;
    assert_eq!(app.database.row(&of_sound)["position_id"], MAYOR);
    holder.batch_execute("COMMIT").unwrap();
    app.database.execute_unmapped("DROP TRIGGER refuse ON campaign");
    drained(&app.database).await;
    for campaign in [broken, held] {
        assert_eq!(app.database.row(&format!("{SHOWN} {campaign}"))["position_id"], MAYOR);
    }
}

/// The transaction has changed the campaigns, so it also locks their records.
#[actix_web::test]
async fn campaigns_that_the_old_service_holds_keep_no_other_waiting_however_many_they_are() {
    let app = TestApp::following(TestDatabase::legacy_with_tables()).await;
    let mut old = OldService::beside_us(&app.database);
    let campaigns: Vec<_> =
        (0..MANY).map(|it| candidate(&mut old, &format!("ann-{it}")).1).collect();
    for campaign in &campaigns {
        old.writes(campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    }
    let mut holder = app.database.connect();
    holder
        .batch_execute(r#"BEGIN; UPDATE campaign SET details = details || '{"level": "city"}'"#)
        .unwrap();
    app.database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-1'");
    let (_, sound) = candidate(&mut old, "bob");
    old.writes(&sound, &pick(COUNCIL, "Council", "WY"), &json!({}));
    let of_sound = format!("{SHOWN} {sound}");
    soon("the sound one is drained", async || {
        app.database.row(&of_sound)["position_id"] == COUNCIL
    })
    .await;
    let failing = "SELECT FROM legacy_change WHERE attempts > 0";
    assert!(app.database.rows(failing).is_empty(), "a locked row is not a failure");
    holder.batch_execute("COMMIT").unwrap();
    drained(&app.database).await;
    let followed = format!("SELECT FROM campaign WHERE position_id = '{MAYOR}'");
    assert_eq!(app.database.rows(&followed).len(), campaigns.len());
}

#[actix_web::test]
async fn a_transaction_of_the_old_service_does_not_fail_because_its_campaign_was_tried_meanwhile() {
    let app = TestApp::following(TestDatabase::legacy_with_tables()).await;
    let mut old = OldService::beside_us(&app.database);
    let (_, campaign) = candidate(&mut old, "ann");
    old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    let mut serializable = app.database.connect();
    serializable
        .batch_execute(&format!(
            "BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE campaign SET is_active = true WHERE id = {campaign}"
        ))
        .unwrap();
    app.database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-1'");
    // Once the second one is processed, the worker has skipped the locked ones.
    for name in ["bob", "eve"] {
        let (_, sound) = candidate(&mut old, name);
        old.writes(&sound, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        let of_sound = format!("{SHOWN} {sound}");
        soon("the sound one is drained", async || {
            app.database.row(&of_sound)["position_id"] == MAYOR
        })
        .await;
    }
    serializable
        .batch_execute(&format!(
            r#"UPDATE path_to_victory SET data = '{{"electionType": "City", "electionLocation": "ADRIAN CITY"}}'
               WHERE campaign_id = {campaign};
               COMMIT"#
        ))
        .unwrap();
    drained(&app.database).await;
    assert_eq!(app.database.row(&format!("{SHOWN} {campaign}"))["district"], "ADRIAN CITY");
}

/// The JSON of the campaigns, byte for byte.
fn json_of_campaigns(database: &TestDatabase) -> Vec<Value> {
    database.rows(
        "SELECT campaign.id, details::text, goals.data::text AS goals
         FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id ORDER BY 1",
    )
}

#[actix_web::test]
async fn what_the_old_service_picked_during_an_outage_stays_as_it_wrote_it_when_the_outage_ends() {
    for phase in FOLLOWED {
        let app = TestApp::following(TestDatabase::in_phase(phase)).await;
        app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
        let mut old = OldService::beside_us(&app.database);
        let user = old.creates_a_user("ann@example.org");
        let campaign = old.creates_a_campaign(&user, "ann");
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        drained(&app.database).await;
        let before = json_of_campaigns(&app.database);
        app.election.heal();
        ask_again(&app).await;
        let shown = app.database.row(&format!("{SHOWN} {campaign}"));
        assert_eq!(shown["verified"], true, "{phase}");
        assert_eq!(json_of_campaigns(&app.database), before, "{phase}");
        old.trace();
        old.creates_goals(&campaign);
        assert!(old.trace()[0].starts_with("create path_to_victory: [{"), "{phase}");
    }
}

#[actix_web::test]
async fn a_district_that_our_own_pick_waits_for_is_not_written_once_the_old_service_picked_another()
{
    for (phase, is_followed) in
        [(Phase::One, false), (Phase::One, true), (Phase::Two, false), (Phase::Two, true)]
    {
        let database = TestDatabase::in_phase(phase);
        let app = if is_followed {
            TestApp::following(database).await
        } else {
            TestApp::on(database).await
        };
        let mut old = OldService::beside_us(&app.database);
        let picks = async |user: &Value, position: &str| {
            let body =
                json!({"details": {"positionId": position, "office": "Council", "state": "WY"}});
            let answer = app.user(number(user)).put("/v1/campaigns/mine", body).await;
            assert_eq!(answer.status, 200, "{phase}: {}", answer.json());
        };
        let (verifier, _) = candidate(&mut old, "ann");
        picks(&verifier, COUNCIL).await;
        app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
        let user = old.creates_a_user("bob@example.org");
        let campaign = old.creates_a_campaign(&user, "bob");
        picks(&user, MAYOR).await;
        old.writes(&campaign, &pick(COUNCIL, "Council", "WY"), &json!({}));
        if is_followed {
            drained(&app.database).await;
        }
        let before = json_of_campaigns(&app.database);
        app.election.heal();
        ask_again(&app).await;
        assert_eq!(json_of_campaigns(&app.database), before, "{phase}, followed: {is_followed}");
        app.database.expect_damage(); // Without the worker, the tables lag behind.
    }
}

/// In phase `legacy` there is nothing to copy to.
#[actix_web::test]
async fn what_was_written_in_phase_legacy_follows_in_phase_1() {
    let app = TestApp::following(TestDatabase::legacy_with_tables()).await;
    let mut old = OldService::beside_us(&app.database);
    let (_, campaign) = candidate(&mut old, "ann");
    old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    assert_eq!(notes(&app.database), [json!([campaign, 1])]);
    app.database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-1'");
    drained(&app.database).await;
    assert_eq!(app.database.row(&format!("{SHOWN} {campaign}"))["position_id"], MAYOR);
}

#[actix_web::test]
async fn a_worker_that_is_stopped_gives_its_lease_back() {
    let mut app = TestApp::following(TestDatabase::in_phase(Phase::One)).await;
    let held = "SELECT FROM legacy_change_lease WHERE held_until > clock_timestamp()";
    soon("the lease is taken", async || app.database.rows(held).len() == 1).await;
    app.stop_following().await;
    assert!(app.database.rows(held).is_empty());
}

#[actix_web::test]
async fn a_worker_that_loses_its_lease_takes_it_again_when_it_is_free() {
    let app = TestApp::following(TestDatabase::in_phase(Phase::One)).await;
    let mut old = OldService::beside_us(&app.database);
    let (_, campaign) = candidate(&mut old, "ann");
    drained(&app.database).await;
    let other = "01900000-0000-7000-8000-000000000001";
    app.database.execute_unmapped(&format!(
        "UPDATE legacy_change_lease
         SET holder = '{other}', held_until = clock_timestamp() + interval '3 s'"
    ));
    let lost = format!("SELECT FROM legacy_change_lease WHERE holder <> '{other}'");
    soon("the lease is taken again", async || app.database.rows(&lost).len() == 1).await;
    old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    drained(&app.database).await;
}

/// Without a worker: the first write copies it to the tables.
async fn beside(phase: Phase) -> (TestApp, OldService) {
    let app = TestApp::with_clerk_on(TestDatabase::in_phase(phase)).await;
    let old = OldService::beside_us(&app.database);
    (app, old)
}

#[actix_web::test]
async fn our_own_write_to_a_campaign_that_the_old_service_changed_completes_it() {
    for phase in FOLLOWED {
        let (app, mut old) = beside(phase).await;
        app.clerk().add_machine_token("mt_good", "mch_1", None);
        let machine = app.anonymous().authorized("Bearer mt_good");
        let writes: [(&str, Method, &str, Value); 6] = [
            (
                "mine",
                Method::PUT,
                "/v1/campaigns/mine",
                json!({"details": {"occupation": "Baker"}}),
            ),
            ("launch", Method::POST, "/v1/campaigns/launch", json!({})),
            ("targets", Method::PUT, "/v1/campaigns/mine/race-target-details", json!({})),
            ("machine", Method::PUT, "/v1/campaigns/{}", json!({"isPro": true})),
            (
                "district",
                Method::PUT,
                "/v1/campaigns/mine/district",
                json!({"L2DistrictType": "City_Ward", "L2DistrictName": "CHEYENNE CITY WARD 1"}),
            ),
            ("won", Method::POST, "/v1/elected-office", won()),
        ];
        for (name, method, path, body) in writes {
            let (user, campaign) = candidate(&mut old, name);
            old.writes(&campaign, &pick(COUNCIL, "Council", "WY"), &json!({}));
            let client = app.user_of_campaign(number(&user), number(&campaign));
            let client = if name == "machine" { &machine } else { &client };
            let path = path.replace("{}", &campaign.to_string());
            let answer = client.send(client.request(method, &path).json(&body)).await;
            assert!(
                answer.status.as_u16() < 300,
                "{phase} {name}: {} {}",
                answer.status,
                answer.json()
            );
            let shown = app.database.row(&format!("{SHOWN} {campaign}"));
            assert_eq!(shown["position_id"], COUNCIL, "{phase} {name}");
            let office =
                format!("SELECT position_id FROM elected_office WHERE campaign_id = {campaign}");
            if name == "won" {
                assert_eq!(app.database.row(&office), json!({"position_id": COUNCIL}), "{phase}");
            }
        }
    }
}

#[actix_web::test]
async fn a_change_of_an_organization_begins_with_what_the_old_service_wrote() {
    for phase in FOLLOWED {
        let (app, mut old) = beside(phase).await;
        let (user, campaign) = candidate(&mut old, "ann");
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        old.wins(&user, &campaign, OFFICE);
        let owner = app.user(number(&user));
        let lenawee = json!({"type": "County", "name": "LENAWEE"});
        for (table, district) in [("campaign", lenawee), ("elected_office", Value::Null)] {
            let organization =
                app.database.row(&format!("SELECT organization_id AS id FROM {table}"));
            let path = format!("/v1/organizations/{}", organization["id"].as_str().unwrap());
            let body = json!({"district": district});
            let answer = owner.send(owner.request(Method::PATCH, &path).json(&body)).await;
            assert_eq!(answer.status, 200, "{phase} {table}: {}", answer.json());
            assert_eq!(answer.json()["position"]["id"], MAYOR, "{phase} {table}");
        }
    }
}

#[actix_web::test]
async fn a_change_of_an_office_that_the_old_service_won_gives_it_its_position() {
    for phase in FOLLOWED {
        let (app, mut old) = beside(phase).await;
        let (user, campaign) = candidate(&mut old, "ann");
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        old.wins(&user, &campaign, OFFICE);
        let client = app.user(number(&user));
        let path = format!("/v1/elected-office/{OFFICE}");
        let answer = client.put(&path, json!({"swornInDate": "2026-01-05"})).await;
        assert_eq!(answer.status, 200, "{phase}: {}", answer.json());
        let office = app.database.row("SELECT position_id, sworn_in_date FROM elected_office");
        assert_eq!(office, json!({"position_id": MAYOR, "sworn_in_date": "2026-01-05"}), "{phase}");
        // election-api was called before.
        let verified = "SELECT FROM ballot_position WHERE verified_at IS NOT NULL";
        assert_eq!(app.database.rows(verified).len(), 1, "{phase}");
    }
}

#[actix_web::test]
async fn a_change_of_an_office_waits_for_the_old_service_and_gives_it_its_position_first() {
    for phase in FOLLOWED {
        for method in [Method::PATCH, Method::PUT] {
            let (app, mut old) = beside(phase).await;
            let (user, campaign) = candidate(&mut old, "ann");
            old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
            old.wins(&user, &campaign, OFFICE);
            let mut holder = app.database.connect();
            holder
                .batch_execute("BEGIN; UPDATE elected_office SET term_start_date = '2026-01-05'")
                .unwrap();
            let organization = app.database.row("SELECT organization_id AS id FROM elected_office");
            let organization = organization["id"].as_str().unwrap();
            let (path, body) = match method {
                Method::PATCH => (
                    format!("/v1/organizations/{organization}"),
                    json!({"district": {"type": "County", "name": "LENAWEE"}}),
                ),
                _ => (format!("/v1/elected-office/{OFFICE}"), json!({"swornInDate": "2026-01-06"})),
            };
            let client = app.user(number(&user));
            let request = client.request(method.clone(), &path).json(&body);
            let changing = actix_web::rt::spawn(async move { client.send(request).await });
            wait_for_a_blocked_statement(&app.database).await;
            holder.batch_execute("COMMIT").unwrap();
            let answer = changing.await.unwrap();
            assert_eq!(answer.status, 200, "{phase} {method}: {}", answer.json());
            let office = app.database.row(
                "SELECT position_id, l2_district_name AS district, term_start_date FROM elected_office",
            );
            let district = if method == Method::PATCH { json!("LENAWEE") } else { Value::Null };
            assert_eq!(
                office,
                json!({"position_id": MAYOR, "district": district, "term_start_date": "2026-01-05"}),
                "{phase} {method}"
            );
        }
    }
}

#[actix_web::test]
async fn an_office_whose_holder_chose_none_stays_so_whatever_the_old_service_writes() {
    for phase in FOLLOWED {
        let app = TestApp::following(TestDatabase::in_phase(phase)).await;
        let mut old = OldService::beside_us(&app.database);
        let (user, campaign) = candidate(&mut old, "ann");
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        for office in [OFFICE, YOUNGER] {
            old.wins(&user, &campaign, office);
        }
        drained(&app.database).await;
        let positions = "SELECT organization_id, position_id FROM elected_office ORDER BY id";
        let owner = app.user(number(&user));
        for office in app.database.rows(positions) {
            assert_eq!(office["position_id"], MAYOR, "{phase}");
            let path = format!("/v1/organizations/{}", office["organization_id"].as_str().unwrap());
            let none = owner.request(Method::PATCH, &path).json(&json!({"positionId": null}));
            let answer = owner.send(none).await;
            assert_eq!(answer.status, 200, "{phase}: {}", answer.json());
        }
        old.writes(&campaign, &pick(COUNCIL, "Council", "WY"), &json!({}));
        drained(&app.database).await;
        let (code, stdout, stderr) = output(backfill(&app.database).args(["repair", "--compare"]));
        assert_eq!(code, Some(0), "{phase}: {stdout} {stderr}");
        let kept = app.database.rows(positions);
        let kept: Vec<_> = kept.iter().map(|it| it["position_id"].as_str().unwrap()).collect();
        assert_eq!(kept, [OFFICE, YOUNGER].map(|it| format!("custom:office:{it}")), "{phase}");
    }
}

#[actix_web::test]
async fn a_write_that_touches_the_goals_keeps_the_district_that_the_old_service_chose() {
    for phase in FOLLOWED {
        let (app, mut old) = beside(phase).await;
        let (user, campaign) = candidate(&mut old, "ann");
        let county = json!({"electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true});
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &county);
        let client = app.user_of_campaign(number(&user), number(&campaign));
        let goals = json!({"pathToVictory": {"winNumber": 5}});
        assert_eq!(client.put("/v1/campaigns/mine", goals).await.status, 200, "{phase}");
        let shown = app.database.row(&format!("{SHOWN} {campaign}"));
        assert_eq!(
            (&shown["position_id"], &shown["district"]),
            (&json!(MAYOR), &json!("LENAWEE")),
            "{phase}"
        );
    }
}

#[test]
fn status_says_how_far_the_tables_lag_behind() {
    let database = TestDatabase::in_phase(Phase::One);
    database.expect_damage();
    let mut old = OldService::beside_us(&database);
    let status = |arguments: &[&str]| output(backfill(&database).arg("status").args(arguments)).1;
    assert!(status(&[]).contains("The tables include all changes of the old service."));
    let (_, campaign) = candidate(&mut old, "ann");
    old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    let said: Value = serde_json::from_str(&status(&["--json"])).unwrap();
    assert_eq!(
        (&said["old_service"]["pending"], &said["old_service"]["failing"]),
        (&json!(1), &json!(0))
    );
    assert!(said["old_service"]["oldest_seconds"].is_number());
    assert!(status(&[]).contains("Changes of the old service to 1 campaigns"), "{}", status(&[]));
}

/// `api` as it is deployed, with an election-api.
struct Server {
    base: String,
    process: Running,
}

impl Server {
    async fn start(database: &TestDatabase, election: &ElectionEmulator) -> Self {
        let bind = format!("127.0.0.1:{}", free_port());
        let process = api(database, &bind)
            .env("WINSERVE__ELECTION_API__URL", election.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Running)
            .unwrap();
        let base = format!("http://{bind}");
        wait_until_ready(&base).await;
        Self { base, process }
    }

    /// A metric without labels.
    async fn metric(&self, name: &str) -> String {
        let answer = http_client().get(format!("{}/metrics", self.base)).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        value.map_or_else(|| format!("no {name}"), str::to_owned)
    }

    async fn drained(&self) -> String {
        self.metric("legacy_changes_drained_total").await
    }
}

/// The old service picks an office for a new campaign, which is then copied.
async fn picks(database: &TestDatabase, old: &mut OldService, name: &str) {
    let (_, campaign) = candidate(old, name);
    old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
    drained(database).await;
    let shown = database.row(&format!("{SHOWN} {campaign}"));
    assert_eq!((&shown["position_id"], &shown["verified"]), (&json!(MAYOR), &json!(true)));
}

#[actix_web::test]
async fn of_two_processes_one_follows_and_the_other_takes_over_when_it_is_killed() {
    let database = TestDatabase::in_phase(Phase::Two);
    let election = ElectionEmulator::start(World::demo()).unwrap();
    let mut old = OldService::beside_us(&database);
    let mut first = Server::start(&database, &election).await;
    let held = "SELECT FROM legacy_change_lease WHERE held_until > clock_timestamp()";
    soon("the lease is taken", async || database.rows(held).len() == 1).await;
    let second = Server::start(&database, &election).await;
    for name in ["ann", "bob", "eve"] {
        picks(&database, &mut old, name).await;
    }
    // A change is counted after its transaction.
    soon("all are counted", async || first.drained().await == "3").await;
    let by_each = [first.drained().await, second.drained().await];
    assert_eq!(by_each, ["3", "0"], "each once");
    let names = [
        "legacy_changes_pending",
        "legacy_changes_failing",
        "legacy_changes_oldest_age_seconds",
        "legacy_changes_failed_total",
    ];
    for name in names {
        // Measured only now and then.
        soon(name, async || second.metric(name).await == "0").await;
    }
    assert!(first.process.kill());
    picks(&database, &mut old, "jim").await;
    soon("it is counted", async || second.drained().await == "1").await;
    assert_eq!(second.process.terminate(), Some(0));
    assert!(database.rows(held).is_empty(), "the lease was given back");
}

/// Design §3: p99 of the lag is at most two seconds while little else happens.
#[actix_web::test]
#[ignore = "half a minute: the lag of two hundred changes; `make chaos`"]
async fn chaos_of_two_hundred_picks_ninety_nine_in_a_hundred_are_ours_within_two_seconds() {
    let app = TestApp::following(TestDatabase::in_phase(Phase::Two)).await;
    let mut old = OldService::beside_us(&app.database);
    let mut lags = Vec::new();
    for number in 0..200 {
        let (_, campaign) = candidate(&mut old, &format!("ann-{number}"));
        let since = Instant::now();
        old.writes(&campaign, &pick(MAYOR, "Mayor", "MI"), &json!({}));
        soon("it is drained", async || notes(&app.database).is_empty()).await;
        lags.push(since.elapsed());
    }
    lags.sort_unstable();
    let (half, p99) = (lags[lags.len() / 2], lags[lags.len() * 99 / 100]);
    let figures = format!("lag behind the old service: half within {half:?}, 99 % within {p99:?}");
    writeln!(std::io::stderr(), "{figures}").unwrap();
    assert!(p99 <= Duration::from_secs(2), "{p99:?}");
}
