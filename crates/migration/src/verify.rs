//! `verify`: reads every row and reports whether the JSON and the tables agree.

use std::{collections::BTreeMap, time::Instant};

use crate::{
    commands::{COMPARE, PLAN, REPAIR},
    legacy::{self, Finding},
    phase,
    run::engine::RunError,
    sql::{self as store, Job},
    status::SCHEMA_VERSION,
    steps::{self, RUN_ORGANIZATIONS, RUN_POSITIONS, VERIFY},
};
use diesel::QueryResult;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use winserve_admin::Exit;
use winserve_persistence::{PgConnection, read_snapshot, store_error};

/// Rows per comparison: each page is one statement, and so one snapshot.
const PAGE: i64 = 5_000;
/// Maximum number of listed keys per category.
const KEYS: usize = 1_000;

/// Findings of `verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The recorded run, which gates require.
    pub run: Option<Uuid>,
    /// Campaigns compared.
    pub campaigns: i64,
    /// Elected offices compared.
    pub elected_offices: i64,
    /// The findings, by table and category; defects first.
    pub categories: Vec<Category>,
    /// 0 without defects, else 50.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Rows of one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Table of the keys.
    pub table: String,
    /// Such as `wrong-position`.
    pub category: String,
    /// Whether the stores disagree; otherwise it is information only.
    pub is_defect: bool,
    /// How many rows.
    pub rows: i64,
    /// How many in each state of the office.
    pub by_state: BTreeMap<String, i64>,
    /// How many at each level.
    pub by_level: BTreeMap<String, i64>,
    /// The first keys.
    pub keys: Vec<String>,
}

impl VerifyReport {
    /// Rows in categories that are defects.
    #[must_use]
    pub fn defects(&self) -> i64 {
        self.categories.iter().filter(|it| it.is_defect).map(|it| it.rows).sum()
    }

