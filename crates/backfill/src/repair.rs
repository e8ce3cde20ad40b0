//! `repair`: campaigns whose office or district another service wrote into the JSON alone, and those
//! that a verification finds to differ.

use std::time::Duration;

use serde::Serialize;
use winserve_domain::{clock::Clock, id::CampaignId, phase::Phase};
use winserve_persistence::{
    PgConnection,
    backfill::{changed_campaigns, count_changed_campaigns, repair_campaign},
    migrate::{self, Group},
    phase,
};

use crate::{engine::RunError, options::Stop, status::SCHEMA_VERSION, verify::verify_read_only};

/// Campaigns asked for at a time.
const PAGE: i64 = 500;
/// How long to wait for the next change, when following.
const PAUSE: Duration = Duration::from_secs(1);
/// Categories of [`verify`](crate::verify) in which the JSON of a campaign says something else than the
/// tables.
const DIFFERS: [&str; 6] = [
    "stale-position",
    "wrong-position",
    "wrong-office-text",
    "wrong-district",
    "unexpected-district",
    "wrong-manual-flag",
];

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// Campaigns that another service had changed.
    pub changed: i64,
    /// Campaigns that a comparison found to differ.
    pub differing: i64,
    /// Campaigns whose tables say what the JSON says now.
    pub repaired: i64,
    /// Campaigns that could not be repaired.
    pub failed: Vec<i32>,
    /// 0, or 23 when some could not be repaired.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// What would be repaired; writes nothing.
///
/// # Errors
/// See [`repair`].
pub fn dry_run_repair(
    connection: &mut PgConnection,
    compare: bool,
) -> Result<RepairReport, RunError> {
    require(connection, compare)?;
    let differing = if compare { differing_campaigns(connection)?.len() } else { 0 };
    Ok(RepairReport {
        schema_version: SCHEMA_VERSION,
        changed: count_changed_campaigns(connection)?,
        differing: i64::try_from(differing).unwrap_or(i64::MAX),
        next_steps: vec!["backfill repair".to_owned()],
        ..RepairReport::default()
    })
}

/// Brings what the JSON says into the tables, a campaign at a time as its own writers do: for the
/// campaigns that triggers noted, and with `compare` for all that differ. With `follow`, goes on until
/// it is stopped.
///
/// # Errors
/// [`RunError::NotYet`] before `phase-2-expand`; [`RunError::WrongPhase`] in `legacy`, and for a
/// comparison where the JSON does not count.
pub fn repair(
    connection: &mut PgConnection,
    compare: bool,
    follow: bool,
    stop: &Stop,
    clock: &dyn Clock,
) -> Result<RepairReport, RunError> {
    require(connection, compare)?;
    let mut report = RepairReport { schema_version: SCHEMA_VERSION, ..RepairReport::default() };
    if compare {
        let differing = differing_campaigns(connection)?;
        report.differing = i64::try_from(differing.len()).unwrap_or(i64::MAX);
        repair_each(connection, differing, &mut report, stop, clock)?;
    }
    loop {
        // Those that cannot be repaired stay noted, and would be found for ever.
        let limit = PAGE + i64::try_from(report.failed.len()).unwrap_or_default();
        let mut changed = changed_campaigns(connection, limit)?;
        changed.retain(|campaign| !report.failed.contains(&campaign.0));
        if changed.is_empty() && !follow {
            break;
        }
        report.changed += i64::try_from(changed.len()).unwrap_or(i64::MAX);
        repair_each(connection, changed, &mut report, stop, clock)?;
        if follow {
            stop.sleep(PAUSE);
        }
        if stop.is_requested() {
            break;
        }
    }
    report.exit_code = if report.failed.is_empty() { 0 } else { 23 };
    report.next_steps = vec!["backfill verify".to_owned()];
    Ok(report)
}

fn repair_each(
    connection: &mut PgConnection,
    campaigns: Vec<CampaignId>,
    report: &mut RepairReport,
    stop: &Stop,
    clock: &dyn Clock,
) -> Result<(), RunError> {
    for campaign in campaigns {
        if stop.is_requested() {
            return Ok(());
        }
        match repair_campaign(connection, campaign, clock.now()) {
            Ok(()) => report.repaired += 1,
            Err(error) => match RunError::from(error) {
                error @ RunError::Unavailable(_) => return Err(error),
                error => {
                    tracing::warn!(campaign = campaign.0, %error, "a campaign was not repaired");
                    report.failed.push(campaign.0);
                }
            },
        }
    }
    Ok(())
}

fn differing_campaigns(connection: &mut PgConnection) -> Result<Vec<CampaignId>, RunError> {
    let found = verify_read_only(connection)?;
    let mut campaigns: Vec<i32> = DIFFERS
        .iter()
        .flat_map(|category| found.keys("campaign", category))
        .filter_map(|key| key.parse().ok())
        .collect();
    campaigns.sort_unstable();
    campaigns.dedup();
    Ok(campaigns.into_iter().map(CampaignId).collect())
}

fn require(connection: &mut PgConnection, compare: bool) -> Result<(), RunError> {
    let phase = phase::read(connection)?;
    if !phase.has_tables() || (compare && phase != Phase::One) {
        return Err(RunError::WrongPhase(phase));
    }
    if !migrate::is_expanded(connection, Group::Phase2).is_ok_and(|whole| whole) {
        return Err(RunError::NotYet("backfill migrate phase-2-expand"));
    }
    Ok(())
}

/// The report for people.
#[must_use]
pub fn repair_table(report: &RepairReport) -> String {
    let RepairReport { changed, differing, repaired, failed, next_steps, .. } = report;
    let mut lines = vec![
        format!("{changed} campaigns were changed by another service, {differing} more differed."),
        format!("{repaired} were repaired."),
    ];
    if !failed.is_empty() {
        let keys: Vec<_> = failed.iter().take(10).map(ToString::to_string).collect();
        lines.push(format!("{} could not be repaired: {}", failed.len(), keys.join(", ")));
    }
    lines.extend(next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
