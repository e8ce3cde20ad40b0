//! Syncs organizations to Clerk, one outbox row at a time (design §7): each organization has a
//! counterpart in Clerk, with its type and position, and its owner as a member.
//!
//! Clerk has no idempotent create call, so the row records each create call before it is sent. A
//! later attempt looks for its result, and adopts it: among the organizations of the owner, or by
//! the temporary name of an organization that was created without one.

mod disposition;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;

use crate::{
    base::{Clock, OrganizationId, StoreError},
    clerk::{
        Claim, ClerkOrganizationId, ClerkUserId, DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure,
        DirectoryRefusal, DirectorySettings, InstanceProblem, Lease, NewDirectoryEntry,
        OrganizationDirectory, Profile, ProvisioningLimits, WriteResult, directory_name,
    },
    database::{Database, Feature, UnitOfWork},
    organizations::{OrganizationItem, OrganizationReference},
    positions::PositionId,
};
use disposition::{AttemptError, Disposition, HALT, LONGEST_ABSENCE};

/// Name of an organization without a name.
const NAMELESS: &str = "Organization";

/// A random number from 0 to 1, which keeps workers from retrying at the same moment.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Syncs organizations from the outbox to Clerk.
#[derive(Clone)]
pub struct Provisioner {
    /// The outbox.
    pub database: Arc<dyn Database>,
    /// Clerk.
    pub directory: Arc<dyn OrganizationDirectory>,
    /// The clock of stored times; the outbox uses the database's.
    pub clock: Arc<dyn Clock>,
    /// Spreads retries.
    pub jitter: Jitter,
    /// Rate and retry limits.
    pub limits: ProvisioningLimits,
}

/// What [`Provisioner::process_next`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkOutcome {
    /// Phase 1b is off, or not installed yet.
    Off,
    /// Nothing is due.
    Idle,
    /// No request may be sent for this long.
    Paused(Duration),
    /// An operator has to fix the instance first.
    Halted(InstanceProblem),
    /// An organization was synced.
    Synced(OrganizationId),
    /// An organization was not synced.
    Failed {
        /// Which.
        organization: OrganizationId,
        /// Why: a code.
        failure: String,
        /// Whether it is a dead letter now.
        is_dead: bool,
    },
}

impl WorkOutcome {
    /// Whether changed instance settings may have caused it. After an outage they need not be read
    /// again.
    #[must_use]
    pub fn may_be_due_to_settings(&self) -> bool {
        match self {
            Self::Off | Self::Halted(_) => true,
            Self::Failed { failure, .. } => failure == "conflict" || failure.starts_with("refused"),
            Self::Idle | Self::Paused(_) | Self::Synced(_) => false,
        }
    }
}

/// One attempt to sync a row.
struct Attempt<'p> {
    provisioner: &'p Provisioner,
    settings: &'p DirectorySettings,
    lease: Lease,
    requests: u32,
    /// Whether this attempt has sent a creation.
    has_sent_creation: bool,
}

enum Task {
    /// Delete the organization in Clerk.
    Remove(Option<ClerkOrganizationId>),
    /// A stored value cannot be read: a code.
    Damaged(&'static str),
    /// Create or update the organization in Clerk.
    Provide(Box<Wanted>),
}

struct Wanted {
    profile: Profile,
    name: String,
    owner: Option<ClerkUserId>,
    stored: Option<ClerkOrganizationId>,
}

impl Provisioner {
    /// The settings of the Clerk instance; or why there are none, such as that phase 1b is off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settings(&self) -> Result<Result<DirectorySettings, WorkOutcome>, StoreError> {
        let is_on = |uow: &mut dyn UnitOfWork| {
            Ok::<_, StoreError>(
                uow.offers(Feature::Organizations) && uow.provisioning().switch()? == Some(true),
            )
        };
        if !self.database.read("provisioning.switch", is_on).await? {
            return Ok(Err(WorkOutcome::Off));
        }
        let limits = self.limits;
        let take = move |uow: &mut dyn UnitOfWork| uow.provisioning().take_request(&limits);
        if let Some(rest) = self.database.transaction("provisioning.take_request", take).await? {
            return Ok(Err(WorkOutcome::Paused(rest)));
        }
        let failure = match self.directory.settings().await {
            Ok(settings) => return Ok(Ok(settings)),
            Err(failure) => failure,
        };
        let (rest, problem) = match &failure {
            DirectoryFailure::Refused(DirectoryRefusal::Instance(problem)) => {
                (HALT, Some(*problem))
            }
            DirectoryFailure::Busy(rest) | DirectoryFailure::Unknown { rest: Some(rest), .. } => {
                (*rest, None)
            }
            _ => (LONGEST_ABSENCE / 10, None),
        };
        let pause = move |uow: &mut dyn UnitOfWork| uow.provisioning().pause(rest, problem);
        self.database.transaction("provisioning.pause", pause).await?;
        Ok(Err(problem.map_or(WorkOutcome::Paused(rest), WorkOutcome::Halted)))
    }

