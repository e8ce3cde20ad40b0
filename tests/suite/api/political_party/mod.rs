//! Elected officials never learn a voter's party (design D8, upstreams §11).
//!
//! The worlds of people-api differ only in the voters' parties. An elected official must get the same bytes in all
//! of them. A candidate must get different ones, or the test proves nothing.

mod attacks;

use std::{
    collections::BTreeMap,
    io,
    sync::{LazyLock, Mutex, PoisonError},
};

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use winserve_emulators::{CsvFault, Fault, Parties, PeopleCall};
use winserve_testkit::Phase;
use winserve_testkit::{TestApp, TestDatabase, ran_alone};

use crate::fixtures::{self, MAYOR};

/// Filters of the campaign: one by party, one not.
const OF_CAMPAIGN: [i32; 2] = [1, 2];
/// Filters of the office.
const OF_OFFICE: [i32; 2] = [21, 22];
/// Another user's filter.
const FOREIGN: i32 = 3;

/// User 7 runs in the district where they hold an office; user 8 runs elsewhere.
fn official() -> TestDatabase {
    TestDatabase::copy_of("official", Phase::Two, || {
        let database = TestDatabase::in_phase(Phase::Two);
        let details = json!({"positionId": MAYOR, "office": "Other", "state": "MI",
            "otherOffice": "Tecumseh City Mayor", "ballotLevel": "CITY"});
        let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
        for (user, campaign) in [(7, 11), (8, 12)] {
            fixtures::user(&database, user, "candidate");
            fixtures::campaign(&database, campaign, user, &details, Some(&goals));
        }
        database.execute(
            "UPDATE campaign SET is_pro = true;
             INSERT INTO elected_office (id, updated_at, user_id, campaign_id, is_active)
                 VALUES ('office-7', '2026-01-02', 7, 11, true)",
        );
        database.execute_unmapped(
            "INSERT INTO voter_file_filter (id, created_at, updated_at, name, campaign_id,
                 party_democrat, voter_count)
             VALUES (1, '2026-01-01', '2026-01-02', 'Democrats', 11, true, 412),
                    (3, '2026-01-01', '2026-01-02', 'Foreign', 12, true, 411);
             INSERT INTO voter_file_filter (id, created_at, updated_at, name, campaign_id, gender_female)
             VALUES (2, '2026-01-01', '2026-01-02', 'Women', 11, true);
             INSERT INTO voter_file_filter (id, created_at, updated_at, name, organization_id,
                 organization_type, gender_female, has_cell_phone)
             VALUES (21, '2026-01-01', '2026-01-02', 'Women',
                     (SELECT organization_id FROM elected_office), 'elected_office', true, NULL),
                    (22, '2026-01-01', '2026-01-02', 'Reachable',
                     (SELECT organization_id FROM elected_office), 'elected_office', NULL, true);
             SELECT setval(pg_get_serial_sequence('voter_file_filter', 'id'), 30)",
        );
        database
    })
}

/// How a request names its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Office,
    Campaign,
    Both,
    None,
}

#[derive(Debug, Clone)]
struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
    naming: Naming,
}

impl Call {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, headers: Vec::new(), naming: Naming::Office }
    }

    fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    fn with_body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    fn naming(self, naming: Naming) -> Self {
        Self { naming, ..self }
    }

    /// With this in its query.
    fn asking(&self, query: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{separator}{query}", self.path), ..self.clone() }
    }
}

/// Everything in an answer that a client can see.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: Result<String, &'static str>,
}

struct Side {
    app: TestApp,
    office: String,
    campaign: String,
}

impl Side {
    async fn new(parties: Parties) -> Self {
        let app = TestApp::on(official()).await;
        app.people.set_parties(parties);
        app.people.set_future(true);
        let office = app.database.row("SELECT organization_id AS id FROM elected_office");
        let office = office["id"].as_str().unwrap().to_owned();
        let campaign = app.organization_of(11).as_str().unwrap().to_owned();
        Self { app, office, campaign }
    }

