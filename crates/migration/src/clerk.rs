//! `backfill run clerk-organizations`: runs the commands of `winserve-admin clerk` under their
//! migration names, and records them as a migration run.

use std::{sync::Arc, time::Duration};

use winserve_admin::clerk::{
    self, ClerkAccess, ClerkError, JOB, Pending, RunReport, SweepReport, SyncedSoFar, Workers,
};
use winserve_persistence::{Db, DbOptions, PgConnection, connect};

use crate::{
    commands::{self, CLERK_COMMANDS},
    composition::Phases,
    migrate::Group,
    run::{
        dry_run::{self, DryRunReport, Preview},
        engine::RunError,
        runner::Observer,
    },
    sql::{self as store, Job, Progress},
    steps::{self, RUN_CLERK_ORGANIZATIONS},
};

/// Organizations are synced in phase 1 and later, while phase 1b is on.
fn require_phase_1b(connection: &mut PgConnection) -> Result<(), RunError> {
    steps::require(connection, &RUN_CLERK_ORGANIZATIONS)?;
    clerk::require_on(connection).map_err(Into::into)
}

impl From<ClerkError> for RunError {
    fn from(error: ClerkError) -> Self {
        match error {
            ClerkError::NotPrepared(Group::Phase1) => Self::NotYet(commands::EXPAND_PHASE_1),
            ClerkError::NotPrepared(_) => Self::NotYet(CLERK_COMMANDS.prepare),
            ClerkError::Off => Self::NotYet(CLERK_COMMANDS.turn_on),
            ClerkError::Stopped => Self::Stopped,
            ClerkError::Store(error) => error.into(),
            error => Self::Clerk(error),
        }
    }
}

/// What a run would do.
///
/// # Errors
/// See [`RunError`].
pub fn dry_run_clerk_organizations(
    connection: &mut PgConnection,
) -> Result<DryRunReport, RunError> {
    require_phase_1b(connection)?;
    let Pending { unqueued, waiting } = clerk::pending(connection)?;
    let rows = [("organization", unqueued), ("clerk_outbox", waiting)];
    Ok(dry_run::report(JOB, Preview::of_rows(rows)))
}

/// Queues every organization that is not in Clerk, and waits until all are synced.
///
/// # Errors
/// See [`RunError`].
pub fn run_clerk_organizations(
    url: &str,
    access: &ClerkAccess,
    workers: u8,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    let mut connection = connect(url, "winserve-backfill")?;
    require_phase_1b(&mut connection)?;
    let pool = DbOptions::new("winserve-backfill", u32::from(workers) + 1);
    let workers = Workers {
        database: Arc::new(Db::connect(url, &pool, Arc::new(Phases::new(None)))?),
        count: workers,
    };
    let run = store::join(&mut connection, Job::CLERK_ORGANIZATIONS, None)?;
    observer.begin(Job::CLERK_ORGANIZATIONS, Progress::default());
    let done = clerk::run(&mut connection, access, &workers, &mut |so_far| {
        let SyncedSoFar { done, total } = so_far;
        observer.total(total);
        observer
            .tick(&mut || Some(Progress { examined: done, changed: done, ..Progress::default() }));
    });
    observer.end();
    let report = done?;
    // The next run, or `api`, syncs the rest.
    store::finish(&mut connection, run.id, run.pass, report.exit_code)?;
    Ok(report)
}

/// Compares Clerk with the database, and with `execute` fixes what differs.
///
/// # Errors
/// See [`RunError`].
pub fn sweep_clerk_organizations(
    url: &str,
    access: &ClerkAccess,
    grace: Duration,
    execute: bool,
) -> Result<SweepReport, RunError> {
    let mut connection = connect(url, "winserve-backfill")?;
    require_phase_1b(&mut connection)?;
    clerk::sweep(&mut connection, access, grace, execute).map_err(Into::into)
}