    /// Takes the next due row, and syncs its organization.
    ///
    /// # Errors
    /// [`StoreError`]; failures in Clerk are recorded in the outbox.
    pub async fn process_next(
        &self,
        settings: &DirectorySettings,
    ) -> Result<WorkOutcome, StoreError> {
        let limits = self.limits;
        let claim = self.database.transaction("provisioning.claim", move |uow| claim(uow, &limits));
        let (lease, task) = match claim.await? {
            (Claim::Off, _) => return Ok(WorkOutcome::Off),
            (Claim::Idle, _) => return Ok(WorkOutcome::Idle),
            (Claim::Rest(rest), _) => return Ok(WorkOutcome::Paused(rest)),
            (Claim::Taken(lease), task) => (lease, task),
        };
        let mut attempt =
            Attempt { provisioner: self, settings, lease, requests: 0, has_sent_creation: false };
        // A panic fails only this row; all others are synced.
        let outcome = AssertUnwindSafe(attempt.work(task)).catch_unwind().await;
        attempt.end(outcome.unwrap_or(Err(AttemptError::Panicked))).await
    }
}

fn claim(
    uow: &mut dyn UnitOfWork,
    limits: &ProvisioningLimits,
) -> Result<(Claim, Option<Task>), StoreError> {
    if !uow.offers(Feature::Organizations) {
        return Ok((Claim::Off, None));
    }
    let claim = uow.provisioning().claim(limits)?;
    let Claim::Taken(lease) = &claim else { return Ok((claim, None)) };
    let task = if lease.is_deletion { Some(removal(lease)) } else { provision(uow, lease)? };
    Ok((claim, task))
}

/// An operator has to repair an id that is not a Clerk id: an organization may remain in Clerk.
fn removal(lease: &Lease) -> Task {
    match &lease.hint {
        None => Task::Remove(None),
        Some(id) => ClerkOrganizationId::parse(id)
            .map_or(Task::Damaged("clerk-id-damaged"), |id| Task::Remove(Some(id))),
    }
}

/// What to create or update; `None` if the organization was deleted. An unreadable row becomes a
/// dead letter: an error would release it, and every worker would take it again first.
fn provision(uow: &mut dyn UnitOfWork, lease: &Lease) -> Result<Option<Task>, StoreError> {
    let reference = OrganizationReference::Ours(lease.organization);
    let item = match uow.organizations().find(&reference, None) {
        Ok(Some(item)) => item,
        Ok(None) => return Ok(None),
        Err(error) => return damaged(error, "organization-damaged"),
    };
    let owner = match uow.users().clerk_id(item.owner.id) {
        Ok(owner) => owner,
        Err(error) => return damaged(error, "user-damaged"),
    };
    let wanted = wanted(&item, owner, lease).map(|it| Task::Provide(Box::new(it)));
    Ok(Some(wanted.unwrap_or(Task::Damaged("organization-damaged"))))
}