    async fn send(&self, call: &Call) -> Seen {
        let client = match call.naming {
            Naming::Office => self.app.user(7).naming(self.office.as_str()),
            Naming::Campaign => self.app.user(7).naming(self.campaign.as_str()),
            Naming::Both => {
                self.app.user(7).naming(self.office.as_str()).naming(self.campaign.as_str())
            }
            Naming::None => self.app.user(7),
        };
        let path =
            call.path.replace("{office}", &self.office).replace("{campaign}", &self.campaign);
        let mut request = client.request(call.method.clone(), &path);
        if let Some(body) = &call.body {
            let body = body.to_string().replace("{office}", &self.office);
            let body = body.replace("{campaign}", &self.campaign);
            request = request.header("Content-Type", "application/json").body(body);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let mut headers: Vec<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| !["connection", "date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| {
                // Each worker of the server lists them in its own order.
                let value = String::from_utf8_lossy(value.as_bytes());
                let mut items: Vec<_> = value.split(", ").collect();
                items.sort_unstable();
                (name.to_string(), items.join(", "))
            })
            .collect();
        headers.sort();
        let body = response.bytes().await.map_err(|_error| "broken off");
        let body = body.map(|body| masked(&String::from_utf8_lossy(&body)));
        Seen { status, headers, body }
    }

    async fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.app.anonymous().get("/metrics").await.body;
        let text = String::from_utf8(text).unwrap();
        let lines =
            text.lines().filter(|line| !line.starts_with('#') && !line.contains("_seconds"));
        let values = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        values.collect()
    }
}

/// Masks the ids of requests and new rows, which differ each time.
fn masked(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            mask(&mut value);
            value.to_string()
        }
        Err(_no_json) => body.to_owned(),
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(mask),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => {
            let is_made_now = |id: &Uuid| id.get_version_num() == 7;
            if Uuid::try_parse(text).is_ok_and(|id| is_made_now(&id)) {
                "[id]".clone_into(text);
            }
        }
        _ => {}
    }
}

/// What this process logs, at every level.
static LOG: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .without_time()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(|| Log)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    Mutex::default()
});

struct Log;

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What our crates have logged since the last call, sorted: threads log in any order.
fn logged() -> Vec<String> {
    let log = std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner));
    let log = String::from_utf8(log).unwrap();
    let mut lines: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| {
            let target = line["target"].as_str().unwrap_or_default();
            target.starts_with("winserve_") && !target.starts_with("winserve_emulators")
        })
        .map(|mut line| {
            if let Some(fields) = line["fields"].as_object_mut() {
                fields.remove("duration_ms");
                // One more if the phase is read again, once per second.
                fields.remove("statements");
            }
            for key in ["span", "spans"] {
                line.as_object_mut().unwrap().remove(key);
            }
            line.to_string()
        })
        .collect();
    lines.sort();
    lines
}

const WORDS: [&str; 12] = [
    "Democratic",
    "Republican",
    "Green",
    "Karen",
    "Young",
    "Karen Young",
    "(322) 000-0000",
    "3220000000",
    "=1+1",
    "%27%20OR%201",
    "",
    "Ann%20Smith",
];

/// Any request that an official could send to a route about an organization.
fn any(rng: &mut Rng, voters: &[String]) -> Call {
    let word = WORDS[rng.usize(..WORDS.len())];
    let segments = ["all", "texting", "phoneBanking", "21", "22", "1", "2", "3", "x", ""];
    let segment = segments[rng.usize(..segments.len())];
    let voter = &voters[rng.usize(..voters.len())];
    let filter = [21, 22, 1, 3][rng.usize(..4)];
    let mut content = json!({"name": word, "genderFemale": rng.bool(), "age18_25": rng.bool()});
    for party in ["partyDemocrat", "partyRepublican", "partyIndependent", "partyUnknown"] {
        if rng.u8(..4) == 0 {
            content[party] = [json!(true), json!(false), Value::Null][rng.usize(..3)].clone();
        }
    }
    let call = match rng.u8(..24) {
        0..=5 => {
            let (page, size) = (rng.u32(..40), rng.u32(..120));
            Call::get(format!("/v1/contacts?page={page}&resultsPerPage={size}&segment={segment}"))
        }
        6..=8 => Call::get(format!("/v1/contacts?segment={segment}&search={word}")),
        9..=11 => Call::get(format!("/v1/contacts/{voter}")),
        12..=13 => Call::get(format!("/v1/contacts/download?segment={segment}")),
        14 => Call::get("/v1/contacts/stats"),
        15 => Call::get("/v1/voters/voter-file/filters"),
        16 => Call::new(Method::POST, "/v1/voters/voter-file/filter").with_body(content),
        17 => {
            let path = format!("/v1/voters/voter-file/filter/{filter}");
            Call::new(Method::PUT, path).with_body(content)
        }
        18 => Call::get(format!("/v1/voters/voter-file/filter/{filter}")),
        19 => Call::new(Method::DELETE, format!("/v1/voters/voter-file/filter/{filter}")),
        20 => Call::get("/v1/organizations"),
        21 => Call::get("/v1/organizations/{office}"),
        22 => Call::get("/v1/elected-office/current"),
        _ => {
            let path = format!("/v1/voters/voter-file/filter/{filter}/copy");
            let to = if rng.bool() { "{office}" } else { "{campaign}" };
            Call::new(Method::POST, path).with_body(json!({"organizationId": to}))
        }
    };
    match rng.u8(..6) {
        0 => call.with("If-None-Match", "*"),
        1 => {
            call.asking("sort=politicalParty&politicalParty=Democratic&columns=Parties_Description")
        }
        _ => call,
    }
}

