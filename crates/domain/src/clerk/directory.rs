//! Organizations at Clerk (design §7): the port to Clerk's directory of organizations, and the outbox of
//! what it has to be told. Clerk is asked between transactions, never within one.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    base::{BoxError, BoxFuture, OrganizationId},
    clerk::{ClerkOrganizationId, ClerkUserId},
    organizations::OrganizationKind,
    positions::BallotReadyId,
};

/// Longest name of an organization at Clerk, in characters (the facts about Clerk, §1.3).
const LONGEST_NAME: usize = 256;

/// What Clerk is to show of an organization, in its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Which one; in the private metadata, which clients never see.
    pub organization: OrganizationId,
    /// Which database it lies in; in the private metadata, too.
    pub source: Uuid,
    /// What it is for; in the public metadata.
    pub kind: OrganizationKind,
    /// Its position; in the public metadata, `None` for a custom one.
    pub position: Option<BallotReadyId>,
}

impl Profile {
    /// The name under which one without a creator is created, by which it is found again when the answer is
    /// lost; it gets its own name at once.
    #[must_use]
    pub fn working_name(&self) -> String {
        self.organization.to_string()
    }

    /// What is unique of it at Clerk, where the instance has slugs.
    #[must_use]
    pub fn slug(&self) -> String {
        let prefix = match self.kind {
            OrganizationKind::Campaign => "campaign",
            OrganizationKind::ElectedOffice => "eo",
        };
        format!("{prefix}-{}", self.organization)
    }
}

/// A name that Clerk takes: without what looks like HTML or an address, and not too long.
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
        // A full stop that ends a word makes no address of it.
        let (body, stop) = word.strip_suffix('.').map_or((word, ""), |body| (body, "."));
        format!("{}{stop}", body.replace('.', " "))
    });
    let joined = words.collect::<Vec<_>>().join(" ");
    let name = joined.split_whitespace().collect::<Vec<_>>().join(" ");
    name.chars().take(LONGEST_NAME).collect::<String>().trim_end().to_owned()
}

/// An organization as Clerk shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Clerk's id.
    pub id: ClerkOrganizationId,
    /// Its name.
    pub name: String,
    /// When it was created, by Clerk's clock.
    pub created_at: DateTime<Utc>,
    /// How many members it has, where that was asked for.
    pub members: Option<u32>,
    /// Which of ours it says it is.
    pub organization: Option<OrganizationId>,
    /// Of which database.
    pub source: Option<Uuid>,
    /// What it is for.
    pub kind: Option<OrganizationKind>,
    /// Its position.
    pub position: Option<String>,
}

impl DirectoryEntry {
    /// Whether it says that it is this organization of this database. Databases that were migrated by
    /// themselves may have organizations of one id: what belongs to the one is not the other's to take.
    #[must_use]
    pub fn is_of(&self, organization: OrganizationId, source: Uuid) -> bool {
        self.organization == Some(organization) && self.source == Some(source)
    }

    /// Whether it says that it is something else. (One that says nothing may be what an id says.)
    #[must_use]
    pub fn is_of_another(&self, organization: OrganizationId, source: Uuid) -> bool {
        self.organization.is_some_and(|its| its != organization)
            || self.source.is_some_and(|its| its != source)
    }

    /// Whether it shows what it should.
    #[must_use]
    pub fn shows(&self, profile: &Profile) -> bool {
        self.organization == Some(profile.organization)
            && self.source == Some(profile.source)
            && self.kind == Some(profile.kind)
            && self.position.as_deref() == profile.position.as_ref().map(BallotReadyId::as_str)
    }
}

/// An organization to be created at Clerk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDirectoryEntry {
    /// Its name; see [`directory_name`]. Without a creator by whose membership it is found again, its
    /// [`Profile::working_name`].
    pub name: String,
    /// Where the instance has slugs.
    pub slug: Option<String>,
    /// Its first member; without one it has none.
    pub creator: Option<ClerkUserId>,
    /// What it is to show.
    pub profile: Profile,
}

/// The settings of the Clerk instance that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySettings {
    /// Organizations may have a slug, which is unique.
    pub has_slugs: bool,
    /// The role of an owner, such as `org:admin`.
    pub owner_role: String,
    /// What the instance does not say of itself.
    pub unsaid: Vec<Unsaid>,
}

/// A setting that matters and that Clerk did not say, so that people have to look. Its description of the
/// Backend API does not promise each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaid {
    /// Whether users without any organization count as signed out.
    MembershipRequired,
    /// How many members an organization may have.
    MemberLimit,
}

