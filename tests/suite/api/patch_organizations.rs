//! `PATCH /v1/organizations/:id`, and for staff and machines `PATCH /v1/organizations/admin/:id`.

use actix_web::rt::spawn;
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp};

use crate::fixtures::{self, COUNCIL, MAYOR, WITHOUT_DISTRICT};

const PHASES: [Phase; 2] = [Phase::One, Phase::Two];

/// An organization that can be changed.
struct Case {
    app: TestApp,
    /// Its path.
    path: String,
    /// The last event before any change.
    since: Value,
}

impl Case {
    fn new(app: TestApp, organization: &Value) -> Self {
        let path = format!("/v1/organizations/{}", organization.as_str().unwrap());
        let last = "SELECT coalesce(max(sequence), 0) AS sequence FROM organization_event";
        let since = app.database.row(last)["sequence"].clone();
        Self { app, path, since }
    }
}

impl Case {
    /// The campaign of user 7 for mayor.
    async fn campaign(phase: Phase) -> Self {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        let body = json!({"positionId": MAYOR, "electionDate": "2028-11-07", "raceId": "race"});
        let started = app.user(7).post("/v1/campaigns", body).await.json();
        Self::new(app, &started["organizationId"])
    }

    /// The office of user 7, a mayor, won with a campaign.
    async fn office(phase: Phase) -> Self {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        app.user(7).post("/v1/campaigns", json!({"positionId": MAYOR})).await;
        let body = json!({"electedDate": "2024-11-05"});
        let won = app.user(7).post("/v1/elected-office", body).await.json();
        Self::new(app, &won["organizationId"])
    }

    /// Each kind in each phase.
    async fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for phase in PHASES {
            cases.push(Self::campaign(phase).await);
            cases.push(Self::office(phase).await);
        }
        cases
    }

    fn owner(&self) -> Client {
        self.app.user(7)
    }

    async fn change(&self, body: Value) -> Value {
        let changed = patch(&self.owner(), &self.path, body).await;
        assert_eq!(changed.status, 200, "{}", changed.json());
        let read = self.owner().get(&self.path).await;
        assert_eq!(changed.json(), read.json(), "the answer matches the stored data");
        assert_eq!(changed.headers["etag"], read.headers["etag"]);
        changed.json()
    }

    async fn refused(&self, body: Value, status: u16, code: &str) {
        let before = self.owner().get(&self.path).await.json();
        let refused = patch(&self.owner(), &self.path, body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.error()["code"]),
            (status, &json!(code)),
            "{body}"
        );
        assert_eq!(self.owner().get(&self.path).await.json(), before, "nothing is stored");
        assert!(self.events().is_empty());
    }

    fn events(&self) -> Vec<Value> {
        self.app.database.rows(&format!(
            "SELECT actor, owner_id, kind, before, after FROM organization_event WHERE sequence > {} ORDER BY sequence",
            self.since
        ))
    }
}

async fn patch(client: &Client, path: &str, body: Value) -> Response {
    client.send(client.request(Method::PATCH, path).json(&body)).await
}

fn district(item: &Value) -> Value {
    let district = &item["district"];
    json!([district["type"], district["name"], district["manuallySet"]])
}

#[actix_web::test]
async fn another_position_brings_its_own_district() {
    for case in Case::all().await {
        case.change(json!({"district": {"type": "County", "name": "LENAWEE"}})).await;
        let item = case.change(json!({"positionId": COUNCIL})).await;
        assert_eq!(item["position"]["id"], COUNCIL);
        assert_eq!(item["position"]["state"], "WY");
        assert_eq!(district(&item), json!(["City_Ward", "CHEYENNE CITY WARD 1", false]));
        let events = case.events();
        assert_eq!(events.len(), 2);
        assert_eq!((&events[1]["actor"], &events[1]["owner_id"]), (&json!("user:7"), &json!(7)));
        assert_eq!(
            (&events[1]["before"]["position_id"], &events[1]["after"]["position_id"]),
            (&json!(MAYOR), &json!(COUNCIL))
        );
        assert_eq!(events[1]["before"]["district"]["name"], "LENAWEE");
    }
}

