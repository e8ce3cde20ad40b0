//! The control routes, which the real Clerk does not have, for other processes (the facts about Clerk, §7).

use actix_web::{
    Error, HttpResponse,
    error::ErrorBadRequest,
    web::{Data, Json, ServiceConfig, delete, get, post, resource},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    limits::{Limiter, RateLimits},
    rules::Rule,
    settings::InstanceSettings,
    state::{JwksFault, Person, Rotation, Shared},
    tokens::TokenRequest,
    webhooks::{Delivery, WebhookEndpoint},
};

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/_emu/reset").route(post().to(reset)))
        .service(resource("/_emu/health").route(get().to(health)))
        .service(resource("/_emu/users").route(post().to(add_user)))
        .service(resource("/_emu/tokens").route(post().to(mint)))
        .service(resource("/_emu/keys/rotate").route(post().to(rotate)))
        .service(resource("/_emu/jwks").route(post().to(spoil_keys)))
        .service(resource("/_emu/clock").route(post().to(set_clock)))
        .service(
            resource("/_emu/faults")
                .route(get().to(faults))
                .route(post().to(add_fault))
                .route(delete().to(clear_faults)),
        )
        .service(resource("/_emu/requests").route(get().to(requests)))
        .service(resource("/_emu/seed").route(post().to(seed)))
        .service(resource("/_emu/limits").route(get().to(limits)).route(post().to(limit)))
        .service(resource("/_emu/settings").route(get().to(settings)).route(post().to(set)))
        .service(resource("/_emu/organizations").route(get().to(organizations)))
        .service(
            resource("/_emu/webhook_endpoints")
                .route(post().to(add_endpoint))
                .route(delete().to(remove_endpoint)),
        )
        .service(resource("/_emu/webhooks").route(get().to(webhooks)).route(post().to(deliver)))
        .service(resource("/_emu/webhooks/replay").route(post().to(replay)));
}

async fn health() -> &'static str {
    "OK"
}

async fn reset(shared: Data<Shared>) -> HttpResponse {
    shared.lock().reset();
    HttpResponse::NoContent().finish()
}

async fn add_user(shared: Data<Shared>, person: Json<Person>) -> HttpResponse {
    shared.lock().add(person.into_inner());
    HttpResponse::NoContent().finish()
}

async fn mint(shared: Data<Shared>, request: Json<TokenRequest>) -> Json<Value> {
    Json(json!({"jwt": shared.lock().mint(&request)}))
}

#[derive(Deserialize)]
struct Rotate {
    mode: Rotation,
}

async fn rotate(shared: Data<Shared>, body: Json<Rotate>) -> HttpResponse {
    shared.lock().rotate(body.mode);
    HttpResponse::NoContent().finish()
}

async fn spoil_keys(shared: Data<Shared>, fault: Json<JwksFault>) -> HttpResponse {
    shared.lock().jwks = fault.into_inner();
    HttpResponse::NoContent().finish()
}

/// Time to stop the clock at, in milliseconds since 1970, or none.
#[derive(Deserialize)]
struct Clock {
    set: Option<i64>,
}

async fn set_clock(shared: Data<Shared>, clock: Json<Clock>) -> HttpResponse {
    shared.lock().clock = clock.set;
    HttpResponse::NoContent().finish()
}

async fn faults(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.lock().rules))
}

async fn add_fault(shared: Data<Shared>, rule: Json<Rule>) -> HttpResponse {
    shared.lock().rules.push(rule.into_inner());
    HttpResponse::NoContent().finish()
}

async fn clear_faults(shared: Data<Shared>) -> HttpResponse {
    shared.lock().rules.clear();
    HttpResponse::NoContent().finish()
}

async fn requests(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.lock().requests))
}

async fn settings(shared: Data<Shared>) -> Json<InstanceSettings> {
    Json(shared.lock().settings.clone())
}

/// Settings that are not named return to their defaults.
async fn set(shared: Data<Shared>, settings: Json<InstanceSettings>) -> HttpResponse {
    shared.lock().settings = settings.into_inner();
    HttpResponse::NoContent().finish()
}

/// Everything in one answer, for tests to compare with the expected state.
async fn organizations(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.lock().directory.all().collect::<Vec<_>>()))
}

#[derive(Deserialize)]
struct Seed {
    seed: u64,
}

async fn seed(shared: Data<Shared>, body: Json<Seed>) -> HttpResponse {
    shared.lock().set_seed(body.seed);
    HttpResponse::NoContent().finish()
}

async fn limits(shared: Data<Shared>) -> Json<RateLimits> {
    Json(shared.lock().limiter.limits().clone())
}

/// Restarts the count.
async fn limit(shared: Data<Shared>, limits: Json<RateLimits>) -> HttpResponse {
    shared.lock().limiter = Limiter::new(limits.into_inner());
    HttpResponse::NoContent().finish()
}

async fn add_endpoint(
    shared: Data<Shared>,
    endpoint: Json<WebhookEndpoint>,
) -> Result<HttpResponse, Error> {
    shared.lock().webhooks.add(&endpoint).map_err(ErrorBadRequest)?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
struct EndpointOf {
    url: String,
}

async fn remove_endpoint(shared: Data<Shared>, endpoint: Json<EndpointOf>) -> HttpResponse {
    shared.lock().webhooks.remove(&endpoint.url);
    HttpResponse::NoContent().finish()
}

async fn webhooks(shared: Data<Shared>) -> Json<Value> {
    let state = shared.lock();
    let webhooks = &state.webhooks;
    Json(json!({
        "delivery": webhooks.delivery(), "outstanding": webhooks.outstanding(),
        "attempts": webhooks.attempts().collect::<Vec<_>>(),
    }))
}

async fn deliver(shared: Data<Shared>, delivery: Json<Delivery>) -> HttpResponse {
    shared.lock().webhooks.set_delivery(delivery.into_inner());
    HttpResponse::NoContent().finish()
}

#[derive(Deserialize)]
struct Replay {
    svix_id: String,
}

async fn replay(shared: Data<Shared>, body: Json<Replay>) -> HttpResponse {
    if shared.lock().webhooks.replay(&body.svix_id) {
        HttpResponse::NoContent().finish()
    } else {
        HttpResponse::NotFound().finish()
    }
}
