//! `/v1/polls…` of elected officials (legacy contract §3.9, §5.6, design §5).

use serde_json::{Value, json};
use winserve_emulators::{Fault, PeopleCall};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp};

use crate::fixtures::{self, MAYOR};

const POLLS: &str = "/v1/polls";
const HAS_POLLS: &str = "/v1/polls/has-polls";
const INITIAL: &str = "/v1/polls/initial-poll";
const OFFICE: &str = "/v1/elected-office";

/// User 7 with the campaign 11 for mayor of a city with 1,250 voters.
fn candidate(app: &TestApp) {
    candidate_in(app, "MI", "City", "TECUMSEH CITY");
}

fn candidate_in(app: &TestApp, state: &str, kind: &str, name: &str) {
    fixtures::user(&app.database, 7, "candidate");
    campaign_in(app, 11, state, kind, name);
}

fn campaign_in(app: &TestApp, id: i32, state: &str, kind: &str, name: &str) {
    let details =
        json!({"office": "Mayor", "otherOffice": "", "state": state, "ballotLevel": "CITY"});
    let goals = json!({"electionType": kind, "electionLocation": name});
    fixtures::campaign(&app.database, id, 7, &details, Some(&goals));
}

/// User 7 with an office, won with the campaign 11; its id.
async fn official(app: &TestApp) -> String {
    candidate(app);
    win(&app.user(7)).await
}

async fn win(client: &Client) -> String {
    let won = client.post(OFFICE, json!({"electedDate": "2025-11-04"})).await;
    assert_eq!(won.status, 201, "{}", won.json());
    won.json()["id"].as_str().unwrap().to_owned()
}

async fn end(app: &TestApp, office: &str) {
    let ended = app.user(7).put(&format!("{OFFICE}/{office}"), json!({"isActive": false})).await;
    assert_eq!(ended.status, 200);
}

fn asking() -> Value {
    json!({"message": "What matters to you?", "swornInDate": "2026-01-05"})
}

async fn create(client: &Client) -> Response {
    client.post(INITIAL, asking()).await
}

/// A poll of the old service.
fn poll(app: &TestApp, id: &str, office: Option<&str>) {
    let office = office.map_or("NULL".to_owned(), |office| format!("'{office}'"));
    app.database.execute_unmapped(&format!(
        r#"INSERT INTO poll (id, name, message_content, "targetAudienceSize", scheduled_date,
                             "estimatedCompletionDate", elected_office_id, updated_at)
           VALUES ('{id}', 'Parks', 'More trees?', 600, '2026-02-20 10:00', '2026-02-25 10:00',
                   {office}, '2026-02-20')"#
    ));
}

/// All rows that a poll could change.
fn rows(app: &TestApp) -> Vec<Vec<Value>> {
    let legacy = ["poll", "elected_office", "campaign", "path_to_victory"];
    let ours = ["organization", "organization_event", "ballot_position"];
    let ours = ours.iter().filter(|_| app.database.phase().has_tables());
    let rows = |table: &&str| app.database.rows(&format!("SELECT * FROM {table} ORDER BY 1"));
    legacy.iter().chain(ours).map(rows).collect()
}

fn count(app: &TestApp, table: &str) -> Value {
    app.database.row(&format!("SELECT count(*) FROM {table}"))["count"].clone()
}

fn has_poll(response: &Response) {
    response.assert_error(
        409,
        "Conflict",
        "conflict",
        "You already have a poll. You cannot create an initial poll.",
    );
}

fn too_few(response: &Response) {
    response.assert_error(
        400,
        "Bad Request",
        "too-few-contacts",
        "You need at least 500 constituents with cell phones to create a poll.",
    );
}

/// people-api's answer for a district in which this many have a cell phone.
fn with_cell_phones(number: i64) -> Fault {
    let buckets = ["age", "homeowner", "education", "presenceOfChildren", "estimatedIncomeRange"];
    let buckets: serde_json::Map<_, _> =
        buckets.iter().map(|name| ((*name).to_owned(), json!([]))).collect();
    let statistics = json!({
        "districtId": "any", "updatedAt": "2026-01-01T00:00:00.000Z", "totalConstituents": 900,
        "totalConstituentsWithCellPhone": number, "buckets": buckets,
    });
    Fault::Text { status: 200, body: statistics.to_string() }
}

