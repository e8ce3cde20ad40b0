//! Shared by the tests.

use std::collections::BTreeSet;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use winserve_emulators::{PeopleEmulator, Population};

/// 1,250 voters.
pub(crate) const TECUMSEH: &str = "01935a5c-0000-4000-8000-000000000001";
/// 60 voters.
pub(crate) const WARD_2: &str = "01935a5c-0000-4000-8000-000000000003";
/// 10,000 voters, so that kinds of voters repeat.
pub(crate) const CHEYENNE: &str = "01935a5c-0000-4000-8000-000000000004";
/// 1,200,000 voters.
pub(crate) const MICHIGAN: &str = "01935a5c-0000-4000-8000-000000000005";
/// 5,000 voters, those of Tecumseh among them.
pub(crate) const SCHOOLS: &str = "01935a5c-0000-4000-8000-000000000008";
/// 7,200 voters, the first of whom is not the state's first.
pub(crate) const ADRIAN: &str = "01935a5c-0000-4000-8000-000000000009";
/// 3,900 voters, of whom the statistics count 3,903.
pub(crate) const RAISIN: &str = "01935a5c-0000-4000-8000-000000000010";
/// 2,500 voters without statistics.
pub(crate) const UNCOUNTED: &str = "01935a5c-0000-4000-8000-000000000018";
/// No voters.
pub(crate) const EMPTY: &str = "01935a5c-0000-4000-8000-000000000020";
/// A district that only election-api knows.
pub(crate) const PUERTO_RICO: &str = "01935a5c-0000-4000-8000-000000000021";

/// An emulator with its client.
pub(crate) struct Client {
    pub(crate) people: PeopleEmulator,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn start() -> Client {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    Client { people: PeopleEmulator::start(Population::demo()).unwrap(), http }
}

impl Client {
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let url = format!("{}{path}", self.people.url());
        let mut request = self.http.request(method, url).bearer_auth(self.people.token());
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.send(Method::GET, path, None).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self.send(Method::POST, path, Some(&body)).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A list of a district, with additional members in the body.
    pub(crate) async fn list(&self, district: &str, more: Value) -> Value {
        let (status, list) = self.post("/v1/people", with(district, more)).await;
        assert_eq!(status, 201, "{list}");
        list
    }

    pub(crate) async fn total(&self, district: &str, filters: Value) -> u64 {
        let list = self.list(district, json!({"filters": filters, "resultsPerPage": 1})).await;
        list["pagination"]["totalResults"].as_u64().unwrap()
    }

    pub(crate) async fn people(&self, district: &str, more: Value) -> Vec<Value> {
        self.list(district, more).await["people"].as_array().unwrap().clone()
    }

    pub(crate) async fn csv(&self, district: &str, filters: Value) -> String {
        let body = with(district, json!({"filters": filters}));
        let answer = self.send(Method::POST, "/v1/people/download", Some(&body)).await;
        assert_eq!(answer.status(), 201);
        answer.text().await.unwrap()
    }
}

pub(crate) fn with(district: &str, more: Value) -> Value {
    let mut body = more;
    body["districtId"] = district.into();
    body
}

/// The records of a CSV file.
pub(crate) fn records(csv: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut letters = csv.chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    record.push(field);
    records.push(record);
    records
}

pub(crate) fn texts(list: &[Value], member: &str) -> Vec<String> {
    list.iter().map(|item| item[member].as_str().unwrap_or("null").to_owned()).collect()
}

pub(crate) fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}
