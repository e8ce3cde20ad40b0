//! One person's life in both products, through HTTP only (design §2, issue F): sign-up, office, Pro, "I won", serving,
//! a new campaign elsewhere, a second office, a re-election, and the end of the first campaign.

use std::{cell::RefCell, collections::BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::{Client, Phase, Response, TestApp, TestDatabase};

use crate::fixtures::{self, COUNCIL, MAYOR};

struct Life {
    app: TestApp,
    /// The organizations with a list.
    listing: RefCell<BTreeSet<String>>,
}

impl Life {
    async fn begin(database: TestDatabase) -> Self {
        let app = TestApp::on(database).await;
        app.election.set_clock(1_772_022_896);
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 1, "admin");
        let registered = app.user(7).request(Method::POST, "/v1/campaigns");
        let life = Self { app, listing: RefCell::default() };
        assert_eq!(life.client(None).send(registered).await.status, 201);
        life
    }

    /// The person, in one of their organizations.
    fn client(&self, organization: Option<&str>) -> Client {
        let user = self.app.user(7);
        match organization {
            Some(organization) => user.naming(organization),
            None => user,
        }
    }

    /// Sends a request, expects success, and checks the invariants of the database.
    async fn does(
        &self,
        organization: Option<&str>,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let client = self.client(organization);
        let response = client.send(client.request(method, path).json(&body)).await;
        assert!(response.status.is_success(), "{path}: {}", response.json());
        self.app.database.assert_invariants();
        response.json()
    }

    async fn gets(&self, organization: Option<&str>, path: &str) -> Value {
        let response = self.client(organization).get(path).await;
        assert_eq!(response.status, 200, "{path}: {}", response.json());
        response.json()
    }

    async fn staff(&self, method: Method, path: &str, body: Value) -> Response {
        let admin = self.app.user(1);
        let response = admin.send(admin.request(method, path).json(&body)).await;
        self.app.database.assert_invariants();
        response
    }

    async fn organizations(&self) -> Vec<Value> {
        self.gets(None, "/v1/organizations").await["organizations"].as_array().unwrap().clone()
    }

    /// Saves a list that only this organization sees.
    async fn saves_a_list(&self, organization: &str) {
        let body = json!({"name": format!("List of {organization}"), "genderMale": true});
        self.does(Some(organization), Method::POST, "/v1/voters/voter-file/filter", body).await;
        self.listing.borrow_mut().insert(organization.to_owned());
    }

    /// Every organization shows its own lists, and only these.
    async fn nothing_leaks(&self) {
        for item in self.organizations().await {
            let organization = item["id"].as_str().unwrap();
            let lists = self.gets(Some(organization), "/v1/voters/voter-file/filters").await;
            let names: Vec<&Value> =
                lists.as_array().unwrap().iter().map(|list| &list["name"]).collect();
            let has_one = self.listing.borrow().contains(organization);
            let own = json!(format!("List of {organization}"));
            assert_eq!(names, Vec::from_iter(has_one.then_some(&own)), "{organization}");
        }
    }
}

fn id(item: &Value) -> &str {
    item["id"].as_str().unwrap()
}

/// The day's campaign becomes an office that is served: possible in every phase with organizations.
async fn first_office(life: &Life) -> (String, String) {
    let office =
        json!({"details": {"positionId": MAYOR, "electionDate": "2026-11-03", "state": "MI"}});
    let campaign = life.does(None, Method::PUT, "/v1/campaigns/mine", office).await;
    let path = format!("/v1/admin/campaigns/{}", campaign["id"]);
    assert_eq!(life.staff(Method::PUT, &path, json!({"isPro": true})).await.status, 200);
    let organizations = life.organizations().await;
    assert_eq!(organizations[0]["capabilities"]["saveSegments"], true);
    let run = id(&organizations[0]).to_owned();
    life.saves_a_list(&run).await;

    let won = json!({"electedDate": "2026-11-03", "termStartDate": "2026-01-01", "termEndDate": "2030-01-01"});
    let office = life.does(Some(&run), Method::POST, "/v1/elected-office", won).await;
    let served = office["organizationId"].as_str().unwrap().to_owned();
    let organizations = life.organizations().await;
    assert_eq!(organizations[0]["id"], *served, "the office comes first");
    assert_eq!(organizations[0]["capabilities"]["politicalParty"], false);

    let constituents = life.client(Some(&served)).get("/v1/contacts").await;
    let text = String::from_utf8(constituents.body.clone()).unwrap();
    assert_eq!(constituents.status, 200, "{text}");
    assert!(!text.to_lowercase().contains("party"), "{text}");
    let voters = life.client(Some(&run)).get("/v1/contacts").await;
    assert!(String::from_utf8(voters.body.clone()).unwrap().contains("politicalParty"));
    let poll = json!({"message": "What matters to you?", "swornInDate": "2026-01-05"});
    life.does(Some(&served), Method::POST, "/v1/polls/initial-poll", poll).await;
    (run, served)
}