contract! {
    async fn a_first_poll_is_sent_at_once_and_answers_are_expected_three_business_days_later(app) {
        let office = official(&app).await;
        let created = create(&app.user(7)).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let mut answer = created.json();
        let id = answer["id"].take();
        assert_eq!(id.as_str().map(str::len), Some(36));
        assert_eq!(answer, json!({
            "id": null, "name": "Top Community Issues", "status": "in_progress",
            "messageContent": "What matters to you?", "scheduledDate": "2026-02-25T12:34:56.789Z",
            "estimatedCompletionDate": "2026-03-02T12:34:56.789Z", "audienceSize": 500,
            "lowConfidence": false,
        }));
        assert_eq!(app.database.row("SELECT * FROM poll"), json!({
            "id": id, "name": "Top Community Issues", "message_content": "What matters to you?",
            "image_url": null, "targetAudienceSize": 500, "response_count": null, "confidence": null,
            "scheduled_date": "2026-02-25T12:34:56.789", "completed_date": null, "is_completed": false,
            "estimatedCompletionDate": "2026-03-02T12:34:56.789", "elected_office_id": office,
            "created_at": "2026-02-25T12:34:56.789", "updated_at": "2026-02-25T12:34:56.789",
        }));
    }

    async fn a_first_poll_may_have_a_picture_and_wait(app) {
        official(&app).await;
        let mut body = asking();
        body["imageUrl"] = json!("https://example.org/a b.png?c#d");
        body["scheduledDate"] = json!("2026-02-27T23:00:00.123987Z");
        body["unknown"] = json!(true);
        let created = app.user(7).post(INITIAL, body).await.json();
        assert_eq!(created["imageUrl"], "https://example.org/a b.png?c#d");
        assert_eq!(created["status"], "scheduled");
        assert_eq!(created["scheduledDate"], "2026-02-27T23:00:00.123Z");
        assert_eq!(created["estimatedCompletionDate"], "2026-03-04T23:00:00.123Z");
        let read = app.user(7).get(&format!("{POLLS}/{}", created["id"].as_str().unwrap())).await;
        assert_eq!(read.json(), created);
    }

    async fn a_poll_that_was_created_is_read_everywhere(app) {
        official(&app).await;
        let client = app.user(7);
        assert_eq!(client.get(HAS_POLLS).await.json(), json!({"hasPolls": false}));
        assert_eq!(client.get(POLLS).await.json(), json!({"results": [], "pagination": {}}));
        let created = create(&client).await.json();
        assert_eq!(client.get(HAS_POLLS).await.json(), json!({"hasPolls": true}));
        assert_eq!(client.get(POLLS).await.json(), json!({"results": [created], "pagination": {}}));
        let read = client.get(&format!("{POLLS}/{}", created["id"].as_str().unwrap())).await;
        assert_eq!((read.status.as_u16(), read.json()), (200, created));
    }

    async fn a_campaign_wins_the_office_that_its_poll_needs(app) {
        candidate(&app);
        app.database.execute_unmapped("UPDATE campaign SET can_download_federal = true");
        let created = create(&app.user_of_campaign(7, 11)).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let office = app.database.row("SELECT * FROM elected_office");
        assert_eq!(app.database.row("SELECT * FROM poll")["elected_office_id"], office["id"]);
        assert_eq!(
            (&office["user_id"], &office["is_active"]),
            (&json!(7), &json!(true))
        );
        assert_eq!(
            (&office["sworn_in_date"], &office["elected_date"]),
            (&json!("2026-01-05"), &Value::Null)
        );
        let again = app.user_of_campaign(7, 11).post(OFFICE, json!({"electedDate": "2025-11-04"})).await;
        assert_eq!((again.status.as_u16(), &again.json()["id"]), (200, &office["id"]));
        if app.database.phase().has_tables() {
            let stored = app.database.row(
                "SELECT office.position_id, office.can_download_federal, request_key, type, owner_id, state,
                        coalesce(office.l2_district_name, ballot_position.l2_district_name) AS district
                 FROM elected_office AS office JOIN organization ON organization.id = organization_id
                 JOIN ballot_position ON ballot_position.id = position_id");
            assert_eq!(stored, json!({
                "position_id": format!("custom:office:{}", office["id"].as_str().unwrap()),
                "request_key": format!("won:{}", app.organization_of(11).as_str().unwrap()),
                "type": "elected_office", "owner_id": 7, "can_download_federal": true, "state": "MI",
                "district": "TECUMSEH CITY",
            }));
        }
    }

    async fn an_existing_office_is_sworn_in_again_and_stays_the_only_one(app) {
        let office = official(&app).await;
        assert_eq!(create(&app.user_of_campaign(7, 11)).await.status, 201);
        let row = app.database.row("SELECT * FROM elected_office");
        assert_eq!((&row["id"], &row["sworn_in_date"]), (&json!(office), &json!("2026-01-05")));
        assert_eq!(row["elected_date"], "2025-11-04");
        assert_eq!(app.database.row("SELECT * FROM poll")["elected_office_id"], office);
    }

    async fn a_user_who_names_nothing_means_their_office(app) {
        let office = official(&app).await;
        campaign_in(&app, 12, "WY", "City_Ward", "CHEYENNE CITY WARD 2");
        assert_eq!(create(&app.user(7)).await.status, 201, "not the campaign with 60 voters");
        assert_eq!(app.database.row("SELECT * FROM poll")["elected_office_id"], office);
        assert_eq!(count(&app, "elected_office"), 1);
    }

    async fn a_second_initial_poll_is_refused_and_nothing_changes(app) {
        let office = official(&app).await;
        poll(&app, "old", Some(&office));
        let before = rows(&app);
        for client in [app.user(7), app.user_of_campaign(7, 11)] {
            has_poll(&client.post(INITIAL, json!({"message": "x", "swornInDate": "2020-01-01"})).await);
        }
        assert_eq!(rows(&app), before);
        assert_eq!(app.people.count(PeopleCall::Statistics), 0, "no count is requested in vain");
    }

    async fn with_fewer_than_500_cell_phones_there_is_no_poll_and_no_office(app) {
        candidate(&app);
        let before = rows(&app);
        app.people.fail_always(PeopleCall::Statistics, with_cell_phones(499));
        too_few(&create(&app.user(7)).await);
        assert_eq!(rows(&app), before);
        win(&app.user(7)).await;
        let before = rows(&app);
        too_few(&create(&app.user(7)).await);
        assert_eq!(rows(&app), before, "nor is the day of the oath checked");
        app.people.heal();
        app.people.fail_always(PeopleCall::Statistics, with_cell_phones(500));
        assert_eq!(create(&app.user(7)).await.status, 201);
    }

    async fn the_voters_of_the_district_are_counted(app) {
        candidate_in(&app, "WY", "City_Ward", "CHEYENNE CITY WARD 2");
        too_few(&create(&app.user(7)).await);
        assert_eq!(app.people.count(PeopleCall::Statistics), 1);
    }

    async fn what_cannot_be_counted_gives_no_poll_and_no_office(app) {
        candidate(&app);
        let before = rows(&app);
        app.people.fail_always(PeopleCall::Statistics, Fault::Down);
        create(&app.user(7)).await.assert_error(
            502, "Bad Gateway", "upstream-failed", "Failed to fetch stats from people API");
        assert_eq!(rows(&app), before);
    }

    async fn statistics_that_were_never_computed_allow_no_poll(app) {
        candidate_in(&app, "WY", "School_District", "LARAMIE COUNTY SCHOOL DIST 1");
        let before = rows(&app);
        create(&app.user(7)).await.assert_error(
            404, "Not Found", "no-statistics", "Statistics are not computed yet");
        assert_eq!(rows(&app), before);
    }

    async fn a_whole_state_and_an_unknown_district_are_refused_as_for_its_counts(app) {
        candidate_in(&app, "WY", "State", "WY");
        create(&app.user(7)).await.assert_error(400, "Bad Request", "approval-required",
            "Statewide or federal contacts require admin approval");
        // Whole, because the final schema keeps none of it.
        let details = json!({"office": "Mayor", "otherOffice": "", "state": "WY", "ballotLevel": "STATE"});
        let write = |kind: &str, name: &str| {
            let goals = json!({"electionType": kind, "electionLocation": name});
            app.database.execute(&format!(
                "UPDATE campaign SET can_download_federal = true, details = {};
                 UPDATE path_to_victory SET data = {}",
                fixtures::literal(&details), fixtures::literal(&goals)
            ));
        };
        write("State", "WY");
        let before = rows(&app);
        create(&app.user(7)).await.assert_error(400, "Bad Request", "district-unresolved",
            "Could not resolve state, district type, and district name");
        assert_eq!(rows(&app), before);
        write("City", "ATLANTIS");
        let refused = create(&app.user(7)).await;
        assert_eq!(refused.error()["errorCode"], "DATA_INTEGRITY_P2V_ELECTION_INFO_MISSING");
        assert_eq!(count(&app, "poll"), 0);
    }

    async fn each_broken_rule_is_named_by_code_and_path(app) {
        let office = official(&app).await;
        poll(&app, "old", Some(&office));
        let client = app.user(7);
        client.post(INITIAL, json!({})).await.assert_invalid(&json!([
            ["invalid_type", ["message"]], ["invalid_type", ["swornInDate"]],
        ]));
        let body = json!({"message": "", "swornInDate": "5.1.2026", "imageUrl": "picture.png",
            "scheduledDate": null});
        let refused = client.post(INITIAL, body).await;
        refused.assert_invalid(&json!([
            ["too_small", ["message"]], ["invalid_string", ["swornInDate"]],
            ["invalid_string", ["imageUrl"]], ["invalid_type", ["scheduledDate"]],
        ]));
        assert_eq!(refused.json()["errors"][0]["message"], "Message is required");
        for day in ["2026-03-02", "2026-03-02T09:00:00", "2026-03-02T09:00:00+01:00", "2026-03-02 09:00:00Z"] {
            let mut body = asking();
            body["scheduledDate"] = json!(day);
            client.post(INITIAL, body).await.assert_invalid(&json!([["invalid_string", ["scheduledDate"]]]));
        }
        // A character outside the basic plane has length 2.
        let long = format!("{}x", "\u{1f600}".repeat(850));
        let refused = client.post(INITIAL, json!({"message": long, "swornInDate": "2026-01-05"})).await;
        refused.assert_invalid(&json!([["too_big", ["message"]]]));
        assert_eq!(refused.json()["errors"][0]["message"], "Message must be less than 1700 characters");
        let whole = json!({"message": "\u{1f600}".repeat(850), "swornInDate": "2026-13-45", "imageUrl": null});
        has_poll(&client.post(INITIAL, whole).await);
    }

    async fn a_user_with_neither_office_nor_campaign_has_no_polls(app) {
        fixtures::user(&app.database, 7, "candidate");
        let client = app.user(7);
        let invalid = client.post(INITIAL, json!({})).await;
        let answers = [
            invalid, create(&client).await, client.get(POLLS).await, client.get(HAS_POLLS).await,
            client.get("/v1/polls?limit=0").await, client.get("/v1/polls/x").await,
        ];
        for answer in answers {
            answer.assert_error(404, "Not Found", "no-organization", "Not Found");
        }
    }

    async fn a_user_without_an_office_reads_no_polls(app) {
        candidate(&app);
        for path in [POLLS, HAS_POLLS, "/v1/polls/x"] {
            app.user(7).get(path).await.assert_error(404, "Not Found", "no-organization", "Not Found");
        }
    }

    async fn twenty_parallel_wishes_give_one_poll_and_one_office(app) {
        candidate(&app);
        let posts: Vec<_> = (0..20)
            .map(|_| {
                let client = app.user(7);
                actix_web::rt::spawn(async move { create(&client).await })
            })
            .collect();
        let mut created = 0;
        for post in posts {
            let answer = post.await.unwrap();
            if answer.status == 201 { created += 1 } else { has_poll(&answer) }
        }
        assert_eq!(created, 1);
        assert_eq!((count(&app, "poll"), count(&app, "elected_office")), (json!(1), json!(1)));
    }

    async fn pages_begin_with_their_cursor(app) {
        let office = official(&app).await;
        for id in ["c", "a", "e", "b", "d"] {
            poll(&app, id, Some(&office));
        }
        poll(&app, "aa", None);
        let ids = async |query: &str| {
            let page = app.user(7).get(&format!("{POLLS}{query}")).await.json();
            let results = page["results"].as_array().unwrap();
            let ids: String = results.iter().map(|poll| poll["id"].as_str().unwrap()).collect();
            (ids, page["pagination"].clone())
        };
        let next = |id| json!({"nextCursor": id});
        assert_eq!(ids("").await, ("abcde".to_owned(), json!({})));
        assert_eq!(ids("?limit=2").await, ("ab".to_owned(), next("c")));
        assert_eq!(ids("?limit=2&cursor=c").await, ("cd".to_owned(), next("e")));
        assert_eq!(ids("?limit=2&cursor=e").await, ("e".to_owned(), json!({})));
        assert_eq!(ids("?limit=5&cursor=").await, ("abcde".to_owned(), json!({})));
        assert_eq!(ids("?limit=100&cursor=bb").await, ("cde".to_owned(), json!({})));
        assert_eq!(ids("?cursor=z").await, (String::new(), json!({})));
        for (limit, code) in [("0", "too_small"), ("-1", "too_small"), ("101", "too_big"), ("1.5", "invalid_type"), ("x", "invalid_type")] {
            let refused = app.user(7).get(&format!("{POLLS}?limit={limit}")).await;
            refused.assert_invalid(&json!([[code, ["limit"]]]));
        }
    }

    async fn a_page_has_twenty_polls_unless_told(app) {
        let office = official(&app).await;
        app.database.execute_unmapped(&format!(
            r#"INSERT INTO poll (id, name, message_content, "targetAudienceSize", scheduled_date,
                                 "estimatedCompletionDate", elected_office_id, updated_at)
               SELECT 'poll-' || number, '', '', 1, now(), now(), '{office}', now()
               FROM generate_series(100, 120) AS number"#
        ));
        let page = app.user(7).get(POLLS).await.json();
        assert_eq!(page["results"].as_array().unwrap().len(), 20);
        assert_eq!(page["pagination"], json!({"nextCursor": "poll-120"}));
    }

    async fn a_poll_tells_how_far_it_is(app) {
        let office = official(&app).await;
        for id in ["a", "b", "c", "d"] {
            poll(&app, id, Some(&office));
        }
        app.database.execute_unmapped(
            "UPDATE poll SET is_completed = true, confidence = 'LOW', response_count = 7,
                 completed_date = '2026-02-24 08:00:00.5' WHERE id = 'a';
             UPDATE poll SET is_completed = true, confidence = 'HIGH' WHERE id = 'b';
             UPDATE poll SET scheduled_date = '2026-02-25 12:34:56.790' WHERE id = 'c'");
        let page = app.user(7).get(POLLS).await.json();
        let of = |member: &str| -> Vec<Value> {
            page["results"].as_array().unwrap().iter().map(|poll| poll[member].clone()).collect()
        };
        assert_eq!(of("status"), ["completed", "completed", "scheduled", "in_progress"]);
        assert_eq!(of("lowConfidence"), [true, false, false, false]);
        assert_eq!(page["results"][0], json!({
            "id": "a", "name": "Parks", "status": "completed", "messageContent": "More trees?",
            "scheduledDate": "2026-02-20T10:00:00.000Z", "audienceSize": 600, "responseCount": 7,
            "estimatedCompletionDate": "2026-02-25T10:00:00.000Z", "lowConfidence": true,
            "completedDate": "2026-02-24T08:00:00.500Z",
        }));
    }

    async fn a_poll_of_another_office_is_forbidden_and_an_unknown_one_not_found(app) {
        let ended = official(&app).await;
        poll(&app, "of-ended", Some(&ended));
        end(&app, &ended).await;
        campaign_in(&app, 10, "MI", "City", "TECUMSEH CITY");
        let held = win(&app.user_of_campaign(7, 10)).await;
        poll(&app, "of-held", Some(&held));
        poll(&app, "of-nobody", None);
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 13, 8, &json!({}), None);
        let others = win(&app.user(8)).await;
        poll(&app, "of-others", Some(&others));
        let client = app.user(7);
        assert_eq!(client.get("/v1/polls/of-held").await.status, 200);
        for id in ["of-ended", "of-others", "of-nobody"] {
            client.get(&format!("{POLLS}/{id}")).await.assert_error(
                403, "Forbidden", "forbidden", "You do not have permission to access this poll");
        }
        for id in ["nothing", "%F0%9F%98%80", &"x".repeat(3000)] {
            client.get(&format!("{POLLS}/{id}")).await.assert_error(
                404, "Not Found", "not-found", "Poll not found");
        }
        let listed = client.get(POLLS).await.json();
        assert_eq!(listed["results"].as_array().unwrap().len(), 1);
        assert_eq!(app.user(8).get(HAS_POLLS).await.json(), json!({"hasPolls": true}));
    }

    async fn a_campaign_whose_office_is_not_held_any_more_gets_no_poll(app) {
        let office = official(&app).await;
        end(&app, &office).await;
        let before = rows(&app);
        let inactive = (400, "Bad Request", "office-inactive", "The elected office is not active");
        let refused = create(&app.user(7)).await;
        refused.assert_error(inactive.0, inactive.1, inactive.2, inactive.3);
        assert_eq!(rows(&app), before);
        app.user(7).get(POLLS).await.assert_error(404, "Not Found", "no-organization", "Not Found");
    }

    async fn an_office_of_before_phase_1_is_counted_by_its_campaign_and_completed(app) {
        let office = official(&app).await;
        if app.database.phase().has_tables() {
            fixtures::unlink(&app.database);
        }
        let created = create(&app.user(7)).await;
        assert_eq!(created.status, 201, "{}", created.json());
        assert_eq!(app.database.row("SELECT * FROM poll")["elected_office_id"], office);
        if app.database.phase().has_tables() {
            let row = app.database.row(
                "SELECT position_id IS NOT NULL AS linked FROM elected_office WHERE organization_id IS NOT NULL");
            assert_eq!(row["linked"], true);
        }
    }
}

