//! Tells Clerk what the outbox says, a row at a time (design §7): each organization has one at Clerk, which
//! shows its type and position, and its owner as a member.
//!
//! Nothing at Clerk makes a creation repeatable, so a row says before it is sent that it will be. Whoever
//! takes the row later, after whatever happened meanwhile, looks for what was created, and adopts it: among
//! the organizations of its owner, or by the working name that one without an owner is created under.

mod panics;
mod verdict;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    base::{Clock, OrganizationId, StoreError},
    clerk::{
        Claim, ClerkOrganizationId, ClerkUserId, DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure,
        DirectoryRefusal, DirectorySettings, InstanceProblem, Lease, NewDirectoryEntry,
        OrganizationDirectory, Pace, Profile, Stored, directory_name,
    },
    database::{Database, Feature, UnitOfWork},
    organizations::{OrganizationItem, OrganizationReference},
    positions::PositionId,
};
use panics::caught;
use verdict::{HALT, LONGEST_ABSENCE, Setback, Verdict};

/// Name of an organization that has none.
const NAMELESS: &str = "Organization";

/// A random number from 0 to 1, so that workers do not all come back at one moment.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Tells Clerk what the outbox says.
#[derive(Clone)]
pub struct Provisioner {
    /// The outbox.
    pub database: Arc<dyn Database>,
    /// Clerk.
    pub directory: Arc<dyn OrganizationDirectory>,
    /// The clock of what is stored; the outbox has the database's.
    pub clock: Arc<dyn Clock>,
    /// Spreads waits.
    pub jitter: Jitter,
    /// How fast, and how patiently.
    pub pace: Pace,
}

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Phase 1b is off, or not there yet.
    Off,
    /// Nothing is due.
    Idle,
    /// Clerk is left alone so long.
    Rest(Duration),
    /// People have to change something first.
    Halted(InstanceProblem),
    /// Clerk was told of an organization.
    Told(OrganizationId),
    /// It was not, for now or until people look at it.
    Failed {
        /// Of which.
        organization: OrganizationId,
        /// Why: a code.
        failure: String,
        /// It was given up.
        is_dead: bool,
    },
}

impl Turn {
    /// Whether it may have come of settings of the instance that are others by now; what comes of an outage
    /// has not.
    #[must_use]
    pub fn may_come_of_settings(&self) -> bool {
        match self {
            Self::Off | Self::Halted(_) => true,
            Self::Failed { failure, .. } => failure == "conflict" || failure.starts_with("refused"),
            Self::Idle | Self::Rest(_) | Self::Told(_) => false,
        }
    }
}

/// A row with all that it takes to work on it.
struct Visit<'p> {
    provisioner: &'p Provisioner,
    settings: &'p DirectorySettings,
    lease: Lease,
    requests: u32,
    /// Whether this visit has sent a creation.
    has_sent_creation: bool,
}

enum Task {
    /// The organization is gone.
    Remove(Option<ClerkOrganizationId>),
    /// Something of it cannot be read: a code.
    Damaged(&'static str),
    /// To be there, with its id as it is stored.
    Provide(Box<Wanted>),
}

struct Wanted {
    profile: Profile,
    name: String,
    owner: Option<ClerkUserId>,
    stored: Option<ClerkOrganizationId>,
}

impl Provisioner {
    /// The settings of the Clerk instance, once phase 1b is on; else the turn that comes of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settings(&self) -> Result<Result<DirectorySettings, Turn>, StoreError> {
        let is_on = |uow: &mut dyn UnitOfWork| {
            Ok::<_, StoreError>(
                uow.offers(Feature::Organizations) && uow.provisioning().switch()? == Some(true),
            )
        };
        if !self.database.read("provisioning.switch", is_on).await? {
            return Ok(Err(Turn::Off));
        }
        let pace = self.pace;
        let take = move |uow: &mut dyn UnitOfWork| uow.provisioning().take_request(&pace);
        if let Some(rest) = self.database.transaction("provisioning.take_request", take).await? {
            return Ok(Err(Turn::Rest(rest)));
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
        Ok(Err(problem.map_or(Turn::Rest(rest), Turn::Halted)))
    }

