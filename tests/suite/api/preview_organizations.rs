//! `POST /v1/organizations/:id/preview`, and for staff and machines `/v1/organizations/admin/:id/preview`.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault, PeopleCall};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp, TestDatabase};

use crate::fixtures::{self, COUNCIL, MAYOR, WITHOUT_DISTRICT};

const PHASES: [Phase; 3] = [Phase::One, Phase::Two, Phase::Three];
/// The district of [`COUNCIL`] in election-api and people-api.
const WARD: &str = "CHEYENNE CITY WARD 1";

/// An organization of user 7, who is a mayor or wants to be.
struct Case {
    app: TestApp,
    /// Its path.
    path: String,
}

impl Case {
    /// A campaign, or the office won with it.
    async fn new(phase: Phase, is_office: bool) -> Self {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        let body = json!({"positionId": MAYOR, "electionDate": "2028-11-07"});
        let started = app.user(7).post("/v1/campaigns", body).await.json();
        app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
        let organization = if is_office {
            let elected = json!({"electedDate": "2024-11-05"});
            app.user(7).post("/v1/elected-office", elected).await.json()["organizationId"].clone()
        } else {
            started["organizationId"].clone()
        };
        let path = format!("/v1/organizations/{}", organization.as_str().unwrap());
        Self { app, path }
    }

    async fn campaign() -> Self {
        Self::new(Phase::Two, false).await
    }

    /// Each kind in each phase.
    async fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for phase in PHASES {
            for is_office in [false, true] {
                cases.push(Self::new(phase, is_office).await);
            }
        }
        cases
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let client = self.app.user(7);
        client.send(client.request(method, path).json(body)).await
    }

    async fn try_preview(&self, body: &Value) -> Response {
        self.send(Method::POST, &format!("{}/preview", self.path), body).await
    }

    async fn preview(&self, body: Value) -> Value {
        let answer = self.try_preview(&body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.json());
        answer.json()
    }

    async fn change(&self, body: &Value) -> Response {
        self.send(Method::PATCH, &self.path, body).await
    }

    async fn save(&self, filter: Value) {
        let client = self.app.user(7).naming(self.path.rsplit('/').next().unwrap());
        let saved = client.post("/v1/voters/voter-file/filter", filter).await;
        assert_eq!(saved.status, 201, "{}", saved.json());
    }
}

/// Every row of every table.
fn rows(database: &TestDatabase) -> Vec<Value> {
    database.rows(
        "SELECT tablename, query_to_xml(format('SELECT * FROM %I.%I AS t ORDER BY t::text', schemaname, tablename),
                true, false, '')::text AS content
         FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY tablename",
    )
}

fn without_time(mut item: Value) -> Value {
    item.as_object_mut().unwrap().remove("updatedAt");
    item
}

fn names(preview: &Value) -> Vec<&Value> {
    preview["savedFilters"].as_array().unwrap().iter().map(|filter| &filter["name"]).collect()
}

#[actix_web::test]
async fn a_preview_says_what_the_change_then_does_and_writes_nothing() {
    for case in Case::all().await {
        for body in [
            json!({"district": {"type": "County", "name": "MI##LENAWEE##"}}),
            json!({"positionId": WITHOUT_DISTRICT, "keepDistrict": true}),
            json!({"customOffice": {"office": " Clerk ", "state": "wy", "zip": "82001"}}),
            json!({"positionId": COUNCIL}),
            json!({}),
        ] {
            let before = rows(&case.app.database);
            let preview = case.preview(body.clone()).await;
            assert_eq!(rows(&case.app.database), before, "{body}");
            let changed = case.change(&body).await.json();
            assert_eq!(without_time(preview["organization"].clone()), without_time(changed));
        }
    }
}

