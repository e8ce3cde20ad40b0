//! `backfill quarantine`: rows that people should look at, and organizations that Clerk could not be told of.

use std::collections::BTreeMap;

use diesel::QueryResult;
use serde::Serialize;
use uuid::Uuid;
use winserve_persistence::{
    PgConnection,
    backfill::{self as store, DeadLetter, Quarantined},
    migrate::{self, Group},
};

use crate::status::SCHEMA_VERSION;

/// Entries told at most.
const MOST: i64 = 1_000;
/// Where dead letters lie.
const OUTBOX: &str = "clerk_outbox";

/// What is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The first thousand entries of the backfill, then the first thousand dead letters.
    pub entries: Vec<Quarantined>,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Dead letters that get another chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// Version of this JSON.
    pub schema_version: u32,
    /// How many; of a dry run, how many would.
    pub retried: usize,
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
/// The database's.
pub fn list_quarantine(connection: &mut PgConnection) -> QueryResult<QuarantineReport> {
    report(connection, None)
}

/// What is in quarantine of one key.
///
/// # Errors
/// The database's.
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
        let dead = store::dead_letters(connection, organization.and_then(Result::ok), MOST)?;
        entries.extend(dead.into_iter().map(entry));
    }
    let is_dead = entries.iter().any(|entry| entry.table == OUTBOX);
    let next_steps =
        if is_dead { vec!["backfill quarantine retry --all".to_owned()] } else { Vec::new() };
    Ok(QuarantineReport { schema_version: SCHEMA_VERSION, entries, next_steps })
}

fn entry(letter: DeadLetter) -> Quarantined {
    let DeadLetter { organization, reason, attempts, is_deletion, at } = letter;
    let what = if is_deletion { "has to go at Clerk" } else { "has to be at Clerk" };
    Quarantined {
        table: OUTBOX.to_owned(),
        key: organization.to_string(),
        code: reason,
        detail: Some(format!("{what}; {attempts} attempts")),
        at,
    }
}

/// Gives dead letters another chance: of these organizations, or of a reason, or all.
///
/// # Errors
/// The database's.
pub fn retry_quarantine(
    connection: &mut PgConnection,
    organizations: Option<&[Uuid]>,
    reason: Option<&str>,
    dry_run: bool,
) -> QueryResult<Retried> {
    let retried = if !has(connection, Group::Phase1b) {
        0
    } else if dry_run {
        let fits = |letter: &DeadLetter| {
            organizations.is_none_or(|some| some.contains(&letter.organization))
                && reason.is_none_or(|reason| reason == letter.reason)
        };
        store::dead_letters(connection, None, i64::MAX)?.iter().filter(|it| fits(it)).count()
    } else {
        store::retry_dead_letters(connection, organizations, reason)?
    };
    Ok(Retried {
        schema_version: SCHEMA_VERSION,
        retried,
        dry_run,
        next_steps: if retried > 0 {
            vec!["backfill run clerk-organizations".to_owned()]
        } else {
            Vec::new()
        },
    })
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
