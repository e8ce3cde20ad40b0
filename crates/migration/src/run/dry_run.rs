//! What a run would do, without writing.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use winserve_admin::SCHEMA_VERSION;

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRunReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The job.
    pub job: &'static str,
    /// Rows that it would look at, by table.
    pub rows: BTreeMap<&'static str, i64>,
    /// Campaigns that would go to the quarantine, by code.
    pub quarantine: BTreeMap<&'static str, i64>,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

impl fmt::Display for DryRunReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (table, rows) in &self.rows {
            writeln!(formatter, "Would process {rows} rows of {table}.")?;
        }
        for (code, rows) in &self.quarantine {
            writeln!(formatter, "  into quarantine: {code} ({rows})")?;
        }
        write!(formatter, "Nothing was written.")?;
        self.next_steps.iter().try_for_each(|step| write!(formatter, "\nNext: {step}"))
    }
}

/// What a job counts for a dry run.
#[derive(Default)]
pub(crate) struct Preview {
    /// Rows that it would look at, by table.
    pub(crate) rows: BTreeMap<&'static str, i64>,
    /// Campaigns that would go to the quarantine, by code.
    pub(crate) quarantine: BTreeMap<&'static str, i64>,
}

impl Preview {
    /// Rows by table, and nothing for the quarantine.
    pub(crate) fn of_rows<const N: usize>(rows: [(&'static str, i64); N]) -> Self {
        Self { rows: BTreeMap::from(rows), ..Self::default() }
    }
}

pub(crate) fn report(job: &'static str, preview: Preview) -> DryRunReport {
    let Preview { rows, quarantine } = preview;
    let next_steps = vec![format!("backfill run {job}")];
    DryRunReport { schema_version: SCHEMA_VERSION, job, rows, quarantine, next_steps }
}
