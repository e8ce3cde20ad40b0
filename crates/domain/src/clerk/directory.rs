//! The port to Clerk's organizations (design §7). It is called between transactions, never inside
//! one.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    base::{BoxError, BoxFuture, OrganizationId},
    clerk::{ClerkOrganizationId, ClerkUserId},
    organizations::OrganizationKind,
    positions::BallotReadyId,
};

/// Maximum length of an organization name in Clerk, in characters (the facts about Clerk, §1.3).
const LONGEST_NAME: usize = 256;

/// The metadata of an organization in Clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its id; in the private metadata, which clients never see.
    pub organization: OrganizationId,
    /// The database it is stored in; also in the private metadata.
    pub source: Uuid,
    /// Its kind; in the public metadata.
    pub kind: OrganizationKind,
    /// Its position; in the public metadata, `None` for a custom one.
    pub position: Option<BallotReadyId>,
}

impl Profile {
    /// The temporary name of an organization created without a creator: a later attempt finds it by
    /// this name if the answer is lost. It is renamed immediately.
    #[must_use]
    pub fn working_name(&self) -> String {
        self.organization.to_string()
    }

    /// Its slug, which is unique in Clerk, if the instance has slugs enabled.
    #[must_use]
    pub fn slug(&self) -> String {
        let prefix = match self.kind {
            OrganizationKind::Campaign => "campaign",
            OrganizationKind::ElectedOffice => "eo",
        };
        format!("{prefix}-{}", self.organization)
    }
}

/// A name that Clerk accepts: without HTML, without anything like an address, and not too long.
///
/// ```
/// use winserve_domain::clerk::directory_name;
/// assert_eq!(directory_name("St. Louis <b>Mayor</b>"), "St. Louis b Mayor /b");
/// assert_eq!(directory_name("www.mayor.org, https://x.io"), "www mayor org, https x io");
/// ```
#[must_use]
pub fn directory_name(name: &str) -> String {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '<' | '>');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    let plain = plain.replace("://", " ");
    let words = plain.split_whitespace().map(|word| {
        // A period at the end of a word does not make an address.
        let (body, stop) = word.strip_suffix('.').map_or((word, ""), |body| (body, "."));
        format!("{}{stop}", body.replace('.', " "))
    });
    let joined = words.collect::<Vec<_>>().join(" ");
    let name = joined.split_whitespace().collect::<Vec<_>>().join(" ");
    name.chars().take(LONGEST_NAME).collect::<String>().trim_end().to_owned()
}

/// An organization as returned by Clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Clerk's id.
    pub id: ClerkOrganizationId,
    /// Its name.
    pub name: String,
    /// When it was created, by Clerk's clock.
    pub created_at: DateTime<Utc>,
    /// Its number of members, if requested.
    pub members: Option<u32>,
    /// The organization that its metadata names.
    pub organization: Option<OrganizationId>,
    /// The database that its metadata names.
    pub source: Option<Uuid>,
    /// What it is for.
    pub kind: Option<OrganizationKind>,
    /// Its position.
    pub position: Option<String>,
}

impl DirectoryEntry {
    /// Whether its metadata names this organization of this database. Databases that were migrated
    /// separately may contain the same organization ids, and must not take each other's
    /// organizations.
    #[must_use]
    pub fn is_of(&self, organization: OrganizationId, source: Uuid) -> bool {
        self.organization == Some(organization) && self.source == Some(source)
    }

    /// Whether its metadata names another organization or database. (Without metadata, the id
    /// decides.)
    #[must_use]
    pub fn is_of_another(&self, organization: OrganizationId, source: Uuid) -> bool {
        self.organization.is_some_and(|its| its != organization)
            || self.source.is_some_and(|its| its != source)
    }

    /// Whether it has this profile.
    #[must_use]
    pub fn shows(&self, profile: &Profile) -> bool {
        self.organization == Some(profile.organization)
            && self.source == Some(profile.source)
            && self.kind == Some(profile.kind)
            && self.position.as_deref() == profile.position.as_ref().map(BallotReadyId::as_str)
    }
}