async fn voters(side: &Side) -> Vec<String> {
    let page = side.send(&Call::get("/v1/contacts?resultsPerPage=20")).await.body.unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    let ids = page["people"].as_array().unwrap().iter();
    ids.map(|person| person["id"].as_str().unwrap().to_owned()).collect()
}

/// Sends the same requests in two worlds, and counts those with different answers.
async fn differing(naming: Naming, worlds: [Parties; 2], cases: usize) -> (usize, String) {
    let mut sides = Vec::new();
    for parties in worlds {
        sides.push(Side::new(parties).await);
    }
    let mut rng = Rng::with_seed(8);
    let voters = voters(&sides[0]).await;
    let (mut count, mut example) = (0, String::new());
    for _ in 0..cases {
        let call = any(&mut rng, &voters).naming(naming);
        let (one, other) = (sides[0].send(&call).await, sides[1].send(&call).await);
        if one != other {
            count += 1;
            example = format!("{call:?}\n{one:?}\n{other:?}");
        }
    }
    (count, example)
}

#[actix_web::test]
async fn an_official_gets_the_same_in_two_worlds_that_differ_in_party() {
    gets_the_same(120).await;
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_an_official_gets_the_same_in_two_worlds_that_differ_in_party() {
    gets_the_same(5_000).await;
}

async fn gets_the_same(cases: usize) {
    let (differing, example) = differing(Naming::Office, [Parties::A, Parties::B], cases).await;
    assert_eq!(differing, 0, "{example}");
}

#[actix_web::test]
async fn a_candidate_does_not() {
    let cases = 60;
    let (differing, _) = differing(Naming::Campaign, [Parties::A, Parties::B], cases).await;
    assert!(differing * 100 >= cases * 30, "{differing} of {cases}: the worlds prove nothing");
}

#[actix_web::test]
async fn what_is_logged_and_counted_of_an_official_is_the_same_in_both_worlds() {
    if ran_alone() {
        return;
    }
    LazyLock::force(&LOG);
    let mut observed = Vec::new();
    for parties in [Parties::A, Parties::B] {
        let side = Side::new(parties).await;
        let mut rng = Rng::with_seed(9);
        let voters = voters(&side).await;
        let before = side.metrics().await;
        logged();
        for _ in 0..100 {
            side.send(&any(&mut rng, &voters)).await;
        }
        let counted: BTreeMap<_, _> = side
            .metrics()
            .await
            .into_iter()
            .map(|(name, value)| {
                let earlier = before.get(&name).copied().unwrap_or_default();
                (name, value - earlier)
            })
            .filter(|(_, value)| *value != 0.0)
            .collect();
        observed.push((counted, logged()));
    }
    assert!(observed[0].0.len() > 10 && observed[0].1.len() > 100, "{observed:?}");
    assert_eq!(observed[0].0, observed[1].0);
    assert_eq!(observed[0].1, observed[1].1);
}

/// Whether a text contains one of the canaries.
fn sings(text: &str) -> bool {
    text.contains("CANARY")
}

#[actix_web::test]
async fn no_canary_gets_out_to_an_official_whatever_happens() {
    if ran_alone() {
        return;
    }
    LazyLock::force(&LOG);
    let side = Side::new(Parties::Canary).await;
    let voters = voters(&side).await;
    let faults = [
        Fault::Status { status: 400, message: "CANARY-message".to_owned() },
        Fault::Status { status: 500, message: "CANARY-message".to_owned() },
        Fault::Text { status: 200, body: "{\"people\": \"CANARY-text\"}".to_owned() },
        Fault::Text { status: 201, body: "CANARY-text".to_owned() },
        Fault::Text { status: 404, body: "CANARY-text".to_owned() },
        Fault::Garbage,
        Fault::Truncated,
    ];
    let of_files = [
        CsvFault::Reset { rows: 700 },
        CsvFault::EndEarly { pages: 0 },
        CsvFault::Reset { rows: 0 },
    ];
    let mut rng = Rng::with_seed(10);
    for round in 0..300 {
        let call = any(&mut rng, &voters);
        if round % 5 == 0 {
            let fault = &faults[round / 5 % faults.len()];
            for kind in [PeopleCall::List, PeopleCall::Person, PeopleCall::Statistics] {
                side.app.people.fail_always(kind, fault.clone());
            }
            if round % 2 == 0 {
                side.app.people.fail_always(PeopleCall::Download, fault.clone());
            } else {
                let fault = of_files[round % of_files.len()];
                side.app.people.fail_always(PeopleCall::Download, fault);
            }
        }
        let seen = side.send(&call).await;
        side.app.people.heal();
        assert!(!sings(&format!("{seen:?}")), "{call:?}\n{seen:?}");
    }
    let log = std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner));
    let ours = String::from_utf8(log).unwrap();
    assert!(ours.contains("a contact download was aborted"), "files did fail");
    let ours = ours.lines().filter(|line| !line.contains("\"target\":\"winserve_emulators"));
    let singing: Vec<_> = ours.filter(|line| sings(line)).take(3).collect();
    assert!(singing.is_empty(), "{singing:#?}");
    let metrics = side.app.anonymous().get("/metrics").await.body;
    assert!(!sings(&String::from_utf8(metrics).unwrap()));
    let stored = side.app.database.row(
        "SELECT (SELECT string_agg(to_jsonb(it)::text, '') FROM voter_file_filter AS it)
            || (SELECT string_agg(to_jsonb(it)::text, '') FROM campaign AS it)
            || (SELECT string_agg(to_jsonb(it)::text, '') FROM ballot_position AS it) AS text",
    );
    assert!(!sings(stored["text"].as_str().unwrap()));
    // A candidate does see them.
    let heard = side.send(&Call::get("/v1/contacts").naming(Naming::Campaign)).await;
    assert!(sings(&heard.body.unwrap()));
    let file = Call::get("/v1/contacts/download").naming(Naming::Campaign);
    assert!(sings(&side.send(&file).await.body.unwrap()));
}

