//! The control routes, which the real people-api does not have, for other processes.

use actix_web::{
    HttpResponse,
    web::{Data, Json, ServiceConfig, delete, get, post, put, resource},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    faults::{PeopleCall, PeopleFault},
    parties::Parties,
    person::View,
    state::Shared,
};
use crate::faults::Plan;

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/__stats").route(get().to(counts)))
        .service(resource("/__faults").route(post().to(plan)).route(delete().to(clear)))
        .service(resource("/__world").route(get().to(world)).route(put().to(set_world)))
        .service(resource("/__requests").route(get().to(requests)).route(delete().to(forget)))
        .service(resource("/__streams").route(get().to(streams)))
        .service(resource("/__clock").route(put().to(set_clock)));
}

async fn counts(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.faults.counts()))
}

async fn plan(shared: Data<Shared>, plan: Json<Plan<PeopleCall, PeopleFault>>) -> HttpResponse {
    shared.faults.plan(plan.into_inner());
    HttpResponse::NoContent().finish()
}

async fn clear(shared: Data<Shared>) -> HttpResponse {
    shared.faults.clear();
    HttpResponse::NoContent().finish()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToShow {
    parties: Parties,
    #[serde(default)]
    future: bool,
}

async fn world(shared: Data<Shared>) -> Json<Value> {
    let View { parties, future } = shared.view();
    Json(json!({"parties": parties, "future": future}))
}

async fn set_world(shared: Data<Shared>, body: Json<ToShow>) -> HttpResponse {
    let ToShow { parties, future } = body.into_inner();
    shared.lock().view = View { parties, future };
    HttpResponse::NoContent().finish()
}

async fn requests(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.lock().requests))
}

async fn forget(shared: Data<Shared>) -> HttpResponse {
    shared.lock().requests.clear();
    HttpResponse::NoContent().finish()
}

async fn streams(shared: Data<Shared>) -> Json<Value> {
    Json(json!(shared.streams.counts()))
}

/// Time to stop the clock at, in seconds since 1970, or none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    set: Option<i64>,
}

async fn set_clock(shared: Data<Shared>, clock: Json<Clock>) -> HttpResponse {
    shared.lock().clock = clock.set;
    HttpResponse::NoContent().finish()
}
