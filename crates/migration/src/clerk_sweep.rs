//! `backfill run clerk-organizations --sweep`: everything that Clerk has, against everything that it should
//! have. Where the answer to a call was lost, or people changed something by hand, only this tells.

use std::{collections::HashSet, time::Duration};

use crate::{
    clerk_comparison::{Category, Found, compare, unlisted},
    clerk_organizations::{ClerkRun, JOB, probe, require_phase_1b, runtime, unsaid},
    clerk_requests::ask,
    run::engine::RunError,
    sql::{self as store, ClerkLink, Hold},
    status::SCHEMA_VERSION,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::runtime::Runtime;
use uuid::Uuid;
use winserve_domain::{
    base::OrganizationId,
    clerk::{
        ClerkOrganizationId, DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure, DirectoryRefusal,
        OrganizationDirectory, Told,
    },
};
use winserve_persistence::{PgConnection, connect};

/// By how much pages overlap: what is deleted meanwhile moves them.
const OVERLAP: usize = 50;
/// Organizations of the database read at a time.
const PAGE: i64 = 2_000;
/// Keys named of each finding.
const EXAMPLES: usize = 20;

/// What a sweep found of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkFinding {
    /// `orphan`, `double`, `missing`, `unstored`, `differing`, `memberless` or `foreign`; the last is no
    /// defect.
    pub category: &'static str,
    /// How many.
    pub rows: usize,
    /// Of these, how many were mended, or noted to be mended by the workers.
    pub repaired: usize,
    /// The first of them: Clerk's ids.
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
    let source = store::clerk_source(&mut connection)?;
    let oldest_kept = store::now_of_database(&mut connection)?
        - TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
    let mut sweep = Sweep { connection, runtime, options, source, oldest_kept };
    let entries = sweep.list()?;
    // After Clerk: what is stored meanwhile is seen.
    let links = sweep.links()?;
    let entries = sweep.look_again(entries, &links)?;
    let missing = sweep.missing(&entries, &links)?;
    let found = compare(&entries, &links, missing, sweep.source);

    let mut findings = Vec::new();
    for category in Category::ALL {
        let of_category: Vec<&Found> = found.iter().filter(|it| it.category == category).collect();
        let mut repaired = 0;
        for it in &of_category {
            if execute && sweep.mend(it)? {
                repaired += 1;
            }
        }
        if !of_category.is_empty() {
            findings.push(ClerkFinding {
                category: category.as_str(),
                rows: of_category.len(),
                repaired,
                keys: of_category.iter().take(EXAMPLES).map(|it| it.clerk.clone()).collect(),
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
        at_clerk: entries.len(),
        organizations: links.len(),
        findings,
        exit_code,
        next_steps: vec![next_step.to_owned()],
    })
}

struct Sweep<'o> {
    connection: PgConnection,
    runtime: Runtime,
    options: &'o ClerkRun,
    /// Which database this is.
    source: Uuid,
    /// What is younger may be under way.
    oldest_kept: DateTime<Utc>,
}

impl Sweep<'_> {
    /// Every organization at Clerk, the oldest first.
    fn list(&mut self) -> Result<Vec<DirectoryEntry>, RunError> {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        let mut offset = 0;
        loop {
            let page = self.ask(|directory| directory.page(offset))?;
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

    /// The entries, those without a member as Clerk shows them by now: it may have been added since.
    fn look_again(
        &mut self,
        entries: Vec<DirectoryEntry>,
        links: &[ClerkLink],
    ) -> Result<Vec<DirectoryEntry>, RunError> {
        let linked = links.iter().filter(|link| link.has_linked_owner);
        let linked: HashSet<&str> =
            linked.filter_map(|link| link.clerk_organization.as_deref()).collect();
        let current = entries.into_iter().map(|entry| {
            let is_suspect = entry.members == Some(0) && linked.contains(entry.id.as_str());
            if is_suspect { self.find(entry.id.as_str()) } else { Ok(Some(entry)) }
        });
        current.filter_map(Result::transpose).collect()
    }

    /// What the list lacks, and Clerk does not know either: it may have been created since, or have been
    /// moved off its page.
    fn missing(
        &mut self,
        entries: &[DirectoryEntry],
        links: &[ClerkLink],
    ) -> Result<Vec<Found>, RunError> {
        let mut missing = Vec::new();
        for (organization, clerk) in unlisted(entries, links) {
            if self.find(&clerk)?.is_none() {
                missing.push(Found { category: Category::Missing, organization, clerk });
            }
        }
        Ok(missing)
    }

    /// Mends a finding, unless it is another by now; returns whether it was mended, or will be by the
    /// workers, who ask Clerk once more. (Lists lag.)
    fn mend(&mut self, found: &Found) -> Result<bool, RunError> {
        let hint = match found.category {
            Category::Foreign => return Ok(false),
            Category::Orphan | Category::Double => return self.remove(found),
            Category::Missing | Category::Differing | Category::Memberless => None,
            Category::Unstored => Some(&*found.clerk),
        };
        store::note_for_clerk(&mut self.connection, found.organization, hint)?;
        Ok(true)
    }

    /// Deletes what nobody needs at Clerk; `false` when that is not certain.
    fn remove(&mut self, found: &Found) -> Result<bool, RunError> {
        let hold = Hold {
            organization: found.organization,
            token: Uuid::now_v7(),
            lease: self.options.pace.lease,
        };
        // Else workers are about it.
        if !store::hold_from_workers(&mut self.connection, &hold)? {
            return Ok(false);
        }
        let removed = self.remove_held(found, &hold);
        store::release_to_workers(&mut self.connection, &hold)?;
        removed
    }

    /// The list may be hours old: what counts is what Clerk and the database say now.
    fn remove_held(&mut self, found: &Found, hold: &Hold) -> Result<bool, RunError> {
        let Some(entry) = self.find(&found.clerk)? else { return Ok(true) };
        let is_ours = entry.is_of(OrganizationId(found.organization), self.source);
        let is_empty = entry.members.is_some_and(|members| members <= 1);
        if !is_ours || !is_empty || entry.created_at >= self.oldest_kept {
            return Ok(false);
        }
        match store::clerk_id_of(&mut self.connection, found.organization)? {
            // Without an organization, what does not say whose it is may be anybody's.
            None if entry.source.is_some() => {}
            // Else this one may take its place.
            Some(Some(kept)) if self.find(&kept)?.is_some() => {}
            _ => return Ok(false),
        }
        let (id, directory) = (&entry.id, &self.options.directory);
        ask(&mut self.connection, self.options, |connection| {
            // Directly before each try, for it may have waited long.
            if !store::is_needless_at_clerk(connection, hold, id.as_str())? {
                return Ok(Ok(false));
            }
            Ok(match self.runtime.block_on(directory.remove(id)) {
                Ok(()) | Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound)) => Ok(true),
                Err(failure) => Err(failure),
            })
        })
    }

    fn find(&mut self, id: &str) -> Result<Option<DirectoryEntry>, RunError> {
        // What is none of Clerk's ids, it does not have.
        let Some(id) = ClerkOrganizationId::parse(id) else { return Ok(None) };
        self.ask(|directory| directory.find(&id))
    }

    fn ask<'d, T>(
        &mut self,
        call: impl Fn(&'d dyn OrganizationDirectory) -> Told<'d, T>,
    ) -> Result<T, RunError>
    where
        Self: 'd,
    {
        let directory = &*self.options.directory;
        ask(&mut self.connection, self.options, |_| Ok(self.runtime.block_on(call(directory))))
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