#[actix_web::test]
async fn the_other_members_of_a_contact_do_arrive() {
    let side = Side::new(Parties::A).await;
    let page = |seen: Seen| serde_json::from_str::<Value>(&seen.body.unwrap()).unwrap();
    let mut theirs = page(side.send(&Call::get("/v1/contacts").naming(Naming::Campaign)).await);
    let ours = page(side.send(&Call::get("/v1/contacts")).await);
    for person in theirs["people"].as_array_mut().unwrap() {
        assert!(person.as_object_mut().unwrap().remove("politicalParty").is_some());
        assert_eq!(person.as_object().unwrap().len(), 23);
    }
    assert_eq!(ours, theirs);
    let id = ours["people"][3]["id"].as_str().unwrap();
    let one = page(side.send(&Call::get(format!("/v1/contacts/{id}"))).await);
    assert_eq!(one, ours["people"][3]);
    let file = side.send(&Call::get("/v1/contacts/download")).await.body.unwrap();
    let header: Vec<_> = file.lines().next().unwrap().split(',').collect();
    assert_eq!(header.len(), 57, "{header:?}");
    assert!(!header.iter().any(|name| name.contains("Part") || name.contains("Primary")));
}

#[actix_web::test]
async fn a_party_flag_that_is_on_is_refused_like_a_filter_that_does_not_exist() {
    let side = Side::new(Parties::A).await;
    let save = Call::new(Method::POST, "/v1/voters/voter-file/filter");
    let refused = side.send(&save.clone().with_body(json!({"partyDemocrat": true}))).await;
    let body: Value = serde_json::from_str(&refused.body.unwrap()).unwrap();
    assert_eq!((refused.status, &body["code"]), (400, &json!("invalid-filter")));
    let saved =
        side.send(&save.with_body(json!({"partyDemocrat": false, "partyUnknown": null}))).await;
    assert_eq!(saved.status, 201);
    assert!(!saved.body.unwrap().contains("party"));
}

#[actix_web::test]
async fn what_is_asked_of_people_api_for_an_official_never_names_a_party() {
    let side = Side::new(Parties::A).await;
    let voters = voters(&side).await;
    let mut rng = Rng::with_seed(11);
    for _ in 0..200 {
        side.send(&any(&mut rng, &voters)).await;
    }
    let requests = side.app.people.requests();
    assert!(requests.len() > 50);
    for request in requests {
        // Search terms are the caller's own.
        let mut body = request.body.clone();
        if let Some(body) = body.as_object_mut() {
            body.remove("search");
        }
        let text = format!("{} {body}", request.query).to_lowercase();
        assert!(!text.contains("party") && !text.contains("parties"), "{text}");
    }
}
