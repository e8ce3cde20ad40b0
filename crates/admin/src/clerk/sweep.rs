//! The sweep: compares everything in Clerk with the expected state. Only a sweep finds what a lost
//! answer or a manual change left behind.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::runtime::Runtime;
use uuid::Uuid;
use winserve_domain::{
    base::OrganizationId,
    clerk::{
        ClerkOrganizationId, DIRECTORY_PAGE, DirectoryEntry, DirectoryFailure, DirectoryFuture,
        DirectoryRefusal, OrganizationDirectory,
    },
};
use winserve_persistence::{
    PgConnection,
    clerk_outbox::{self, ClerkLink, Hold},
};

use super::{
    ClerkAccess, ClerkError, JOB,
    comparison::{Category, Found, compare, unlisted},
    requests::ask,
    require_on, runtime, settings, unreported,
};
use crate::{Exit, SCHEMA_VERSION};

/// Overlap of pages, because deletions shift them.
const OVERLAP: usize = 50;
/// Organizations read from the database at a time.
const PAGE: i64 = 2_000;
/// Keys listed per finding.
const EXAMPLES: usize = 20;

/// Findings of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `orphan`, `double`, `missing`, `unstored`, `differing`, `memberless`, or `foreign`, which is
    /// not a defect.
    pub category: &'static str,
    /// How many.
    pub rows: usize,
    /// Of these, how many were fixed or queued for the workers.
    pub repaired: usize,
    /// The first Clerk ids.
    pub keys: Vec<String>,
}

/// Findings and fixes of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// [`JOB`].
    pub job: &'static str,
    /// Settings that the Clerk instance does not report, in sentences.
    #[serde(rename = "unsaid")]
    pub unreported: Vec<String>,
    /// Whether it was run to fix its findings.
    pub executed: bool,
    /// Organizations in Clerk.
    pub at_clerk: usize,
    /// Organizations here.
    pub organizations: usize,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The exit code.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Compares Clerk with the database, and with `execute` fixes the differences. Orphans and
/// duplicates are deleted in Clerk if they are older than `grace` and have one member or none.
///
/// # Errors
/// See [`ClerkError`].
pub fn sweep(
    connection: &mut PgConnection,
    access: &ClerkAccess,
    grace: Duration,
    execute: bool,
) -> Result<SweepReport, ClerkError> {
    require_on(connection)?;
    let runtime = runtime()?;
    let unreported = unreported(&settings(connection, &runtime, access)?);
    let source = clerk_outbox::source(connection)?;
    let oldest_kept =
        clerk_outbox::now(connection)? - TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
    let mut sweep = Sweep { connection, runtime, access, source, oldest_kept };
    let entries = sweep.list()?;
    // After Clerk's list, to see ids stored in the meantime.
    let links = sweep.links()?;
    let entries = sweep.look_again(entries, &links)?;
    let missing = sweep.missing(&entries, &links)?;
    let found = compare(&entries, &links, missing, sweep.source);

    let mut findings = Vec::new();
    for category in Category::ALL {
        let of_category: Vec<&Found> = found.iter().filter(|it| it.category == category).collect();
        let mut repaired = 0;
        for it in &of_category {
            if execute && sweep.fix(it)? {
                repaired += 1;
            }
        }
        if !of_category.is_empty() {
            findings.push(Finding {
                category: category.as_str(),
                rows: of_category.len(),
                repaired,
                keys: of_category.iter().take(EXAMPLES).map(|it| it.clerk.clone()).collect(),
            });
        }
    }
    let is_left = |it: &Finding| it.category != "foreign" && it.repaired < it.rows;
    let exit = if findings.iter().any(is_left) { Exit::Defects } else { Exit::Done };
    let commands = access.commands;
    let next_step = match (exit, execute) {
        (Exit::Defects, false) => commands.sweep_and_fix,
        (_, true) => commands.run,
        _ => commands.after_sweep,
    };
    Ok(SweepReport {
        schema_version: SCHEMA_VERSION,
        job: JOB,
        unreported,
        executed: execute,
        at_clerk: entries.len(),
        organizations: links.len(),
        findings,
        exit_code: exit.code(),
        next_steps: vec![next_step.to_owned()],
    })
}

struct Sweep<'s> {
    connection: &'s mut PgConnection,
    runtime: Runtime,
    access: &'s ClerkAccess,
    /// The id of this database.
    source: Uuid,
    /// Younger organizations may still be in progress.
    oldest_kept: DateTime<Utc>,
}

