//! The calls of Clerk's Backend API that Winserve makes, and how they fail.

use std::time::Duration;

use serde::Deserialize;
use winserve_domain::{
    base::{BoxError, BoxFuture},
    clerk::{ClerkUserId, MachineId},
};

/// How a call failed, by what its caller may do next (clerk-rs keeps neither headers nor the body of
/// an answer that it cannot parse).
#[derive(Debug, thiserror::Error)]
pub enum ClerkFailure {
    /// Nothing reached Clerk: the call may be made again.
    #[error("Clerk could not be reached")]
    NotSent(#[source] BoxError),
    /// Clerk refused; nothing was done.
    #[error("Clerk refused with status {status} ({codes:?})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Clerk's error codes, if the body had any.
        codes: Vec<String>,
        /// How long Clerk wants to be left alone.
        retry_after: Option<Duration>,
        /// Names the call to Clerk's support.
        trace_id: Option<String>,
    },
    /// Nobody knows whether Clerk has done it: a time-out, a broken connection, a server error, or an
    /// answer that cannot be read.
    #[error("the outcome at Clerk is unknown")]
    Unknown {
        /// How long Clerk wants to be left alone, if it says so.
        retry_after: Option<Duration>,
        /// What went wrong.
        source: BoxError,
    },
}

impl ClerkFailure {
    /// A call that was not made, for Clerk wants to be left alone that long.
    pub(crate) const fn paused(rest: Duration) -> Self {
        Self::Refused { status: 429, codes: Vec::new(), retry_after: Some(rest), trace_id: None }
    }

    /// A call of which nobody knows what became.
    pub(crate) fn unknown(source: impl Into<BoxError>) -> Self {
        Self::Unknown { retry_after: None, source: source.into() }
    }

    /// How long Clerk wants to be left alone, if it said so.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotSent(_) => None,
            Self::Refused { retry_after, .. } | Self::Unknown { retry_after, .. } => *retry_after,
        }
    }
}

/// An answer to come.
pub type Called<'a, T> = BoxFuture<'a, Result<T, ClerkFailure>>;

/// Clerk's Backend API, as far as Winserve calls it.
pub trait ClerkApi: Send + Sync {
    /// A user; `None` when there is none with the id.
    fn user<'a>(&'a self, id: &'a ClerkUserId) -> Called<'a, Option<ClerkUser>>;

    /// Deletes a user; done also when there is none with the id.
    fn delete_user<'a>(&'a self, id: &'a ClerkUserId) -> Called<'a, ()>;

    /// What Clerk says of a machine token; `None` when it knows no such token.
    fn machine_token<'a>(&'a self, token: &'a str) -> Called<'a, Option<MachineToken>>;
}

/// A user as Clerk answers; what we do not read may be missing or odd.
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
    /// How far its verification is.
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

/// What Clerk says of a machine token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MachineToken {
    /// The machine's id.
    pub subject: String,
    /// Withdrawn.
    pub revoked: bool,
    /// Too old.
    pub expired: bool,
    /// When it expires, in milliseconds.
    #[serde(default)]
    pub expiration: Option<i64>,
}

impl MachineToken {
    /// The machine, if the token still counts.
    #[must_use]
    pub fn machine(&self) -> Option<MachineId> {
        (!self.revoked && !self.expired).then(|| MachineId::parse(&self.subject)).flatten()
    }
}