/// An organization to create in Clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDirectoryEntry {
    /// Its name; see [`directory_name`]. Without a creator, whose memberships would help to find it
    /// again, its [`Profile::working_name`].
    pub name: String,
    /// Its slug, if the instance has slugs enabled.
    pub slug: Option<String>,
    /// Its first member, if it has one.
    pub creator: Option<ClerkUserId>,
    /// Its metadata.
    pub profile: Profile,
}

/// The relevant settings of the Clerk instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySettings {
    /// Whether organizations have a slug, which is unique.
    pub has_slugs: bool,
    /// The role of an owner, such as `org:admin`.
    pub owner_role: String,
    /// Settings that the instance does not report.
    pub unreported: Vec<UnreportedSetting>,
}

/// A relevant setting that Clerk did not report and that an operator has to check. Clerk's Backend
/// API reference does not promise all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreportedSetting {
    /// Whether users without an organization are treated as signed out.
    MembershipRequired,
    /// How many members an organization may have.
    MemberLimit,
}

impl fmt::Display for UnreportedSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MembershipRequired => {
                "cannot tell whether the Clerk instance requires membership of an organization, which would \
                 sign out every user who has none yet: check in its dashboard that it is optional"
            }
            Self::MemberLimit => {
                "cannot tell how many members an organization of the Clerk instance may have: check in its \
                 dashboard that there is room for an owner"
            }
        })
    }
}

/// A setting of the instance that an operator has to change before anything can be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceProblem {
    /// Organizations are not enabled.
    Disabled,
    /// Users without an organization are treated as signed out.
    MembershipRequired,
    /// Clerk rejects the secret key.
    SecretKey,
    /// The plan has no organizations.
    Plan,
    /// The plan's limit is reached.
    Full,
}

impl InstanceProblem {
    /// All problems.
    pub const ALL: [Self; 5] =
        [Self::Disabled, Self::MembershipRequired, Self::SecretKey, Self::Plan, Self::Full];

    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "organizations-disabled",
            Self::MembershipRequired => "membership-required",
            Self::SecretKey => "secret-key-refused",
            Self::Plan => "plan-without-organizations",
            Self::Full => "organizations-full",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.as_str() == name)
    }
}

impl fmt::Display for InstanceProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Disabled => {
                "organizations are disabled in the Clerk instance: enable them in its dashboard, with \
                 membership optional"
            }
            Self::MembershipRequired => {
                "the Clerk instance requires membership of an organization, which signs out every user \
                 who has none yet: make it optional in its dashboard"
            }
            Self::SecretKey => "Clerk rejects the secret key: check clerk.secret_key",
            Self::Plan => "the plan of the Clerk instance does not include organizations",
            Self::Full => "the plan of the Clerk instance has no room for further organizations",
        })
    }
}

/// Why Clerk rejected a call; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryRefusal {
    /// Clerk does not know the organization or the user.
    NotFound,
    /// The user is already a member.
    AlreadyMember,
    /// The instance has no such creator.
    CreatorUnknown,
    /// The creator may not create more organizations.
    CreatorFull,
    /// The slug is taken.
    SlugTaken,
    /// Another request is changing the organization.
    Conflict,
    /// The instance has a problem.
    Instance(InstanceProblem),
    /// Rejected with this status and without a Clerk error code: perhaps by a proxy.
    Unexplained(u16),
    /// Any other permanent reason: Clerk's code.
    Other(String),
}

