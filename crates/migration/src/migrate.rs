//! The migration groups, with the phases that need and allow them.

use crate::phase::Phase;
pub use winserve_persistence::migrate::{
    Baseline, Group, LEGACY_TABLES, MigrateError, baseline, missing_rights, require_known_schema,
    require_legacy_tables, revert_baseline,
};
use winserve_persistence::{PgConnection, QueryResult, clerk_outbox, migrate as schema};

use crate::{
    commands, phase,
    sql::{EnforceError, TRIES, bring_back_campaign_of_filters, dropped_of_filters},
};

/// The name listed among the migrations when it is restored.
const CAMPAIGN_OF_FILTERS: &str = "voter_file_filter.campaign_id, which an earlier build dropped";

/// Applies a group, and returns the names of the migrations that were pending. Restores with the
/// group of phase 2 what an earlier build removed from saved filters.
///
/// # Errors
/// See [`MigrateError`]; applied migrations stay, and the command may be run again.
pub fn expand(connection: &mut PgConnection, group: Group) -> Result<Vec<String>, MigrateError> {
    expand_in_steps(connection, group, |_| ())
}

/// [`expand`], and calls `applied` with migration names as soon as their effects are visible to
/// others.
///
/// # Errors
/// See [`expand`].
pub fn expand_in_steps(
    connection: &mut PgConnection,
    group: Group,
    applied: impl FnMut(&[String]),
) -> Result<Vec<String>, MigrateError> {
    require_legacy_tables(connection)?;
    schema::with_lock(connection, |connection| {
        let mut names = schema::expand_in_steps(connection, group, applied)?;
        if group == Group::Phase2 && bring_back_campaign_of_filters(connection)? {
            names.push(CAMPAIGN_OF_FILTERS.to_owned());
        }
        Ok(names)
    })
}

/// The pending migrations of a group; writes nothing.
///
/// # Errors
/// See [`MigrateError`].
pub fn pending_of(
    connection: &mut PgConnection,
    group: Group,
) -> Result<Vec<String>, MigrateError> {
    let mut names = schema::pending_of(connection, group)?;
    if group == Group::Phase2 && !dropped_of_filters(connection)?.is_empty() {
        names.push(CAMPAIGN_OF_FILTERS.to_owned());
    }
    Ok(names)
}

/// Whether a group is applied completely and nothing of it was removed since.
///
/// # Errors
/// See [`MigrateError`].
pub fn is_expanded(connection: &mut PgConnection, group: Group) -> Result<bool, MigrateError> {
    Ok(schema::is_expanded(connection, group)?
        && (group != Group::Phase2 || dropped_of_filters(connection)?.is_empty()))
}

/// Undoes a group, newest migration first, and returns their names.
///
/// # Errors
/// [`MigrateError::PhaseInUse`] in a phase that needs it; [`MigrateError::LaterGroup`];
/// [`MigrateError::WithoutCampaign`]. Nothing is undone then.
pub fn revert(connection: &mut PgConnection, group: Group) -> Result<Vec<String>, MigrateError> {
    schema::with_lock(connection, |connection| {
        if is_in_use(connection, group)? {
            return Err(match group {
                Group::Phase1b => MigrateError::SwitchInUse,
                Group::Phase1 | Group::Phase2 | Group::Phase3 | Group::Phase3Enforce => {
                    MigrateError::PhaseInUse
                }
            });
        }
        if group == Group::Phase1 && phase::was_left_lately(connection)? {
            std::thread::sleep(phase::READ_AFTERWARDS);
        }
        schema::revert(connection, group, phase::keep_writers_waiting)
    })
}

/// Whether a phase, or its switch, needs the group.
fn is_in_use(connection: &mut PgConnection, group: Group) -> QueryResult<bool> {
    let last_phase_without = match group {
        Group::Phase1 => Phase::Legacy,
        Group::Phase2 => Phase::One,
        Group::Phase3 | Group::Phase3Enforce => Phase::Two,
        Group::Phase1b => {
            return clerk_outbox::is_on(connection);
        }
    };
    Ok(phase::read(connection)? > last_phase_without)
}

/// Commands to run after an error.
#[must_use]
pub fn next_steps(error: &MigrateError) -> Vec<String> {
    let command = match error {
        MigrateError::Empty => "backfill migrate baseline",
        MigrateError::PhaseInUse => commands::BACK,
        MigrateError::SwitchInUse => commands::TURN_OFF,
        MigrateError::NotSynced(_) => commands::TURN_ON,
        MigrateError::FormerGroup(group) => return vec![format!("backfill migrate {group}")],
        MigrateError::LaterGroup(group) => return vec![format!("backfill migrate {group} --undo")],
        MigrateError::NotBegun(_) | MigrateError::NoWayBack => commands::PLAN,
        MigrateError::Incomplete { .. }
        | MigrateError::Foreign { .. }
        | MigrateError::Unexpected(_)
        | MigrateError::Newer { .. }
        | MigrateError::WithoutCampaign { .. }
        | MigrateError::Rights { .. }
        | MigrateError::Locked { .. }
        | MigrateError::Blocked { .. }
        | MigrateError::Unread(_)
        | MigrateError::Failed(_) => return Vec::new(),
    };
    vec![command.to_owned()]
}

impl From<EnforceError> for MigrateError {
    fn from(error: EnforceError) -> Self {
        match error {
            EnforceError::Blocked { table, source } => {
                let migration = format!("what an earlier build dropped from {table}");
                Self::Blocked { migration, tries: TRIES, source }
            }
            error => Self::Failed(error.into()),
        }
    }
}
