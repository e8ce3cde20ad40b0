//! Who calls: the old service's session tokens (legacy contract §5.0).
//!
//! A middleware finds the caller and refuses nobody, so that unknown routes stay unknown; the
//! extractor `Authenticated` refuses, before any body or parameter is looked at.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{AUTHORIZATION, HeaderMap},
    middleware::Next,
    web::Data,
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use winserve_domain::{
    id::UserId,
    user::{Role, User},
};

use crate::{
    AppState,
    error::{ApiError, ErrorCode},
};

/// Verifies session tokens of the old service: HS256, `sub` = user id, `exp`; the issuer is not
/// checked, as it never was.
#[derive(Clone)]
pub struct LegacySessions {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: i64,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
}

impl LegacySessions {
    /// `secret` is the old service's `AUTH_SECRET`.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked below, against the injected clock and without leeway.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self { key: DecodingKey::from_secret(secret.expose_secret().as_bytes()), validation }
    }

    /// The user id in a token that is ours and valid at `now`.
    fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<i64> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        // Token times are whole seconds, and so is the old service's clock.
        let now = f64::from(u32::try_from(now.timestamp()).ok()?);
        let valid = now < claims.exp && claims.nbf.is_none_or(|nbf| nbf <= now);
        valid.then_some(claims.sub)
    }
}

/// The id of the caller, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerId(pub(crate) UserId);

/// The authenticated caller. Stands before every extractor that can fail.
pub(crate) struct Authenticated(pub(crate) User);

/// The caller has the role admin. Stands before every extractor that can fail, like
/// [`Authenticated`].
pub(crate) struct Admin;

/// The caller, who has the role admin or sales. Stands where [`Admin`] stands.
pub(crate) struct Staff;

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(caller_who(request, payload, |user| user.has_role(Role::Admin)).map(|()| Self))
    }
}

impl FromRequest for Staff {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(caller_who(request, payload, User::is_staff).map(|()| Self))
    }
}

fn caller_who(
    request: &HttpRequest,
    payload: &mut Payload,
    may: impl FnOnce(&User) -> bool,
) -> Result<(), ApiError> {
    let Authenticated(user) = Authenticated::from_request(request, payload).into_inner()?;
    let forbidden = || ApiError::client(ErrorCode::Forbidden, "Forbidden resource");
    may(&user).then_some(()).ok_or_else(forbidden)
}

/// What the middleware found, until the extractor takes it.
struct Outcome(Result<User, ApiError>);

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let outcome = request.extensions_mut().remove::<Outcome>();
        ready(
            outcome.map_or_else(|| Err(unauthorized()), |Outcome(found)| found.map(Authenticated)),
        )
    }
}

/// Finds the caller of a request.
pub(crate) async fn identify(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let outcome = match bearer(request.headers()) {
        Bearer::Missing => Err(unauthorized()),
        Bearer::Unreadable => Err(invalid_token()),
        Bearer::Token(token) => find_user(&state, token).await,
    };
    if let Ok(user) = &outcome {
        request.extensions_mut().insert(CallerId(user.id));
    }
    request.extensions_mut().insert(Outcome(outcome));
    next.call(request).await
}

async fn find_user(state: &AppState, token: &str) -> Result<User, ApiError> {
    if token.starts_with("mt_") {
        // No machine is known yet, so no such token can be verified.
        let message = "M2M token verification failed";
        return Err(ApiError::client(ErrorCode::MachineTokenInvalid, message));
    }
    let subject = state.sessions.verify(token, state.clock.now()).ok_or_else(invalid_token)?;
    let id = i32::try_from(subject).map(UserId).map_err(|_out_of_range| unauthorized())?;
    let user = state.database.read("user.find", move |uow| uow.users().find(id)).await?;
    user.ok_or_else(unauthorized)
}

enum Bearer<'a> {
    Missing,
    /// A bearer's token that is no text.
    Unreadable,
    Token(&'a str),
}

/// The token after the scheme, as passport-jwt reads it: any spelling of "bearer", one or more
/// blanks, and the first word. Another scheme counts as no token. Of several headers the first
/// counts, as in Node.
fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Bearer::Missing;
    };
    let mut words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case(b"bearer") => {
            std::str::from_utf8(token)
                .ok()
                .filter(|token| token.is_ascii())
                .map_or(Bearer::Unreadable, Bearer::Token)
        }
        _ => Bearer::Missing,
    }
}

fn unauthorized() -> ApiError {
    ApiError::client(ErrorCode::Unauthorized, "Unauthorized")
}

fn invalid_token() -> ApiError {
    ApiError::client(ErrorCode::InvalidToken, "Invalid or expired token")
}