/// How a call failed, by what the caller can do next.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFailure {
    /// The request did not reach Clerk.
    #[error("Clerk could not be reached")]
    NotSent(#[source] BoxError),
    /// Clerk's rate limit applies; the call changed nothing.
    #[error("rate-limited by Clerk; retry after {} s", .0.as_secs())]
    Busy(Duration),
    /// Clerk rejected the call, which changed nothing.
    #[error("Clerk refused: {0:?}")]
    Refused(DirectoryRefusal),
    /// The outcome in Clerk is unknown.
    #[error("the outcome in Clerk is unknown")]
    Unknown {
        /// The wait that Clerk asks for, if any.
        rest: Option<Duration>,
        /// What went wrong.
        source: BoxError,
    },
}

/// Maximum number of entries per page.
pub const DIRECTORY_PAGE: usize = 500;

/// Clerk's answer to a call.
pub type DirectoryFuture<'a, T> = BoxFuture<'a, Result<T, DirectoryFailure>>;

/// Clerk's organizations. Each call is one request: the caller manages the request budget, and
/// decides what a failure means.
pub trait OrganizationDirectory: Send + Sync {
    /// The settings of the instance; [`DirectoryRefusal::Instance`] when one of them prevents syncing.
    fn settings(&self) -> DirectoryFuture<'_, DirectorySettings>;

    /// The organization with an id.
    fn find<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
    ) -> DirectoryFuture<'a, Option<DirectoryEntry>>;

    /// The organization with a slug.
    fn find_by_slug<'a>(&'a self, slug: &'a str) -> DirectoryFuture<'a, Option<DirectoryEntry>>;

    /// The organizations of a member: up to [`DIRECTORY_PAGE`], starting at `offset`.
    fn of_member<'a>(
        &'a self,
        user: &'a ClerkUserId,
        offset: usize,
    ) -> DirectoryFuture<'a, Vec<DirectoryEntry>>;

    /// Organizations whose name contains a text, up to [`DIRECTORY_PAGE`].
    fn search<'a>(&'a self, text: &'a str) -> DirectoryFuture<'a, Vec<DirectoryEntry>>;

    /// All organizations: up to [`DIRECTORY_PAGE`], starting at `offset`, with their number of
    /// members. Oldest first, so that new ones do not shift the pages.
    fn page(&self, offset: usize) -> DirectoryFuture<'_, Vec<DirectoryEntry>>;

    /// Creates an organization.
    fn create<'a>(&'a self, new: &'a NewDirectoryEntry)
    -> DirectoryFuture<'a, ClerkOrganizationId>;

    /// Writes the profile and keeps the rest of the metadata. Returns the organization afterwards.
    fn describe<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
        profile: &'a Profile,
    ) -> DirectoryFuture<'a, DirectoryEntry>;

    /// Renames an organization.
    fn rename<'a>(&'a self, id: &'a ClerkOrganizationId, name: &'a str) -> DirectoryFuture<'a, ()>;

    /// Adds a user to an organization.
    fn add_member<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
        user: &'a ClerkUserId,
        role: &'a str,
    ) -> DirectoryFuture<'a, ()>;

    /// Deletes an organization.
    fn remove<'a>(&'a self, id: &'a ClerkOrganizationId) -> DirectoryFuture<'a, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_nothing_that_clerk_takes_for_an_address_or_html() {
        for (name, expected) in [
            ("2028 Campaign", "2028 Campaign"),
            ("  U.S.  Senate ", "U S. Senate"),
            ("City Council - Dist. 3", "City Council - Dist. 3"),
            ("St.Louis", "St Louis"),
            ("<script>alert(1)</script>", "script alert(1) /script"),
            ("line\nbreak", "line break"),
            ("...", "."),
            ("", ""),
        ] {
            assert_eq!(directory_name(name), expected);
        }
        assert_eq!(directory_name(&"ü".repeat(300)).chars().count(), 256);
    }

    #[test]
    fn every_problem_of_an_instance_has_a_name_that_is_read_back() {
        for problem in InstanceProblem::ALL {
            assert_eq!(InstanceProblem::parse(problem.as_str()), Some(problem));
            assert!(!problem.to_string().is_empty());
        }
    }
}
