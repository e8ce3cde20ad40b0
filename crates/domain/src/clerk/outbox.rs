//! The outbox of changes that Clerk has to be given, and the pace of giving them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    base::{OrganizationId, StoreError},
    clerk::{ClerkOrganizationId, ClerkUserId, InstanceProblem},
};

/// How fast, and how patiently, Clerk is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Requests a second, of all workers of all processes together.
    pub requests_per_second: f64,
    /// How long a row belongs to a worker that gives no sign of life.
    pub lease: Duration,
    /// How long after a creation without an answer its organization is looked for: Clerk does not say how
    /// soon its lists know of one.
    pub settle: Duration,
    /// Failed attempts after which a row is given up.
    pub max_attempts: u32,
}

/// A row of the outbox that is the caller's for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The organization.
    pub organization: OrganizationId,
    /// Fences off whoever had the row before.
    pub token: Uuid,
    /// What was to be told when it was taken.
    pub version: i64,
    /// Attempts that failed before.
    pub attempts: u32,
    /// Whether Clerk may have created it without our knowing.
    pub is_creating: bool,
    /// Whom the creation named as creator, if it named somebody.
    pub creator: Option<ClerkUserId>,
    /// The organization is gone, and has to go at Clerk.
    pub is_deletion: bool,
    /// Clerk's id of one that is gone, or that a message of Clerk's named; as it is stored.
    pub hint: Option<String>,
    /// Of which database it is.
    pub source: Uuid,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Phase 1b is off, or not there yet.
    Off,
    /// Nothing is due.
    Idle,
    /// The budget is used up, or Clerk is left alone, so long.
    Rest(Duration),
    /// A row, and one request of the budget.
    Taken(Lease),
}

/// What became of an id that was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is the organization's.
    Kept,
    /// The organization has another one.
    Superseded,
    /// The organization is gone; the id is in its row of the outbox, for it has to go at Clerk.
    Gone,
}

/// How a row is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiveBack<'a> {
    /// When it is tried next.
    pub delay: Duration,
    /// Whether the attempt counts.
    pub counts: bool,
    /// Why, in a code.
    pub failure: &'a str,
    /// Whether it is certain that Clerk has created nothing.
    pub is_uncreated: bool,
}

/// How the outbox fares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxDepth {
    /// Rows that wait, those under way included.
    pub pending: i64,
    /// Age of the oldest of them, in seconds.
    pub oldest_seconds: i64,
    /// Rows that were given up.
    pub dead: i64,
}

/// The outbox, the budget and the ids that came back; only where [`Feature::Organizations`]. Its times are the
/// database's, so that clocks of machines may differ.
///
/// [`Feature::Organizations`]: crate::database::Feature::Organizations
pub trait Provisioning {
    /// Takes the next row that is due, and one request of the budget.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claim(&mut self, pace: &Pace) -> Result<Claim, StoreError>;

    /// Says that a creation is about to be sent, with this creator, and renews the lease; `false` when the
    /// row is the caller's no more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin_creation(
        &mut self,
        lease: &Lease,
        creator: Option<&ClerkUserId>,
        pace: &Pace,
    ) -> Result<bool, StoreError>;

    /// Stores Clerk's id of an organization that has none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn store(
        &mut self,
        lease: &Lease,
        id: &ClerkOrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Stored, StoreError>;

    /// Forgets Clerk's id of an organization, which Clerk has no more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget(
        &mut self,
        organization: OrganizationId,
        id: &ClerkOrganizationId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// The row is done, unless more has changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    fn finish(&mut self, lease: &Lease) -> Result<(), StoreError>;

    /// The row is for another time.
    ///
    /// # Errors
    /// [`StoreError`].
    fn give_back(&mut self, lease: &Lease, how: &GiveBack<'_>) -> Result<(), StoreError>;

    /// The row is given up.
    ///
    /// # Errors
    /// [`StoreError`].
    fn bury(&mut self, lease: &Lease, reason: &str) -> Result<(), StoreError>;

    /// Takes a request of the budget; else says how long there is none, or Clerk is left alone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn take_request(&mut self, pace: &Pace) -> Result<Option<Duration>, StoreError>;

    /// Takes requests that were sent from the budget.
    ///
    /// # Errors
    /// [`StoreError`].
    fn spend(&mut self, pace: &Pace, requests: u32) -> Result<(), StoreError>;

    /// Nobody sends anything for so long; with the reason, if people have to change something.
    ///
    /// # Errors
    /// [`StoreError`].
    fn pause(&mut self, rest: Duration, problem: Option<InstanceProblem>)
    -> Result<(), StoreError>;

    /// How the outbox fares; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn depth(&mut self) -> Result<Option<OutboxDepth>, StoreError>;

    /// Whether phase 1b is on; `None` where there is no outbox.
    ///
    /// # Errors
    /// [`StoreError`].
    fn switch(&mut self) -> Result<Option<bool>, StoreError>;

    /// Notes a message of Clerk's; `false` when it was taken before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn take_message(&mut self, id: &str) -> Result<bool, StoreError>;

    /// Remembers for good that Clerk has deleted a user.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remember_deleted_user(&mut self, id: &ClerkUserId) -> Result<(), StoreError>;

    /// Whether Clerk has deleted a user. Who remembers that it has waits from here on until the caller's
    /// transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn is_deleted_user(&mut self, id: &ClerkUserId) -> Result<bool, StoreError>;

    /// Notes that Clerk has to be told of an organization; with an id, that Clerk may have it under this
    /// one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note(
        &mut self,
        organization: OrganizationId,
        hint: Option<&ClerkOrganizationId>,
    ) -> Result<(), StoreError>;

    /// Which database this is, in the metadata at Clerk.
    ///
    /// # Errors
    /// [`StoreError`].
    fn source(&mut self) -> Result<Uuid, StoreError>;
}