#[actix_web::test]
async fn the_contacts_of_the_new_district_are_counted_with_one_row() {
    for case in Case::all().await {
        let preview = case.preview(json!({"positionId": COUNCIL})).await;
        assert_eq!(preview["organization"]["district"]["name"], WARD);
        assert_eq!(preview["changesContacts"], true);
        let asked = case.app.people.requests().pop().unwrap();
        assert_eq!(asked.body["resultsPerPage"], 1, "{}", asked.body);
        let counted = &preview["contacts"];
        assert_eq!(
            (&counted["isDistrictKnown"], &counted["problem"]),
            (&json!(true), &Value::Null)
        );
        case.change(&json!({"positionId": COUNCIL})).await;
        let client = case.app.user(7).naming(case.path.rsplit('/').next().unwrap());
        let page = client.get("/v1/contacts").await.json();
        assert_eq!(counted["count"], page["pagination"]["totalResults"]);
        let same = case.preview(json!({"positionId": COUNCIL})).await;
        assert_eq!((&same["changesContacts"], &same["contacts"]), (&json!(false), counted));
    }
}

#[actix_web::test]
async fn what_cannot_be_counted_is_no_zero_and_says_why() {
    let case = Case::campaign().await;
    let none = case.preview(json!({"customOffice": {"office": "Clerk", "state": "MI"}})).await;
    let uncounted = |problem: &str, is_known: Value| json!({"count": null, "isDistrictKnown": is_known, "problem": problem});
    assert_eq!(none["contacts"], uncounted("district-unresolved", Value::Null));
    assert_eq!(none["changesContacts"], true);
    let fault = Fault::Status { status: 500, message: "secret".to_owned() };
    case.app.people.fail_always(PeopleCall::List, fault);
    let down = case.preview(json!({"positionId": COUNCIL})).await;
    assert_eq!(down["contacts"], uncounted("upstream-failed", Value::Null));
    assert_eq!(down["organization"]["district"]["name"], WARD);
}

#[actix_web::test]
async fn a_district_that_the_voter_file_does_not_have_is_called_unknown() {
    let case = Case::campaign().await;
    let fault = Fault::Status { status: 404, message: "District not found".to_owned() };
    case.app.people.fail_always(PeopleCall::List, fault);
    let preview = case.preview(json!({"positionId": COUNCIL})).await;
    let unknown = json!({"count": null, "isDistrictKnown": false, "problem": "no-voter-data"});
    assert_eq!(preview["contacts"], unknown);
}

#[actix_web::test]
async fn saved_filters_are_named_if_they_select_others_or_have_a_problem() {
    for phase in PHASES {
        let case = Case::new(phase, false).await;
        case.save(json!({"name": "Women", "genderFemale": true, "voterCount": 12})).await;
        case.save(json!({"name": "Firsts", "audienceFirstTimeVoters": true})).await;
        let same = case.preview(json!({})).await;
        assert_eq!(names(&same), ["Firsts"]);
        assert_eq!(same["savedFilters"][0]["problem"]["usable"], false);
        let other = case.preview(json!({"positionId": COUNCIL})).await;
        assert_eq!(names(&other), ["Firsts", "Women"]);
        let women = &other["savedFilters"][1];
        assert_eq!((&women["voterCount"], &women["problem"]), (&json!(12), &Value::Null));
    }
}

#[actix_web::test]
async fn the_filters_of_an_office_are_its_own() {
    for phase in [Phase::Two, Phase::Three] {
        let case = Case::new(phase, true).await;
        case.save(json!({"name": "Neighbours", "genderMale": true})).await;
        let preview = case.preview(json!({"positionId": COUNCIL})).await;
        assert_eq!(names(&preview), ["Neighbours"]);
        let left = json!({"isActive": false});
        let office = case.app.database.row("SELECT id FROM elected_office")["id"].clone();
        let path = format!("/v1/elected-office/{}", office.as_str().unwrap());
        assert_eq!(case.send(Method::PUT, &path, &left).await.status, 200);
        let preview = case.preview(json!({"positionId": COUNCIL})).await;
        assert!(names(&preview).is_empty(), "nobody can use them");
    }
}

/// Status and the error without the id of the request.
fn refusal(answer: &Response) -> (u16, Value) {
    let mut error = answer.json();
    error.as_object_mut().unwrap().remove("requestId");
    (answer.status.as_u16(), error)
}