    /// Takes the next row that is due and tells Clerk.
    ///
    /// # Errors
    /// [`StoreError`]; what fails at Clerk is in the outbox.
    pub async fn turn(&self, settings: &DirectorySettings) -> Result<Turn, StoreError> {
        let pace = self.pace;
        let claim = self.database.transaction("provisioning.claim", move |uow| claim(uow, &pace));
        let (lease, task) = match claim.await? {
            (Claim::Off, _) => return Ok(Turn::Off),
            (Claim::Idle, _) => return Ok(Turn::Idle),
            (Claim::Rest(rest), _) => return Ok(Turn::Rest(rest)),
            (Claim::Taken(lease), task) => (lease, task),
        };
        let mut visit =
            Visit { provisioner: self, settings, lease, requests: 0, has_sent_creation: false };
        let outcome = caught(visit.work(task)).await;
        visit.end(outcome.unwrap_or(Err(Setback::Panicked))).await
    }
}

fn claim(uow: &mut dyn UnitOfWork, pace: &Pace) -> Result<(Claim, Option<Task>), StoreError> {
    if !uow.offers(Feature::Organizations) {
        return Ok((Claim::Off, None));
    }
    let claim = uow.provisioning().claim(pace)?;
    let Claim::Taken(lease) = &claim else { return Ok((claim, None)) };
    let task = if lease.is_deletion { Some(removal(lease)) } else { provision(uow, lease)? };
    Ok((claim, task))
}

/// What is no id of Clerk's is mended by people: the organization may have had one, which has to go.
fn removal(lease: &Lease) -> Task {
    match &lease.hint {
        None => Task::Remove(None),
        Some(id) => ClerkOrganizationId::parse(id)
            .map_or(Task::Damaged("clerk-id-damaged"), |id| Task::Remove(Some(id))),
    }
}

/// What is to be provided; `None` when it is gone. One that cannot be read is given up by itself: an error
/// would give the row back, and every worker would take it again before all others.
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

/// What failed because of what is stored. When the statement itself failed, the transaction cannot be
/// committed, and the row is given back with it.
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

/// What Clerk should have of an organization; `None` when it cannot be read.
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

impl Visit<'_> {
    fn directory(&mut self) -> &dyn OrganizationDirectory {
        self.requests += 1;
        &*self.provisioner.directory
    }

    async fn work(&mut self, task: Option<Task>) -> Result<(), Setback> {
        match task {
            // Gone, and Clerk never had it.
            None => Ok(()),
            Some(Task::Damaged(reason)) => Err(Setback::Hopeless(reason)),
            Some(Task::Remove(id)) => self.remove(id).await,
            Some(Task::Provide(wanted)) => self.provide(*wanted).await,
        }
    }