#[actix_web::test]
async fn an_official_serves_runs_elsewhere_wins_again_and_runs_for_the_first_office_again() {
    a_whole_life(TestDatabase::in_phase(Phase::Three)).await;
}

#[actix_web::test]
async fn so_it_is_in_the_final_schema() {
    a_whole_life(TestDatabase::at_the_end()).await;
}

async fn a_whole_life(database: TestDatabase) {
    let life = Life::begin(database).await;
    let (first_run, served) = first_office(&life).await;
    life.saves_a_list(&served).await;
    life.nothing_leaks().await;

    let elsewhere = json!({"positionId": COUNCIL, "electionDate": "2028-11-07"});
    let started = life.does(None, Method::POST, "/v1/campaigns", elsewhere).await;
    let second_run = started["organizationId"].as_str().unwrap().to_owned();
    assert_eq!(started["organization"]["district"]["name"], "CHEYENNE CITY WARD 1");
    let path = format!("/v1/admin/campaigns/{}", started["id"]);
    assert_eq!(life.staff(Method::PUT, &path, json!({"isPro": true})).await.status, 200);
    life.saves_a_list(&second_run).await;
    life.nothing_leaks().await;

    let won = json!({"electedDate": "2028-11-07", "termStartDate": "2029-01-01"});
    let second = life.does(Some(&second_run), Method::POST, "/v1/elected-office", won).await;
    let statuses: Vec<Value> =
        life.organizations().await.iter().map(|item| item["status"].clone()).collect();
    assert_eq!(statuses, ["active", "upcoming", "active", "active"]);
    assert_ne!(second["organizationId"], *served);

    let mine = life.gets(None, "/v1/elected-office/mine").await;
    let again = json!({"fromElectedOffice": mine["electedOffices"][0]["id"]});
    let re_run = life.does(None, Method::POST, "/v1/campaigns", again).await;
    let holders: Vec<String> = life
        .organizations()
        .await
        .iter()
        .filter(|item| item["position"]["id"] == MAYOR)
        .map(|item| id(item).to_owned())
        .collect();
    let re_run = re_run["organizationId"].as_str().unwrap().to_owned();
    assert_eq!(holders.len(), 3, "office, first campaign, re-election: {holders:?}");
    assert!(holders.contains(&served) && holders.contains(&re_run));
    let positions = life.app.database.rows("SELECT FROM ballot_position");
    assert_eq!(positions.len(), 2, "what they share is stored once");
    life.nothing_leaks().await;

    let first = life.gets(None, &format!("/v1/organizations/{first_run}/campaign")).await;
    let path = format!("/v1/admin/campaigns/{}", first["id"]);
    assert_eq!(life.staff(Method::DELETE, &path, json!({})).await.status, 204);
    let left: Vec<String> =
        life.organizations().await.iter().map(|item| id(item).to_owned()).collect();
    assert_eq!(left.len(), 4);
    assert!(!left.contains(&first_run) && left.contains(&served), "the office stays");
    let office = life.gets(Some(&served), "/v1/elected-office/current").await;
    assert_eq!(office["organizationId"], *served);
    let polls = life.gets(Some(&served), "/v1/polls/has-polls").await;
    assert_eq!(polls["hasPolls"], true);
    life.nothing_leaks().await;
}

#[actix_web::test]
async fn before_phase_3_an_official_serves_and_a_second_campaign_waits() {
    for phase in [Phase::One, Phase::Two] {
        let life = Life::begin(TestDatabase::in_phase(phase)).await;
        first_office(&life).await;
        let client = life.client(None);
        let further =
            client.request(Method::POST, "/v1/campaigns").json(&json!({"positionId": COUNCIL}));
        let response = client.send(further).await;
        assert_eq!(
            (response.status.as_u16(), &response.json()["code"]),
            (503, &json!("not-migrated"))
        );
    }
}
