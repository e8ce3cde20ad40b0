//! Who calls: a user with a session token of the old service or of Clerk, or a machine (design §6).
//!
//! A middleware identifies the caller and refuses nobody, so that unknown routes stay unknown; the extractors
//! refuse, before any body or parameter is read. Each must come before every extractor that can fail.

mod credentials;
mod legacy;
pub(crate) mod organization;
mod unnamed_requests;

use std::{
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use winserve_domain::{
    base::{ErrorChain, StoreError, UserId},
    campaigns::Caller,
    clerk::{self, IdentityUnavailable, MachineId, SessionRefused},
    users::{self, LegacySession, LegacySessionError, Role, SignInError, SignedIn, User},
};

pub(crate) use self::organization::{
    NothingForeign, UseCampaign, UseElectedOffice, UseOfficeOrCampaign, UseOrganization,
};
use self::{
    credentials::{Credentials, credentials},
    legacy::VerifiedToken,
};
pub use self::{legacy::LegacySessions, unnamed_requests::UnnamedRequests};
use crate::{
    AppState,
    error::{ApiError, ErrorCode},
    large_rows,
    openapi::refuses,
};

/// Who calls.
#[derive(Debug, Clone)]
enum Principal {
    /// A user.
    User(Rc<SignedIn>),
    /// A machine.
    Machine(MachineId),
}

/// The caller, for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerLabel {
    /// The user.
    pub(crate) user: Option<i32>,
    /// Who acts for the user.
    pub(crate) actor: Option<i32>,
    /// The machine.
    pub(crate) machine: Option<String>,
    /// The active organization of the session.
    pub(crate) organization: Option<String>,
}

/// The authenticated user.
pub(crate) struct RequireLogin(pub(crate) User);

/// The authenticated user with the effective roles: those of whoever acts for the user, if somebody does.
pub(crate) struct UserCaller(pub(crate) Caller);

/// The caller has the role admin.
pub(crate) struct Admin;

/// The caller has the role admin or sales.
pub(crate) struct Staff;

/// The caller is a machine.
pub(crate) struct Machine;

/// The caller is a machine, or has the role admin or sales.
pub(crate) struct StaffOrMachine {
    /// Whether it is an admin or a machine.
    pub(crate) is_admin_or_machine: bool,
}

/// The caller is a user or a machine.
pub(crate) enum UserOrMachine {
    /// A user.
    User(UserId),
    /// A machine.
    Machine,
}

/// Why there is no caller, reported when an extractor needs one.
struct Refusal(ApiError);

fn principal(request: &HttpRequest) -> Result<Principal, ApiError> {
    let mut extensions = request.extensions_mut();
    if let Some(principal) = extensions.get::<Principal>() {
        return Ok(principal.clone());
    }
    Err(extensions.remove::<Refusal>().map_or_else(unauthorized, |Refusal(error)| error))
}

/// The signed-in user of a request that went through [`identify`].
///
/// # Errors
/// There is none: no credentials, a machine, or why the session was refused.
pub fn signed_in(request: &HttpRequest) -> Result<Rc<SignedIn>, ApiError> {
    user(request)
}

fn user(request: &HttpRequest) -> Result<Rc<SignedIn>, ApiError> {
    match principal(request)? {
        Principal::User(user) => Ok(user),
        Principal::Machine(_) => {
            let message = "This route is for users, not for machines";
            Err(ApiError::client(ErrorCode::UserRequired, message))
        }
    }
}

/// Roles that may manage other users' data.
const STAFF: [Role; 2] = [Role::Admin, Role::Sales];

fn with_role(request: &HttpRequest, roles: &[Role]) -> Result<(), ApiError> {
    require_role(&*user(request)?, roles)
}

fn require_role(user: &SignedIn, roles: &[Role]) -> Result<(), ApiError> {
    let has_one = user.roles.iter().any(|role| roles.contains(role));
    has_one.then_some(()).ok_or_else(forbidden)
}

macro_rules! extractor {
    ($name:ident, $from:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let from: fn(&HttpRequest) -> Result<Self, ApiError> = $from;
                ready(from(request))
            }
        }
    };
}

extractor!(RequireLogin, |request| user(request).map(|signed_in| Self(signed_in.user.clone())));
extractor!(UserCaller, |request| {
    let SignedIn { user, roles, .. } = &*user(request)?;
    Ok(Self(Caller::new(user.id, roles)))
});
extractor!(Admin, |request| with_role(request, &[Role::Admin]).map(|()| Self));
extractor!(Staff, |request| with_role(request, &STAFF).map(|()| Self));
extractor!(Machine, |request| match principal(request)? {
    Principal::Machine(_) => Ok(Self),
    Principal::User(_) => Err(forbidden()),
});
extractor!(StaffOrMachine, |request| match principal(request)? {
    Principal::Machine(_) => Ok(Self { is_admin_or_machine: true }),
    Principal::User(signed_in) => {
        require_role(&signed_in, &STAFF)?;
        let SignedIn { user, roles, .. } = &*signed_in;
        let is_admin_or_machine = Caller::new(user.id, roles).is_admin;
        Ok(Self { is_admin_or_machine })
    }
});
extractor!(UserOrMachine, |request| Ok(match principal(request)? {
    Principal::User(signed_in) => Self::User(signed_in.user.id),
    Principal::Machine(_) => Self::Machine,
}));

refuses!(Principal: Unauthorized, MachineTokenInvalid; SessionRefused; IdentityUnavailable; SignInError);
refuses!(RequireLogin: UserRequired; Principal);
refuses!(UserCaller: UserRequired; Principal);
refuses!(Admin: UserRequired, Forbidden; Principal);
refuses!(Staff: UserRequired, Forbidden; Principal);
refuses!(Machine: Forbidden; Principal);
refuses!(StaffOrMachine: Forbidden; Principal);
refuses!(UserOrMachine: ; Principal);