    async fn remove(&mut self, id: Option<ClerkOrganizationId>) -> Result<(), Setback> {
        let known = match &id {
            Some(id) => self.directory().find(id).await?,
            None => None,
        };
        // The id may be a message's, or have come with a copy of a database.
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

    async fn provide(&mut self, mut wanted: Wanted) -> Result<(), Setback> {
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
                if self.store(&found.id).await? == Stored::Superseded {
                    return Err(Setback::Again);
                }
                // Even where it shows all that it should: what is read may be old, and what is written is not.
                let described = self.directory().describe(&found.id, &wanted.profile).await?;
                self.finish_name(&described, &wanted).await?;
                self.add(owner, &described.id).await
            }
            None => self.create(wanted, owner).await,
        }
    }

    /// The organization at Clerk that says it is this one; of several the oldest, which is what a sweep
    /// keeps, too.
    async fn look_up(
        &mut self,
        profile: &Profile,
        owner: Option<&ClerkUserId>,
    ) -> Result<Option<DirectoryEntry>, Setback> {
        let mut found = self.created_meanwhile(owner).await?;
        // One that cannot be read names nothing at Clerk; what else there may be is looked for all the same.
        let hint = self.lease.hint.as_deref().and_then(ClerkOrganizationId::parse);
        if let Some(hint) = hint {
            found.extend(self.directory().find(&hint).await?);
        }
        // Of what an earlier database left nothing says that it was ever sent.
        if self.settings.has_slugs {
            found.extend(self.directory().find_by_slug(&profile.slug()).await?);
        } else if let (false, Some(owner)) = (self.lease.is_creating, owner) {
            found.extend(self.of_member(owner).await?);
        }
        found.retain(|entry| entry.is_of(profile.organization, profile.source));
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        for entry in found {
            // A list may still show one that was deleted, or as it was.
            let present = self.directory().find(&entry.id).await?;
            if present.as_ref().is_some_and(|it| it.is_of(profile.organization, profile.source)) {
                return Ok(present);
            }
        }
        Ok(None)
    }

    async fn of_member(&mut self, owner: &ClerkUserId) -> Result<Vec<DirectoryEntry>, Setback> {
        let mut found = Vec::new();
        loop {
            let page = self.directory().of_member(owner, found.len()).await;
            // Clerk may have deleted the user, and not told us yet.
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

    /// What Clerk may have of the organization since its creation was first sent: with its owner as creator,
    /// or without one under its working name.
    async fn created_meanwhile(
        &mut self,
        owner: Option<&ClerkUserId>,
    ) -> Result<Vec<DirectoryEntry>, Setback> {
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

    /// One that was created without a creator has its working name until here.
    async fn finish_name(
        &mut self,
        entry: &DirectoryEntry,
        wanted: &Wanted,
    ) -> Result<(), Setback> {
        if entry.name == wanted.profile.working_name() {
            self.directory().rename(&entry.id, &wanted.name).await?;
        }
        Ok(())
    }

    async fn create(&mut self, wanted: Wanted, owner: Option<ClerkUserId>) -> Result<(), Setback> {
        if !self.begin_creation(owner.clone()).await? {
            return Err(Setback::Again);
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
                    return Err(Setback::Again);
                }
                self.directory().create(&new).await
            }
            created => created,
        };
        let id = created?;
        match self.store(&id).await? {
            Stored::Kept if new.creator.is_some() => Ok(()),
            Stored::Kept => {
                self.directory().rename(&id, &name).await?;
                self.add(owner, &id).await
            }
            Stored::Gone => Ok(()),
            // Another worker, which took the row when the lease of this one had ended, was faster. (One that
            // cannot be removed now is a double of the sweep's.)
            Stored::Superseded => {
                let removed = self.directory().remove(&id).await;
                Ok(tolerating(removed, &[DirectoryRefusal::NotFound])?)
            }
        }
    }

    /// Makes the owner a member. One whom Clerk does not know is none, until it does.
    async fn add(
        &mut self,
        owner: Option<ClerkUserId>,
        id: &ClerkOrganizationId,
    ) -> Result<(), Setback> {
        let Some(owner) = owner else { return Ok(()) };
        let role = self.settings.owner_role.clone();
        let added = self.directory().add_member(id, &owner, &role).await;
        match tolerating(added, &[DirectoryRefusal::AlreadyMember]) {
            // It may be the organization that is not there.
            Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound))
                if self.directory().find(id).await?.is_some() =>
            {
                Ok(())
            }
            added => Ok(added?),
        }
    }

    async fn begin_creation(&self, creator: Option<ClerkUserId>) -> Result<bool, StoreError> {
        let (lease, pace) = (self.lease.clone(), self.provisioner.pace);
        let work = move |uow: &mut dyn UnitOfWork| {
            uow.provisioning().begin_creation(&lease, creator.as_ref(), &pace)
        };
        self.provisioner.database.transaction("provisioning.begin_creation", work).await
    }

    async fn store(&self, id: &ClerkOrganizationId) -> Result<Stored, Setback> {
        let (lease, id, now) = (self.lease.clone(), id.clone(), self.now());
        let work = move |uow: &mut dyn UnitOfWork| uow.provisioning().store(&lease, &id, now);
        match self.provisioner.database.transaction("provisioning.store", work).await {
            // Somebody has changed what another organization's says of itself.
            Err(StoreError::Conflict { .. }) => Err(Setback::Hopeless("clerk-organization-taken")),
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

    /// Writes what came of the row, and takes what it cost from the budget: one request was taken with
    /// the row. What was sent is taken even if nothing can be written.
    async fn end(self, outcome: Result<(), Setback>) -> Result<Turn, StoreError> {
        let Self { provisioner, lease, requests, has_sent_creation, .. } = self;
        let is_first_creation = has_sent_creation && !lease.is_creating;
        let pace = provisioner.pace;
        let spend = move |uow: &mut dyn UnitOfWork| {
            uow.provisioning().spend(&pace, requests.saturating_sub(1))
        };
        let rest = match &outcome {
            Err(Setback::Call(DirectoryFailure::Unknown { rest, .. })) => *rest,
            _ => None,
        };
        let verdict = match outcome {
            Err(Setback::Store(error)) => {
                provisioner.database.transaction("provisioning.spend", spend).await?;
                return Err(error);
            }
            Err(setback) => Verdict::of(setback, lease.attempts, is_first_creation, provisioner),
            Ok(()) => Verdict::Finished,
        };
        let turn = verdict.turn(lease.organization);
        let work = move |uow: &mut dyn UnitOfWork| {
            verdict.write(&lease, uow)?;
            if let Some(rest) = rest {
                uow.provisioning().pause(rest, None)?;
            }
            spend(uow)
        };
        provisioner.database.transaction("provisioning.end", work).await?;
        Ok(turn)
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