#[actix_web::test]
async fn the_campaigns_json_says_the_same_and_the_former_race_is_gone() {
    for phase in PHASES {
        let case = Case::campaign(phase).await;
        case.change(json!({"positionId": COUNCIL})).await;
        let campaign = case.owner().get("/v1/campaigns/mine").await.json();
        assert_eq!(campaign["details"]["positionId"], COUNCIL);
        assert_eq!(campaign["details"].get("raceId"), None);
        assert_eq!(campaign["details"]["electionDate"], "2028-11-07");
        assert_eq!(campaign["pathToVictory"]["data"]["electionLocation"], "CHEYENNE CITY WARD 1");
    }
}

#[actix_web::test]
async fn a_district_is_kept_through_another_position_when_asked_for() {
    for case in Case::all().await {
        case.change(json!({"district": {"type": "County", "name": "MI##LENAWEE##"}})).await;
        // An office in another state: the district would be elsewhere.
        let body = json!({"positionId": COUNCIL, "keepDistrict": true});
        let refused = patch(&case.owner(), &case.path, body.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.error()["code"]), (403, &json!("forbidden")));
        let item = case.owner().get(&case.path).await.json();
        assert_eq!(district(&item), json!(["County", "LENAWEE", true]));
        let item = case.change(json!({"positionId": WITHOUT_DISTRICT, "keepDistrict": true})).await;
        assert_eq!(district(&item), json!(["County", "LENAWEE", true]));
        case.app.database.execute("UPDATE elected_office SET can_download_federal = true; UPDATE campaign SET can_download_federal = true");
        let item = case.change(body).await;
        assert_eq!(district(&item), json!(["County", "LENAWEE", true]));
        let item = case.change(json!({"district": null})).await;
        assert_eq!(district(&item), json!(["City_Ward", "CHEYENNE CITY WARD 1", false]));
    }
}

#[actix_web::test]
async fn a_typed_in_office_is_changed_a_part_at_a_time() {
    for case in Case::all().await {
        let custom =
            json!({"office": " Clerk ", "state": "mi", "county": "Lenawee", "zip": "49286"});
        let item = case.change(json!({"customOffice": custom})).await;
        let position = json!({
            "id": null, "isCustom": true, "office": "Clerk", "ballotLevel": null, "level": null,
            "state": "MI", "county": "Lenawee", "city": null, "district": null, "zip": "49286",
        });
        assert_eq!((&item["position"], &item["district"]), (&position, &Value::Null));
        let item = case
            .change(json!({"customOffice": {"county": null, "city": "Tecumseh", "zip": null}}))
            .await;
        let mut expected = position.clone();
        (expected["county"], expected["city"], expected["zip"]) =
            (Value::Null, json!("Tecumseh"), Value::Null);
        assert_eq!(item["position"], expected);
        let item = case.change(json!({"positionId": null})).await;
        assert_eq!(item["position"], Value::Null, "nothing is chosen");
        case.change(json!({"positionId": MAYOR})).await;
        let custom = case.app.database.rows("SELECT FROM ballot_position WHERE source = 'custom'");
        assert!(custom.is_empty(), "no holder's own position outlives its holder's choice");
    }
}

#[actix_web::test]
async fn a_district_is_named_by_id_or_by_type_and_name() {
    for case in Case::all().await {
        let item =
            case.change(json!({"district": {"type": " County ", "name": " LENAWEE "}})).await;
        assert_eq!(district(&item), json!(["County", "LENAWEE", true]));
        let id = item["district"]["id"].clone();
        assert!(id.is_string());
        case.change(json!({"district": null})).await;
        let item = case.change(json!({"district": {"id": id}})).await;
        assert_eq!(district(&item), json!(["County", "LENAWEE", true]));
    }
}

