//! The calls of Clerk's Backend API that Winserve makes, and how they fail.

use std::time::Duration;

use serde::Deserialize;
use winserve_domain::{
    base::{BoxError, BoxFuture},
    clerk::{ClerkUserId, MachineId},
};

/// How a call failed, by what its caller may do next (clerk-rs keeps neither the headers nor the body of an
/// answer that it cannot parse).
#[derive(Debug, thiserror::Error)]
pub enum ClerkFailure {
    /// The call did not reach Clerk, and may be repeated.
    #[error("Clerk could not be reached")]
    NotSent(#[source] BoxError),
    /// Clerk refused; nothing was done.
    #[error("Clerk refused with status {status} ({codes:?})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Clerk's error codes, if the body had any.
        codes: Vec<String>,
        /// How long Clerk asks us to pause.
        retry_after: Option<Duration>,
        /// Identifies the call for Clerk's support.
        trace_id: Option<String>,
    },
    /// Unknown whether Clerk did it: a timeout, a broken connection, a server error, or an unreadable answer.
    #[error("the outcome of the call to Clerk is unknown")]
    Unknown {
        /// How long Clerk asks us to pause, if it does.
        retry_after: Option<Duration>,
        /// What went wrong.
        source: BoxError,
    },
}

impl ClerkFailure {
    /// A call that was not made, because calls are paused for that long.
    pub(crate) const fn paused(rest: Duration) -> Self {
        Self::Refused { status: 429, codes: Vec::new(), retry_after: Some(rest), trace_id: None }
    }

    /// A call whose outcome is unknown.
    pub(crate) fn unknown(source: impl Into<BoxError>) -> Self {
        Self::Unknown { retry_after: None, source: source.into() }
    }

    /// How long Clerk asked us to pause, if it did.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotSent(_) => None,
            Self::Refused { retry_after, .. } | Self::Unknown { retry_after, .. } => *retry_after,
        }
    }
}

/// A future answer.
pub type Called<'a, T> = BoxFuture<'a, Result<T, ClerkFailure>>;

/// The part of Clerk's Backend API that Winserve uses.
pub trait ClerkApi: Send + Sync {
    /// A user; `None` if the id is unknown.
    fn user<'a>(&'a self, id: &'a ClerkUserId) -> Called<'a, Option<ClerkUser>>;

    /// Deletes a user; succeeds even if the id is unknown.
    fn delete_user<'a>(&'a self, id: &'a ClerkUserId) -> Called<'a, ()>;

    /// What Clerk says about a machine token; `None` if it does not know the token.
    fn machine_token<'a>(&'a self, token: &'a str) -> Called<'a, Option<MachineToken>>;
}

/// A user in Clerk's answers; members that we do not read may be missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClerkUser {
    /// Id.
    pub id: String,
    /// Given name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// Which of the addresses is the primary one.
    #[serde(default)]
    pub primary_email_address_id: Option<String>,
    /// Every address.
    #[serde(default)]
    pub email_addresses: Vec<EmailAddress>,
}

/// An e-mail address of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmailAddress {
    /// Id.
    #[serde(default)]
    pub id: Option<String>,
    /// The address.
    pub email_address: String,
    /// Its verification.
    #[serde(default)]
    pub verification: Option<Verification>,
}

/// The verification of an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verification {
    /// `verified` when it is.
    #[serde(default)]
    pub status: Option<String>,
}

impl ClerkUser {
    /// The primary e-mail address, if Clerk has verified it.
    #[must_use]
    pub fn verified_email(&self) -> Option<&str> {
        let primary = self.primary_email_address_id.as_deref()?;
        let address =
            self.email_addresses.iter().find(|address| address.id.as_deref() == Some(primary))?;
        let status = address.verification.as_ref()?.status.as_deref();
        (status == Some("verified")).then_some(address.email_address.as_str())
    }
}

/// What Clerk says about a machine token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MachineToken {
    /// The machine's id.
    pub subject: String,
    /// Revoked.
    pub revoked: bool,
    /// Expired.
    pub expired: bool,
    /// When it expires, in milliseconds.
    #[serde(default)]
    pub expiration: Option<i64>,
}

impl MachineToken {
    /// The machine, if the token is still valid.
    #[must_use]
    pub fn machine(&self) -> Option<MachineId> {
        (!self.revoked && !self.expired).then(|| MachineId::parse(&self.subject)).flatten()
    }
}
