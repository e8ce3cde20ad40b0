//! Which organization a request is about: the table of design §5, row by row, over HTTP.

use serde_json::{Value, json};
use winserve_domain::clerk::WorkOutcome;
use winserve_emulators::{Person, TokenRequest};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use super::clerk_organizations::{LIMITS, provisioner};
use crate::fixtures;

const CAMPAIGN_ROUTE: &str = "/v1/campaigns/mine";
const OFFICE_ROUTE: &str = "/v1/elected-office/current";
const SHARED_ROUTE: &str = "/v1/voters/voter-file/filters";
const ROUTES: [&str; 3] = [CAMPAIGN_ROUTE, OFFICE_ROUTE, SHARED_ROUTE];

/// The organizations of each user, by the names used in the table. `gone` has no owner.
const OWNED: [(i32, &[&str]); 6] = [
    (1, &[]),
    (2, &["campaign a"]),
    (3, &["office b"]),
    (4, &["campaign c", "office d"]),
    (5, &["campaign e", "campaign f", "office g", "inactive h"]),
    (6, &["inactive i"]),
];

/// User, header and claim, then the organization or the refusal of three routes: for campaigns only, for offices
/// only, for both.
type Row = (i32, &'static str, &'static str, [&'static str; 3]);

const NONE: &str = "404 no-organization";
const UNKNOWN: &str = "404 organization-not-found";
const INVALID: &str = "400 organization-header-invalid";
const REQUIRED: &str = "400 organization-required";
const INACTIVE: &str = "400 office-inactive";

/// From phase 2 on.
const PHASE_2: [Row; 30] = [
    // One valid id, ours or Clerk's, owned by the user: that one, whatever the claim says.
    (4, "campaign c", "", ["campaign c", UNKNOWN, "campaign c"]),
    (4, "office d", "", [UNKNOWN, "office d", "office d"]),
    (4, "clerk office d", "", [UNKNOWN, "office d", "office d"]),
    (4, "campaign c", "office d", ["campaign c", UNKNOWN, "campaign c"]),
    (4, "office d", "gone", [UNKNOWN, "office d", "office d"]),
    (5, "campaign e", "", ["campaign e", UNKNOWN, "campaign e"]),
    (5, "office g", "campaign f", [UNKNOWN, "office g", "office g"]),
    // Malformed, or sent twice.
    (4, "malformed", "", [INVALID, INVALID, INVALID]),
    (4, "malformed", "campaign c", [INVALID, INVALID, INVALID]),
    (2, "empty", "", [INVALID, INVALID, INVALID]),
    (2, "ten kilobytes", "", [INVALID, INVALID, INVALID]),
    (2, "capitals of campaign a", "", [INVALID, INVALID, INVALID]),
    (2, "twice campaign a", "", [INVALID, INVALID, INVALID]),
    // Unknown or foreign: the same body, and never another organization instead.
    (2, "never", "", [UNKNOWN, UNKNOWN, UNKNOWN]),
    (2, "campaign c", "", [UNKNOWN, UNKNOWN, UNKNOWN]),
    (2, "clerk office d", "campaign a", [UNKNOWN, UNKNOWN, UNKNOWN]),
    (1, "campaign a", "", [UNKNOWN, UNKNOWN, UNKNOWN]),
    // No header: the claim.
    (4, "", "campaign c", ["campaign c", UNKNOWN, "campaign c"]),
    (4, "", "office d", [UNKNOWN, "office d", "office d"]),
    (5, "", "campaign f", ["campaign f", UNKNOWN, "campaign f"]),
    (2, "", "gone", [UNKNOWN, UNKNOWN, UNKNOWN]),
    (2, "", "office d", [UNKNOWN, UNKNOWN, UNKNOWN]),
    // Neither header nor claim: the only live organization that fits the route.
    (2, "", "", ["campaign a", NONE, "campaign a"]),
    (3, "", "", [NONE, "office b", "office b"]),
    (1, "", "", [NONE, NONE, NONE]),
    (4, "", "", ["campaign c", "office d", REQUIRED]),
    (5, "", "", [REQUIRED, "office g", REQUIRED]),
    // An inactive office can be named; otherwise it is ignored.
    (6, "", "", [NONE, NONE, NONE]),
    (6, "inactive i", "", [UNKNOWN, INACTIVE, INACTIVE]),
    (5, "", "inactive h", [UNKNOWN, INACTIVE, INACTIVE]),
];

/// Before phase 2, a request without a header uses the campaign with the lowest id, as in the old service, and
/// claims are ignored.
const PHASE_1: [Row; 10] = [
    (4, "office d", "", [UNKNOWN, "office d", "office d"]),
    (5, "campaign e", "", ["campaign e", UNKNOWN, "campaign e"]),
    (2, "malformed", "", [INVALID, INVALID, INVALID]),
    (2, "campaign c", "", [UNKNOWN, UNKNOWN, UNKNOWN]),
    (6, "inactive i", "", [UNKNOWN, INACTIVE, INACTIVE]),
    (5, "", "", ["campaign e", "office g", "campaign e"]),
    (5, "", "campaign f", ["campaign e", "office g", "campaign e"]),
    (4, "", "office d", ["campaign c", "office d", "campaign c"]),
    (3, "", "gone", [NONE, "office b", "office b"]),
    (1, "", "", [NONE, NONE, NONE]),
];

/// An organization of the table.
struct Organization {
    name: &'static str,
    id: String,
    clerk: String,
}

struct Table {
    app: TestApp,
    organizations: Vec<Organization>,
}

async fn table(phase: Phase) -> Table {
    let app = TestApp::with_clerk(phase).await;
    // No user of the table has won their office with their own campaign.
    fixtures::user(&app.database, 99, "candidate");
    fixtures::campaign(&app.database, 1, 99, &json!({}), None);
    let mut organizations = Vec::new();
    for (user, owned) in OWNED {
        fixtures::user(&app.database, user, "candidate");
        app.database
            .execute(&format!("UPDATE \"user\" SET clerk_id = 'user_{user}' WHERE id = {user}"));
        for name in owned {
            let (kind, letter) = name.split_once(' ').unwrap();
            let key = i32::from(letter.as_bytes()[0]);
            if kind == "campaign" {
                fixtures::campaign(&app.database, key, user, &json!({}), None);
            } else {
                let is_active = kind == "office";
                app.database.execute(&format!(
                    "INSERT INTO elected_office (id, updated_at, user_id, campaign_id, is_active)
                     VALUES ('{letter}', now(), {user}, 1, {is_active})"
                ));
            }
            let query = format!(
                "SELECT organization_id AS id FROM campaign WHERE id = {key}
                 UNION ALL SELECT organization_id FROM elected_office WHERE id = '{letter}'"
            );
            let id = app.database.row(&query)["id"].as_str().unwrap().to_owned();
            let clerk = format!("org_{letter}");
            app.database.execute(&format!(
                "UPDATE organization SET clerk_organization_id = '{clerk}' WHERE id = '{id}'"
            ));
            organizations.push(Organization { name, id, clerk });
        }
    }
    Table { app, organizations }
}

impl Table {
    fn named(&self, name: &str) -> &Organization {
        self.organizations.iter().find(|it| it.name == name).unwrap()
    }

    /// Sends a row's request. Some words in its header column stand for special values, not for an organization.
    fn client(&self, user: i32, header: &str, claim: &str) -> Client {
        let mut request =
            TokenRequest { user_id: format!("user_{user}"), ..TokenRequest::default() };
        request.org_id = match claim {
            "" => None,
            "gone" => Some("org_gone".to_owned()),
            name => Some(self.named(name).clerk.clone()),
        };
        let client = self.app.clerk_user(&request);
        match header {
            "" => client,
            "malformed" => client.naming("17"),
            "empty" => client.naming(""),
            "ten kilobytes" => client.naming(format!("org_{}", "a".repeat(10_000))),
            "never" => client.naming("0193f6a4-0000-7000-8000-00000000000a"),
            "clerk office d" => client.naming(self.named("office d").clerk.clone()),
            "capitals of campaign a" => client.naming(self.named("campaign a").id.to_uppercase()),
            "twice campaign a" => {
                let id = &self.named("campaign a").id;
                client.naming(id.clone()).naming(id.clone())
            }
            name => client.naming(self.named(name).id.clone()),
        }
    }

    /// The organization of an answer, by its name in the table.
    fn read(&self, response: &Response) -> String {
        assert_eq!(response.headers["cache-control"], "private, no-cache");
        let vary = response.headers["vary"].to_str().unwrap();
        assert!(vary.starts_with("Authorization, X-Organization-Id"), "{vary}");
        let echoed = response.headers.get("x-organization-id").map(|id| id.to_str().unwrap());
        if response.status != 200 {
            assert_eq!(echoed, None, "nothing is resolved");
            return format!(
                "{} {}",
                response.status.as_u16(),
                response.error()["code"].as_str().unwrap()
            );
        }
        self.organizations.iter().find(|it| Some(it.id.as_str()) == echoed).unwrap().name.to_owned()
    }

    async fn check(&self, rows: &[Row]) {
        for (user, header, claim, expected) in rows {
            let client = self.client(*user, header, claim);
            for (route, expected) in ROUTES.iter().zip(expected) {
                let response = client.get(route).await;
                let label = format!("user {user}, header {header:?}, claim {claim:?}, {route}");
                assert_eq!(self.read(&response), *expected, "{label}: {}", response.json());
                if response.status == 200 && *route != SHARED_ROUTE {
                    let own = response.json()["organizationId"].clone();
                    assert_eq!(own, Value::from(self.named(expected).id.clone()), "{label}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn from_phase_2_on_the_table_holds() {
    table(Phase::Two).await.check(&PHASE_2).await;
}

#[actix_web::test]
async fn in_phase_1_the_oldest_campaign_stands_for_a_user_who_names_none() {
    table(Phase::One).await.check(&PHASE_1).await;
}

#[actix_web::test]
async fn in_legacy_nothing_can_be_named() {
    let app = TestApp::new(Phase::Legacy).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    fixtures::campaign(&app.database, 12, 7, &json!({}), None);
    let never = app.user(7).naming("0193f6a4-0000-7000-8000-00000000000a");
    let malformed = app.user(7).naming("17");
    for route in ROUTES {
        assert_eq!(never.get(route).await.error()["code"], "not-migrated");
        assert_eq!(malformed.get(route).await.error()["code"], "organization-header-invalid");
    }
    assert_eq!(app.user(7).get(CAMPAIGN_ROUTE).await.json()["id"], 11);
    assert_eq!(app.user(7).get(SHARED_ROUTE).await.status, 200);
}

#[actix_web::test]
async fn an_error_behind_the_resolution_echoes_the_organization() {
    let app = TestApp::new(Phase::Two).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    let refused = app.user(7).put(CAMPAIGN_ROUTE, json!({"unknown": 1})).await;
    assert_eq!(refused.status, 400);
    let own = app.organization_of(11);
    assert_eq!(refused.headers["x-organization-id"].to_str().unwrap(), own.as_str().unwrap());
}

#[actix_web::test]
async fn other_routes_ignore_the_header() {
    let app = TestApp::new(Phase::Two).await;
    fixtures::user(&app.database, 7, "candidate");
    for path in ["/v1/users/me", "/v1/organizations"] {
        let answer = app.user(7).naming("17").get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.headers.contains_key("x-organization-id"));
    }
}

#[actix_web::test]
async fn authentication_and_resolution_are_one_statement() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        app.user(7).get(SHARED_ROUTE).await;
        let before = app.statements();
        assert_eq!(app.user(7).get(SHARED_ROUTE).await.status, 200);
        assert_eq!(app.statements() - before, 2, "with the list, in {phase}");
    }
}

/// Once synced, the client knows Clerk's id, which names the organization like ours.
#[actix_web::test]
async fn an_organization_can_be_named_by_its_clerk_id_once_it_is_synced() {
    let app = TestApp::with_clerk_on(TestDatabase::with_clerk_outbox(Phase::Two)).await;
    app.clerk().add(Person::verified("user_7", "user7@example.org"));
    fixtures::user(&app.database, 7, "candidate");
    app.database.execute("UPDATE \"user\" SET clerk_id = 'user_7'");
    fixtures::user(&app.database, 8, "candidate");
    for id in [11, 12] {
        fixtures::campaign(&app.database, id, 7, &json!({}), None);
    }
    let provisioner = provisioner(&app.database, app.clerk(), LIMITS);
    let settings = provisioner.settings().await.unwrap().unwrap();
    while provisioner.process_next(&settings).await.unwrap() != WorkOutcome::Idle {}
    let list = app.user(7).get("/v1/organizations").await.json();
    for item in list["organizations"].as_array().unwrap() {
        let (ours, clerks) = (item["id"].as_str().unwrap(), item["clerkOrganizationId"].as_str());
        let named = app.user(7).naming(clerks.unwrap());
        let session = |version| TokenRequest {
            org_id: clerks.map(str::to_owned),
            version: Some(version),
            ..TokenRequest::of("user_7")
        };
        for client in [named, app.clerk_user(&session(1)), app.clerk_user(&session(2))] {
            let answer = client.get("/v1/campaigns/mine").await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["organizationId"]),
                (200, &json!(ours))
            );
            assert_eq!(answer.headers["x-organization-id"], ours);
        }
        assert_eq!(app.user(8).naming(clerks.unwrap()).get("/v1/campaigns/mine").await.status, 404);
    }
}
