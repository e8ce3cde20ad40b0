//! Users, keys and machines.

use std::sync::Arc;

use clerk_rs::{
    apis::{Error, jwks_api, m2_m_tokens_api, users_api},
    clerk::Clerk,
    models::{ClerkErrors, CreateM2MTokenRequest, JwksKeysInner, VerifyM2MTokenRequest},
    validators::{authorizer::validate_jwt, jwks::MemoryCacheJwksProvider},
};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use winserve_emulators::{Action, ClerkEmulator, Key, Person, Rotation, TokenRequest};

use super::{client, configuration, get, jane};

#[tokio::test]
async fn clerk_rs_reads_users_with_and_without_an_address() {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    clerk.add(Person { id: "user_2".to_owned(), ..Person::default() });
    let configuration = configuration(&clerk);
    let user = users_api::get_user(&configuration, "user_1").await.unwrap();
    assert_eq!(user.first_name, Some(Some("Jane".to_owned())).flatten());
    assert_eq!(users_api::get_user(&configuration, "user_2").await.unwrap().id, "user_2");
    let Err(Error::ResponseError(refusal)) = users_api::get_user(&configuration, "user_3").await
    else {
        panic!("a refusal")
    };
    let errors: ClerkErrors = serde_json::from_str(&refusal.content).unwrap();
    assert_eq!((refusal.status.as_u16(), &*errors.errors[0].code), (404, "resource_not_found"));
    assert!(errors.clerk_trace_id.is_some());
}

#[tokio::test]
async fn clerk_rs_deletes_users() {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    let configuration = configuration(&clerk);
    assert!(users_api::delete_user(&configuration, "user_1").await.unwrap().deleted);
    assert!(users_api::get_user(&configuration, "user_1").await.is_err());
}

#[tokio::test]
async fn clerk_rs_verifies_the_tokens() {
    let clerk = ClerkEmulator::start().unwrap();
    for version in [1, 2] {
        let request = TokenRequest { version: Some(version), ..TokenRequest::of("user_1") };
        let jwt = validate_jwt(&clerk.mint(&request), Arc::new(provider_of(&clerk))).await.unwrap();
        assert_eq!(jwt.sub, "user_1");
    }
    let bad = TokenRequest { key: Key::BadSignature, ..TokenRequest::of("user_1") };
    assert!(validate_jwt(&clerk.mint(&bad), Arc::new(provider_of(&clerk))).await.is_err());
}

fn provider_of(clerk: &ClerkEmulator) -> MemoryCacheJwksProvider {
    MemoryCacheJwksProvider::new(Clerk::new(configuration(clerk)))
}

#[tokio::test]
async fn clerk_rs_reads_keys_and_what_they_are_not() {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.rotate(Rotation::NewKidKeepOld);
    let keys = jwks_api::get_jwks(&configuration(&clerk)).await.unwrap().keys.unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| matches!(key, JwksKeysInner::JwksRsaPublicKey(_))));
}

#[tokio::test]
async fn clerk_rs_makes_and_verifies_machine_tokens() {
    let clerk = ClerkEmulator::start().unwrap();
    let configuration = configuration(&clerk);
    let made = m2_m_tokens_api::create_m2_m_token(&configuration, CreateM2MTokenRequest::new());
    let token = made.await.unwrap().token;
    let verify = || {
        let request = VerifyM2MTokenRequest::new(token.clone());
        m2_m_tokens_api::verify_m2_m_token(&configuration, request)
    };
    let verified = verify().await.unwrap();
    assert!(verified.subject.starts_with("mch_") && !verified.revoked && !verified.expired);
    clerk.revoke_machine_token(&token);
    assert!(verify().await.unwrap().revoked);
    let unknown = VerifyM2MTokenRequest::new("mt_unknown".to_owned());
    assert!(m2_m_tokens_api::verify_m2_m_token(&configuration, unknown).await.is_err());
}

#[tokio::test]
async fn who_shows_no_key_or_another_one_is_refused_even_for_paths_that_do_not_exist() {
    let clerk = ClerkEmulator::start().unwrap();
    for path in ["/v1/users/user_1", "/v1/jwks", "/v1/nothing"] {
        let (status, body) = get(&clerk, path, None).await;
        assert_eq!(
            (status, &body["errors"][0]["code"]),
            (401, &json!("authorization_header_format_invalid"))
        );
        let (status, body) = get(&clerk, path, Some("sk_test_other")).await;
        assert_eq!((status, &body["errors"][0]["code"]), (401, &json!("clerk_key_invalid")));
    }
    let (status, body) = get(&clerk, "/v1/nothing", Some(clerk.secret_key())).await;
    assert_eq!((status, &body["errors"][0]["code"]), (404, &json!("resource_not_found")));
    assert_eq!(get(&clerk, "/.well-known/jwks.json", None).await.0, 200);
}

#[tokio::test]
async fn faults_hit_what_they_are_planned_for_and_nothing_else() {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    let secret = Some(clerk.secret_key());
    clerk.fail("/v1/users/*", Action::RateLimit { retry_after: 7 });
    let response = client()
        .get(format!("{}/v1/users/user_1", clerk.url()))
        .bearer_auth(clerk.secret_key())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &HeaderValue::from_static("7"))
    );
    assert_eq!(get(&clerk, "/v1/jwks", secret).await.0, 200);
    clerk.heal();
    assert_eq!(get(&clerk, "/v1/users/user_1", secret).await.0, 200);
    for action in [Action::ResetBeforeCommit, Action::TruncateBody, Action::CommitThenDrop] {
        clerk.heal();
        clerk.fail("/v1/users/*", action);
        let url = format!("{}/v1/users/user_1", clerk.url());
        let sent = client().get(url).bearer_auth(clerk.secret_key()).send().await;
        let broken = match sent {
            Ok(response) => response.text().await.is_err(),
            Err(_) => true,
        };
        assert!(broken);
    }
}

#[tokio::test]
async fn other_processes_steer_it_through_the_control_plane() {
    let clerk = ClerkEmulator::start().unwrap();
    let post = |path: &str, body: Value| {
        let request = client().post(format!("{}/_emu/{path}", clerk.url())).json(&body);
        async move { request.send().await.unwrap() }
    };
    post("users", json!({"id": "user_9", "email": "nine@example.org", "verified": true})).await;
    assert_eq!(get(&clerk, "/v1/users/user_9", Some(clerk.secret_key())).await.0, 200);
    let minted: Value =
        post("tokens", json!({"user_id": "user_9", "version": 1})).await.json().await.unwrap();
    assert_eq!(minted["jwt"].as_str().unwrap().split('.').count(), 3);
    clerk.fail_once("/v1/*", Action::HtmlError { status: 502 });
    let url = format!("{}/v1/users/user_9", clerk.url());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 502);
    let rules: Value = client()
        .get(format!("{}/_emu/faults", clerk.url()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(rules[0]["hits"], 1);
}
