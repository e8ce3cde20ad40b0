//! What a run would do, without writing.

use std::{collections::BTreeMap, fmt};

use crate::{
    jobs::filters::VOTER_FILE_FILTER,
    legacy,
    run::{
        engine::RunError,
        runner::{require_for_filters, require_phase_1},
    },
    sql::{Range, remaining_filters, remaining_offices},
    status::SCHEMA_VERSION,
};
use serde::Serialize;
use winserve_domain::base::StoreError;
use winserve_persistence::{PgConnection, read_snapshot, store_error};

/// Campaigns per page.
const PAGE: i64 = 1_000;

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

/// What [`run_positions`](crate::run_positions) would do.
///
/// # Errors
/// See [`RunError`].
pub fn dry_run_positions(connection: &mut PgConnection) -> Result<DryRunReport, RunError> {
    require_phase_1(connection)?;
    let positions = read_snapshot(connection, |connection| {
        legacy::count_positions(connection).map_err(store_error)
    })?;
    Ok(report("positions", BTreeMap::from([("ballot_position", positions)]), BTreeMap::new()))
}

/// What [`run_organizations`](crate::run_organizations) would do.
///
/// # Errors
/// See [`RunError`].
pub fn dry_run_organizations(connection: &mut PgConnection) -> Result<DryRunReport, RunError> {
    require_phase_1(connection)?;
    read_snapshot(connection, |connection| {
        let mut quarantine = BTreeMap::new();
        let (mut campaigns, mut after) = (0, None);
        while let Some(cut) =
            legacy::cut_campaigns(connection, after.as_deref(), None, PAGE).map_err(store_error)?
        {
            campaigns += cut.rows;
            let range = Range { after, through: cut.through.clone() };
            for source in legacy::unlinked_campaigns(connection, &range).map_err(store_error)? {
                for oddity in source.decoded.oddities.iter().filter(|oddity| oddity.is_error()) {
                    *quarantine.entry(oddity.code()).or_default() += 1;
                }
            }
            after = Some(cut.through);
        }
        let offices = remaining_offices(connection, None, 0).map_err(store_error)?.rows;
        let rows = BTreeMap::from([("campaign", campaigns), ("elected_office", offices)]);
        Ok::<_, StoreError>(report("organizations", rows, quarantine))
    })
    .map_err(Into::into)
}

/// What [`run_voter_file_filters`](crate::run_voter_file_filters) would do.
///
/// # Errors
/// See [`RunError`].
pub fn dry_run_voter_file_filters(connection: &mut PgConnection) -> Result<DryRunReport, RunError> {
    require_for_filters(connection)?;
    let filters = read_snapshot(connection, |connection| {
        remaining_filters(connection, None, 0).map_err(store_error)
    })?;
    let rows = BTreeMap::from([(VOTER_FILE_FILTER, filters.rows)]);
    Ok(report("voter-file-filters", rows, BTreeMap::new()))
}

pub(crate) fn report(
    job: &'static str,
    rows: BTreeMap<&'static str, i64>,
    quarantine: BTreeMap<&'static str, i64>,
) -> DryRunReport {
    let next_steps = vec![format!("backfill run {job}")];
    DryRunReport { schema_version: SCHEMA_VERSION, job, rows, quarantine, next_steps }
}
