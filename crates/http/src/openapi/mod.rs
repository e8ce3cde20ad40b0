//! The API description as `OpenAPI` 3.1: generated from the attributes of the handlers, the types of their
//! answers and the shapes of their bodies. The contract suite checks every answer against it (ADR 30).

pub(crate) mod bodies;
mod finish;
mod headers;
mod refusals;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub(crate) use self::{
    bodies::body_schema,
    headers::{IdempotencyHeader, IfMatchHeader, IfNoneMatchHeader, OrganizationHeader},
    refusals::{Defect, Errors, JsonList, JsonWrite, Refuses, refuses},
};
use crate::{
    admin_accounts, admin_campaigns, campaigns, contacts, elected_offices, elections, envelope,
    organization_events, organizations, path_to_victory, polls, saved_filters, service, users,
    webhooks,
};

/// Version of the API. A breaking change increases the first number, and `docs/api-changes.md` tells clients
/// what to do about it.
const VERSION: &str = "2.0.0";

/// Every operation of the route table, in its order. The test `every_route_is_described_and_nothing_else`
/// compares both.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Winserve",
        version = VERSION,
        description = "Campaigns (Win) and elected offices (Serve) of GoodParty. Where GET is described, \
                       HEAD answers the same without its body; another method is refused with 405 \
                       `method-not-allowed`, an unknown path with 404 `route-not-found`."
    ),
    // Where the document was fetched from.
    servers((url = "/")),
    modifiers(&Security),
    components(schemas(envelope::ErrorBody<'static>)),
    paths(
        service::get_openapi::handler,
        service::get_readyz::handler,
        service::get_metrics::handler,
        service::get_health::handler,
        elections::get_districts_types::handler,
        elections::get_districts_names::handler,
        elections::get_positions::handler,
        webhooks::post_clerk::handler,
        users::get_me::handler,
        users::put_me::handler,
        users::delete_by_id::handler,
        campaigns::get_all::handler,
        campaigns::post_campaign::handler,
        campaigns::get_mine::handler,
        campaigns::put_mine::handler,
        campaigns::put_mine_district::handler,
        campaigns::put_mine_race_targets::handler,
        campaigns::put_race_targets_by_slug::handler,
        admin_accounts::get_all::handler,
        admin_campaigns::post_campaign::handler,
        admin_campaigns::put_by_id::handler,
        admin_campaigns::delete_by_id::handler,
        elected_offices::post_office::handler,
        elected_offices::get_current::handler,
        elected_offices::get_mine::handler,
        organizations::get_eligibility::handler,
        elected_offices::get_list::handler,
        elected_offices::get_by_id::handler,
        elected_offices::put_by_id::handler,
        campaigns::get_mine_status::handler,
        campaigns::get_by_slug::handler,
        campaigns::post_launch::handler,
        campaigns::get_list::handler,
        campaigns::get_by_id::handler,
        campaigns::put_by_id::handler,
        saved_filters::get_all::handler,
        saved_filters::post_filter::handler,
        saved_filters::get_by_id::handler,
        saved_filters::put_by_id::handler,
        saved_filters::delete_by_id::handler,
        saved_filters::post_copy::handler,
        contacts::get_page::handler,
        contacts::post_count::handler,
        contacts::get_stats::handler,
        contacts::get_download::handler,
        contacts::get_by_id::handler,
        polls::get_page::handler,
        polls::post_initial_poll::handler,
        polls::get_has_polls::handler,
        polls::get_by_id::handler,
        organization_events::get_all::handler,
        organizations::get_all::handler,
        organizations::get_admin_list::handler,
        organizations::get_admin_by_id::handler,
        organizations::patch_any::handler,
        organizations::get_by_id::handler,
        organizations::patch_own::handler,
        organizations::post_preview_any::handler,
        organizations::post_preview_own::handler,
        organizations::get_campaign::handler,
        path_to_victory::get_list::handler,
        path_to_victory::get_by_id::handler,
        path_to_victory::put_by_id::handler,
    )
)]
struct Collected;

/// Authentication.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut openapi::OpenApi) {
        // utoipa writes a license without a name, which OpenAPI 3.1 forbids; there is none.
        document.info.license = None;
        let bearer = |description| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
            SecurityScheme::Http(scheme.description(Some(description)).build())
        };
        let cookie = ApiKeyValue::with_description(
            "__session",
            "A Clerk session token as a cookie; for writes, only from a page of the API's own origin",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "session",
            bearer("A user's session token: from the old service, or from Clerk"),
        );
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("machine", bearer("A Clerk machine token (`mt_…`)"));
    }
}

/// The document.
///
/// # Errors
/// It is not valid JSON, which a test would have detected.
pub fn document() -> Result<&'static Value, &'static serde_json::Error> {
    static DOCUMENT: LazyLock<Result<Value, serde_json::Error>> =
        LazyLock::new(|| finish::finish(serde_json::to_value(Collected::openapi())?));
    DOCUMENT.as_ref()
}

/// The document as stored in the repository: indented by two spaces.
///
/// # Errors
/// Those of [`document`].
pub fn text() -> Result<String, &'static serde_json::Error> {
    Ok(format!("{:#}\n", document()?))
}
