//! The organization that a request is about (design D7, §5): found only here.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, VARY},
    middleware::Next,
    web::Data,
};
use winserve_domain::{
    base::OrganizationId,
    organizations::{
        self, ActiveCampaign, ActiveOffice, ActiveOrganization, Header, OrganizationReference,
        RequestedOrganization, RouteScope, Unresolved,
    },
    users::SignedIn,
};

use super::user;
use crate::{
    AppState,
    error::{ApiError, ErrorCode},
    openapi::refuses,
};

/// Names the organization, in requests and in answers.
static ORGANIZATION_ID: HeaderName = HeaderName::from_static("x-organization-id");

/// The campaign that the request is about; `None` if the user has none, which each of the old routes answers
/// in its own way.
pub(crate) struct UseCampaign(pub(crate) Option<ActiveCampaign>);

/// The elected office that the request is about; `None` if the user holds none.
pub(crate) struct UseElectedOffice(pub(crate) Option<ActiveOffice>);

/// The organization that the request is about, a campaign's or an office's.
pub(crate) struct UseOrganization(pub(crate) ActiveOrganization);

/// [`UseOrganization`]; a user who names none means their office, or if they have none, their campaign.
pub(crate) struct UseOfficeOrCampaign(pub(crate) ActiveOrganization);

impl FromRequest for UseCampaign {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = resolve(request, RouteScope::Campaign);
        ready(found.map(|active| Self(active.and_then(|active| active.campaign()))))
    }
}

impl FromRequest for UseElectedOffice {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = resolve(request, RouteScope::ElectedOffice);
        ready(found.map(|active| Self(active.and_then(|active| active.elected_office()))))
    }
}

impl FromRequest for UseOrganization {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(require(request, RouteScope::Shared).map(Self))
    }
}

impl FromRequest for UseOfficeOrCampaign {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(require(request, RouteScope::OfficeOrCampaign).map(Self))
    }
}

fn require(request: &HttpRequest, scope: RouteScope) -> Result<ActiveOrganization, ApiError> {
    resolve(request, scope)?.ok_or_else(|| Unresolved::None.into())
}

/// `None` if the user has nothing that fits the route.
fn resolve(
    request: &HttpRequest,
    scope: RouteScope,
) -> Result<Option<ActiveOrganization>, ApiError> {
    let SignedIn { user, claim, holdings, naming, .. } = &*user(request)?;
    let requested =
        RequestedOrganization { header: header(request.headers()), claim: claim.clone() };
    if organizations::is_ambiguous(scope, *naming, &requested, holdings)
        && let Some(state) = request.app_data::<Data<AppState>>()
    {
        state.unnamed_requests.count(request.match_pattern().unwrap_or_default());
    }
    match organizations::resolve(scope, *naming, user.id, &requested, holdings) {
        Ok(active) => {
            if let Some(id) = active.id() {
                request.extensions_mut().insert(Echo(id));
            }
            Ok(Some(active))
        }
        Err(Unresolved::None) => Ok(None),
        Err(unresolved) => Err(unresolved.into()),
    }
}

/// The request names no organization, or one of the caller's: for routes that do not need one.
pub(crate) struct NothingForeign;

impl FromRequest for NothingForeign {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(refuse_foreign(request).map(|()| Self))
    }
}

fn refuse_foreign(request: &HttpRequest) -> Result<(), ApiError> {
    let SignedIn { claim, holdings, naming, .. } = &*user(request)?;
    let requested =
        RequestedOrganization { header: header(request.headers()), claim: claim.clone() };
    organizations::named(*naming, &requested, holdings)?;
    Ok(())
}

/// Another organization of the caller, named in a body.
pub(crate) fn named(request: &HttpRequest, text: &str) -> Result<ActiveOrganization, ApiError> {
    let SignedIn { user, holdings, naming, .. } = &*user(request)?;
    let reference = OrganizationReference::parse(text).ok_or(Unresolved::NotFound)?;
    let requested = RequestedOrganization { header: Header::Names(reference), claim: None };
    Ok(organizations::resolve(RouteScope::Shared, *naming, user.id, &requested, holdings)?)
}

fn header(headers: &HeaderMap) -> Header {
    let mut values = headers.get_all(&ORGANIZATION_ID);
    match (values.next(), values.next()) {
        (None, _) => Header::Absent,
        (Some(value), None) => {
            let reference = value.to_str().ok().and_then(OrganizationReference::parse);
            reference.map_or(Header::Invalid, Header::Names)
        }
        (Some(_), Some(_)) => Header::Invalid,
    }
}

/// The organization of an answer.
struct Echo(OrganizationId);

/// Marks the answers of routes that are about an organization, including errors: which one, and that no cache
/// may use them for another.
pub(crate) async fn mark(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let echo = response.request().extensions_mut().remove::<Echo>();
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Authorization, X-Organization-Id"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(Echo(id)) = echo
        && let Ok(id) = HeaderValue::from_str(&id.to_string())
    {
        headers.insert(ORGANIZATION_ID.clone(), id);
    }
    Ok(response)
}

impl From<Unresolved> for ApiError {
    fn from(unresolved: Unresolved) -> Self {
        let (code, message) = match unresolved {
            Unresolved::NotMigrated => return Self::not_migrated(),
            Unresolved::None => return Self::no_organization(),
            Unresolved::InvalidHeader => (
                ErrorCode::OrganizationHeaderInvalid,
                "Send X-Organization-Id once, with the id of one organization",
            ),
            Unresolved::NotFound => (ErrorCode::OrganizationNotFound, "Organization not found"),
            Unresolved::Inactive => (ErrorCode::OfficeInactive, "The elected office is not active"),
            Unresolved::Required => (
                ErrorCode::OrganizationRequired,
                "You have several organizations: name one in X-Organization-Id",
            ),
        };
        Self::client(code, message)
    }
}

refuses!(UseCampaign: NotMigrated, NoOrganization, OrganizationHeaderInvalid, OrganizationNotFound, OrganizationRequired);
refuses!(NothingForeign: NotMigrated, OrganizationHeaderInvalid, OrganizationNotFound);
refuses!(UseElectedOffice: OfficeInactive; UseCampaign);
refuses!(UseOrganization: OfficeInactive; UseCampaign);
refuses!(UseOfficeOrCampaign: ; UseOrganization);
