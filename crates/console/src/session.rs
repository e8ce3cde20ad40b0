//! Who looks at a page, and about which organization it is. Identified by `winserve-http`, as for the API.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use chrono::NaiveDate;
use url::Url;
use winserve_domain::{
    Ports,
    base::OrganizationId,
    organizations::{
        self, ActiveOrganization, Header, OrganizationItem, OrganizationReference,
        RequestedOrganization, RouteScope, Unresolved,
    },
    users::{Role, SignedIn},
};
use winserve_http::{AppState, ErrorCode, auth};

use crate::{Console, ROOT, csrf::FormToken, failure::Failure, mode::Mode};

/// A signed-in visitor.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// The user, with what they hold.
    pub(crate) user: Rc<SignedIn>,
    /// The token of their forms.
    pub(crate) token: FormToken,
    /// Where they sign out, if it is configured.
    pub(crate) sign_out: Option<String>,
}

impl Visitor {
    /// Whether they may see the pages of staff.
    pub(crate) fn is_staff(&self) -> bool {
        self.user.roles.iter().any(|role| matches!(role, Role::Admin | Role::Sales))
    }

    /// Whether they may allow statewide and federal data.
    pub(crate) fn is_admin(&self) -> bool {
        self.user.roles.contains(&Role::Admin)
    }

    /// How to address them.
    pub(crate) fn name(&self) -> String {
        let user = &self.user.user;
        let parts = [user.first_name.as_deref(), user.last_name.as_deref()];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if name.is_empty() { user.email.clone() } else { name }
    }
}

impl FromRequest for Visitor {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(visitor(request))
    }
}

fn visitor(request: &HttpRequest) -> Result<Visitor, Failure> {
    match auth::signed_in(request) {
        Ok(user) => {
            Ok(Visitor { user, token: FormToken::of(request), sign_out: sign_out_address(request) })
        }
        Err(error) => Err(match error.code() {
            ErrorCode::Unauthorized | ErrorCode::InvalidToken | ErrorCode::SessionPending => {
                Failure::SignedOut { way_back: own_address(request) }
            }
            _ => Failure::Refused(error),
        }),
    }
}

/// Path and query of a request, for the way back after signing in.
fn own_address(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or_else(|| ROOT.to_owned(), ToString::to_string)
}

/// The sign-in page, which leads back to an address of ours: a path, so that it never leads elsewhere.
pub(crate) fn sign_in_address(request: &HttpRequest, way_back: &str) -> Option<String> {
    let url = request.app_data::<Data<Console>>()?.sign_in_url.clone()?;
    Some(with_way_back(url, request, way_back))
}

fn sign_out_address(request: &HttpRequest) -> Option<String> {
    let url = request.app_data::<Data<Console>>()?.sign_out_url.clone()?;
    Some(with_way_back(url, request, ROOT))
}

fn with_way_back(mut url: Url, request: &HttpRequest, path: &str) -> String {
    let info = request.connection_info();
    let way_back = format!("{}://{}{path}", info.scheme(), info.host());
    url.query_pairs_mut().append_pair("redirect_url", &way_back);
    url.into()
}

/// A visitor who may see the pages of staff.
pub(crate) struct StaffVisitor(pub(crate) Visitor);

impl FromRequest for StaffVisitor {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(visitor(request).and_then(|visitor| {
            if visitor.is_staff() { Ok(Self(visitor)) } else { Err(Failure::StaffOnly) }
        }))
    }
}

/// A visitor with all their organizations.
pub(crate) struct WithOrganizations {
    /// The visitor.
    pub(crate) visitor: Visitor,
    /// Their organizations, in the order of a switcher.
    pub(crate) organizations: Vec<OrganizationItem>,
    /// Today, in UTC.
    pub(crate) today: NaiveDate,
}

impl FromRequest for WithOrganizations {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = visitor(request);
        let ports = ports(request);
        Box::pin(async move {
            let (visitor, ports) = (visitor?, ports?);
            let organizations = organizations::list(&ports, visitor.user.user.id).await?;
            Ok(Self { visitor, organizations, today: ports.today() })
        })
    }
}

fn ports(request: &HttpRequest) -> Result<Ports, Failure> {
    let state = request.app_data::<Data<AppState>>();
    state.map(|state| state.ports.clone()).ok_or(Failure::NoSuchPage)
}

/// A page of one of the visitor's organizations: the one that the address names.
pub(crate) struct InOrganization {
    /// The visitor and their organizations.
    pub(crate) of: WithOrganizations,
    /// The organization, for operations.
    pub(crate) active: ActiveOrganization,
    /// The organization, as listed.
    pub(crate) item: OrganizationItem,
}

impl InOrganization {
    /// The organization's id.
    pub(crate) const fn id(&self) -> OrganizationId {
        self.item.id
    }

    /// The organization's mode.
    pub(crate) const fn mode(&self) -> Mode {
        Mode::of(self.item.kind)
    }

    /// Another organization of the visitor, as a form names it, for operations.
    pub(crate) fn another(&self, named: &str) -> Option<(&OrganizationItem, ActiveOrganization)> {
        let active = active(&self.of, named).ok()?;
        let item = self.of.organizations.iter().find(|item| Some(item.id) == active.id())?;
        Some((item, active))
    }
}

impl FromRequest for InOrganization {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let named = request.match_info().get("organization").unwrap_or_default().to_owned();
        let of = WithOrganizations::from_request(request, payload);
        Box::pin(async move { resolve(of.await?, named) })
    }
}

/// An unknown organization is never replaced by another.
fn active(of: &WithOrganizations, named: &str) -> Result<ActiveOrganization, Unresolved> {
    let SignedIn { user, holdings, naming, .. } = &*of.visitor.user;
    let header = OrganizationReference::parse(named).map_or(Header::Invalid, Header::Names);
    let requested = RequestedOrganization { header, claim: None };
    organizations::resolve(RouteScope::Shared, *naming, user.id, &requested, holdings)
}

fn resolve(of: WithOrganizations, named: String) -> Result<InOrganization, Failure> {
    let active = match active(&of, &named) {
        Ok(active) => active,
        Err(Unresolved::Inactive) => return Err(Failure::InactiveOffice { of: Box::new(of) }),
        Err(Unresolved::NotMigrated) => return Err(Failure::NotMigrated),
        Err(_unknown) => return Err(Failure::NoSuchOrganization { named, of: Box::new(of) }),
    };
    match of.organizations.iter().find(|item| Some(item.id) == active.id()).cloned() {
        Some(item) => Ok(InOrganization { of, active, item }),
        None => Err(Failure::NoSuchOrganization { named, of: Box::new(of) }),
    }
}