impl fmt::Display for Unsaid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MembershipRequired => {
                "cannot tell whether the Clerk instance requires membership of an organization, which would \
                 sign out every user who has none yet: see in its dashboard that it is optional"
            }
            Self::MemberLimit => {
                "cannot tell how many members an organization of the Clerk instance may have: see in its \
                 dashboard that there is room for an owner"
            }
        })
    }
}

/// Why nothing can be done with the instance until people change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceProblem {
    /// Organizations are not enabled.
    Disabled,
    /// Users without any organization count as signed out.
    MembershipRequired,
    /// The secret key does not count.
    SecretKey,
    /// The plan has no organizations.
    Plan,
    /// The plan has no more room.
    Full,
}

impl InstanceProblem {
    /// Every one.
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
            Self::SecretKey => "Clerk does not take the secret key: see clerk.secret_key",
            Self::Plan => "the plan of the Clerk instance does not include organizations",
            Self::Full => "the plan of the Clerk instance has no room for further organizations",
        })
    }
}

/// Why Clerk refused; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryRefusal {
    /// There is no such organization, or no such user.
    NotFound,
    /// They are a member.
    AlreadyMember,
    /// The creator is no user of the instance.
    CreatorUnknown,
    /// The creator has created as many organizations as they may.
    CreatorFull,
    /// The slug is taken.
    SlugTaken,
    /// Somebody else changes it at this moment.
    Conflict,
    /// Nothing can be done with the instance.
    Instance(InstanceProblem),
    /// Refused with this status, and without a word of Clerk's: perhaps by something on the way to it.
    Unexplained(u16),
    /// Anything else, which the same call would meet again: Clerk's code.
    Other(String),
}

/// How a call failed, by what the caller may do next.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFailure {
    /// Nothing reached Clerk.
    #[error("Clerk could not be reached")]
    NotSent(#[source] BoxError),
    /// Clerk wants to be left alone; nothing was done.
    #[error("Clerk wants to be left alone for {} s", .0.as_secs())]
    Busy(Duration),
    /// Clerk refused; nothing was done.
    #[error("Clerk refused: {0:?}")]
    Refused(DirectoryRefusal),
    /// Nobody knows whether it was done.
    #[error("the outcome at Clerk is unknown")]
    Unknown {
        /// How long Clerk wants to be left alone, if it says so.
        rest: Option<Duration>,
        /// What went wrong.
        source: BoxError,
    },
}

/// Entries of a page, at most.
pub const DIRECTORY_PAGE: usize = 500;

/// An answer of Clerk's to come.
pub type Told<'a, T> = BoxFuture<'a, Result<T, DirectoryFailure>>;

/// Clerk's organizations. Each call is one request: the caller has a budget of them, and decides what a
/// failure means.
pub trait OrganizationDirectory: Send + Sync {
    /// The settings; [`DirectoryRefusal::Instance`] when they do not suit.
    fn settings(&self) -> Told<'_, DirectorySettings>;

    /// An organization; `None` when there is none with the id.
    fn find<'a>(&'a self, id: &'a ClerkOrganizationId) -> Told<'a, Option<DirectoryEntry>>;

    /// The organization with a slug; `None` when there is none.
    fn find_by_slug<'a>(&'a self, slug: &'a str) -> Told<'a, Option<DirectoryEntry>>;

    /// Of the organizations that a user is a member of, [`DIRECTORY_PAGE`] from `offset` on.
    fn of_member<'a>(
        &'a self,
        user: &'a ClerkUserId,
        offset: usize,
    ) -> Told<'a, Vec<DirectoryEntry>>;

    /// Those whose name contains a text, [`DIRECTORY_PAGE`] at most.
    fn search<'a>(&'a self, text: &'a str) -> Told<'a, Vec<DirectoryEntry>>;

    /// Of all organizations, [`DIRECTORY_PAGE`] from `offset` on, the oldest first, so that those that are
    /// created meanwhile move no page; with the number of their members.
    fn page(&self, offset: usize) -> Told<'_, Vec<DirectoryEntry>>;

    /// Creates one.
    fn create<'a>(&'a self, new: &'a NewDirectoryEntry) -> Told<'a, ClerkOrganizationId>;

    /// Writes what it is to show; what else is in its metadata stays. Returns it as it is then.
    fn describe<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
        profile: &'a Profile,
    ) -> Told<'a, DirectoryEntry>;

    /// Gives it another name.
    fn rename<'a>(&'a self, id: &'a ClerkOrganizationId, name: &'a str) -> Told<'a, ()>;

    /// Makes a user a member.
    fn add_member<'a>(
        &'a self,
        id: &'a ClerkOrganizationId,
        user: &'a ClerkUserId,
        role: &'a str,
    ) -> Told<'a, ()>;

    /// Deletes one.
    fn remove<'a>(&'a self, id: &'a ClerkOrganizationId) -> Told<'a, ()>;
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