#[actix_web::test]
async fn a_whole_state_or_another_one_needs_permission() {
    for case in Case::all().await {
        let laramie = "01935a5c-0000-4000-8000-000000000017";
        let elsewhere = json!({"district": {"id": laramie}});
        case.refused(json!({"district": {"type": "State", "name": "MI"}}), 403, "forbidden").await;
        case.refused(elsewhere.clone(), 403, "forbidden").await;
        case.app.database.execute("UPDATE elected_office SET can_download_federal = true; UPDATE campaign SET can_download_federal = true");
        let item = case.change(json!({"district": {"type": "State", "name": "MI"}})).await;
        assert_eq!(district(&item), json!(["State", "MI", true]));
        let item = case.change(elsewhere).await;
        assert_eq!(district(&item), json!(["County", "LARAMIE", true]));
    }
}

#[actix_web::test]
async fn what_election_api_does_not_know_is_refused() {
    for case in Case::all().await {
        for id in ["unknown", "", " ", "custom:campaign:11", "custom:office:1"] {
            case.refused(json!({"positionId": id}), 400, "unknown-position").await;
        }
        for district in [
            json!({"type": "County", "name": "NOWHERE"}),
            json!({"id": "17"}),
            json!({"id": "01935a5c-0000-4000-8000-0000000fffff"}),
        ] {
            case.refused(json!({"district": district}), 400, "unknown-district").await;
        }
    }
}

#[actix_web::test]
async fn whatever_fault_election_api_has_no_position_is_stored_without_an_answer() {
    for fault in [Fault::Down, Fault::Garbage, Fault::Hang { ms: 5_000 }] {
        let case = Case::campaign(Phase::Two).await;
        case.app.election.fail_always(Call::PositionByBallotreadyId, fault.clone());
        case.refused(json!({"positionId": COUNCIL}), 503, "unavailable").await;
        case.app.election.fail_always(Call::District, fault.clone());
        case.refused(
            json!({"district": {"id": "01935a5c-0000-4000-8000-00000000000b"}}),
            503,
            "unavailable",
        )
        .await;
        case.app.election.fail_always(Call::DistrictsList, fault);
        let item = case.change(json!({"district": {"type": "County", "name": "LENAWEE"}})).await;
        assert_eq!(
            (district(&item), &item["district"]["id"]),
            (json!(["County", "LENAWEE", true]), &Value::Null)
        );
    }
}

#[actix_web::test]
async fn a_broken_body_is_refused() {
    let case = Case::campaign(Phase::Two).await;
    for body in [
        json!({"unknown": 1}),
        json!({"canDownloadFederal": true}),
        json!({"positionId": 1}),
        json!({"customOffice": null}),
        json!({"customOffice": {"office": " "}}),
        json!({"customOffice": {"party": "x"}}),
        json!({"positionId": MAYOR, "customOffice": {"office": "Clerk"}}),
        json!({"customOffice": {"state": "MI"}}),
        json!({"district": "x"}),
        json!({"district": {}}),
        json!({"district": {"id": "x", "type": "y"}}),
        json!({"district": {"type": "County"}}),
        json!({"keepDistrict": "yes"}),
        json!([]),
        json!(null),
    ] {
        case.refused(body, 400, "invalid-request").await;
    }
}

#[actix_web::test]
async fn nothing_changes_when_nothing_is_wanted() {
    for case in Case::all().await {
        let before = case.owner().get(&case.path).await.json();
        for body in [
            json!({}),
            json!({"positionId": MAYOR}),
            json!({"keepDistrict": true}),
            json!({"district": null}),
        ] {
            assert_eq!(case.change(body).await, before);
        }
        assert!(case.events().is_empty());
    }
}

