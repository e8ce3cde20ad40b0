//! The outbox: organizations that differ from their copy in Clerk, and the limits of the sync.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    base::{OrganizationId, StoreError},
    clerk::{ClerkOrganizationId, ClerkUserId, InstanceProblem},
};

/// Rate and retry limits of the sync to Clerk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProvisioningLimits {
    /// Requests per second, shared by all workers of all processes.
    pub requests_per_second: f64,
    /// How long a worker keeps a row without renewing its lease.
    pub lease: Duration,
    /// How long after an unanswered create call a worker looks for the organization: Clerk does not
    /// document how soon its lists show a new one.
    pub settle: Duration,
    /// Failed attempts after which a row becomes a dead letter.
    pub max_attempts: u32,
}

/// A leased row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The organization.
    pub organization: OrganizationId,
    /// Fencing token against earlier lease holders.
    pub token: Uuid,
    /// Version of the change when the row was taken.
    pub version: i64,
    /// Earlier attempts that failed.
    pub attempts: u32,
    /// Whether Clerk may have created the organization without our knowledge.
    pub is_creating: bool,
    /// The creator that the creation named, if any.
    pub creator: Option<ClerkUserId>,
    /// The organization was deleted here and must be deleted in Clerk.
    pub is_deletion: bool,
    /// Clerk's id of a deleted organization, or one from a Clerk message; as stored.
    pub hint: Option<String>,
    /// The database it belongs to.
    pub source: Uuid,
}

/// The next work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Phase 1b is off, or not installed yet.
    Off,
    /// Nothing is due.
    Idle,
    /// The budget is used up, or requests to Clerk are paused, for this long.
    Rest(Duration),
    /// A row, and one request from the budget.
    Taken(Lease),
}

/// Result of storing Clerk's id of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteResult {
    /// It is stored.
    Kept,
    /// The organization already has another id.
    Superseded,
    /// The organization was deleted; the id is in its row of the outbox, to be deleted in Clerk.
    Gone,
}

/// When and how a row is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reschedule<'a> {
    /// When the next attempt is due.
    pub delay: Duration,
    /// Whether this attempt counts as failed.
    pub counts: bool,
    /// Why it is not done: a code.
    pub failure: &'a str,
    /// Whether it is certain that Clerk created nothing.
    pub is_uncreated: bool,
}

/// An organization that workers no longer try to sync until somebody retries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The organization.
    pub organization: OrganizationId,
    /// Why: a code.
    pub reason: String,
    /// Failed attempts.
    pub attempts: u32,
    /// Whether the organization was deleted here, and must be deleted in Clerk.
    pub is_deletion: bool,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Size of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxDepth {
    /// Waiting rows, including those in progress.
    pub pending: i64,
    /// Age of the oldest of them, in seconds.
    pub oldest_seconds: i64,
    /// Dead letters.
    pub dead: i64,
}

/// The outbox, the request budget, and Clerk's ids; only with [`Feature::Organizations`]. Uses the
/// database clock, so that machine clocks may differ. Every method fails with [`StoreError`] only.
///
/// [`Feature::Organizations`]: crate::database::Feature::Organizations
#[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
pub trait Provisioning {
    /// Takes the next due row, and one request from the budget.
    fn claim(&mut self, limits: &ProvisioningLimits) -> Result<Claim, StoreError>;

    /// Records that a create call with this creator is about to be sent, and renews the lease;
    /// `false` if the caller no longer holds the row.
    fn begin_creation(
        &mut self,
        lease: &Lease,
        creator: Option<&ClerkUserId>,
        limits: &ProvisioningLimits,
    ) -> Result<bool, StoreError>;

    /// Stores Clerk's id of an organization without one.
    fn store(
        &mut self,
        lease: &Lease,
        id: &ClerkOrganizationId,
        now: DateTime<Utc>,
    ) -> Result<WriteResult, StoreError>;

    /// Removes the id of an organization that Clerk no longer has.
    fn forget(
        &mut self,
        organization: OrganizationId,
        id: &ClerkOrganizationId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Completes the row; if the organization has changed since, the row stays for the next
    /// attempt.
    fn finish(&mut self, lease: &Lease) -> Result<(), StoreError>;

    /// Releases the row until its next attempt.
    fn reschedule(&mut self, lease: &Lease, how: &Reschedule<'_>) -> Result<(), StoreError>;

    /// The dead letters, the first ones by reason and key; none before the outbox is installed.
    fn dead_letters(&mut self, limit: i64) -> Result<Vec<DeadLetter>, StoreError>;

    /// Makes workers retry the dead letter of an organization, or all of them; returns how many.
    fn retry(&mut self, organization: Option<OrganizationId>) -> Result<usize, StoreError>;

    /// Makes the row a dead letter, with the reason.
    fn dead_letter(&mut self, lease: &Lease, reason: &str) -> Result<(), StoreError>;

    /// Takes a request from the budget; otherwise returns how long to wait for one.
    fn take_request(&mut self, limits: &ProvisioningLimits)
    -> Result<Option<Duration>, StoreError>;

    /// Charges requests that were sent to the budget.
    fn spend(&mut self, limits: &ProvisioningLimits, requests: u32) -> Result<(), StoreError>;

    /// Pauses all workers for this long; with the problem, if an operator has to fix one.
    fn pause(&mut self, rest: Duration, problem: Option<InstanceProblem>)
    -> Result<(), StoreError>;

    /// Size of the outbox; `None` if there is no outbox.
    fn depth(&mut self) -> Result<Option<OutboxDepth>, StoreError>;

    /// Whether phase 1b is on; `None` if there is no outbox.
    fn switch(&mut self) -> Result<Option<bool>, StoreError>;

    /// Records a message from Clerk; `false` when it was recorded before.
    fn take_message(&mut self, id: &str) -> Result<bool, StoreError>;

    /// Records permanently that Clerk deleted a user.
    fn remember_deleted_user(&mut self, id: &ClerkUserId) -> Result<(), StoreError>;

    /// Whether Clerk deleted a user. [`remember_deleted_user`](Self::remember_deleted_user) waits
    /// until the caller's transaction ends.
    fn is_deleted_user(&mut self, id: &ClerkUserId) -> Result<bool, StoreError>;

    /// Puts an organization into the outbox, with the id that Clerk may have for it.
    fn note(
        &mut self,
        organization: OrganizationId,
        hint: Option<&ClerkOrganizationId>,
    ) -> Result<(), StoreError>;

    /// The id of this database, which the metadata in Clerk names.
    fn source(&mut self) -> Result<Uuid, StoreError>;
}
