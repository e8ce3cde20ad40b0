//! Organizations in Clerk: sync all of them, compare, inspect dead letters, and turn the sync on or
//! off.

mod access;
mod commands;
mod comparison;
mod dead_letters;
mod error;
mod requests;
mod run;
mod status;
mod sweep;

use tokio::runtime::{Builder, Runtime};
use winserve_domain::{base::BoxError, clerk::DirectorySettings};
use winserve_persistence::{
    PgConnection, clerk_outbox,
    migrate::{self, Group},
};

pub use access::ClerkAccess;
pub use commands::Commands;
pub use dead_letters::{describe_dead_letter, organizations_of};
pub use error::ClerkError;
pub use run::{Pending, RunReport, SyncedSoFar, Workers, pending, run, run_lines};
pub use status::status_lines;
pub use sweep::{Finding, SweepReport, sweep, sweep_lines};
pub use winserve_persistence::clerk_outbox::ClerkStatus;

/// Name of the job in reports.
pub const JOB: &str = "clerk-organizations";

/// Checks that the schema has the outbox.
///
/// # Errors
/// [`ClerkError::NotPrepared`], and database errors.
pub fn require_outbox(connection: &mut PgConnection) -> Result<(), ClerkError> {
    for group in [Group::Phase1, Group::Phase1b] {
        if !migrate::is_expanded(connection, group)? {
            return Err(ClerkError::NotPrepared(group));
        }
    }
    Ok(())
}

/// Checks that organizations are synced to Clerk.
///
/// # Errors
/// [`ClerkError::NotPrepared`], [`ClerkError::Off`], and database errors.
pub fn require_on(connection: &mut PgConnection) -> Result<(), ClerkError> {
    require_outbox(connection)?;
    if clerk_outbox::is_on(connection)? { Ok(()) } else { Err(ClerkError::Off) }
}

/// A runtime for calls to Clerk.
fn runtime() -> Result<Runtime, ClerkError> {
    let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|error| ClerkError::Runtime(BoxError::from(error)))
}

/// Reads the settings of the Clerk instance.
fn settings(
    connection: &mut PgConnection,
    runtime: &Runtime,
    access: &ClerkAccess,
) -> Result<DirectorySettings, ClerkError> {
    requests::ask(connection, access, |_| Ok(runtime.block_on(access.directory.settings())))
}

/// Settings that the instance does not report, in sentences.
fn unreported(settings: &DirectorySettings) -> Vec<String> {
    settings.unreported.iter().map(ToString::to_string).collect()
}
