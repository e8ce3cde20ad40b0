//! `backfill run clerk-organizations --sweep`: everything that Clerk has, against everything that it should
//! have. Where the answer to a call was lost, or people changed something by hand, only this tells.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::runtime::Runtime;
use uuid::Uuid;
use winserve_domain::{
    id::OrganizationId,
    identity::ClerkOrganizationId,
    organization::OrganizationKind,
    position::{BallotReadyId, PositionId},
    provisioning::{DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure, DirectoryRefusal, Profile},
};
use winserve_persistence::{
    PgConnection,
    backfill::{self as store, ClerkLink},
    connect,
};

use crate::{
    clerk_organizations::{ClerkRun, JOB, probe, require_phase_1b, runtime, unsaid},
    engine::RunError,
    status::SCHEMA_VERSION,
};

/// By how much pages overlap: what is deleted meanwhile moves them.
const OVERLAP: usize = 50;
/// Organizations of the database read at a time.
const PAGE: i64 = 2_000;
/// Keys named of each finding.
const EXAMPLES: usize = 20;
/// Tries of a page.
const TRIES: u32 = 3;
/// Before each further one.
const PAUSE: Duration = Duration::from_secs(1);

/// What is wrong, or worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Category {
    /// At Clerk, of this database, and of no organization any more.
    Orphan,
    /// At Clerk, of an organization that has another one.
    Double,
    /// Stored, and not at Clerk.
    Missing,
    /// At Clerk, of an organization that does not know it.
    Unstored,
    /// At Clerk, and shows something else than it should.
    Differing,
    /// At Clerk, and not of this database.
    Foreign,
}

impl Category {
    const ALL: [Self; 6] =
        [Self::Orphan, Self::Double, Self::Missing, Self::Unstored, Self::Differing, Self::Foreign];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Orphan => "orphan",
            Self::Double => "double",
            Self::Missing => "missing",
            Self::Unstored => "unstored",
            Self::Differing => "differing",
            Self::Foreign => "foreign",
        }
    }
}

/// One thing that a sweep found.
struct Found {
    category: Category,
    organization: Option<Uuid>,
    clerk: Option<ClerkOrganizationId>,
    /// At Clerk, as it was listed.
    entry: Option<DirectoryEntry>,
}

/// What a sweep found of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkFinding {
    /// `orphan`, `double`, `missing`, `unstored`, `differing` or `foreign`; the last is no defect.
    pub category: &'static str,
    /// How many.
    pub rows: usize,
    /// Of these, how many were mended, or noted to be mended by the workers.
    pub repaired: usize,
    /// The first of them: Clerk's ids, or ours where Clerk has none.
    pub keys: Vec<String>,
}

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkSweepReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// `clerk-organizations`.
    pub job: &'static str,
    /// What the Clerk instance does not say of itself, in sentences.
    pub unsaid: Vec<String>,
    /// Whether it was to mend what it found.
    pub executed: bool,
    /// Organizations at Clerk.
    pub at_clerk: usize,
    /// Organizations here.
    pub organizations: usize,
    /// What was found.
    pub findings: Vec<ClerkFinding>,
    /// How it ended, as scripts see it.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Compares Clerk with the database, and with `execute` mends what differs: orphans and doubles that are
