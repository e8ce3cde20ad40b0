//! Clerk's Backend API for users and machines, and its public keys.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    rt::time::sleep,
    web::{Data, Json, Path, ServiceConfig, delete, get, post, resource},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    admission::{Answer, admit, admit_machine, ok},
    memberships,
    refusal::{Refusal, TRACE_ID},
    state::{MachineToken, Shared, State},
    tokens::TokenRequest,
};
use crate::machine_tokens::ELECTION_MACHINE;

/// The category of signed machine tokens.
const MACHINE_CATEGORY: &str = "cl_B7d4PD333AAA";
/// Default lifetime of a signed token in seconds.
const DEFAULT_LIFE: i64 = 3_600;

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/.well-known/jwks.json").route(get().to(public_keys)))
        .service(resource("/v1/jwks").route(get().to(keys)))
        .service(resource("/v1/users/{id}").route(get().to(user)).route(delete().to(delete_user)))
        .service(resource("/v1/m2m_tokens").route(post().to(create_machine_token)))
        .service(resource("/v1/m2m_tokens/verify").route(post().to(verify_machine_token)))
        .default_service(actix_web::web::to(unknown));
}

async fn unknown(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Err(Refusal::not_found())
}

async fn public_keys(shared: Data<Shared>) -> Answer {
    let (fault, keys) = {
        let state = shared.lock();
        (state.jwks.clone(), state.keys())
    };
    sleep(Duration::from_millis(fault.delay_ms)).await;
    match fault.status {
        Some(status) => Err(Refusal::new(status, "internal_clerk_error")),
        None => Ok(ok(&keys)),
    }
}

async fn keys(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    public_keys(shared).await
}

async fn user(shared: Data<Shared>, request: HttpRequest, id: Path<String>) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    let person = state.users.get(id.as_str()).ok_or_else(Refusal::not_found)?;
    Ok(ok(&person.answer(state.now())))
}

async fn delete_user(shared: Data<Shared>, request: HttpRequest, id: Path<String>) -> Answer {
    admit(&shared, &request)?;
    remove_user(&mut shared.lock(), &id).map(|deleted| ok(&deleted)).ok_or_else(Refusal::not_found)
}

/// Deletes a user; none if they do not exist. Their organizations stay, even without members.
pub(crate) fn remove_user(state: &mut State, id: &str) -> Option<Value> {
    if !state.users.contains_key(id) {
        return None;
    }
    memberships::end_all(state, id);
    state.users.remove(id);
    let deleted = json!({"object": "user", "id": id, "deleted": true});
    state.emit("user.deleted", &deleted);
    Some(deleted)
}

#[derive(Deserialize)]
struct NewMachineToken {
    #[serde(default)]
    seconds_until_expiration: Option<f64>,
    #[serde(default)]
    token_format: TokenFormat,
}

#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenFormat {
    #[default]
    Opaque,
    Jwt,
}

async fn create_machine_token(
    shared: Data<Shared>,
    request: HttpRequest,
    body: Json<NewMachineToken>,
) -> Answer {
    admit_machine(&shared, &request)?;
    let mut state = shared.lock();
    // Whole seconds, as every client sends.
    let lifetime = body.seconds_until_expiration.map(|seconds| format!("{seconds:.0}"));
    let lifetime: Option<i64> = lifetime.and_then(|seconds| seconds.parse().ok());
    let answer = match body.token_format {
        TokenFormat::Opaque => opaque_token(&mut state, lifetime),
        TokenFormat::Jwt => signed_token(&mut state, lifetime.unwrap_or(DEFAULT_LIFE)),
    };
    Ok(HttpResponse::Created().insert_header(("x-clerk-trace-id", TRACE_ID)).json(answer))
}

fn opaque_token(state: &mut State, lifetime: Option<i64>) -> Value {
    let token = state.next_id("mt_");
    let expiration = lifetime.map(|seconds| state.now() + seconds * 1000);
    let machine = state.machine.id;
    let kept = add_machine_token(state, &token, machine, expiration);
    with_token(kept.answer(state.now()), token)
}

/// A token that Clerk does not store: its recipient verifies it.
fn signed_token(state: &mut State, lifetime: i64) -> Value {
    let life = state.machine.longest_life.map_or(lifetime, |longest| longest.min(lifetime));
    let (id, now, machine) = (state.next_id("mt_"), state.now(), state.machine.id);
    let claims = json!({
        "jti": id, "aud": [ELECTION_MACHINE], "scopes": ELECTION_MACHINE,
        "sid": null, "fva": null, "sts": null, "v": null,
    });
    let request = TokenRequest {
        ttl: Some(life),
        cat: Some(MACHINE_CATEGORY.to_owned()),
        extra_claims: claims.as_object().cloned().unwrap_or_default(),
        ..TokenRequest::of(machine)
    };
    let token = state.mint(&request);
    let made = MachineToken {
        id,
        subject: machine.to_owned(),
        revoked: false,
        expiration: Some(now + life * 1000),
        created_at: now,
    };
    with_token(made.answer(now), token)
}

fn with_token(mut answer: Value, token: String) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.insert("token".to_owned(), token.into());
    }
    answer
}

/// Stores a machine token.
pub(crate) fn add_machine_token(
    state: &mut State,
    token: &str,
    machine: &str,
    expiration: Option<i64>,
) -> MachineToken {
    let kept = MachineToken {
        id: state.next_id("mt_"),
        subject: machine.to_owned(),
        revoked: false,
        expiration,
        created_at: state.now(),
    };
    state.machine_tokens.insert(token.to_owned(), kept.clone());
    kept
}

#[derive(Deserialize)]
struct ToVerify {
    token: String,
}

async fn verify_machine_token(
    shared: Data<Shared>,
    request: HttpRequest,
    body: Json<ToVerify>,
) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    let token = state.machine_tokens.get(&body.token).ok_or_else(Refusal::not_found)?;
    Ok(ok(&token.answer(state.now())))
}