#[actix_web::test]
async fn a_preview_is_refused_like_the_change() {
    let laramie = "01935a5c-0000-4000-8000-000000000017";
    for case in Case::all().await {
        for body in [
            json!({"positionId": "unknown"}),
            json!({"positionId": "custom:campaign:11"}),
            json!({"district": {"type": "County", "name": "NOWHERE"}}),
            json!({"district": {"id": laramie}}),
            json!({"district": {"type": "State", "name": "MI"}}),
            json!({"positionId": COUNCIL, "district": {"type": "County", "name": "LENAWEE"}}),
            json!({"positionId": MAYOR, "customOffice": {"office": "Clerk"}}),
            json!({"customOffice": {"state": "MI"}}),
            json!({"canDownloadFederal": true}),
            json!([]),
        ] {
            let (preview, change) = (case.try_preview(&body).await, case.change(&body).await);
            assert!(change.status.is_client_error(), "{body}");
            assert_eq!(refusal(&preview), refusal(&change), "{body}");
        }
        case.app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
        // (An answer of before is remembered.)
        let refused = case.try_preview(&json!({"positionId": WITHOUT_DISTRICT})).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (503, &json!("unavailable"))
        );
    }
}

#[actix_web::test]
async fn a_preview_of_an_outdated_copy_is_refused() {
    let case = Case::campaign().await;
    let seen = case.app.user(7).get(&case.path).await.headers["etag"].clone();
    let preview = async |expected: u16| {
        let client = case.app.user(7);
        let request = client.request(Method::POST, &format!("{}/preview", case.path));
        let request =
            request.header("If-Match", seen.clone()).json(&json!({"positionId": COUNCIL}));
        assert_eq!(client.send(request).await.status, expected);
    };
    preview(200).await;
    case.change(&json!({"district": {"type": "County", "name": "LENAWEE"}})).await;
    preview(412).await;
}

#[actix_web::test]
async fn staff_preview_what_only_they_may_change() {
    for phase in PHASES {
        let case = Case::new(phase, false).await;
        fixtures::user(&case.app.database, 8, "candidate");
        fixtures::user(&case.app.database, 20, "admin");
        fixtures::user(&case.app.database, 21, "sales");
        case.save(json!({"name": "Women", "genderFemale": true})).await;
        let path = format!("{}/preview", case.path);
        let admin = path.replace("/organizations/", "/organizations/admin/");
        let body = json!({"canDownloadFederal": true, "district": {"type": "State", "name": "MI"}});
        let send = async |user: i32, path: &str, body: &Value| {
            case.app.user(user).post(path, body.clone()).await
        };
        let foreign = send(8, &path, &json!({})).await;
        let message = "Organization not found";
        foreign.assert_error(404, "Not Found", "organization-not-found", message);
        assert_eq!(send(8, &admin, &body).await.status, 403);
        assert_eq!(send(21, &admin, &body).await.status, 403, "sales may not allow statewide data");
        let before = rows(&case.app.database);
        let preview = send(20, &admin, &body).await.json();
        assert_eq!(rows(&case.app.database), before);
        assert_eq!(preview["organization"]["district"]["type"], "State");
        assert_eq!(names(&preview), ["Women"]);
        // A mayor does not get the voters of the state.
        assert_eq!(preview["contacts"]["problem"], "approval-required");
    }
}

#[actix_web::test]
async fn an_office_that_the_old_service_just_won_is_previewed_with_its_position() {
    let case = Case::new(Phase::One, false).await;
    case.app.database.expect_unmapped_rows();
    case.app.database.execute_unmapped(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id)
         SELECT 'won', now(), 7, id FROM campaign",
    );
    let office = case.app.database.row("SELECT organization_id AS id FROM elected_office");
    let path = format!("/v1/organizations/{}", office["id"].as_str().unwrap());
    let case = Case { path, ..case };
    let before = rows(&case.app.database);
    let preview = case.preview(json!({"district": {"type": "County", "name": "LENAWEE"}})).await;
    assert_eq!(preview["organization"]["position"]["id"], MAYOR);
    assert_eq!(preview["organization"]["district"]["name"], "LENAWEE");
    assert_eq!(rows(&case.app.database), before);
}
