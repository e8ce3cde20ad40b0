//! The control plane: what no Clerk has, for other processes (the facts about Clerk, §7).

use actix_web::{
    HttpResponse,
    web::{Data, Json, ServiceConfig, get, post, resource},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    faults::{Rule, shown},
    state::{JwksFault, Person, Rotation, Shared},
    tokens::TokenRequest,
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
                .route(actix_web::web::delete().to(clear_faults)),
        )
        .service(resource("/_emu/requests").route(get().to(requests)));
}

async fn health() -> &'static str {
    "OK"
}

async fn reset(shared: Data<Shared>) -> HttpResponse {
    shared.lock().reset();
    HttpResponse::NoContent().finish()
}

async fn add_user(shared: Data<Shared>, person: Json<Person>) -> HttpResponse {
    let person = person.into_inner();
    shared.lock().users.insert(person.id.clone(), person);
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

/// Milliseconds since 1970 to stand still at, or none.
#[derive(Deserialize)]
struct Clock {
    set: Option<i64>,
}

async fn set_clock(shared: Data<Shared>, clock: Json<Clock>) -> HttpResponse {
    shared.lock().clock = clock.set;
    HttpResponse::NoContent().finish()
}

async fn faults(shared: Data<Shared>) -> Json<Value> {
    Json(shown(&shared.lock().rules))
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