#[actix_web::test]
async fn of_two_changes_to_one_copy_the_second_is_refused() {
    for case in Case::all().await {
        let seen = case.owner().get(&case.path).await.headers["etag"].clone();
        let change = |body: Value| {
            let client = case.owner();
            let request =
                client.request(Method::PATCH, &case.path).header("If-Match", seen.clone());
            let request = request.json(&body);
            spawn(async move { client.send(request).await.status.as_u16() })
        };
        let first = change(json!({"district": {"type": "County", "name": "LENAWEE"}}));
        let second = change(json!({"positionId": COUNCIL}));
        let mut both = [first.await.unwrap(), second.await.unwrap()];
        both.sort_unstable();
        assert_eq!(both, [200, 412]);
        let stale = change(json!({"positionId": null})).await.unwrap();
        assert_eq!(stale, 412);
    }
}

#[actix_web::test]
async fn parallel_changes_that_do_not_contradict_both_survive() {
    for case in Case::all().await {
        let owner = case.owner();
        // Allows a kept district to be in another state.
        case.app.database.execute_unmapped(
            "UPDATE elected_office SET can_download_federal = true; UPDATE campaign SET can_download_federal = true",
        );
        let change = |body: Value| {
            let (client, path) = (case.owner(), case.path.clone());
            spawn(async move { patch(&client, &path, body).await })
        };
        let first = change(json!({"district": {"type": "County", "name": "LENAWEE"}}));
        let second = change(json!({"positionId": COUNCIL, "keepDistrict": true}));
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        // The first request may look for the district in the state of the previous position, and
        // not find it.
        let both = (first.status.as_u16(), second.status.as_u16());
        assert!(both == (200, 200) || both == (400, 200), "{both:?}: {}", first.json());
        let item = owner.get(&case.path).await.json();
        assert_eq!(item["position"]["id"], COUNCIL);
        if both == (200, 200) {
            assert_eq!(district(&item), json!(["County", "LENAWEE", true]));
        }
    }
}

#[actix_web::test]
async fn only_staff_and_machines_can_change_it() {
    for phase in PHASES {
        let app = TestApp::with_clerk(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 8, "candidate");
        fixtures::user(&app.database, 20, "admin");
        fixtures::user(&app.database, 21, "sales");
        let started = app.user(7).post("/v1/campaigns", json!({"positionId": MAYOR})).await.json();
        let id = started["organizationId"].as_str().unwrap();
        let (own, admin) =
            (format!("/v1/organizations/{id}"), format!("/v1/organizations/admin/{id}"));
        for user in [8, 20] {
            let foreign = patch(&app.user(user), &own, json!({"positionId": "unknown"})).await;
            foreign.assert_error(
                404,
                "Not Found",
                "organization-not-found",
                "Organization not found",
            );
        }
        for user in [7, 8] {
            assert_eq!(patch(&app.user(user), &admin, json!({})).await.status, 403);
        }
        assert_eq!(patch(&app.anonymous(), &admin, json!({})).await.status, 401);
        let body = json!({"canDownloadFederal": true, "district": {"type": "State", "name": "MI"}});
        let sales = patch(&app.user(21), &admin, body.clone()).await;
        sales.assert_error(
            403,
            "Forbidden",
            "forbidden",
            "User does not have permission to download federal data",
        );
        let changed = patch(&app.user(20), &admin, body).await.json();
        assert_eq!(
            (district(&changed), &changed["owner"]["id"]),
            (json!(["State", "MI", true]), &json!(7))
        );
        let allowed = app.database.row("SELECT can_download_federal FROM campaign");
        assert_eq!(allowed["can_download_federal"], true);
        app.clerk().add_machine_token("mt_good", "mch_1", None);
        let machine = app.anonymous().authorized("Bearer mt_good");
        assert_eq!(patch(&machine, &admin, json!({"canDownloadFederal": false})).await.status, 200);
        let events = app
            .database
            .rows("SELECT actor, owner_id, after FROM organization_event WHERE actor <> 'user:7' ORDER BY sequence");
        assert_eq!((&events[0]["actor"], &events[0]["owner_id"]), (&json!("user:20"), &json!(7)));
        let last = events.last().unwrap();
        assert!(last["actor"].as_str().unwrap().starts_with("machine:mch_"), "{events:?}");
        assert_eq!(last["after"]["can_download_federal"], false);
    }
}

