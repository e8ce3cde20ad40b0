//! The route table.

use std::future::ready;

use actix_web::{
    Handler, HttpRequest, HttpResponse, Resource, Responder, Route,
    dev::HttpServiceFactory,
    http::Method,
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};

use crate::{
    AppState, admin_accounts, admin_campaigns, auth, campaigns, contacts, elected_offices,
    elections, error::ApiError, organization_events, organizations, path_to_victory, polls,
    saved_filters, service, users, webhooks,
};

/// Mounts every route; the same for `api` and for tests.
pub fn configure(state: AppState) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(Data::new(state))
            .service(resource("/readyz", [get(service::get_readyz::handler)]))
            .service(resource("/metrics", [get(service::get_metrics::handler)]))
            .service(resource("/openapi.json", [get(service::get_openapi::handler)]))
            // Before the scope whose middleware authenticates with the database: these are public.
            .service(resource("/v1/health", [get(service::get_health::handler)]))
            .service(resource(
                "/v1/elections/districts/types",
                [get(elections::get_districts_types::handler)],
            ))
            .service(resource(
                "/v1/elections/districts/names",
                [get(elections::get_districts_names::handler)],
            ))
            .service(resource("/v1/webhooks/clerk", [post(webhooks::post_clerk::handler)]))
            .service(
                web::scope("/v1")
                    .wrap(from_fn(auth::identify))
                    .service(resource(
                        "/users/me",
                        [get(users::get_me::handler), put(users::put_me::handler)],
                    ))
                    .service(resource("/users/{id}", [delete(users::delete_by_id::handler)]))
                    .service(resource(
                        "/elections/positions",
                        [get(elections::get_positions::handler)],
                    ))
                    .service(resource(
                        "/campaigns",
                        [get(campaigns::get_all::handler), post(campaigns::post_campaign::handler)],
                    ))
                    .service(scoped(
                        "/campaigns/mine",
                        [get(campaigns::get_mine::handler), put(campaigns::put_mine::handler)],
                    ))
                    .service(scoped(
                        "/campaigns/mine/district",
                        [put(campaigns::put_mine_district::handler)],
                    ))
                    .service(scoped(
                        "/campaigns/mine/race-target-details",
                        [put(campaigns::put_mine_race_targets::handler)],
                    ))
                    .service(resource(
                        "/campaigns/admin/{slug}/race-target-details",
                        [put(campaigns::put_race_targets_by_slug::handler)],
                    ))
                    .service(resource("/admin/accounts", [get(admin_accounts::get_all::handler)]))
                    .service(resource(
                        "/admin/campaigns",
                        [post(admin_campaigns::post_campaign::handler)],
                    ))
                    .service(resource(
                        "/admin/campaigns/{id}",
                        [
                            put(admin_campaigns::put_by_id::handler),
                            delete(admin_campaigns::delete_by_id::handler),
                        ],
                    ))
                    .service(scoped(
                        "/elected-office",
                        [post(elected_offices::post_office::handler)],
                    ))
                    .service(scoped(
                        "/elected-office/current",
                        [get(elected_offices::get_current::handler)],
                    ))
                    .service(resource(
                        "/elected-office/list",
                        [get(elected_offices::get_list::handler)],
                    ))
                    .service(resource(
                        "/elected-office/mine",
                        [get(elected_offices::get_mine::handler)],
                    ))
                    .service(resource(
                        "/elected-office/{id}",
                        [
                            get(elected_offices::get_by_id::handler),
                            put(elected_offices::put_by_id::handler),
                        ],
                    ))
                    .service(scoped(
                        "/campaigns/mine/status",
                        [get(campaigns::get_mine_status::handler)],
                    ))
                    .service(resource(
                        "/campaigns/slug/{slug}",
                        [get(campaigns::get_by_slug::handler)],
                    ))
                    .service(scoped("/campaigns/launch", [post(campaigns::post_launch::handler)]))
                    .service(resource("/campaigns/list", [get(campaigns::get_list::handler)]))
                    .service(resource(
                        "/campaigns/{id}",
                        [get(campaigns::get_by_id::handler), put(campaigns::put_by_id::handler)],
                    ))
                    .service(scoped(
                        "/voters/voter-file/filters",
                        [get(saved_filters::get_all::handler)],
                    ))
                    .service(scoped(
                        "/voters/voter-file/filter",
                        [post(saved_filters::post_filter::handler)],
                    ))
                    .service(scoped(
                        "/voters/voter-file/filter/{id}",
                        [
                            get(saved_filters::get_by_id::handler),
                            put(saved_filters::put_by_id::handler),
                            delete(saved_filters::delete_by_id::handler),
                        ],
                    ))
                    .service(scoped(
                        "/voters/voter-file/filter/{id}/copy",
                        [post(saved_filters::post_copy::handler)],
                    ))
                    .service(scoped("/contacts", [get(contacts::get_page::handler)]))
                    .service(scoped("/contacts/count", [post(contacts::post_count::handler)]))
                    .service(scoped("/contacts/stats", [get(contacts::get_stats::handler)]))
                    .service(scoped("/contacts/download", [get(contacts::get_download::handler)]))
                    .service(scoped("/contacts/{id}", [get(contacts::get_by_id::handler)]))
                    .service(scoped("/polls", [get(polls::get_page::handler)]))
                    .service(scoped(
                        "/polls/initial-poll",
                        [post(polls::post_initial_poll::handler)],
                    ))
                    .service(scoped("/polls/has-polls", [get(polls::get_has_polls::handler)]))
                    .service(scoped("/polls/{id}", [get(polls::get_by_id::handler)]))
                    .service(resource(
                        "/eligibility",
                        [get(organizations::get_eligibility::handler)],
                    ))
                    .service(resource(
                        "/organization-events",
                        [get(organization_events::get_all::handler)],
                    ))
                    .service(resource("/organizations", [get(organizations::get_all::handler)]))
                    .service(resource(
                        "/organizations/admin/list",
                        [get(organizations::get_admin_list::handler)],
                    ))
                    .service(resource(
                        "/organizations/admin/{id}",
                        [
                            get(organizations::get_admin_by_id::handler),
                            patch(organizations::patch_any::handler),
                        ],
                    ))
                    .service(resource(
                        "/organizations/admin/{id}/preview",
                        [post(organizations::post_preview_any::handler)],
                    ))
                    .service(resource(
                        "/organizations/{id}",
                        [
                            get(organizations::get_by_id::handler),
                            patch(organizations::patch_own::handler),
                        ],
                    ))
                    .service(resource(
                        "/organizations/{id}/preview",
                        [post(organizations::post_preview_own::handler)],
                    ))
                    .service(resource(
                        "/organizations/{id}/campaign",
                        [get(organizations::get_campaign::handler)],
                    ))
                    .service(resource(
                        "/path-to-victory/list",
                        [get(path_to_victory::get_list::handler)],
                    ))
                    .service(resource(
                        "/path-to-victory/{id}",
                        [
                            get(path_to_victory::get_by_id::handler),
                            put(path_to_victory::put_by_id::handler),
                        ],
                    )),
            )
            .default_service(web::to(unknown_route));
    }
}

