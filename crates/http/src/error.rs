//! What a client learns when a request fails (design §5).

use std::{borrow::Cow, error::Error, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{Method, StatusCode},
};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::{Cancelled, ErrorChain, StoreError},
    contacts::PeopleUnavailable,
    positions::ElectionUnavailable,
};

use crate::validation::{self, Issue};

/// Stable codes; part of the contract, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The body is not JSON.
    InvalidJson,
    /// The request breaks a rule; `errors` lists which.
    InvalidRequest,
    /// There is no token, or its user no longer exists.
    Unauthorized,
    /// The machine token could not be verified.
    MachineTokenInvalid,
    /// The session token is malformed or expired.
    InvalidToken,
    /// The user has not finished signing in.
    SessionPending,
    /// The caller may not do this.
    Forbidden,
    /// The route is for users, but a machine called.
    UserRequired,
    /// A first login without a verified e-mail address.
    EmailNotVerified,
    /// The e-mail address must be changed where the user signs in.
    EmailManaged,
    /// First login with the e-mail address of an account that is linked to somebody else.
    AccountTaken,
    /// First login with an e-mail address that several accounts have, in different cases.
    SeveralAccounts,
    /// First login with an address that an account has taken without verification.
    EmailUnproven,
    /// It does not exist, or not for this caller.
    NotFound,
    /// The organization does not exist, or not for this caller.
    OrganizationNotFound,
    /// The user has no organization of the kind that the route needs.
    NoOrganization,
    /// The user has several organizations and named none.
    OrganizationRequired,
    /// The header that names an organization is malformed, or was sent twice.
    OrganizationHeaderInvalid,
    /// The elected office is no longer held.
    OfficeInactive,
    /// The campaign has not paid for it.
    ProRequired,
    /// The organization cannot have such a filter.
    InvalidFilter,
    /// The message's signature is invalid, or its timestamp is outside the tolerance.
    InvalidSignature,
    /// It is unknown which district's voters the organization may see.
    DistrictUnresolved,
    /// Too few voters of the district can be reached this way.
    TooFewContacts,
    /// Staff have not approved access to the voters of a whole state yet.
    ApprovalRequired,
    /// The route does not exist.
    RouteNotFound,
    /// The route does not support the method.
    MethodNotAllowed,
    /// election-api does not know such a district there.
    UnknownDistrict,
    /// election-api does not know such a position.
    UnknownPosition,
    /// It has changed since the client read it.
    PreconditionFailed,
    /// Another row already has the value.
    Conflict,
    /// Another term of the user in the same office overlaps.
    TermsOverlap,
    /// The `Idempotency-Key` was already used for another request.
    IdempotencyKeyReused,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is too large.
    PayloadTooLarge,
    /// The data to store or list exceeds its limit.
    TooMuchData,
    /// The user has reached the maximum number of these.
    LimitReached,
    /// The user has reached the maximum number of parallel downloads.
    TooManyDownloads,
    /// No route accepts this media type.
    UnsupportedMediaType,
    /// A bug on our side.
    Internal,
    /// The database cannot be reached; a retry may succeed.
    Unavailable,
    /// The database is up, but took too long for the request.
    DatabaseTimeout,
    /// A database operator cancelled the request.
    DatabaseCancelled,
    /// The route needs tables that the migration has not created yet.
    NotMigrated,
    /// An upstream service failed.
    UpstreamFailed,
    /// An upstream service did not answer in time.
    UpstreamTimeout,
    /// The statistics of the district are not computed yet.
    NoStatistics,
    /// The voter file has no such district.
    NoVoterData,
}

/// Status for a token that is malformed or expired; the webapp logs the user out on it.
const INVALID_TOKEN_STATUS: u16 = 498;

impl ErrorCode {
    /// Whether the same request may succeed soon: the answer says when to retry.
    pub(crate) fn passes_soon(self) -> bool {
        matches!(
            self,
            Self::Unavailable
                | Self::DatabaseTimeout
                | Self::DatabaseCancelled
                | Self::TooManyDownloads
                | Self::UpstreamFailed
                | Self::UpstreamTimeout
        )
    }