    /// The keys of a category, of one table.
    #[must_use]
    pub fn keys(&self, table: &str, category: &str) -> Vec<&str> {
        let found = self.categories.iter().find(|it| it.table == table && it.category == category);
        found.map(|it| it.keys.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// Compares every row, without writing.
///
/// # Errors
/// See [`RunError`].
pub fn verify_read_only(connection: &mut PgConnection) -> Result<VerifyReport, RunError> {
    let mut phase = phase::read(connection)?;
    if !phase.reads_tables() {
        phase = steps::require(connection, &VERIFY)?;
    }
    let compares_json = phase.writes_both();
    let mut tally = Tally::default();
    let keys = i64::try_from(KEYS).unwrap_or(i64::MAX);
    let notes = reading(connection, legacy::notes)?;
    let mut after: Option<i64> = None;
    while let Some(cut) = reading(connection, |it| legacy::next_campaigns(it, after, PAGE))? {
        let through: i64 = cut.through.parse().unwrap_or(i64::MAX);
        tally.campaigns += cut.rows;
        let mut found =
            reading(connection, |it| legacy::verify_campaigns(it, notes, after, through, keys))?;
        if !compares_json {
            found.retain(|it| !legacy::OF_JSON.contains(&it.category.as_str()));
        }
        tally.add("campaign", found);
        after = Some(through);
    }
    let mut after: Option<String> = None;
    while let Some(cut) =
        reading(connection, |it| legacy::next_offices(it, after.as_deref(), PAGE))?
    {
        tally.elected_offices += cut.rows;
        let found = reading(connection, |it| {
            legacy::verify_offices(it, notes, after.as_deref(), &cut.through, keys)
        })?;
        tally.add("elected_office", found);
        after = Some(cut.through);
    }
    let orphans = reading(connection, |it| legacy::verify_orphans(it, phase.reads_tables(), keys))?;
    for (table, categories) in OF_ORPHANS {
        for category in categories {
            tally.add(table, of(&orphans, category));
        }
    }
    // The backfill links remaining rows much faster than a repair, which goes row by row.
    let to_run = steps::first_undone(connection, &[&RUN_POSITIONS, &RUN_ORGANIZATIONS])?;
    // Without the JSON there is nothing to repair from.
    let mends = if compares_json { COMPARE } else { PLAN };
    Ok(tally.into_report(to_run.map_or(mends, |step| step.command)))
}

/// Findings on rows other than holders, by table.
const OF_ORPHANS: [(&str, &[&str]); 3] = [
    ("organization", &["orphan-organization"]),
    ("ballot_position", &["orphan-position", "unreferenced-position", "unreadable-position"]),
    (
        "voter_file_filter",
        &[
            "filter-without-organization",
            "filter-of-nobody",
            "wrong-organization",
            "party-in-office-filter",
        ],
    ),
];

/// Compares every row, and records the findings for the gates.
///
/// # Errors
/// See [`RunError`].
pub fn verify(connection: &mut PgConnection) -> Result<VerifyReport, RunError> {
    let started = Instant::now();
    let mut report = verify_read_only(connection)?;
    let categories: BTreeMap<_, _> = report
        .categories
        .iter()
        .map(|it| (format!("{}/{}", it.table, it.category), it.rows))
        .collect();
    let summary = json!({
        "campaigns": report.campaigns,
        "elected_offices": report.elected_offices,
        "categories": categories,
        // When recording of other services' changes began; only a comparison finds earlier changes.
        "notes_of": store::notes_of_other_services(connection)?,
    });
    report.run = Some(store::record(
        connection,
        Job::VERIFY,
        started.elapsed(),
        report.exit_code,
        &summary,
    )?);
    Ok(report)
}

fn reading<T>(
    connection: &mut PgConnection,
    query: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> Result<T, RunError> {
    Ok(read_snapshot(connection, |connection| query(connection).map_err(store_error))?)
}

fn of(findings: &[Finding], category: &str) -> Vec<Finding> {
    findings.iter().filter(|it| it.category == category).cloned().collect()
}

#[derive(Default)]
struct Tally {
    campaigns: i64,
    elected_offices: i64,
    categories: BTreeMap<(bool, &'static str, String), Category>,
}

impl Tally {
    fn add(&mut self, table: &'static str, findings: Vec<Finding>) {
        for finding in findings {
            let Finding { category, is_defect, state, level, rows, keys } = finding;
            // `false` sorts first: defects.
            let known = self
                .categories
                .entry((!is_defect, table, category.clone()))
                .or_insert_with(|| Category {
                    table: table.to_owned(),
                    category,
                    is_defect,
                    rows: 0,
                    by_state: BTreeMap::new(),
                    by_level: BTreeMap::new(),
                    keys: Vec::new(),
                });
            known.rows += rows;
            *known.by_state.entry(state).or_default() += rows;
            *known.by_level.entry(level).or_default() += rows;
            known.keys.extend(keys);
            known.keys.sort_by_key(|key| (key.len(), key.clone()));
            known.keys.truncate(KEYS);
        }
    }

    fn into_report(self, mends: &str) -> VerifyReport {
        let has_defects = self.categories.values().any(|category| category.is_defect);
        let is_pending = self.categories.values().any(|category| category.category == PENDING);
        let next_steps: &[&str] = match (has_defects, is_pending) {
            (true, _) => &[mends],
            // A running `api` does the same within seconds.
            (false, true) => &[REPAIR, PLAN],
            (false, false) => &[PLAN],
        };
        VerifyReport {
            schema_version: SCHEMA_VERSION,
            run: None,
            campaigns: self.campaigns,
            elected_offices: self.elected_offices,
            categories: self.categories.into_values().collect(),
            exit_code: if has_defects { Exit::Defects } else { Exit::Done }.code(),
            next_steps: next_steps.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Changes of other services within the last minute: `api` is about to copy them to the tables.
const PENDING: &str = "pending-change";

/// Maximum number of shown keys per category.
const SHOWN: usize = 10;

/// The report for people.
#[must_use]
pub fn verify_table(report: &VerifyReport) -> String {
    let mut lines = vec![format!(
        "{} campaigns and {} elected offices compared.",
        report.campaigns, report.elected_offices
    )];
    let counts = |counts: &BTreeMap<String, i64>| {
        let mut counts: Vec<_> = counts.iter().collect();
        counts.sort_by_key(|(name, rows)| (std::cmp::Reverse(**rows), *name));
        let shown: Vec<_> =
            counts.iter().take(SHOWN).map(|(name, rows)| format!("{name} {rows}")).collect();
        shown.join(", ")
    };
    for it in &report.categories {
        let kind = if it.is_defect { "DEFECT" } else { "info" };
        lines.push(format!("{kind}  {} {}: {} rows", it.table, it.category, it.rows));
        lines.push(format!("        by level {}", counts(&it.by_level)));
        lines.push(format!("        by state {}", counts(&it.by_state)));
        if it.is_defect {
            let keys: Vec<_> = it.keys.iter().take(SHOWN).map(String::as_str).collect();
            lines.push(format!("        first keys {}", keys.join(", ")));
        }
    }
    let pending: i64 =
        report.categories.iter().filter(|it| it.category == PENDING).map(|it| it.rows).sum();
    if pending > 0 {
        lines.push(format!(
            "Another service has just changed {pending} rows; a running `api` will copy them to the tables."
        ));
    }
    lines.push(match report.defects() {
        0 if pending > 0 => "All other rows agree in both stores.".to_owned(),
        0 => "The stores agree.".to_owned(),
        defects => format!("The stores disagree: {defects} defects."),
    });
    lines.push(match report.run {
        Some(run) => format!("Recorded as run {run}."),
        None => "Nothing was written.".to_owned(),
    });
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