async fn unknown_route(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::route_not_found(request.method(), request.path()))
}

/// The routes of one path; other methods are refused with the list of the existing ones.
fn resource<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let mut allow: Vec<String> = routes.iter().map(|(method, _)| method.to_string()).collect();
    if allow.iter().any(|method| method == "GET") {
        allow.push(Method::HEAD.to_string());
    }
    let allow = allow.join(", ");
    let refuse = move |request: HttpRequest| {
        let error = ApiError::method_not_allowed(request.method(), request.path(), allow.clone());
        ready(Err::<HttpResponse, _>(error))
    };
    let resource = web::resource(path).default_service(web::to(refuse));
    routes.into_iter().fold(resource, |resource, (_, route)| resource.route(route))
}

/// The routes of one path that are about an organization.
fn scoped<const N: usize>(path: &str, routes: [(Method, Route); N]) -> impl HttpServiceFactory {
    resource(path, routes).wrap(from_fn(auth::organization::mark))
}

/// GET, and HEAD with it.
fn get<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let either = actix_web::guard::Any(actix_web::guard::Get()).or(actix_web::guard::Head());
    (Method::GET, web::route().guard(either).to(handler))
}

fn post<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::POST, web::post().to(handler))
}

fn put<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::PUT, web::put().to(handler))
}

fn patch<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::PATCH, web::patch().to(handler))
}

fn delete<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::DELETE, web::delete().to(handler))
}