    /// The status that goes with the code.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidJson
            | Self::InvalidRequest
            | Self::UnknownDistrict
            | Self::UnknownPosition
            | Self::OrganizationRequired
            | Self::OrganizationHeaderInvalid
            | Self::OfficeInactive
            | Self::ProRequired
            | Self::InvalidSignature
            | Self::DistrictUnresolved
            | Self::ApprovalRequired
            | Self::TooFewContacts
            | Self::InvalidFilter => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::MachineTokenInvalid | Self::SessionPending => {
                StatusCode::UNAUTHORIZED
            }
            Self::InvalidToken => {
                StatusCode::from_u16(INVALID_TOKEN_STATUS).unwrap_or(StatusCode::UNAUTHORIZED)
            }
            Self::Forbidden
            | Self::UserRequired
            | Self::EmailManaged
            | Self::EmailNotVerified
            | Self::SeveralAccounts
            | Self::EmailUnproven
            | Self::AccountTaken => StatusCode::FORBIDDEN,
            Self::NotFound
            | Self::NoStatistics
            | Self::NoVoterData
            | Self::RouteNotFound
            | Self::OrganizationNotFound
            | Self::NoOrganization => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::TermsOverlap | Self::LimitReached => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge | Self::TooMuchData => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyDownloads => StatusCode::TOO_MANY_REQUESTS,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::DatabaseCancelled | Self::NotMigrated => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UpstreamFailed => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout | Self::DatabaseTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The code for an error of the framework, which has only a status.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            status if status.is_client_error() => Self::InvalidRequest,
            _ => Self::Internal,
        }
    }
}

/// An error answer. The module `envelope` writes it.
#[derive(Debug)]
pub struct ApiError {
    pub(crate) code: ErrorCode,
    pub(crate) message: Cow<'static, str>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) allow: Option<String>,
    pub(crate) legacy_code: Option<&'static str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// A client error; the message is shown.
    pub fn client(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            issues: Vec::new(),
            allow: None,
            legacy_code: None,
            source: None,
        }
    }

    /// What went wrong, for programs.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Logs the cause of a server error once, with its whole chain.
    pub fn log_source(&self) {
        if let Some(source) = self.source() {
            tracing::error!(error = %ErrorChain(source), "request failed");
        }
    }

    /// Adds the `errorCode` that the old API had for this error.
    pub(crate) fn with_legacy_code(self, code: &'static str) -> Self {
        Self { legacy_code: Some(code), ..self }
    }

    /// A server error; the client sees a fixed text, the source is logged.
    pub fn server(code: ErrorCode, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = match code {
            ErrorCode::Unavailable => "The service is temporarily unavailable",
            ErrorCode::DatabaseTimeout => {
                "The database took too long for this request: try again in a moment, or request less data"
            }
            ErrorCode::DatabaseCancelled => {
                "An operator cancelled this request on the database: try again"
            }
            _ => "Internal server error",
        };
        Self { source: Some(source.into()), ..Self::client(code, message) }
    }

    /// An upstream service failed; the client sees the message, the source is logged.
    pub(crate) fn upstream(message: &'static str, source: impl NoAnswer) -> Self {
        let code = match source.kind() {
            NoAnswerKind::Failed => ErrorCode::UpstreamFailed,
            NoAnswerKind::Late => ErrorCode::UpstreamTimeout,
            NoAnswerKind::NoSuchDistrict => {
                let message = "The voter file has no such district";
                return Self::client(ErrorCode::NoVoterData, message);
            }
        };
        Self { source: Some(Box::new(source)), ..Self::client(code, message) }
    }

    /// The request breaks rules.
    pub(crate) fn invalid(issues: Vec<Issue>) -> Self {
        let issues = validation::named(issues);
        Self { issues, ..Self::client(ErrorCode::InvalidRequest, "Validation failed") }
    }

    /// It does not exist; the message is the old API's.
    pub(crate) fn not_found() -> Self {
        Self::client(ErrorCode::NotFound, "Not Found")
    }

    /// The user has nothing of the kind that the route needs; the message is the old API's.
    pub(crate) fn no_organization() -> Self {
        Self::client(ErrorCode::NoOrganization, "Not Found")
    }

    /// The organization cannot use this filter; the issues say why.
    pub(crate) fn invalid_filter(message: &'static str, issues: Vec<Issue>) -> Self {
        Self { issues, ..Self::client(ErrorCode::InvalidFilter, message) }
    }

    /// No such row; the message is the old database filter's.
    pub(crate) fn record_not_found() -> Self {
        Self::client(ErrorCode::NotFound, "Record not found")
    }

    /// The route needs tables that the migration has not created yet (design §5).
    pub(crate) fn not_migrated() -> Self {
        Self::client(ErrorCode::NotMigrated, "This needs a later phase of the migration")
    }

    /// The key was already used for another request.
    pub(crate) fn key_reused() -> Self {
        let message = "The Idempotency-Key was already used for another request";
        Self::client(ErrorCode::IdempotencyKeyReused, message)
    }

    /// The route does not exist.
    pub(crate) fn route_not_found(method: &Method, path: &str) -> Self {
        Self::client(ErrorCode::RouteNotFound, format!("Cannot {method} {path}"))
    }

    /// The route exists, but not for this method; `allow` lists its methods.
    pub(crate) fn method_not_allowed(method: &Method, path: &str, allow: String) -> Self {
        let message = format!("Cannot {method} {path}");
        Self { allow: Some(allow), ..Self::client(ErrorCode::MethodNotAllowed, message) }
    }
}

