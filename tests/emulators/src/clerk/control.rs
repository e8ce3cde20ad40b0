//! The control routes, which the real Clerk does not have, for other processes (the facts about Clerk, §7).

use actix_web::{
    HttpResponse,
    web::{Data, Json, ServiceConfig, get, post, resource},
};
use serde_json::{Value, json};

use super::{
    state::{Person, Shared},
    tokens::TokenRequest,
};

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/_emu/health").route(get().to(health)))
        .service(resource("/_emu/users").route(post().to(add_user)))
        .service(resource("/_emu/tokens").route(post().to(mint)))
        .service(resource("/_emu/faults").route(get().to(faults)))
        .service(resource("/_emu/requests").route(get().to(requests)));
}

async fn health() -> &'static str {
    "OK"
}

async fn add_user(shared: Data<Shared>, person: Json<Person>) -> HttpResponse {
    shared.lock().add(person.into_inner());
    HttpResponse::NoContent().finish()
}

async fn mint(shared: Data<Shared>, request: Json<TokenRequest>) -> Json<Value> {
    Json(json!({"jwt": shared.lock().mint(&request)}))
}

async fn faults(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.lock().rules))
}

async fn requests(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.lock().requests))
}
