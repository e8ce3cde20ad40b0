//! `repair`: fixes what another service wrote only to the JSON, and whatever a verification finds.

use std::{
    collections::HashMap,
    error::Error as _,
    time::{Duration, Instant},
};

use crate::{
    Stop,
    commands::{self, COMPARE, REPAIR},
    migrate::Group,
    phase,
    run::engine::RunError,
    sql::{
        Damaged, Refusal, changed_campaigns, count_changed_campaigns, database_time,
        dropped_of_filters, mend, repair_campaign,
    },
    status::SCHEMA_VERSION,
    steps,
    verify::{VerifyReport, verify_read_only},
};
use serde::Serialize;
use winserve_admin::Exit;
use winserve_domain::base::{CampaignId, Cancelled, Clock, StoreError};
use winserve_persistence::{PgConnection, refusal_behind};

/// Campaigns per request.
const PAGE: i64 = 500;
/// How long to wait for the next change, when following.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest a repair waits for the old service to stop changing a campaign.
const QUIET: Duration = Duration::from_secs(1);
/// How often to check whether it has stopped.
const POLL: Duration = Duration::from_millis(20);
/// How often to try a row that still has a defect.
const TRIES: u32 = 3;
/// Rows named in the report for people.
const SHOWN: usize = 10;
/// Tables in repair order: a campaign needs a readable position, an office takes data from its
/// campaign, a filter gets the organization of its campaign, and rows without a holder may have
/// found one by then.
const ORDER: [(&str, Option<&str>); 6] = [
    ("ballot_position", Some("unreadable-position")),
    ("campaign", None),
    ("elected_office", None),
    ("voter_file_filter", None),
    ("organization", None),
    ("ballot_position", None),
];

/// Result of a repair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// Campaigns that another service had changed.
    pub changed: i64,
    /// Rows in which a comparison found a defect.
    pub differing: i64,
    /// Rows that are correct now.
    pub repaired: i64,
    /// Campaigns that could not be repaired.
    pub failed: Vec<i32>,
    /// Every row that could not be repaired, campaigns included, with the reason.
    pub failed_rows: Vec<FailedRow>,
    /// 0; 22 if a signal stopped it; 23 if some rows could not be repaired.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// A row that could not be repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: String,
    /// Why.
    pub problem: String,
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
    let differing = if compare { damaged_rows(&verify_read_only(connection)?).len() } else { 0 };
    let again = if compare { COMPARE } else { REPAIR };
    Ok(RepairReport {
        schema_version: SCHEMA_VERSION,
        changed: count_changed_campaigns(connection)?,
        differing: count(differing),
        next_steps: vec![again.to_owned()],
        ..RepairReport::default()
    })
}

/// Copies the JSON to the tables for the campaigns that triggers recorded, one at a time, like the
/// live writers. With `compare`, fixes every row in which a verification finds a defect. With
/// `follow`, continues until stopped.
///
/// # Errors
/// [`RunError::NotYet`] if a schema group is missing; [`RunError::WrongPhase`] in phases that do
/// not write both stores.
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
        mend_what_differs(connection, &mut report, stop, clock)?;
    }
    drain(connection, &mut report, stop, clock)?;
    if compare && report.changed > 0 {
        // An office takes over data that its campaign did not have before.
        mend_what_differs(connection, &mut report, stop, clock)?;
    }
    while follow && !stop.is_requested() {
        stop.sleep(PAUSE);
        // The obstacle may be gone.
        report.failed.clear();
        report.failed_rows.retain(|row| row.table != "campaign");
        drain(connection, &mut report, stop, clock)?;
    }
    let is_done = report.failed.is_empty() && report.failed_rows.is_empty();
    let exit = match (is_done, stop.is_requested() && !follow) {
        (_, true) => Exit::Signal,
        (true, false) => Exit::Done,
        (false, false) => Exit::RowsRemain,
    };
    report.exit_code = exit.code();
    let next_step = match (exit, compare) {
        (Exit::Done, _) => Some(commands::VERIFY),
        (Exit::Signal, false) => Some(REPAIR),
        // A comparison also fixes the reason why a recorded row is rejected.
        (Exit::Signal, true) | (_, false) => Some(COMPARE),
        // No command fixes the remaining rows: the report lists them with the reasons.
        (_, true) => None,
    };
    report.next_steps = next_step.map(str::to_owned).into_iter().collect();
    Ok(report)
}

/// Repairs the changes recorded when it began, except those that cannot be repaired.
fn drain(
    connection: &mut PgConnection,
    report: &mut RepairReport,
    stop: &Stop,
    clock: &dyn Clock,
) -> Result<(), RunError> {
    let until = database_time(connection)?;
    // Everything recorded now is due by then, even if the old service keeps writing.
    let deadline = Instant::now() + QUIET;
    // A campaign that cannot be repaired, or that the old service keeps changing, stays recorded
    // and would be found again and again.
    let mut tries: HashMap<CampaignId, u32> = HashMap::new();
    while !stop.is_requested() {
        let mut changed = changed_campaigns(connection, until, PAGE + count(tries.len()))?;
        changed.retain(|campaign| {
            let failed = report.failed.contains(&campaign.0);
            !failed && tries.get(campaign).is_none_or(|tries| *tries < TRIES)
        });
        if changed.is_empty() {
            let is_waiting = count_changed_campaigns(connection)? > count(report.failed.len());
            if !is_waiting || Instant::now() > deadline {
                break;
            }
            stop.sleep(POLL);
            continue;
        }
        for campaign in changed {
            if stop.is_requested() {
                break;
            }
            let tries = tries.entry(campaign).or_default();
            let is_first = *tries == 0;
            *tries += 1;
            report.changed += i64::from(is_first);
            match repair_campaign(connection, campaign, clock.now()) {
                Ok(true) => report.repaired += i64::from(is_first),
                Ok(false) => {
                    fail(report, &Damaged::Campaign(campaign), "one of its offices is locked");
                }
                Err(error) if ends_the_command(&error) => return Err(error.into()),
                Err(error) => fail(report, &Damaged::Campaign(campaign), &reason(&error)),
            }
        }
    }
    Ok(())
}

