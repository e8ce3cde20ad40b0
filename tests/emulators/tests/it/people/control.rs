//! Tokens, faults, and the process.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{
    CsvFault, District, Fault, PeopleCall, PeopleEmulator, Population, World,
};

use super::support::*;

#[tokio::test]
async fn tokens_are_checked_as_far_as_people_api_checks_them() {
    let client = start();
    let url = format!("{}/v1/people/stats?districtId={TECUMSEH}", client.people.url());
    client.people.set_clock(1_000_000);
    let secret = EncodingKey::from_secret(client.people.secret().as_bytes());
    let sign = |algorithm, claims: Value, key: &EncodingKey| {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, key).unwrap();
        Some(format!("Bearer {token}"))
    };
    let good = json!({"exp": 1_000_001});
    let none = "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAwMDF9.".to_owned();
    for (header, status) in [
        (None, 401),
        (Some("Bearer".to_owned()), 401),
        (Some(format!("Basic {}", client.people.token())), 401),
        (Some(format!("bearer {}", client.people.token())), 200),
        (sign(Algorithm::HS256, good.clone(), &secret), 200),
        (sign(Algorithm::HS512, json!({"exp": 1_000_001, "iss": "x", "aud": "y"}), &secret), 200),
        (sign(Algorithm::HS256, json!({"exp": 1_000_000}), &secret), 401),
        (sign(Algorithm::HS256, good.clone(), &EncodingKey::from_secret(b"other")), 401),
        (Some(none), 401),
    ] {
        let mut request = client.http.get(&url);
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{header:?}");
    }
    let health = client.http.get(format!("{}/v1/health", client.people.url())).send().await;
    assert_eq!(health.unwrap().text().await.unwrap(), "OK");
}

#[tokio::test]
async fn faults_hit_answers_and_files() {
    let client = start();
    let people = &client.people;
    people.fail(PeopleCall::List, Fault::Status { status: 401, message: "once".to_owned() }, 1);
    let body = with(TECUMSEH, json!({}));
    assert_eq!(client.post("/v1/people", body.clone()).await.0, 401);
    assert_eq!(client.post("/v1/people", body.clone()).await.0, 201);

    people.fail(PeopleCall::Download, CsvFault::EndEarly { pages: 1 }, 1);
    assert_eq!(records(&client.csv(CHEYENNE, json!({})).await).len(), 5_001, "it looks complete");
    people.fail(PeopleCall::Download, CsvFault::Pause { rows: 0, ms: 1 }, 1);
    assert_eq!(records(&client.csv(CHEYENNE, json!({})).await).len(), 10_001);
    people.fail(PeopleCall::Download, CsvFault::Reset { rows: 150 }, 1);
    let answer =
        client.send(Method::POST, "/v1/people/download", Some(&with(CHEYENNE, json!({})))).await;
    assert_eq!(answer.status(), 201);
    assert!(answer.bytes().await.is_err(), "the connection broke in the middle");
    assert_eq!(people.streams().last_rows, 150);
    people.fail_always(PeopleCall::Download, Fault::Garbage);
    let answer =
        client.send(Method::POST, "/v1/people/download", Some(&with(CHEYENNE, json!({})))).await;
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    people.heal();
    assert_eq!((people.count(PeopleCall::List), people.count(PeopleCall::Download)), (2, 4));
}

#[tokio::test]
async fn requests_are_written_down_refused_ones_too() {
    let client = start();
    let body = with(TECUMSEH, json!({"filters": {"gender": {"eq": "F"}}, "strange": 1}));
    client.post("/v1/people", body.clone()).await;
    let stats = format!("/v1/people/stats?districtId={TECUMSEH}");
    let refused = client.http.get(format!("{}{stats}", client.people.url()));
    let refused = refused.header("x-request-id", "17").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let requests = client.people.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((&*requests[0].method, &*requests[0].path), ("POST", "/v1/people"));
    assert_eq!(requests[0].body, body);
    assert!(requests[0].authorization.as_ref().unwrap().starts_with("Bearer "));
    assert_eq!(requests[1].query, format!("districtId={TECUMSEH}"));
    assert_eq!((&requests[1].body, &requests[1].authorization), (&Value::Null, &None));
    assert_eq!(requests[1].request_id.as_deref(), Some("17"));
    client.people.forget_requests();
    assert_eq!(client.people.requests(), []);
}

#[tokio::test]
async fn a_stopped_emulator_refuses_connections() {
    let client = start();
    let url = format!("{}/v1/health", client.people.url());
    client.people.stop();
    assert!(client.http.get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn districts_of_another_world_have_as_many_voters_as_turnout() {
    let district = |number: u32, turnout| {
        let id = format!("01935a5c-0000-4000-8000-{number:012}");
        District::new(&id, "OH", "City", &format!("CITY {number}"), turnout)
    };
    let districts = vec![district(1, Some(321)), district(2, None), district(3, Some(0))];
    let world = World::new(districts, Vec::new()).unwrap();
    let client =
        Client { people: PeopleEmulator::start(Population::of(&world)).unwrap(), ..start() };
    let [one, two, three] = [1, 2, 3].map(|number| district(number, None).id);
    assert_eq!(client.total(&one, json!({})).await, 321);
    assert_eq!(client.post("/v1/people", with(&two, json!({}))).await.0, 404, "no statistics");
    let any = json!({"ageInt": {"gte": 0, "_includeNull": true}});
    assert_eq!(client.total(&two, any).await, 1_000);
    assert_eq!(client.total(&three, json!({})).await, 0);
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_process_serves_it_beside_election_api_and_says_where() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_emulators"))
        .args(["--election-bind", "127.0.0.1:0", "--people-bind", "127.0.0.1:0"])
        .args(["--people-parties", "canary", "--people-future"])
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("people-api")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[2], "secret");
    let client = start();
    let get = async |path: &str| client.http.get(format!("{}{path}", words[1])).send().await;
    assert_eq!(get("/v1/health").await.unwrap().text().await.unwrap(), "OK");
}
