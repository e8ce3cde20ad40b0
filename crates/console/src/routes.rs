//! Every page of the console and its address.

use actix_web::{
    HttpResponse, Resource, Scope,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, get, post},
};
use winserve_http::auth;

use crate::{ROOT, assets, failure, failure::Failure, headers, pages::{contacts, lists, organizations}};

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
                .service(page("/o/{organization}/contacts").route(get().to(contacts::list::show)))
                .service(
                    page("/o/{organization}/contacts/download")
                        .route(get().to(contacts::download::show)),
                )
                .service(
                    page("/o/{organization}/contacts/statistics")
                        .route(get().to(contacts::statistics::show)),
                )
                .service(
                    page("/o/{organization}/contacts/{person}")
                        .route(get().to(contacts::person::show)),
                )
                .service(page("/o/{organization}/lists").route(get().to(lists::index::show)))
                .service(
                    page("/o/{organization}/lists/new")
                        .route(get().to(lists::edit::new))
                        .route(post().to(lists::edit::create)),
                )
                .service(
                    page("/o/{organization}/lists/new/count")
                        .route(post().to(lists::edit::count)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/edit")
                        .route(get().to(lists::edit::edit))
                        .route(post().to(lists::edit::update)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/edit/count")
                        .route(post().to(lists::edit::count)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/rename")
                        .route(get().to(lists::rename::show))
                        .route(post().to(lists::rename::rename)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/duplicate")
                        .route(post().to(lists::duplicate::duplicate)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/copy")
                        .route(get().to(lists::copy::show))
                        .route(post().to(lists::copy::copy)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/count")
                        .route(post().to(lists::count_again::count_again)),
                )
                .service(
                    page("/o/{organization}/lists/{list}/delete")
                        .route(get().to(lists::delete::show))
                        .route(post().to(lists::delete::delete)),
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