/// Whether an error is not about the row: the statement was cancelled, or the connection is lost
/// and would fail for all other rows too.
fn ends_the_command(error: &StoreError) -> bool {
    match error {
        StoreError::Cancelled { why, .. } => *why == Cancelled::OnRequest,
        StoreError::Unavailable(source) => matches!(
            refusal_behind(source.as_ref()),
            Some(Refusal::ConnectionLost | Refusal::OutOfResources)
        ),
        _ => false,
    }
}

/// Compares and fixes until only unfixable rows remain: a comparison lists a limited number of keys
/// per category, and a fix may reveal other defects.
fn mend_what_differs(
    connection: &mut PgConnection,
    report: &mut RepairReport,
    stop: &Stop,
    clock: &dyn Clock,
) -> Result<(), RunError> {
    let mut tries: HashMap<Damaged, u32> = HashMap::new();
    let mut reasons: HashMap<Damaged, String> = HashMap::new();
    let left = loop {
        let found = damaged_rows(&verify_read_only(connection)?);
        let is_given_up = |row: &Damaged| tries.get(row).is_some_and(|tries| *tries >= TRIES);
        let (given_up, wanted): (Vec<_>, Vec<_>) = found.into_iter().partition(is_given_up);
        if wanted.is_empty() || stop.is_requested() {
            break given_up;
        }
        for row in wanted {
            if stop.is_requested() {
                break;
            }
            if let Err(error) = mend(connection, &row, clock.now()) {
                if ends_the_command(&error) {
                    return Err(error.into());
                }
                reasons.insert(row.clone(), reason(&error));
            }
            *tries.entry(row).or_default() += 1;
        }
    };
    report.differing += count(tries.len());
    report.repaired += count(tries.len().saturating_sub(left.len()));
    for row in left {
        let problem =
            reasons.get(&row).map_or("a comparison still finds the defect", String::as_str);
        fail(report, &row, problem);
    }
    Ok(())
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The rows in which a verification found defects, in repair order.
fn damaged_rows(found: &VerifyReport) -> Vec<Damaged> {
    let mut rows = Vec::new();
    for (table, only) in ORDER {
        let categories = found.categories.iter().filter(|it| {
            it.is_defect && it.table == table && only.is_none_or(|only| it.category == only)
        });
        let mut keys: Vec<_> = categories.flat_map(|it| &it.keys).collect();
        keys.sort_unstable();
        keys.dedup();
        let named = keys.into_iter().filter_map(|key| Damaged::parse(table, key));
        rows.extend(named);
    }
    rows
}

/// The error with its causes.
fn reason(error: &StoreError) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    reason
}

fn fail(report: &mut RepairReport, row: &Damaged, problem: &str) {
    let (table, key) = row.name();
    tracing::warn!(table, key, problem, "a row was not repaired");
    if let Damaged::Campaign(campaign) = row
        && !report.failed.contains(&campaign.0)
    {
        report.failed.push(campaign.0);
    }
    report.failed_rows.retain(|known| (known.table.as_str(), &known.key) != (table, &key));
    let (table, problem) = (table.to_owned(), problem.to_owned());
    report.failed_rows.push(FailedRow { table, key, problem });
}

fn require(connection: &mut PgConnection, compare: bool) -> Result<(), RunError> {
    let phase = phase::read(connection)?;
    if !phase.writes_both() {
        return Err(RunError::WrongPhase(phase));
    }
    if !steps::is_expanded(connection, Group::Phase1)? {
        return Err(RunError::NotYet(commands::EXPAND_PHASE_1));
    }
    if compare && !dropped_of_filters(connection)?.is_empty() {
        return Err(RunError::NotYet(commands::EXPAND_PHASE_2));
    }
    Ok(())
}

/// The report for people.
#[must_use]
pub fn repair_table(report: &RepairReport) -> String {
    let RepairReport { changed, differing, repaired, failed_rows, next_steps, .. } = report;
    let mut lines = vec![
        format!("Another service changed {changed} rows; {differing} rows had defects."),
        format!("{repaired} were repaired."),
    ];
    if !failed_rows.is_empty() {
        lines.push(format!("{} could not be repaired:", failed_rows.len()));
        let shown = failed_rows.iter().take(SHOWN);
        lines.extend(
            shown.map(|FailedRow { table, key, problem }| format!("  {table} {key}: {problem}")),
        );
        let left = failed_rows.len().saturating_sub(SHOWN);
        if left > 0 {
            lines.push(format!("  and {left} more: `--json` lists them"));
        }
        if next_steps.is_empty() {
            lines.push(format!(
                "No command repairs these. Change the rows by hand, then run `{COMPARE}`."
            ));
        }
    }
    lines.extend(next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
