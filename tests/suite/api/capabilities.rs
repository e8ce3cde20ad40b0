//! `capabilities` match what the routes allow, for every kind of holder (design §5).

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp};

use crate::fixtures::literal;

const DOWNLOAD: &str = "/v1/contacts/download";
/// Refusals for lack of permission, as opposed to missing data.
const NOT_ALLOWED: [&str; 4] =
    ["pro-required", "approval-required", "office-inactive", "not-migrated"];

/// The district of a holder.
#[derive(Debug, Clone, Copy)]
enum District {
    /// None is chosen.
    None,
    /// One within a state.
    City,
    /// The whole state, with or without staff approval.
    State { is_approved: bool },
}

/// The elected office of a candidate.
#[derive(Debug, Clone, Copy)]
enum Office {
    None,
    Held,
    Ended,
}

/// A user with a campaign and maybe an office, in every combination that the rules distinguish.
#[derive(Debug, Clone, Copy)]
struct Kind {
    pays: bool,
    office: Office,
    district: District,
}

fn every_kind() -> Vec<Kind> {
    let state = |is_approved| District::State { is_approved };
    let mut kinds = Vec::new();
    for pays in [false, true] {
        for office in [Office::None, Office::Held, Office::Ended] {
            for district in [District::None, District::City, state(false), state(true)] {
                kinds.push(Kind { pays, office, district });
            }
        }
    }
    kinds
}

/// The rows of a user, whose number is also that of the campaign.
fn rows(id: usize, kind: Kind) -> String {
    let Kind { pays, office, district } = kind;
    let (details, goals) = match district {
        District::None => (json!({"state": "MI"}), json!({})),
        District::City => (
            json!({"state": "MI", "office": "Clerk"}),
            json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"}),
        ),
        District::State { .. } => (
            json!({"state": "WY", "office": "Governor", "ballotLevel": "STATE"}),
            json!({"electionType": "State", "electionLocation": "WY"}),
        ),
    };
    let is_approved = matches!(district, District::State { is_approved: true });
    let (details, goals) = (literal(&details), literal(&goals));
    let won = match office {
        Office::None => String::new(),
        Office::Held | Office::Ended => format!(
            "INSERT INTO elected_office (id, updated_at, user_id, campaign_id, is_active)
                 VALUES ('office-{id}', now(), {id}, {id}, {});",
            matches!(office, Office::Held)
        ),
    };
    format!(
        r#"INSERT INTO "user" (id, updated_at, email, roles, password, has_password)
               VALUES ({id}, now(), 'user{id}@example.org', '{{candidate}}', 'hash', true);
           INSERT INTO campaign (id, updated_at, slug, user_id, is_pro, data, details, can_download_federal)
               VALUES ({id}, now(), 'slug-{id}', {id}, {pays}, '{{}}', {details}, {is_approved});
           INSERT INTO path_to_victory (id, updated_at, campaign_id, data) VALUES ({id}, now(), {id}, {goals});
           {won}"#
    )
}

fn is_allowed(response: &Response) -> bool {
    if response.status.is_success() {
        return true;
    }
    let error = response.error();
    let is_refused = NOT_ALLOWED.contains(&error["code"].as_str().unwrap());
    assert!(is_refused || !response.status.is_server_error(), "{error}");
    !is_refused
}

/// What the routes allow for the organization that the client names.
async fn allowed(client: &Client) -> Value {
    let contacts = client.get("/v1/contacts?resultsPerPage=1").await;
    let search = client.get("/v1/contacts?search=ann").await;
    let saved = client.post("/v1/voters/voter-file/filter", json!({"age18_25": true})).await;
    // The file is not read, because it may cover a whole state.
    let head = client.send(client.request(Method::HEAD, DOWNLOAD)).await;
    let may_download = head.status.is_success() || is_allowed(&client.get(DOWNLOAD).await);
    let shows_party =
        contacts.status == 200 && contacts.json()["people"][0].get("politicalParty").is_some();
    json!({
        "contacts": is_allowed(&contacts), "search": is_allowed(&search), "download": may_download,
        "saveSegments": is_allowed(&saved), "showsParty": shows_party,
    })
}

/// The rows of every kind, for [`every_capability_is_what_its_route_allows`].
pub(crate) fn rows_of_every_kind() -> String {
    every_kind().iter().enumerate().map(|(n, kind)| rows(n + 1, *kind)).collect()
}

pub(crate) async fn every_capability_is_what_its_route_allows(app: &TestApp) {
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::<_, BTreeSet<bool>>::new();
    let mut types = BTreeMap::<_, usize>::new();
    for (n, kind) in every_kind().into_iter().enumerate() {
        let user = app.user(i32::try_from(n + 1).unwrap());
        let list = user.get("/v1/organizations").await.json();
        for item in list["organizations"].as_array().unwrap() {
            let client = user.naming(item["id"].as_str().unwrap());
            let (may, allowed) = (&item["capabilities"], allowed(&client).await);
            *types.entry(item["type"].as_str().unwrap().to_owned()).or_default() += 1;
            for (what, is_allowed) in allowed.as_object().unwrap() {
                seen.entry(what.clone()).or_default().insert(is_allowed.as_bool().unwrap());
            }
            for capability in ["contacts", "search", "download", "saveSegments"] {
                if may[capability] != allowed[capability] {
                    wrong.push(format!(
                        "{} {kind:?} {capability}: {}",
                        item["type"], may[capability]
                    ));
                }
            }
            if allowed["showsParty"] == true && may["politicalParty"] == false {
                wrong.push(format!("{} {kind:?} shows the party", item["type"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen.values().all(|answers| answers.len() == 2), "the answers differ: {seen:?}");
    let counts: Vec<_> = types.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("campaign", 24), ("electedOffice", 16)]);
}

#[actix_web::test]
async fn in_the_last_phases_every_capability_is_what_its_route_allows() {
    for phase in [Phase::Two, Phase::Three] {
        let app = TestApp::new(phase).await;
        app.database.execute(&rows_of_every_kind());
        every_capability_is_what_its_route_allows(&app).await;
    }
}