/// Identifies the caller of a request.
///
/// # Errors
/// Those of the inner service.
pub async fn identify(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let outcome = match credentials(&request, &state.trusted_proxies) {
        Credentials::None => Err(unauthorized()),
        Credentials::Unreadable => Err(invalid_token()),
        Credentials::Legacy(token) => legacy_user(&state, &token).await,
        Credentials::Clerk(token) => clerk_user(&state, &token).await,
        Credentials::Machine(token) => machine(&state, &token).await,
    };
    match outcome {
        Ok(principal) => {
            let caller = large_rows_of(&principal);
            request.extensions_mut().insert(CallerLabel::from(&principal));
            request.extensions_mut().insert(principal);
            caller.handle(next.call(request)).await
        }
        Err(error) => {
            drop(request.extensions_mut().insert(Refusal(error)));
            next.call(request).await
        }
    }
}

fn large_rows_of(principal: &Principal) -> large_rows::Caller {
    match principal {
        Principal::User(user) => large_rows::Caller::new(user.trail_label(), &user.holdings),
        Principal::Machine(machine) => large_rows::Caller::new(format!("machine:{machine}"), &[]),
    }
}

async fn legacy_user(state: &AppState, token: &str) -> Result<Principal, ApiError> {
    let VerifiedToken { subject, issued_at } =
        state.sessions.verify(token, state.ports.now()).ok_or_else(invalid_token)?;
    let user = i32::try_from(subject).map(UserId).map_err(|_out_of_range| unauthorized())?;
    let session = LegacySession { user, issued_at };
    Ok(Principal::User(Rc::new(users::resume_legacy(&state.ports, session).await?)))
}

async fn clerk_user(state: &AppState, token: &str) -> Result<Principal, ApiError> {
    Ok(Principal::User(Rc::new(users::sign_in(&state.ports, token).await?)))
}

async fn machine(state: &AppState, token: &str) -> Result<Principal, ApiError> {
    let machine = clerk::find_machine(&state.ports, token).await?;
    machine.map(Principal::Machine).ok_or_else(|| {
        ApiError::client(ErrorCode::MachineTokenInvalid, "M2M token verification failed")
    })
}

impl From<&Principal> for CallerLabel {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::User(signed_in) => {
                let SignedIn { user, actor, claim, .. } = &**signed_in;
                Self {
                    user: Some(user.id.0),
                    actor: actor.as_ref().map(|actor| actor.id.0),
                    machine: None,
                    organization: claim.as_ref().map(ToString::to_string),
                }
            }
            Principal::Machine(machine) => {
                Self { machine: Some(machine.to_string()), ..Self::default() }
            }
        }
    }
}

impl CallerLabel {
    /// The user or the machine; `None` before the caller is identified.
    pub(crate) fn principal(&self) -> Option<String> {
        let user = self.user.map(|user| format!("user:{user}"));
        user.or_else(|| self.machine.as_ref().map(|machine| format!("machine:{machine}")))
    }
}

fn unauthorized() -> ApiError {
    ApiError::client(ErrorCode::Unauthorized, "Unauthorized")
}

fn forbidden() -> ApiError {
    ApiError::client(ErrorCode::Forbidden, "Forbidden resource")
}

fn invalid_token() -> ApiError {
    ApiError::client(ErrorCode::InvalidToken, "Invalid or expired token")
}

impl From<SessionRefused> for ApiError {
    fn from(refused: SessionRefused) -> Self {
        match refused {
            SessionRefused::Invalid(_) => {
                tracing::debug!(reason = %ErrorChain(&refused), "a session token was rejected");
                invalid_token()
            }
            SessionRefused::Pending => {
                Self::client(ErrorCode::SessionPending, "Finish signing in first")
            }
            SessionRefused::Unavailable(_) => Self::server(ErrorCode::Unavailable, refused),
        }
    }
}

refuses!(SessionRefused: InvalidToken, SessionPending, Unavailable);

impl From<IdentityUnavailable> for ApiError {
    fn from(unavailable: IdentityUnavailable) -> Self {
        Self::server(ErrorCode::Unavailable, unavailable)
    }
}

refuses!(IdentityUnavailable: Unavailable);

impl From<LegacySessionError> for ApiError {
    fn from(error: LegacySessionError) -> Self {
        match error {
            LegacySessionError::NoUser(_) => unauthorized(),
            LegacySessionError::Ended => invalid_token(),
            LegacySessionError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        if let SignInError::SeveralAccounts(_) | SignInError::EmailUnproven(_) = error {
            tracing::warn!(%error, "a first login was refused: staff can see the reason in /v1/admin/accounts");
        }
        match error {
            SignInError::NoVerifiedEmail => {
                Self::client(ErrorCode::EmailNotVerified, "Verify your e-mail address first")
            }
            SignInError::Deleted => unauthorized(),
            SignInError::Taken => Self::client(
                ErrorCode::AccountTaken,
                "The account with your e-mail address belongs to another sign-in",
            ),
            SignInError::SeveralAccounts(_) => Self::client(
                ErrorCode::SeveralAccounts,
                "Several accounts have your e-mail address: ask support which one is yours",
            ),
            SignInError::EmailUnproven(_) => Self::client(
                ErrorCode::EmailUnproven,
                "An account has changed to your e-mail address without verification: ask support to check it",
            ),
            SignInError::Session(error) => error.into(),
            SignInError::Identity(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

refuses!(SignInError: NotMigrated, EmailNotVerified, Unauthorized, AccountTaken, SeveralAccounts, EmailUnproven; StoreError);
