//! Port to Clerk for sign-in (design §6). Called before a transaction, never inside one.

use std::fmt;

use crate::base::{BoxError, BoxFuture};

/// Clerk ids have about thirty characters; no column or index accepts more than this.
const LONGEST_ID: usize = 255;

macro_rules! clerk_id {
    ($(#[$documentation:meta])* $name:ident, $prefix:literal) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Parses a text of up to 255 characters with the right prefix followed by letters,
            /// digits or underscores; `None` for any other text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                let is_id =
                    !rest.is_empty() && text.len() <= LONGEST_ID && rest.bytes().all(is_word);
                is_id.then(|| Self(text.to_owned()))
            }

            /// The id in Clerk's spelling.
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

/// A session confirmed by Clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user, or the user being impersonated.
    pub user: ClerkUserId,
    /// The impersonating user, if any.
    pub actor: Option<ClerkUserId>,
    /// The active organization of the session (design D7).
    pub organization: Option<ClerkOrganizationId>,
}

/// Why a session token is invalid.
#[derive(Debug, thiserror::Error)]
pub enum SessionRefused {
    /// It is malformed, expired, from another instance, or not signed by Clerk.
    #[error("invalid session token: {0}")]
    Invalid(&'static str),
    /// The user has to finish a task that Clerk requires, and is treated as signed out.
    #[error("the session is pending")]
    Pending,
    /// There is no key to verify it; the token may be valid.
    #[error("no key to check session tokens with")]
    Unavailable(#[source] BoxError),
}

/// Clerk's data about a user.
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

/// Clerk gave no usable answer; the cause is for logs only.
#[derive(Debug, thiserror::Error)]
#[error("Clerk gave no usable answer")]
pub struct IdentityUnavailable(#[source] pub BoxError);

/// Asks Clerk who a caller is.
pub trait IdentityService: Send + Sync {
    /// Verifies a session token.
    fn session<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Session, SessionRefused>>;

    /// A user; `None` if Clerk has no user with the id.
    fn person<'a>(
        &'a self,
        id: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<Option<Person>, IdentityUnavailable>>;

    /// Deletes a user, so that nobody can sign in as them anymore.
    fn delete_person<'a>(
        &'a self,
        id: &'a ClerkUserId,
    ) -> BoxFuture<'a, Result<(), IdentityUnavailable>>;

    /// The machine that a token (`mt_…`) belongs to; `None` if the token is invalid.
    fn machine<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<MachineId>, IdentityUnavailable>>;
}

/// Used without Clerk: rejects all Clerk tokens.
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
