//! Every page of the console and its address.

use actix_web::{
    HttpResponse, Resource, Scope,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, get, post},
};
use winserve_http::auth;

use crate::{
    ROOT, assets, failure,
    failure::Failure,
    headers,
    pages::{campaigns, contacts, lists, office, organizations, polls, result, staff},
};

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
                    page("/o/{organization}/lists/new/count").route(post().to(lists::edit::count)),
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
                .service(
                    page("/o/{organization}/office")
                        .route(get().to(office::picker::show))
                        .route(post().to(office::preview::submit)),
                )
                .service(
                    page("/o/{organization}/office/custom").route(get().to(office::custom::show)),
                )
                .service(
                    page("/o/{organization}/office/district")
                        .route(get().to(office::district::show)),
                )
                .service(
                    page("/o/{organization}/office/preview").route(get().to(office::preview::show)),
                )
                .service(
                    page("/o/{organization}/result")
                        .route(get().to(result::election::show))
                        .route(post().to(result::election::submit)),
                )
                .service(
                    page("/o/{organization}/welcome")
                        .route(get().to(result::arrival::show))
                        .route(post().to(result::arrival::copy_lists)),
                )
                .service(page("/o/{organization}/polls").route(get().to(polls::list::show)))
                .service(
                    page("/o/{organization}/polls/new")
                        .route(get().to(polls::first::show))
                        .route(post().to(polls::first::submit)),
                )
                .service(page("/o/{organization}/polls/{poll}").route(get().to(polls::poll::show)))
                .service(
                    page("/new-campaign")
                        .route(get().to(campaigns::choose::show))
                        .route(post().to(campaigns::preview::submit)),
                )
                .service(page("/new-campaign/custom").route(get().to(campaigns::custom::show)))
                .service(page("/new-campaign/preview").route(get().to(campaigns::preview::show)))
                .service(page("/staff").route(get().to(staff::search::show)))
                .service(page("/staff/users/{user}").route(get().to(staff::user::show)))
                .service(
                    page("/staff/organizations/{id}")
                        .route(get().to(staff::organization::show))
                        .route(post().to(staff::change::submit)),
                )
                .service(
                    page("/staff/organizations/{id}/preview").route(get().to(staff::change::show)),
                )
                .service(
                    page("/staff/dead-letters")
                        .route(get().to(staff::dead_letters::show))
                        .route(post().to(staff::dead_letters::submit)),
                )
                .default_service(web::to(no_such_page)),
        )
        .wrap(from_fn(failure::page::show))
        .wrap(from_fn(headers::add))
}

/// The page of an address; other methods are refused.
fn page(path: &str) -> Resource {
    web::resource(path)
}

async fn no_such_page() -> Result<HttpResponse, Failure> {
    Err(Failure::NoSuchPage)
}
