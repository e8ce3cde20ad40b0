//! `backfill quarantine`: rows that need a person, lookups that election-api did not answer, and
//! organizations that could not be synced to Clerk.

use std::collections::BTreeMap;

use crate::{
    asking_again::{AskingAgain, ask_about_quarantined},
    commands::{CLERK_COMMANDS, PLAN},
    migrate::{self, Group},
    run::engine::RunError,
    sql::{
        self as store, DISTRICT_UNANSWERED, POSITION_INCOMPLETE, POSITION_UNANSWERED, Quarantined,
        Unanswered,
    },
    status::SCHEMA_VERSION,
};
use diesel::QueryResult;
use serde::Serialize;
use uuid::Uuid;
use winserve_admin::clerk::{describe_dead_letter, organizations_of};
use winserve_persistence::{
    PgConnection,
    clerk_outbox::{self, DeadLetter},
};

/// Maximum number of listed entries.
const MOST: i64 = 1_000;
/// The table of dead letters.
const OUTBOX: &str = "clerk_outbox";

/// Contents of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The first thousand entries of the backfill, then the first thousand dead letters.
    pub entries: Vec<Quarantined>,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// What is retried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// Version of this JSON.
    pub schema_version: u32,
    /// How many; in a dry run, how many would be.
    pub retried: usize,
    /// Lookups that election-api has still not answered.
    pub left: usize,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

fn has(connection: &mut PgConnection, group: Group) -> bool {
    migrate::is_expanded(connection, group).is_ok_and(|whole| whole)
}

/// Everything in quarantine.
///
/// # Errors
/// If the database fails.
pub fn list_quarantine(connection: &mut PgConnection) -> QueryResult<QuarantineReport> {
    report(connection, None)
}

/// Quarantine entries of one key.
///
/// # Errors
/// If the database fails.
pub fn show_quarantine(connection: &mut PgConnection, key: &str) -> QueryResult<QuarantineReport> {
    report(connection, Some(key))
}

fn report(connection: &mut PgConnection, key: Option<&str>) -> QueryResult<QuarantineReport> {
    let mut entries = Vec::new();
    if has(connection, Group::Phase1) {
        entries.extend(store::in_quarantine(connection, key, MOST)?);
    }
    let organization = key.map(Uuid::parse_str);
    if has(connection, Group::Phase1b) && organization.as_ref().is_none_or(Result::is_ok) {
        let dead = clerk_outbox::dead_letters(connection, organization.and_then(Result::ok), MOST)?;
        entries.extend(dead.into_iter().map(entry));
    }
    let unanswered = [POSITION_UNANSWERED, POSITION_INCOMPLETE, DISTRICT_UNANSWERED];
    let can_be_retried =
        |entry: &Quarantined| entry.table == OUTBOX || unanswered.contains(&entry.code.as_str());
    let can_be_retried = entries.iter().any(can_be_retried);
    let next_steps = if can_be_retried {
        vec!["backfill quarantine retry --all".to_owned()]
    } else {
        Vec::new()
    };
    Ok(QuarantineReport { schema_version: SCHEMA_VERSION, entries, next_steps })
}

fn entry(letter: DeadLetter) -> Quarantined {
    Quarantined {
        table: OUTBOX.to_owned(),
        key: letter.organization.to_string(),
        detail: Some(describe_dead_letter(&letter)),
        code: letter.reason,
        at: letter.at,
    }
}

/// What to retry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Retry<'a> {
    /// Only these keys, or these organizations for dead letters; `None`: all.
    pub keys: Option<&'a [String]>,
    /// With this code.
    pub code: Option<&'a str>,
    /// Count only; write nothing.
    pub dry_run: bool,
}

/// Retries dead letters, and asks election-api again about unanswered lookups; without `election`,
/// those stay unchanged.
///
/// # Errors
/// [`RunError`].
pub fn retry_quarantine(
    connection: &mut PgConnection,
    retry: Retry<'_>,
    election: Option<&AskingAgain>,
) -> Result<Retried, RunError> {
    let letters = retry_letters(connection, retry)?;
    let which = Unanswered { keys: retry.keys, code: retry.code };
    let unanswered = if has(connection, Group::Phase1) {
        store::count_unanswered(connection, &which)?
    } else {
        0
    };
    let mut left = unanswered;
    if let (Some(election), 1.., false) = (election, unanswered, retry.dry_run) {
        ask_about_quarantined(connection, election, &which)?;
        left = store::count_unanswered(connection, &which)?;
    }
    let next_step = match (left, letters, unanswered) {
        (1.., _, _) => Some(CLERK_COMMANDS.list_dead_letters),
        (_, 1.., _) => Some(CLERK_COMMANDS.run),
        (_, _, 1..) => Some(PLAN),
        _ => None,
    };
    Ok(Retried {
        schema_version: SCHEMA_VERSION,
        retried: letters + unanswered,
        left,
        dry_run: retry.dry_run,
        next_steps: next_step.map(str::to_owned).into_iter().collect(),
    })
}

fn retry_letters(connection: &mut PgConnection, retry: Retry<'_>) -> QueryResult<usize> {
    if !has(connection, Group::Phase1b) {
        return Ok(0);
    }
    let organizations = retry.keys.map(organizations_of);
    let organizations = organizations.as_deref();
    if retry.dry_run {
        clerk_outbox::count_dead_letters(connection, organizations, retry.code)
    } else {
        clerk_outbox::retry_dead_letters(connection, organizations, retry.code)
    }
}

/// The report for people: how many of each code, with the first keys.
#[must_use]
pub fn quarantine_table(report: &QuarantineReport) -> String {
    let mut by_code: BTreeMap<(&str, &str), Vec<&Quarantined>> = BTreeMap::new();
    for entry in &report.entries {
        by_code.entry((&entry.table, &entry.code)).or_default().push(entry);
    }
    let mut lines: Vec<String> = by_code
        .iter()
        .map(|((table, code), entries)| {
            let keys: Vec<&str> = entries.iter().take(10).map(|it| it.key.as_str()).collect();
            format!("{table}: {code} ({}): {}", entries.len(), keys.join(", "))
        })
        .collect();
    if let [only] = report.entries.as_slice() {
        lines.extend(only.detail.clone());
    }
    if lines.is_empty() {
        lines.push("Nothing is in quarantine.".to_owned());
    }
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
