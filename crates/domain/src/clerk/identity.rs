//! Port to Clerk, which knows who signs in (design §6). Asked before a transaction, never within one.

use std::fmt;

use crate::base::{BoxError, BoxFuture};

/// Clerk's ids have some thirty characters; no column or index takes more than this.
const LONGEST_ID: usize = 255;

macro_rules! clerk_id {
    ($(#[$documentation:meta])* $name:ident, $prefix:literal) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes a text of 255 characters at most, with the right prefix and letters, digits or
            /// underscores behind it; `None` for another.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                let is_id =
                    !rest.is_empty() && text.len() <= LONGEST_ID && rest.bytes().all(is_word);
                is_id.then(|| Self(text.to_owned()))
            }

            /// The id as Clerk writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

clerk_id! {
    /// Clerk's id of a user, such as `user_2g7np7Hrk0SN6kj5EDMLDaKNL0S`.
    ClerkUserId, "user_"
}
clerk_id! {
    /// Clerk's id of an organization.
    ClerkOrganizationId, "org_"
}
clerk_id! {
    /// Clerk's id of a machine.
    MachineId, "mch_"
}

/// A session that Clerk vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user, or whom somebody acts for.
    pub user: ClerkUserId,
    /// Who acts for the user, if somebody does.
    pub actor: Option<ClerkUserId>,
    /// The organization that is active in the session (design D7).
    pub organization: Option<ClerkOrganizationId>,
}

/// Why a session token does not count.
#[derive(Debug, thiserror::Error)]
pub enum SessionRefused {
    /// It is malformed, expired, somebody else's, or not signed by Clerk.
    #[error("invalid session token: {0}")]
    Invalid(&'static str),
    /// The user has yet to finish a task that Clerk set, and counts as signed out.
    #[error("the session is pending")]
    Pending,
    /// There is no key to check it with: it may be good.
    #[error("no key to check session tokens with")]
    Unavailable(#[source] BoxError),
}

/// What Clerk knows of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Clerk's id.
    pub id: ClerkUserId,
    /// The primary e-mail address, if Clerk has verified it.
    pub verified_email: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
}

/// Clerk gave no usable answer; what happened is for logs.
#[derive(Debug, thiserror::Error)]
#[error("Clerk gave no usable answer")]
pub struct IdentityUnavailable(#[source] pub BoxError);

/// Asks Clerk who somebody is.
pub trait IdentityService: Send + Sync {
    /// Checks a session token.
    fn session<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Session, SessionRefused>>;

    /// A user; `None` when Clerk knows none with the id.
    fn person<'a>(
        &'a self,
        id: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<Option<Person>, IdentityUnavailable>>;

    /// Deletes a user, so that nobody can sign in as them any more.
    fn delete_person<'a>(
        &'a self,
        id: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<(), IdentityUnavailable>>;

    /// The machine that a token (`mt_…`) belongs to; `None` when it does not count.
    fn machine<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<MachineId>, IdentityUnavailable>>;
}

/// Stands where no Clerk is configured: no token of Clerk's counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoIdentityService;

impl IdentityService for NoIdentityService {
    fn session<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Session, SessionRefused>> {
        Box::pin(std::future::ready(Err(SessionRefused::Invalid("Clerk is not configured"))))
    }

    fn person<'a>(
        &'a self,
        _: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<Option<Person>, IdentityUnavailable>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn delete_person<'a>(
        &'a self,
        _: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<(), IdentityUnavailable>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn machine<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<MachineId>, IdentityUnavailable>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