impl Sweep<'_> {
    /// Every organization in Clerk, oldest first.
    fn list(&mut self) -> Result<Vec<DirectoryEntry>, ClerkError> {
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

    fn links(&mut self) -> Result<Vec<ClerkLink>, ClerkError> {
        let mut links = Vec::new();
        loop {
            let after = links.last().map(|link: &ClerkLink| link.organization);
            let page = clerk_outbox::links(self.connection, after, PAGE)?;
            if page.is_empty() {
                return Ok(links);
            }
            links.extend(page);
        }
    }

    /// Reads organizations without a member again: one may have been added since the list.
    fn look_again(
        &mut self,
        entries: Vec<DirectoryEntry>,
        links: &[ClerkLink],
    ) -> Result<Vec<DirectoryEntry>, ClerkError> {
        let linked = links.iter().filter(|link| link.has_linked_owner);
        let linked: HashSet<&str> =
            linked.filter_map(|link| link.clerk_organization.as_deref()).collect();
        let current = entries.into_iter().map(|entry| {
            let is_suspect = entry.members == Some(0) && linked.contains(entry.id.as_str());
            if is_suspect { self.find(entry.id.as_str()) } else { Ok(Some(entry)) }
        });
        current.filter_map(Result::transpose).collect()
    }

    /// Stored ids that Clerk does not have. An organization missing only in the list may have been
    /// created since, or have moved to another page.
    fn missing(
        &mut self,
        entries: &[DirectoryEntry],
        links: &[ClerkLink],
    ) -> Result<Vec<Found>, ClerkError> {
        let mut missing = Vec::new();
        for (organization, clerk) in unlisted(entries, links) {
            if self.find(&clerk)?.is_none() {
                missing.push(Found { category: Category::Missing, organization, clerk });
            }
        }
        Ok(missing)
    }

    /// Fixes a finding, unless it has changed. Returns whether it is fixed or queued for the
    /// workers, which check in Clerk again. (Lists may be stale.)
    fn fix(&mut self, found: &Found) -> Result<bool, ClerkError> {
        let hint = match found.category {
            Category::Foreign => return Ok(false),
            Category::Orphan | Category::Double => return self.remove(found),
            Category::Missing | Category::Differing | Category::Memberless => None,
            Category::Unstored => Some(&*found.clerk),
        };
        clerk_outbox::note(self.connection, found.organization, hint)?;
        Ok(true)
    }

    /// Deletes an unneeded organization in Clerk; `false` if that is not certain.
    fn remove(&mut self, found: &Found) -> Result<bool, ClerkError> {
        let hold = Hold {
            organization: found.organization,
            token: Uuid::now_v7(),
            lease: self.access.limits.lease,
        };
        // A worker is syncing it.
        if !clerk_outbox::hold(self.connection, &hold)? {
            return Ok(false);
        }
        let removed = self.remove_held(found, &hold);
        clerk_outbox::release(self.connection, &hold)?;
        removed
    }

    /// The list may be hours old, so Clerk and the database are read again.
    fn remove_held(&mut self, found: &Found, hold: &Hold) -> Result<bool, ClerkError> {
        let Some(entry) = self.find(&found.clerk)? else { return Ok(true) };
        let is_ours = entry.is_of(OrganizationId(found.organization), self.source);
        let is_empty = entry.members.is_some_and(|members| members <= 1);
        if !is_ours || !is_empty || entry.created_at >= self.oldest_kept {
            return Ok(false);
        }
        match clerk_outbox::clerk_id_of(self.connection, found.organization)? {
            // Without an organization here, one without our metadata may belong to anybody.
            None if entry.source.is_some() => {}
            // The stored one exists, so this one is a duplicate.
            Some(Some(kept)) if self.find(&kept)?.is_some() => {}
            _ => return Ok(false),
        }
        let (id, directory) = (&entry.id, &self.access.directory);
        ask(self.connection, self.access, |connection| {
            // Directly before each attempt, which may have waited for a long time.
            if !clerk_outbox::renew_while_unneeded(connection, hold, id.as_str())? {
                return Ok(Ok(false));
            }
            Ok(match self.runtime.block_on(directory.remove(id)) {
                Ok(()) | Err(DirectoryFailure::Refused(DirectoryRefusal::NotFound)) => Ok(true),
                Err(failure) => Err(failure),
            })
        })
    }

    fn find(&mut self, id: &str) -> Result<Option<DirectoryEntry>, ClerkError> {
        // Clerk has no organization with a malformed id.
        let Some(id) = ClerkOrganizationId::parse(id) else { return Ok(None) };
        self.ask(|directory| directory.find(&id))
    }

    fn ask<'d, T>(
        &mut self,
        call: impl Fn(&'d dyn OrganizationDirectory) -> DirectoryFuture<'d, T>,
    ) -> Result<T, ClerkError>
    where
        Self: 'd,
    {
        let directory = &*self.access.directory;
        ask(self.connection, self.access, |_| Ok(self.runtime.block_on(call(directory))))
    }
}

/// The report for people.
#[must_use]
pub fn sweep_lines(report: &SweepReport) -> String {
    let mut lines =
        vec![format!("{} organizations in Clerk, {} here.", report.at_clerk, report.organizations)];
    lines.extend(report.unreported.iter().cloned());
    for finding in &report.findings {
        let Finding { category, rows, repaired, keys } = finding;
        let fixed = if report.executed { format!(", {repaired} fixed") } else { String::new() };
        lines.push(format!("{category}: {rows}{fixed}: {}", keys.join(", ")));
    }
    if report.findings.is_empty() {
        lines.push("Nothing differs.".to_owned());
    }
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
