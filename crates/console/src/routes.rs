//! Every page of the console and its address.

use actix_web::{
    HttpResponse, Resource, Scope,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, get},
};
use winserve_http::auth;

use crate::{ROOT, assets, failure, failure::Failure, headers, pages::organizations};

/// All pages. The asset route is outside the part that asks the database who calls.
pub(crate) fn scope() -> Scope<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    web::scope(ROOT)
        .service(page("/assets/{name}").route(get().to(assets::handler)))
        .service(
            web::scope("")
                .wrap(from_fn(auth::identify))
                .service(page("").route(get().to(organizations::choose::show)))
                .service(page("/o/{organization}").route(get().to(organizations::overview::show)))
                .service(
                    page("/o/{organization}/profile").route(get().to(organizations::profile::show)),
                )
                .default_service(web::to(no_such_page)),
        )
        .wrap(from_fn(failure::show))
        .wrap(from_fn(headers::add))
}

/// The page of an address; other methods are refused.
fn page(path: &str) -> Resource {
    web::resource(path)
}

async fn no_such_page() -> Result<HttpResponse, Failure> {
    Err(Failure::NoSuchPage)
}
