//! Runs a job when its place on the path allows it.

use crate::{
    jobs::{BatchJob, filters, look_ups::LookUps, organizations, positions},
    run::{
        dry_run::{DryRunReport, report},
        engine::RunError,
        options::Options,
        runner::{LookUpReport, Observer, RunReport, Running},
    },
    sql as store,
    steps::{self, Step},
};
use winserve_admin::{Exit, SCHEMA_VERSION};
use winserve_persistence::{PgConnection, read_snapshot};

impl BatchJob {
    fn step(&self) -> Result<&'static Step, RunError> {
        steps::of_job(self).ok_or(RunError::NotYet(crate::commands::PLAN))
    }

    /// What [`BatchJob::run`] would do; writes nothing.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn dry_run(&self, connection: &mut PgConnection) -> Result<DryRunReport, RunError> {
        steps::require(connection, self.step()?)?;
        Ok(report(self.name, read_snapshot(connection, self.preview)?))
    }

    /// Runs the job until no rows remain that it could process.
    ///
    /// # Errors
    /// [`RunError::NotYet`] and [`RunError::WrongPhase`] if another step comes first; see [`RunError`].
    pub fn run(
        &self,
        options: &Options,
        look_ups: Option<&LookUps>,
        observer: &mut dyn Observer,
    ) -> Result<RunReport, RunError> {
        let mut connection = store::connect_worker(&options.url, "backfill")?;
        let step = self.step()?;
        steps::require(&mut connection, step)?;
        let reports = (self.run)(&mut Running { connection, options, look_ups, observer })?;
        // Remaining rows take precedence over quarantined rows.
        let exit = [Exit::BudgetExceeded, Exit::RowsRemain, Exit::Quarantine]
            .into_iter()
            .find(|exit| reports.iter().any(|report| report.exit_code == exit.code()))
            .unwrap_or(Exit::Done);
        let next = if exit == Exit::RowsRemain { step.command } else { step.next };
        let (positions, districts) = look_ups.map(LookUps::asked).unwrap_or_default();
        let asked = LookUpReport { configured: look_ups.is_some(), positions, districts };
        Ok(RunReport {
            schema_version: SCHEMA_VERSION,
            job: self.name,
            steps: reports,
            exit_code: exit.code(),
            look_ups: self.has_look_ups.then_some(asked),
            next_steps: vec![next.to_owned()],
        })
    }
}

/// Copies the facts of every position that campaigns name to the position table.
///
/// # Errors
/// See [`BatchJob::run`].
pub fn run_positions(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    positions::JOB.run(options, look_ups, observer)
}

/// Links campaigns and elected offices to their organization and position.
///
/// # Errors
/// See [`BatchJob::run`].
pub fn run_organizations(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    organizations::JOB.run(options, look_ups, observer)
}

/// Attaches saved filters to the organization of their campaign.
///
/// # Errors
/// See [`BatchJob::run`].
pub fn run_voter_file_filters(
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    filters::JOB.run(options, None, observer)
}