/// older than `grace` and have at most one member are deleted at Clerk.
///
/// # Errors
/// See [`RunError`].
pub fn sweep_clerk_organizations(
    options: &ClerkRun,
    grace: Duration,
    execute: bool,
) -> Result<ClerkSweepReport, RunError> {
    let mut connection = connect(&options.url, "winserve-backfill")?;
    require_phase_1b(&mut connection)?;
    let runtime = runtime()?;
    let unsaid = unsaid(&probe(&mut connection, &runtime, options)?);
    let mut sweep = Sweep { connection, runtime, options };
    let entries = sweep.list()?;
    // After Clerk: what is stored meanwhile is seen.
    let links = sweep.links()?;
    let oldest_kept = store::now_of_database(&mut sweep.connection)?
        - TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
    let source = store::clerk_source(&mut sweep.connection)?;
    let (at_clerk, organizations) = (entries.len(), links.len());
    let mut found = compare(&entries, &links, source);
    sweep.confirm(&mut found)?;

    let mut findings = Vec::new();
    for category in Category::ALL {
        let of_category: Vec<&Found> = found.iter().filter(|it| it.category == category).collect();
        let mut repaired = 0;
        for it in &of_category {
            if execute && sweep.mend(it, oldest_kept)? {
                repaired += 1;
            }
        }
        let key = |it: &&Found| match (&it.clerk, it.organization) {
            (Some(id), _) => id.to_string(),
            (None, Some(organization)) => organization.to_string(),
            (None, None) => String::new(),
        };
        if !of_category.is_empty() {
            findings.push(ClerkFinding {
                category: category.as_str(),
                rows: of_category.len(),
                repaired,
                keys: of_category.iter().take(EXAMPLES).map(key).collect(),
            });
        }
    }
    let is_left = |it: &ClerkFinding| it.category != "foreign" && it.repaired < it.rows;
    let exit_code = if findings.iter().any(is_left) { 50 } else { 0 };
    let next_step = match (exit_code, execute) {
        (50, false) => "backfill run clerk-organizations --sweep --execute",
        (_, true) => "backfill run clerk-organizations",
        _ => "backfill enforce phase-1b",
    };
    Ok(ClerkSweepReport {
        schema_version: SCHEMA_VERSION,
        job: JOB,
        unsaid,
        executed: execute,
        at_clerk,
        organizations,
        findings,
        exit_code,
        next_steps: vec![next_step.to_owned()],
    })
}

fn compare(entries: &[DirectoryEntry], links: &[ClerkLink], source: Uuid) -> Vec<Found> {
    let by_organization: HashMap<Uuid, &ClerkLink> =
        links.iter().map(|link| (link.organization, link)).collect();
    let by_clerk_id: HashMap<&str, &ClerkLink> =
        links.iter().filter_map(|link| Some((link.clerk_organization.as_deref()?, link))).collect();
    let listed: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let mut adopted = HashSet::new();
    let mut found = Vec::new();
    // The oldest first, which is what is kept.
    for entry in entries {
        let category = match by_clerk_id.get(entry.id.as_str()) {
            Some(link) => (!shows(entry, link, source)).then_some(Category::Differing),
            None => Some(match entry.organization.map(|id| (id.0, by_organization.get(&id.0))) {
                Some((_, None)) if entry.source == Some(source) => Category::Orphan,
                None | Some((_, None)) => Category::Foreign,
                Some((id, _)) if !entry.is_of(OrganizationId(id), source) => Category::Foreign,
                Some((id, Some(link))) => {
                    let is_free = link.clerk_organization.is_none() && adopted.insert(id);
                    if is_free { Category::Unstored } else { Category::Double }
                }
            }),
        };
        if let Some(category) = category {
            let of_clerk_id = by_clerk_id.get(entry.id.as_str()).map(|link| link.organization);
            found.push(Found {
                category,
                organization: of_clerk_id.or(entry.organization.map(|id| id.0)),
                clerk: Some(entry.id.clone()),
                entry: Some(entry.clone()),
            });
        }
    }
    for link in links {
        let stored = link.clerk_organization.as_deref().filter(|id| !listed.contains(id));
        if let Some(id) = stored {
            found.push(Found {
                category: Category::Missing,
                organization: Some(link.organization),
                clerk: ClerkOrganizationId::parse(id),
                entry: None,
            });
        }
    }
    found
}

fn shows(entry: &DirectoryEntry, link: &ClerkLink, source: Uuid) -> bool {
    let position = link.position.as_deref().and_then(PositionId::parse);
    let kind =
        if link.is_campaign { OrganizationKind::Campaign } else { OrganizationKind::ElectedOffice };
    let position: Option<BallotReadyId> = position.and_then(|it| it.ballot_ready().cloned());
    let organization = OrganizationId(link.organization);
    entry.shows(&Profile { organization, source, kind, position })
}

struct Sweep<'o> {
    connection: PgConnection,
    runtime: Runtime,
    options: &'o ClerkRun,
}

