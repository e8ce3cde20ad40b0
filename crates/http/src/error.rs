//! What a client is told when a request fails (design §5).

use std::{borrow::Cow, error::Error, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{Method, StatusCode},
};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::{Cancelled, StoreError},
    contacts::PeopleUnavailable,
    positions::ElectionUnavailable,
};

use crate::validation::{self, Issue};

/// Stable codes; part of the contract, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The body is no JSON.
    InvalidJson,
    /// The request breaks a rule; `errors` says which.
    InvalidRequest,
    /// There is no token, or its user is gone.
    Unauthorized,
    /// The machine token could not be verified.
    MachineTokenInvalid,
    /// The session token is malformed or expired.
    InvalidToken,
    /// The user has yet to finish signing in.
    SessionPending,
    /// The caller may not do this.
    Forbidden,
    /// The route is for users, and a machine called.
    UserRequired,
    /// A first login without a verified e-mail address.
    EmailNotVerified,
    /// The e-mail address is changed where the user signs in.
    EmailManaged,
    /// A first login with the e-mail address of somebody else's account.
    AccountTaken,
    /// A first login with an e-mail address that several accounts have, in different cases.
    SeveralAccounts,
    /// A first login with an address that an account has taken without proving it.
    EmailUnproven,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// There is no such organization, or not for this caller.
    OrganizationNotFound,
    /// The user has no organization that the route is for.
    NoOrganization,
    /// The user has several organizations and named none.
    OrganizationRequired,
    /// The header that names an organization is no id, or came twice.
    OrganizationHeaderInvalid,
    /// The elected office is not held any more.
    OfficeInactive,
    /// The campaign does not pay for it.
    ProRequired,
    /// There is no such filter for this organization.
    InvalidFilter,
    /// A message of another service is not signed by it, or was signed at another time.
    InvalidSignature,
    /// It is not known which district's voters the organization reaches.
    DistrictUnresolved,
    /// Too few voters of the district can be reached so.
    TooFewContacts,
    /// Staff have yet to approve of the voters of a whole state.
    ApprovalRequired,
    /// There is no such route.
    RouteNotFound,
    /// The route does not know the method.
    MethodNotAllowed,
    /// election-api knows no such district there.
    UnknownDistrict,
    /// election-api knows no such position.
    UnknownPosition,
    /// It is not any more as the client saw it.
    PreconditionFailed,
    /// Another row has the value already.
    Conflict,
    /// The `Idempotency-Key` was used for another request.
    IdempotencyKeyReused,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is too large.
    PayloadTooLarge,
    /// What would be stored, or listed, is larger than it may be.
    TooMuchData,
    /// The user has as many of them as a user may have.
    LimitReached,
    /// The user downloads as many files as a user may download at once.
    TooManyDownloads,
    /// The body is of a kind that no route takes.
    UnsupportedMediaType,
    /// A defect on our side.
    Internal,
    /// The database cannot be reached; trying again may succeed.
    Unavailable,
    /// The database is there, and took too long for the request.
    DatabaseTimeout,
    /// Somebody who runs the database stopped the request there.
    DatabaseCancelled,
    /// The route needs tables that the migration has not brought yet.
    NotMigrated,
    /// A service that we asked gave no answer.
    UpstreamFailed,
    /// A service that we asked did not answer in time.
    UpstreamTimeout,
    /// The statistics of the district are not computed yet.
    NoStatistics,
    /// The voter file has no such district.
    NoVoterData,
}

/// Status of a token that is malformed or expired; the webapp logs the user out on it.
const INVALID_TOKEN_STATUS: u16 = 498;

impl ErrorCode {
    /// Whether the same request may succeed in a moment: the answer says when to try again.
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
            Self::Conflict | Self::LimitReached => StatusCode::CONFLICT,
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

    /// The code for an error of the framework, which brings a status only.
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

/// An answer that is an error. The module `envelope` writes it.
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
    /// An error of the client; the message is shown.
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

    /// The error with the `errorCode` that the old API had for it.
    pub(crate) fn with_legacy_code(self, code: &'static str) -> Self {
        Self { legacy_code: Some(code), ..self }
    }

    /// An error of the server; the client sees a fixed text, the log the source.
    pub fn server(code: ErrorCode, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = match code {
            ErrorCode::Unavailable => "The service is unavailable for the moment",
            ErrorCode::DatabaseTimeout => {
                "The database took too long for this request: try again in a moment, or ask for less"
            }
            ErrorCode::DatabaseCancelled => {
                "An operator stopped this request at the database: try again"
            }
            _ => "Internal server error",
        };
        Self { source: Some(source.into()), ..Self::client(code, message) }
    }

    /// A service that we asked failed; the client sees the message, the log the source.
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

    /// No such thing; the message is the old API's bare one.
    pub(crate) fn not_found() -> Self {
        Self::client(ErrorCode::NotFound, "Not Found")
    }

    /// The user has nothing that the route is for, in the words of the old API.
    pub(crate) fn no_organization() -> Self {
        Self::client(ErrorCode::NoOrganization, "Not Found")
    }

    /// The filter is none that the organization can use; the issues name what of it.
    pub(crate) fn invalid_filter(message: &'static str, issues: Vec<Issue>) -> Self {
        Self { issues, ..Self::client(ErrorCode::InvalidFilter, message) }
    }

    /// No such row, in the words of the old database filter.
    pub(crate) fn record_not_found() -> Self {
        Self::client(ErrorCode::NotFound, "Record not found")
    }

    /// The route needs tables that the migration has not brought yet (design §5).
    pub(crate) fn not_migrated() -> Self {
        Self::client(ErrorCode::NotMigrated, "This needs a later phase of the migration")
    }

    /// The key was used for another request.
    pub(crate) fn key_reused() -> Self {
        let message = "The Idempotency-Key was used for another request";
        Self::client(ErrorCode::IdempotencyKeyReused, message)
    }

    /// No such route.
    pub(crate) fn route_not_found(method: &Method, path: &str) -> Self {
        Self::client(ErrorCode::RouteNotFound, format!("Cannot {method} {path}"))
    }

    /// The route is there, but not for the method; `allow` lists those it has.
    pub(crate) fn method_not_allowed(method: &Method, path: &str, allow: String) -> Self {
        let message = format!("Cannot {method} {path}");
        Self { allow: Some(allow), ..Self::client(ErrorCode::MethodNotAllowed, message) }
    }
}

/// Why a service that we asked gave no answer.
pub(crate) trait NoAnswer: Error + Send + Sync + 'static {
    /// As far as clients are told.
    fn kind(&self) -> NoAnswerKind;
}

/// How a service fails, as far as clients are told.
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
                    "`{column}` would be larger than the {at_most} bytes that may be stored: remove \
                     something from it, then try again"
                );
                return Self::client(ErrorCode::TooMuchData, message);
            }
            StoreError::ListTooLarge { at_most } => {
                let message = format!(
                    "The list would hold more than the {at_most} bytes of campaign data that one answer \
                     may have: narrow the filter, or ask for a shorter page"
                );
                return Self::client(ErrorCode::TooMuchData, message);
            }
            StoreError::LimitReached { what, at_most } => {
                let message = format!("You have {at_most} {what}, as many as a user may have");
                return Self::client(ErrorCode::LimitReached, message);
            }
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
