//! The Clerk emulator, tested against clerk-rs: its models and its functions.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod faults;
mod memberships;
mod organizations;
mod sign_in;
mod users;
mod webhooks;

use clerk_rs::apis::configuration::Configuration;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use serde_json::Value;
use winserve_emulators::{ClerkEmulator, Person};

fn client() -> reqwest::Client {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut headers = HeaderMap::new();
    headers.insert("clerk-api-version", HeaderValue::from_static("2026-05-12"));
    reqwest::Client::builder().default_headers(headers).tls_certs_only([]).build().unwrap()
}

fn configuration(clerk: &ClerkEmulator) -> Configuration {
    Configuration {
        base_path: clerk.api_url(),
        user_agent: None,
        client: client(),
        basic_auth: None,
        oauth_access_token: None,
        bearer_access_token: Some(clerk.secret_key().to_owned()),
        api_key: None,
        api_version: None,
    }
}

fn jane() -> Person {
    Person { first_name: Some("Jane".to_owned()), ..Person::verified("user_1", "jane@example.org") }
}

async fn get(clerk: &ClerkEmulator, path: &str, secret: Option<&str>) -> (u16, Value) {
    let request = client().get(format!("{}{path}", clerk.url()));
    let request = match secret {
        Some(secret) => request.bearer_auth(secret),
        None => request,
    };
    let response = request.send().await.unwrap();
    let trace = response.headers().get("x-clerk-trace-id").cloned();
    let (status, body) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
    assert!(trace.is_some(), "every answer can be traced");
    (status, body)
}

/// The answer to a call of the Backend API with a JSON body.
async fn call(clerk: &ClerkEmulator, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = client().request(method, format!("{}{path}", clerk.api_url()));
    let response = request.bearer_auth(clerk.secret_key()).json(&body).send().await.unwrap();
    let (status, body) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
    if status >= 400 {
        let errors: clerk_rs::models::ClerkErrors = serde_json::from_value(body.clone()).unwrap();
        assert!(errors.clerk_trace_id.is_some(), "every refusal can be traced");
    }
    (status, body)
}

/// The status and code of a refusal, and the affected parameter.
fn refusal((status, body): &(u16, Value)) -> (u16, &str, Option<&str>) {
    let error = &body["errors"][0];
    (*status, error["code"].as_str().unwrap_or_default(), error["meta"]["param_name"].as_str())
}