impl Sweep<'_> {
    /// Every organization at Clerk, the oldest first.
    fn list(&mut self) -> Result<Vec<DirectoryEntry>, RunError> {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        let mut offset = 0;
        loop {
            let directory = Arc::clone(&self.options.directory);
            let page = self.ask(|runtime| runtime.block_on(directory.page(offset)))?;
            let is_last = page.len() < DIRECTORY_PAGE;
            entries.extend(page.into_iter().filter(|entry| seen.insert(entry.id.clone())));
            if is_last {
                return Ok(entries);
            }
            offset += DIRECTORY_PAGE - OVERLAP;
        }
    }

    fn links(&mut self) -> Result<Vec<ClerkLink>, RunError> {
        let mut links = Vec::new();
        loop {
            let after = links.last().map(|link: &ClerkLink| link.organization);
            let page = store::clerk_links(&mut self.connection, after, PAGE)?;
            if page.is_empty() {
                return Ok(links);
            }
            links.extend(page);
        }
    }

    /// What the list lacks may have been created since, or have been moved off its page.
    fn confirm(&mut self, found: &mut Vec<Found>) -> Result<(), RunError> {
        let mut confirmed = Vec::new();
        for it in found.drain(..) {
            if let (Category::Missing, Some(id)) = (it.category, &it.clerk) {
                let directory = Arc::clone(&self.options.directory);
                if self.ask(|runtime| runtime.block_on(directory.find(id)))?.is_some() {
                    continue;
                }
            }
            confirmed.push(it);
        }
        *found = confirmed;
        Ok(())
    }

    /// Mends a finding, unless it is another by now; returns whether it was mended, or will be.
    fn mend(&mut self, found: &Found, oldest_kept: DateTime<Utc>) -> Result<bool, RunError> {
        let (Some(organization), Some(id)) = (found.organization, &found.clerk) else {
            return Ok(false);
        };
        let connection = &mut self.connection;
        match found.category {
            Category::Foreign => Ok(false),
            Category::Missing => Ok(store::forget_clerk_id(connection, organization, id.as_str())?),
            Category::Unstored => Ok(store::adopt_clerk_id(connection, organization, id.as_str())?),
            Category::Differing => {
                store::note_for_clerk(connection, organization)?;
                Ok(true)
            }
            Category::Orphan | Category::Double => {
                let stored = store::clerk_id_of(connection, organization)?;
                let is_needless = match (found.category, stored) {
                    (Category::Orphan, None) => true,
                    // The one that it has is another.
                    (_, Some(Some(stored))) => stored != id.as_str(),
                    _ => false,
                };
                let is_old =
                    found.entry.as_ref().is_some_and(|entry| entry.created_at < oldest_kept);
                let is_empty = found
                    .entry
                    .as_ref()
                    .is_some_and(|entry| entry.members.is_some_and(|members| members <= 1));
                // Workers are about it.
                let is_free = !store::has_outbox_row(connection, organization)?;
                if !(is_needless && is_old && is_empty && is_free) {
                    return Ok(false);
                }
                self.remove(id)
            }
        }
    }

    fn remove(&mut self, id: &ClerkOrganizationId) -> Result<bool, RunError> {
        let directory = Arc::clone(&self.options.directory);
        let removed = self.ask(|runtime| match runtime.block_on(directory.remove(id)) {
            Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound)) => Ok(()),
            outcome => outcome,
        });
        removed.map(|()| true)
    }

    /// Asks Clerk, within the budget that the workers have, and again where that may help.
    fn ask<T>(
        &mut self,
        call: impl Fn(&Runtime) -> Result<T, DirectoryFailure>,
    ) -> Result<T, RunError> {
        let mut tries = 0;
        loop {
            let pace = &self.options.pace;
            while let Some(rest) =
                store::take_clerk_request(&mut self.connection, pace.requests_per_second)?
            {
                if self.options.stop.is_requested() {
                    return Err(RunError::Stopped);
                }
                self.options.stop.sleep(rest);
            }
            tries += 1;
            match call(&self.runtime) {
                Err(DirectoryFailure::Busy(rest)) => self.options.stop.sleep(rest),
                Err(DirectoryFailure::NotSent(_) | DirectoryFailure::Unknown { .. })
                    if tries < TRIES =>
                {
                    self.options.stop.sleep(PAUSE);
                }
                outcome => return Ok(outcome?),
            }
            if self.options.stop.is_requested() {
                return Err(RunError::Stopped);
            }
        }
    }
}

/// The report for people.
#[must_use]
pub fn clerk_sweep_table(report: &ClerkSweepReport) -> String {
    let mut lines =
        vec![format!("{} organizations at Clerk, {} here.", report.at_clerk, report.organizations)];
    lines.extend(report.unsaid.iter().cloned());
    for finding in &report.findings {
        let ClerkFinding { category, rows, repaired, keys } = finding;
        let mended = if report.executed { format!(", {repaired} mended") } else { String::new() };
        lines.push(format!("{category}: {rows}{mended}: {}", keys.join(", ")));
    }
    if report.findings.is_empty() {
        lines.push("Nothing differs.".to_owned());
    }
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