#[actix_web::test]
async fn in_phase_1_the_json_is_authoritative_and_unchanged_where_nothing_changes() {
    let app = TestApp::with_clerk(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::user(&app.database, 20, "admin");
    // As the old service wrote it, not yet copied to the tables.
    let details = json!({"office": "Dog Catcher", "state": "MI", "city": "Adrian", "raceId": "r"});
    let goals = json!({"electionType": "City", "electionLocation": "MI##ADRIAN CITY##", "x": 1});
    fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
    let json = "SELECT details, path_to_victory.data FROM campaign
                JOIN path_to_victory ON campaign_id = campaign.id";
    let before = app.database.row(json);
    let organization = app.organization_of(11);
    let organization = organization.as_str().unwrap();
    let admin = format!("/v1/organizations/admin/{organization}");
    let changed = patch(&app.user(20), &admin, json!({"canDownloadFederal": true})).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    assert_eq!(app.database.row(json), before);
    let item = changed.json();
    assert_eq!(
        (&item["position"]["office"], &item["position"]["city"]),
        (&json!("Dog Catcher"), &json!("Adrian"))
    );
    assert_eq!(district(&item), json!(["City", "ADRIAN CITY", false]));
    // Changing a part of the office keeps the rest, but not the district.
    let own = format!("/v1/organizations/{organization}");
    let changed = patch(&app.user(7), &own, json!({"customOffice": {"city": "Tecumseh"}})).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    let after = app.database.row(json);
    assert_eq!(
        (&after["details"]["office"], &after["details"]["city"]),
        (&json!("Dog Catcher"), &json!("Tecumseh"))
    );
    assert_eq!((&after["details"]["raceId"], &after["data"]), (&json!("r"), &before["data"]));
}

#[actix_web::test]
async fn an_office_that_is_cleared_takes_district_and_race_along() {
    for case in Case::all().await {
        case.change(json!({"customOffice": {"office": "Clerk", "state": "MI"}})).await;
        case.change(json!({"district": {"type": "County", "name": "LENAWEE"}})).await;
        let cleared = case.change(json!({"positionId": null})).await;
        assert_eq!((&cleared["position"], &cleared["district"]), (&Value::Null, &Value::Null));
    }
}

#[actix_web::test]
async fn a_new_district_drops_the_old_goals_and_the_same_district_may_be_set_again() {
    for phase in PHASES {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        let details = json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI", "ballotLevel": "CITY"});
        let goals = json!({"electionType": "State", "electionLocation": "MI", "districtManuallySet": true,
                           "projectedTurnout": 900, "winNumber": 451, "p2vStatus": "Complete"});
        fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
        let path = format!("/v1/organizations/{}", app.organization_of(11).as_str().unwrap());
        let goals = || app.database.row("SELECT data FROM path_to_victory")["data"].clone();
        let again = json!({"district": {"type": "State", "name": "MI"}});
        assert_eq!(patch(&app.user(7), &path, again).await.status, 200);
        assert_eq!(goals()["winNumber"], 451);
        let other = json!({"district": {"type": "County", "name": "LENAWEE"}});
        assert_eq!(patch(&app.user(7), &path, other).await.status, 200);
        assert_eq!(
            (&goals()["winNumber"], &goals()["p2vStatus"]),
            (&json!(-1), &json!("DistrictMatched"))
        );
    }
}

#[actix_web::test]
async fn the_current_district_may_be_set_again_even_if_election_api_does_not_know_it() {
    for phase in PHASES {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        let goals = json!({"electionType": "City", "electionLocation": "OLD TOWN"});
        let details = json!({"office": "Mayor", "state": "MI"});
        fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
        let path = format!("/v1/organizations/{}", app.organization_of(11).as_str().unwrap());
        let again = json!({"district": {"type": "City", "name": "OLD TOWN"}});
        let answer = patch(&app.user(7), &path, again).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(district(&answer.json()), json!(["City", "OLD TOWN", true]));
    }
}
