//! Why there is no page, and the words for it.

pub(crate) mod page;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use winserve_http::{ApiError, ErrorCode};

use crate::{fields::Fields, session::WithOrganizations};

/// Why there is no page.
#[derive(thiserror::Error)]
pub(crate) enum Failure {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut {
        /// The page that was asked for.
        way_back: String,
    },
    /// The session ended before a form was sent.
    #[error("the session has ended")]
    SessionEnded {
        /// Where the form was sent.
        action: String,
        /// What was typed.
        fields: Fields,
    },
    /// A form that does not come from our own page.
    #[error("the form comes from elsewhere")]
    ForeignForm,
    /// The request contains no readable form, or too large a one.
    #[error("the form is unreadable")]
    UnreadableForm,
    /// The address names no page.
    #[error("there is no such page")]
    NoSuchPage,
    /// The address names no organization of the visitor.
    #[error("there is no such organization")]
    NoSuchOrganization {
        /// What it names.
        named: String,
        /// The visitor and what they have.
        of: Box<WithOrganizations>,
    },
    /// The address names an office that is no longer held.
    #[error("the office is not active")]
    InactiveOffice {
        /// The visitor and what they have.
        of: Box<WithOrganizations>,
    },
    /// The page is for staff.
    #[error("the page is for staff")]
    StaffOnly,
    /// The migration has not created the tables yet.
    #[error("the organizations are not migrated yet")]
    NotMigrated,
    /// A bug on our side.
    #[error("a page was not rendered")]
    Broken,
    /// What the API refuses too.
    #[error(transparent)]
    Refused(ApiError),
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Operations fail here as they do for the API.
impl<E> From<E> for Failure
where
    ApiError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Refused(ApiError::from(error))
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignedOut { .. } => StatusCode::SEE_OTHER,
            Self::SessionEnded { .. } => StatusCode::UNAUTHORIZED,
            Self::ForeignForm | Self::StaffOnly => StatusCode::FORBIDDEN,
            Self::UnreadableForm => StatusCode::BAD_REQUEST,
            Self::NoSuchPage | Self::NoSuchOrganization { .. } | Self::InactiveOffice { .. } => {
                StatusCode::NOT_FOUND
            }
            Self::NotMigrated => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(error) => error.code().status(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// What went wrong and what to do next.
pub(crate) struct Explanation {
    /// What went wrong, in a few words.
    pub(crate) heading: &'static str,
    /// What went wrong and what to do next.
    pub(crate) sentence: &'static str,
}

/// What a visitor reads about an error of an operation. Its own message is for programs.
pub(crate) fn explain(code: ErrorCode) -> Explanation {
    let (heading, sentence) = match code {
        ErrorCode::UpstreamFailed => (
            "This data is not available now",
            "The service that has this data did not answer. Try again in a minute.",
        ),
        ErrorCode::UpstreamTimeout | ErrorCode::DatabaseTimeout => {
            ("This takes too long", "The answer did not come in time. Try again in a minute.")
        }
        ErrorCode::NoStatistics => {
            ("No figures yet", "The figures of this district are not ready. Look again tomorrow.")
        }
        ErrorCode::NoVoterData => (
            "No data for this district",
            "There is no data for this district yet. Choose another district, or write to our support.",
        ),
        ErrorCode::DistrictUnresolved => (
            "No district yet",
            "Choose an office and a district first: then their data appears here.",
        ),
        ErrorCode::ApprovalRequired => (
            "Our staff have to approve this",
            "Data of a whole state needs approval by our staff. Write to our support, who answer within two \
             business days.",
        ),
        ErrorCode::ProRequired => {
            ("This needs Pro", "Upgrade to Pro to search, download and save lists.")
        }
        ErrorCode::TooFewContacts => (
            "Too few people can be reached",
            "A poll needs at least 500 people with a cell phone in the district.",
        ),
        ErrorCode::OfficeInactive => {
            ("This office is not held any more", "Switch to another organization.")
        }
        ErrorCode::NotMigrated => {
            ("Not available yet", "This becomes available with a later phase of the migration.")
        }
        ErrorCode::TermsOverlap => (
            "The terms overlap",
            "You already hold this office during a part of that term. Change the dates.",
        ),
        ErrorCode::UnknownPosition => {
            ("This office is not known", "Choose an office from the search, or describe your own.")
        }
        ErrorCode::UnknownDistrict => {
            ("This district is not known", "Choose a district from the list of your state.")
        }
        ErrorCode::PreconditionFailed | ErrorCode::Conflict => (
            "Somebody else changed this meanwhile",
            "Load the page again, look at what is there now, then try again.",
        ),
        ErrorCode::LimitReached | ErrorCode::TooMuchData => (
            "There is no room for more",
            "Remove something that you no longer need, then try again.",
        ),
        ErrorCode::TooManyDownloads => (
            "Too many downloads at once",
            "Wait until one of your downloads has ended, then try again.",
        ),
        ErrorCode::Unavailable | ErrorCode::DatabaseCancelled => {
            ("The service is busy", "Nothing is lost. Try again in a few seconds.")
        }
        ErrorCode::Forbidden | ErrorCode::UserRequired => {
            ("You may not do this", "Ask somebody whose account has the right to do it.")
        }
        ErrorCode::EmailNotVerified | ErrorCode::EmailUnproven | ErrorCode::EmailManaged => (
            "Your e-mail address is not confirmed",
            "Confirm it where you sign in, then try again.",
        ),
        ErrorCode::AccountTaken | ErrorCode::SeveralAccounts => (
            "Your account is not clear",
            "Another account has this e-mail address. Write to our support.",
        ),
        ErrorCode::NotFound
        | ErrorCode::RouteNotFound
        | ErrorCode::OrganizationNotFound
        | ErrorCode::NoOrganization => (
            "This does not exist",
            "It was removed, or the address is wrong. Go back to the overview.",
        ),
        ErrorCode::InvalidJson
        | ErrorCode::InvalidRequest
        | ErrorCode::InvalidFilter
        | ErrorCode::OrganizationRequired
        | ErrorCode::OrganizationHeaderInvalid
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::RequestTimeout
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::MethodNotAllowed
        | ErrorCode::InvalidSignature => {
            ("This was not understood", "Go back, check what you entered, then try again.")
        }
        ErrorCode::Unauthorized
        | ErrorCode::MachineTokenInvalid
        | ErrorCode::InvalidToken
        | ErrorCode::SessionPending => ("You are signed out", "Sign in, then try again."),
        ErrorCode::Internal => (
            "Something went wrong on our side",
            "The error was recorded. Try again; if it happens again, write to our support.",
        ),
    };
    Explanation { heading, sentence }
}