/// The phases with organizations.
async fn with_tables() -> [TestApp; 2] {
    [TestApp::new(Phase::One).await, TestApp::new(Phase::Two).await]
}

fn organization_of_office(app: &TestApp, office: &str) -> String {
    let query = format!("SELECT organization_id AS id FROM elected_office WHERE id = '{office}'");
    app.database.row(&query)["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn an_official_without_any_campaign_has_polls() {
    {
        let app = TestApp::new(Phase::Three).await;
        fixtures::user(&app.database, 7, "candidate");
        let client = app.user(7);
        let office = client
            .post(OFFICE, json!({"electedDate": "2025-11-04", "positionId": MAYOR}))
            .await
            .json();
        let created = create(&client).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let named = client.naming(office["organizationId"].as_str().unwrap());
        assert_eq!(named.get(HAS_POLLS).await.json(), json!({"hasPolls": true}));
        assert_eq!(count(&app, "campaign"), 0);
        has_poll(&create(&named).await);
    }
}

#[actix_web::test]
async fn an_office_reaches_its_own_district_not_its_campaigns() {
    for app in with_tables().await {
        official(&app).await;
        let ward = json!({"pathToVictory":
            {"electionType": "City_Ward", "electionLocation": "ADRIAN CITY WARD 3"}});
        assert_eq!(app.user(7).put("/v1/campaigns/mine", ward).await.status, 200);
        let campaign = app.user_of_campaign(7, 11);
        let counted = campaign.get("/v1/contacts").await.json();
        assert_eq!(counted["pagination"]["totalResults"], 40);
        assert_eq!(create(&campaign).await.status, 201);
    }
}

#[actix_web::test]
async fn of_several_organizations_the_one_that_is_named_gets_the_poll() {
    for app in with_tables().await {
        let first = official(&app).await;
        campaign_in(&app, 12, "MI", "City", "ADRIAN CITY");
        let by_campaign = create(&app.user_of_campaign(7, 12)).await;
        assert_eq!(by_campaign.status, 201, "{}", by_campaign.json());
        assert_eq!(count(&app, "elected_office"), 2);
        let echoed = by_campaign.headers["x-organization-id"].to_str().unwrap();
        assert_eq!(app.organization_of(12), echoed);
        let client = app.user(7);
        let named = client.naming(organization_of_office(&app, &first));
        assert_eq!(named.get(HAS_POLLS).await.json(), json!({"hasPolls": false}));
        assert_eq!(create(&named).await.status, 201);
        let of_first = format!("SELECT id FROM poll WHERE elected_office_id = '{first}'");
        let id = app.database.row(&of_first)["id"].clone();
        assert_eq!(named.get(POLLS).await.json()["results"][0]["id"], id);
        for unnamed in [create(&client).await, client.get(POLLS).await] {
            if app.database.phase().reads_tables() {
                assert_eq!(unnamed.error()["code"], "organization-required");
            } else {
                assert!(matches!(unnamed.status.as_u16(), 200 | 409), "the oldest office");
            }
        }
        let campaign = app.user_of_campaign(7, 12);
        campaign.get(POLLS).await.assert_error(
            404,
            "Not Found",
            "organization-not-found",
            "Organization not found",
        );
        let organization = organization_of_office(&app, &first);
        end(&app, &first).await;
        for refused in [
            create(&client.naming(organization.as_str())).await,
            client.naming(organization.as_str()).get(HAS_POLLS).await,
        ] {
            assert_eq!(refused.error()["code"], "office-inactive");
        }
    }
}

#[actix_web::test]
async fn of_two_ways_to_name_an_office_at_once_one_gives_the_poll() {
    for app in with_tables().await {
        let office = official(&app).await;
        let office = organization_of_office(&app, &office);
        let posts: Vec<_> = (0..10)
            .flat_map(|_| [app.user(7).naming(office.as_str()), app.user_of_campaign(7, 11)])
            .map(|client| {
                actix_web::rt::spawn(async move { create(&client).await.status.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for post in posts {
            statuses.push(post.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
        assert_eq!(count(&app, "poll"), 1);
    }
}
