//! Users, sessions, keys and machines.

use std::sync::Arc;

use clerk_rs::{
    apis::{Error, jwks_api, m2_m_tokens_api, sessions_api, users_api},
    clerk::Clerk,
    models::{
        ClerkErrors, CreateM2MTokenRequest, CreateSessionRequest, CreateSessionTokenRequest,
        CreateUserRequest, JwksKeysInner, User, VerifyM2MTokenRequest,
    },
    validators::{authorizer::validate_jwt, jwks::MemoryCacheJwksProvider},
};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use winserve_emulators::{Action, ClerkEmulator, Key, Person, Rotation, TokenRequest};

use crate::{client, configuration, get, jane};

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
async fn clerk_rs_lists_makes_and_deletes_users() {
    let clerk = ClerkEmulator::start().unwrap();
    let configuration = configuration(&clerk);
    let request = CreateUserRequest {
        email_address: Some(vec!["new@example.org".to_owned()]),
        ..CreateUserRequest::new()
    };
    let made = users_api::create_user(&configuration, request).await.unwrap();
    let answer =
        get(&clerk, "/v1/users?email_address=new@example.org", Some(clerk.secret_key())).await.1;
    let listed: Vec<User> = serde_json::from_value(answer).unwrap();
    assert_eq!(listed[0].id, made.id);
    let deleted = users_api::delete_user(&configuration, &made.id).await.unwrap();
    assert!(deleted.deleted);
    assert!(users_api::get_user(&configuration, &made.id).await.is_err());
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
async fn a_reset_forgets_users_keys_and_faults() {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    clerk.rotate(Rotation::NewKidDropOld);
    clerk.fail("/v1/*", Action::HtmlError { status: 500 });
    client().post(format!("{}/_emu/reset", clerk.url())).send().await.unwrap();
    assert_eq!(get(&clerk, "/v1/users/user_1", Some(clerk.secret_key())).await.0, 404);
    assert_eq!(get(&clerk, "/.well-known/jwks.json", None).await.1["keys"][0]["kid"], "ins_1");
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
async fn clerk_rs_makes_sessions_and_tokens() {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    let configuration = configuration(&clerk);
    let request = CreateSessionRequest::new("user_1".to_owned());
    let session = sessions_api::create_session(&configuration, Some(request)).await.unwrap();
    assert_eq!(session.user_id, "user_1");
    let request = Some(CreateSessionTokenRequest::new());
    let token =
        sessions_api::create_session_token(&configuration, &session.id, request).await.unwrap();
    assert_eq!(token.jwt.unwrap().split('.').count(), 3);
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
async fn users_are_found_by_address_and_listed_in_pages() {
    let clerk = ClerkEmulator::start().unwrap();
    for number in 0..12 {
        clerk.add(Person::verified(&format!("user_{number:02}"), &format!("{number}@example.org")));
    }
    let list = |query: &str| {
        let path = format!("/v1/users?{query}");
        let clerk = &clerk;
        async move { get(clerk, &path, Some(clerk.secret_key())).await }
    };
    assert_eq!(list("").await.1.as_array().unwrap().len(), 10);
    assert_eq!(list("offset=10&limit=5").await.1.as_array().unwrap().len(), 2);
    let found = list("email_address=3@example.org&email_address=4@example.org").await.1;
    assert_eq!((&found[0]["id"], &found[1]["id"]), (&json!("user_03"), &json!("user_04")));
    assert_eq!(list("limit=501").await.0, 422);
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
    post("keys/rotate", json!({"mode": "new_kid_drop_old"})).await;
    let (_, keys) = get(&clerk, "/.well-known/jwks.json", None).await;
    assert_eq!(keys["keys"][0]["kid"], "ins_2");
    post("jwks", json!({"status": 503})).await;
    assert_eq!(get(&clerk, "/.well-known/jwks.json", None).await.0, 503);
    let rule = json!({"match": {"path_glob": "/v1/*"}, "action": {"kind": "html_error", "status": 502}, "times": 1});
    post("faults", rule).await;
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
