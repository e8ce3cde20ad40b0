//! However often a candidate changes the office, `details` keeps every member that no change named: a property test
//! over random sequences of `PATCH /v1/organizations/{id}` and `PUT /v1/campaigns/mine`.

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Map, Value, json};
use winserve_domain::campaigns::campaign_json::{MOVED_DETAILS, MOVED_DETAILS_OF_CUSTOM, keys};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures::{self, COUNCIL, MAYOR, WITHOUT_DISTRICT};

/// A change of office removes the keys of the former race (design §3).
const RACE: [&str; 7] = [
    "raceId",
    "electionId",
    "primaryElectionId",
    "primaryElectionDate",
    "hasPrimary",
    "filingPeriodsStart",
    "filingPeriodsEnd",
];
/// Changes in one sequence.
const CHANGES: usize = 60;

/// Possible `details` of candidates, including odd ones.
fn details() -> Value {
    json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "city": " Tecumseh ", "county": "Lenawee", "district": "2",
        "zip": "49286", "electionDate": "2028-11-07", "raceId": "race", "officeTermLength": "4 years",
        "priorElectionDates": ["2024-11-05", null], "tier": 3, "pledged": true, "odd": [1.5, {"a": []}],
        "officeName": "Tecumseh City Mayor", "geoLocation": {"lat": 42.0, "lng": -83.9},
    })
}

/// A change of office: how it is sent, and the members of `details` that it names.
struct Change {
    method: Method,
    body: Value,
    named: Vec<String>,
}

fn names(object: &Value) -> Vec<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

fn position(rng: &mut Rng) -> &'static str {
    rng.choice([MAYOR, COUNCIL, WITHOUT_DISTRICT]).unwrap()
}

/// A typed-in office that names some of the places, or removes them.
fn custom_office(rng: &mut Rng) -> Value {
    let mut custom = Map::from_iter([("office".to_owned(), json!("Dog Catcher"))]);
    for (key, value) in
        [("state", "WY"), ("county", "Laramie"), ("city", "Adrian"), ("district", "7")]
    {
        let value = [Value::from(value), Value::Null][usize::from(rng.u8(0..4) == 0)].clone();
        if rng.u8(0..3) == 0 {
            custom.insert(key.to_owned(), value);
        }
    }
    custom.into()
}

fn change(rng: &mut Rng) -> Change {
    let (method, body, named) = match rng.u8(0..5) {
        0 => (Method::PATCH, json!({"positionId": position(rng)}), Vec::new()),
        1 => (Method::PATCH, json!({"positionId": null}), Vec::new()),
        2 => {
            let custom = custom_office(rng);
            let named = names(&custom);
            (Method::PATCH, json!({"customOffice": custom}), named)
        }
        3 => {
            let details = json!({
                "positionId": position(rng), "office": "Other", "otherOffice": "Some Office",
                "state": "MI", "raceId": "another race",
            });
            let named = names(&details);
            (Method::PUT, json!({"details": details}), named)
        }
        _ => {
            let details = json!({
                "positionId": null, "office": "Clerk", "otherOffice": "", "city": "Adrian",
                "state": "MI",
            });
            let named = names(&details);
            (Method::PUT, json!({"details": details}), named)
        }
    };
    Change { method, body, named }
}

async fn send(app: &TestApp, organization: &str, change: &Change) -> Response {
    let client = app.user(7);
    let path = match change.method {
        Method::PATCH => format!("/v1/organizations/{organization}"),
        _ => "/v1/campaigns/mine".to_owned(),
    };
    client.send(client.request(change.method.clone(), &path).json(&change.body)).await
}

/// What the candidate sees, from the authoritative store.
async fn shown(app: &TestApp) -> Map<String, Value> {
    let campaign = app.user(7).get("/v1/campaigns/mine").await.json();
    campaign["details"].as_object().unwrap().clone()
}

/// What the old service sees.
fn stored(app: &TestApp) -> Map<String, Value> {
    app.database.row("SELECT details FROM campaign")["details"].as_object().unwrap().clone()
}

/// What a change must keep. The places of a typed-in office are moved keys, but also the candidate's own texts.
fn kept<'b>(
    before: &'b Map<String, Value>,
    after: &Map<String, Value>,
    change: &Change,
) -> impl Iterator<Item = (&'b String, &'b Value)> {
    let is_custom = !after.get(keys::POSITION_ID).is_some_and(Value::is_string);
    let named = change.named.clone();
    before.iter().filter(move |(key, _)| {
        let key = key.as_str();
        let is_own_text = MOVED_DETAILS_OF_CUSTOM.contains(&key) || key == keys::STATE && is_custom;
        !named.iter().any(|it| it == key)
            && !RACE.contains(&key)
            && (is_own_text || !MOVED_DETAILS.contains(&key))
    })
}

#[actix_web::test]
async fn a_change_of_office_leaves_every_member_of_details_that_it_does_not_name() {
    leaves_what_is_not_named(1).await;
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_a_change_of_office_leaves_every_member_of_details_that_it_does_not_name() {
    leaves_what_is_not_named(30).await;
}

async fn leaves_what_is_not_named(seeds: u64) {
    for phase in [Phase::One, Phase::Two] {
        for seed in 0..seeds {
            let app = TestApp::new(phase).await;
            fixtures::user(&app.database, 7, "candidate");
            fixtures::campaign(&app.database, 11, 7, &details(), Some(&json!({})));
            let organization = app.organization_of(11).as_str().unwrap().to_owned();
            let mut rng = Rng::with_seed(seed);
            for number in 0..CHANGES {
                let change = change(&mut rng);
                let label = format!("change {number} of seed {seed} in {phase}: {}", change.body);
                let before = shown(&app).await;
                let answer = send(&app, &organization, &change).await;
                assert_eq!(answer.status, 200, "{label}: {}", answer.json());
                let after = stored(&app);
                for (key, value) in kept(&before, &after, &change) {
                    assert_eq!(after.get(key), Some(value), "{key} after {label}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn the_places_of_a_candidate_outlive_a_typed_in_office_and_none() {
    for phase in [Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &details(), None);
        let organization = app.organization_of(11).as_str().unwrap().to_owned();
        let places = || {
            let details = stored(&app);
            ["state", "city", "county", "district"].map(|key| details.get(key).cloned())
        };
        let own = ["MI", " Tecumseh ", "Lenawee", "2"].map(|text| Some(json!(text)));
        for body in [
            json!({"customOffice": {"office": "Dog Catcher"}}),
            json!({"positionId": null}),
            json!({"positionId": MAYOR}),
            json!({"positionId": null}),
            json!({"positionId": MAYOR}),
        ] {
            let change = Change { method: Method::PATCH, body, named: Vec::new() };
            let answer = send(&app, &organization, &change).await;
            assert_eq!(answer.status, 200, "{}", answer.json());
            assert_eq!(places(), own, "after {} in {phase}", change.body);
            // A typed-in office has the places that its candidate named.
            if change.body.get("customOffice").is_some() {
                let position = answer.json()["position"].clone();
                let shown =
                    ["state", "city", "county", "district"].map(|key| position[key].clone());
                assert_eq!(json!(shown), json!(own), "{phase}");
            }
        }
    }
}