/// Distinguishes unreadable data from failed statements: those abort the transaction, which
/// releases the row.
fn damaged(error: StoreError, reason: &'static str) -> Result<Option<Task>, StoreError> {
    match error {
        StoreError::Inconsistent { .. } | StoreError::Other(_) => Ok(Some(Task::Damaged(reason))),
        StoreError::Unavailable(_)
        | StoreError::Cancelled { .. }
        | StoreError::Conflict { .. }
        | StoreError::NotMigrated
        | StoreError::TooLarge { .. }
        | StoreError::ListTooLarge { .. }
        | StoreError::LimitReached { .. } => Err(error),
    }
}

/// The intended state of an organization in Clerk; `None` if it cannot be read.
fn wanted(item: &OrganizationItem, owner: Option<ClerkUserId>, lease: &Lease) -> Option<Wanted> {
    let position = &item.link.as_ref()?.position.id;
    let stored = match &item.clerk_organization_id {
        Some(id) => Some(ClerkOrganizationId::parse(id)?),
        None => None,
    };
    let name = directory_name(&item.name());
    Some(Wanted {
        profile: Profile {
            organization: item.id,
            source: lease.source,
            kind: item.kind,
            position: PositionId::ballot_ready(position).cloned(),
        },
        name: if name.is_empty() { NAMELESS.to_owned() } else { name },
        owner,
        stored,
    })
}