/// Why an upstream service gave no answer.
pub(crate) trait NoAnswer: Error + Send + Sync + 'static {
    /// The part that clients learn.
    fn kind(&self) -> NoAnswerKind;
}

/// How an upstream service fails, as far as clients learn.
pub(crate) enum NoAnswerKind {
    Failed,
    Late,
    NoSuchDistrict,
}

impl NoAnswer for ElectionUnavailable {
    fn kind(&self) -> NoAnswerKind {
        match self {
            Self::TimedOut(_) => NoAnswerKind::Late,
            Self::NotConfigured | Self::NotOffered { .. } | Self::Failed { .. } => {
                NoAnswerKind::Failed
            }
        }
    }
}

impl NoAnswer for PeopleUnavailable {
    fn kind(&self) -> NoAnswerKind {
        match self {
            Self::TimedOut(_) | Self::Overloaded => NoAnswerKind::Late,
            Self::UnknownDistrict => NoAnswerKind::NoSuchDistrict,
            Self::NotConfigured | Self::Failed(_) | Self::Truncated => NoAnswerKind::Failed,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| -> &(dyn Error + 'static) { source })
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::TooLarge { column, at_most, .. } => {
                let message = format!(
                    "`{column}` would exceed the limit of {at_most} bytes: remove something from it, \
                     then try again"
                );
                return Self::client(ErrorCode::TooMuchData, message);
            }
            StoreError::ListTooLarge { at_most } => {
                let message = format!(
                    "The list would exceed the limit of {at_most} bytes of campaign data: narrow the \
                     filter, or request a shorter page"
                );
                return Self::client(ErrorCode::TooMuchData, message);
            }
            StoreError::LimitReached { what, at_most } => {
                let message = format!("You already have {at_most} {what}, the maximum per user");
                return Self::client(ErrorCode::LimitReached, message);
            }
            StoreError::NotMigrated => return Self::not_migrated(),
            StoreError::Unavailable(_) => ErrorCode::Unavailable,
            StoreError::Cancelled { why: Cancelled::TooSlow, .. } => ErrorCode::DatabaseTimeout,
            StoreError::Cancelled { why: Cancelled::OnRequest, .. } => ErrorCode::DatabaseCancelled,
            StoreError::Conflict { .. }
            | StoreError::Inconsistent { .. }
            | StoreError::Other(_) => ErrorCode::Internal,
        };
        Self::server(code, error)
    }
}