impl Attempt<'_> {
    fn directory(&mut self) -> &dyn OrganizationDirectory {
        self.requests += 1;
        &*self.provisioner.directory
    }

    async fn work(&mut self, task: Option<Task>) -> Result<(), AttemptError> {
        match task {
            // Deleted before it was created in Clerk.
            None => Ok(()),
            Some(Task::Damaged(reason)) => Err(AttemptError::Hopeless(reason)),
            Some(Task::Remove(id)) => self.remove(id).await,
            Some(Task::Provide(wanted)) => self.provide(*wanted).await,
        }
    }

    async fn remove(&mut self, id: Option<ClerkOrganizationId>) -> Result<(), AttemptError> {
        let known = match &id {
            Some(id) => self.directory().find(id).await?,
            None => None,
        };
        // The id may come from a message, or from a copy of a database.
        let (organization, source) = (self.lease.organization, self.lease.source);
        if let Some(entry) = known.filter(|entry| !entry.is_of_another(organization, source)) {
            tolerating(self.directory().remove(&entry.id).await, &[DirectoryRefusal::NotFound])?;
        }
        for entry in self.created_meanwhile(None).await? {
            let removed = self.directory().remove(&entry.id).await;
            tolerating(removed, &[DirectoryRefusal::NotFound])?;
        }
        Ok(())
    }

    async fn provide(&mut self, mut wanted: Wanted) -> Result<(), AttemptError> {
        let owner = wanted.owner.take();
        if let Some(id) = wanted.stored.take() {
            match self.directory().describe(&id, &wanted.profile).await {
                Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound)) => {
                    self.forget(id).await?;
                }
                described => {
                    self.finish_name(&described?, &wanted).await?;
                    return self.add(owner, &id).await;
                }
            }
        }
        match self.look_up(&wanted.profile, owner.as_ref()).await? {
            Some(found) => {
                if self.store(&found.id).await? == WriteResult::Superseded {
                    return Err(AttemptError::Again);
                }
                // Write even if everything matches: reads from Clerk may be stale, writes are not.
                let described = self.directory().describe(&found.id, &wanted.profile).await?;
                self.finish_name(&described, &wanted).await?;
                self.add(owner, &described.id).await
            }
            None => self.create(wanted, owner).await,
        }
    }

    /// The organization in Clerk that names this one in its metadata; of several the oldest, which
    /// a sweep also keeps.
    async fn look_up(
        &mut self,
        profile: &Profile,
        owner: Option<&ClerkUserId>,
    ) -> Result<Option<DirectoryEntry>, AttemptError> {
        let mut found = self.created_meanwhile(owner).await?;
        // A malformed hint matches nothing in Clerk; the other lookups continue.
        let hint = self.lease.hint.as_deref().and_then(ClerkOrganizationId::parse);
        if let Some(hint) = hint {
            found.extend(self.directory().find(&hint).await?);
        }
        // No row records create calls that were sent from an earlier copy of this database.
        if self.settings.has_slugs {
            found.extend(self.directory().find_by_slug(&profile.slug()).await?);
        } else if let (false, Some(owner)) = (self.lease.is_creating, owner) {
            found.extend(self.of_member(owner).await?);
        }
        found.retain(|entry| entry.is_of(profile.organization, profile.source));
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        for entry in found {
            // A list may be stale: it may contain deleted organizations and old metadata.
            let present = self.directory().find(&entry.id).await?;
            if present.as_ref().is_some_and(|it| it.is_of(profile.organization, profile.source)) {
                return Ok(present);
            }
        }
        Ok(None)
    }

    async fn of_member(
        &mut self,
        owner: &ClerkUserId,
    ) -> Result<Vec<DirectoryEntry>, AttemptError> {
        let mut found = Vec::new();
        loop {
            let page = self.directory().of_member(owner, found.len()).await;
            // Clerk may have deleted the user without telling us yet.
            if let Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound)) = page {
                return Ok(found);
            }
            let page = page?;
            let is_last = page.len() < DIRECTORY_PAGE;
            found.extend(page);
            if is_last {
                return Ok(found);
            }
        }
    }

    /// What an earlier create call may have left in Clerk: an organization of its creator, or one
    /// with its temporary name.
    async fn created_meanwhile(
        &mut self,
        owner: Option<&ClerkUserId>,
    ) -> Result<Vec<DirectoryEntry>, AttemptError> {
        if !self.lease.is_creating {
            return Ok(Vec::new());
        }
        let organization = self.lease.organization;
        let mut found = self.directory().search(&organization.to_string()).await?;
        let creator = self.lease.creator.clone();
        let other_owner = owner.filter(|owner| creator.as_ref() != Some(owner));
        for member in creator.iter().chain(other_owner) {
            found.extend(self.of_member(member).await?);
        }
        let source = self.lease.source;
        found.retain(|entry| entry.is_of(organization, source));
        Ok(found)
    }

    /// Replaces the temporary name of an organization that was created without a creator.
    async fn finish_name(
        &mut self,
        entry: &DirectoryEntry,
        wanted: &Wanted,
    ) -> Result<(), AttemptError> {
        if entry.name == wanted.profile.working_name() {
            self.directory().rename(&entry.id, &wanted.name).await?;
        }
        Ok(())
    }

    async fn create(
        &mut self,
        wanted: Wanted,
        owner: Option<ClerkUserId>,
    ) -> Result<(), AttemptError> {
        if !self.begin_creation(owner.clone()).await? {
            return Err(AttemptError::Again);
        }
        self.has_sent_creation = true;
        let Wanted { profile, name, .. } = wanted;
        let slug = self.settings.has_slugs.then(|| profile.slug());
        let working_name = profile.working_name();
        let first_name = if owner.is_some() { name.clone() } else { working_name.clone() };
        let mut new = NewDirectoryEntry { name: first_name, slug, creator: owner.clone(), profile };
        let created = match self.directory().create(&new).await {
            Err(DirectoryFailure::Refused(
                DirectoryRefusal::CreatorUnknown | DirectoryRefusal::CreatorFull,
            )) => {
                (new.creator, new.name) = (None, working_name);
                if !self.begin_creation(None).await? {
                    return Err(AttemptError::Again);
                }
                self.directory().create(&new).await
            }
            created => created,
        };
        let id = created?;
        match self.store(&id).await? {
            WriteResult::Kept if new.creator.is_some() => Ok(()),
            WriteResult::Kept => {
                self.directory().rename(&id, &name).await?;
                self.add(owner, &id).await
            }
            WriteResult::Gone => Ok(()),
            // Another worker took the row after this lease expired, and finished first. (A sweep
            // removes the duplicate if this call fails.)
            WriteResult::Superseded => {
                let removed = self.directory().remove(&id).await;
                Ok(tolerating(removed, &[DirectoryRefusal::NotFound])?)
            }
        }
    }

    /// Makes the owner a member. An owner without a Clerk account is added later.
    async fn add(
        &mut self,
        owner: Option<ClerkUserId>,
        id: &ClerkOrganizationId,
    ) -> Result<(), AttemptError> {
        let Some(owner) = owner else { return Ok(()) };
        let role = self.settings.owner_role.clone();
        let added = self.directory().add_member(id, &owner, &role).await;
        match tolerating(added, &[DirectoryRefusal::AlreadyMember]) {
            // The user is missing, not the organization.
            Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound))
                if self.directory().find(id).await?.is_some() =>
            {
                Ok(())
            }
            added => Ok(added?),
        }
    }

    async fn begin_creation(&self, creator: Option<ClerkUserId>) -> Result<bool, StoreError> {
        let (lease, limits) = (self.lease.clone(), self.provisioner.limits);
        let work = move |uow: &mut dyn UnitOfWork| {
            uow.provisioning().begin_creation(&lease, creator.as_ref(), &limits)
        };
        self.provisioner.database.transaction("provisioning.begin_creation", work).await
    }

    async fn store(&self, id: &ClerkOrganizationId) -> Result<WriteResult, AttemptError> {
        let (lease, id, now) = (self.lease.clone(), id.clone(), self.now());
        let work = move |uow: &mut dyn UnitOfWork| uow.provisioning().store(&lease, &id, now);
        match self.provisioner.database.transaction("provisioning.store", work).await {
            // The metadata of another organization was changed.
            Err(StoreError::Conflict { .. }) => {
                Err(AttemptError::Hopeless("clerk-organization-taken"))
            }
            stored => Ok(stored?),
        }
    }

    async fn forget(&self, id: ClerkOrganizationId) -> Result<(), StoreError> {
        let (organization, now): (OrganizationId, _) = (self.lease.organization, self.now());
        let work =
            move |uow: &mut dyn UnitOfWork| uow.provisioning().forget(organization, &id, now);
        self.provisioner.database.transaction("provisioning.forget", work).await
    }

    fn now(&self) -> DateTime<Utc> {
        self.provisioner.clock.now()
    }

    /// Writes the outcome of the attempt, and charges its requests to the budget: `claim` took the
    /// first one. Requests are charged even if the outcome cannot be written.
    async fn end(self, outcome: Result<(), AttemptError>) -> Result<WorkOutcome, StoreError> {
        let Self { provisioner, lease, requests, has_sent_creation, .. } = self;
        let is_first_creation = has_sent_creation && !lease.is_creating;
        let limits = provisioner.limits;
        let spend = move |uow: &mut dyn UnitOfWork| {
            uow.provisioning().spend(&limits, requests.saturating_sub(1))
        };
        let rest = match &outcome {
            Err(AttemptError::Call(DirectoryFailure::Unknown { rest, .. })) => *rest,
            _ => None,
        };
        let disposition = match outcome {
            Err(AttemptError::Store(error)) => {
                provisioner.database.transaction("provisioning.spend", spend).await?;
                return Err(error);
            }
            Err(error) => Disposition::of(error, lease.attempts, is_first_creation, provisioner),
            Ok(()) => Disposition::Finished,
        };
        let outcome = disposition.outcome(lease.organization);
        let work = move |uow: &mut dyn UnitOfWork| {
            disposition.write(&lease, uow)?;
            if let Some(rest) = rest {
                uow.provisioning().pause(rest, None)?;
            }
            spend(uow)
        };
        provisioner.database.transaction("provisioning.end", work).await?;
        Ok(outcome)
    }
}

fn tolerating(
    outcome: Result<(), DirectoryFailure>,
    harmless: &[DirectoryRefusal],
) -> Result<(), DirectoryFailure> {
    match outcome {
        Err(DirectoryFailure::Refused(refusal)) if harmless.contains(&refusal) => Ok(()),
        outcome => outcome,
    }
}
