//! The switch: while it is on, workers sync the outbox to Clerk. Changes are written to the outbox
//! whether it is on or off.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Bool, Text, Timestamptz},
};

use super::budget;

/// The name of the switch, in the history and on the command line of `backfill`.
pub const SWITCH_NAME: &str = "phase-1b";
/// Its name in the history while it is off.
const OFF: &str = "without phase-1b";

/// The state of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Switch {
    /// Whether organizations are synced to Clerk.
    #[diesel(sql_type = Bool)]
    pub is_on: bool,
    /// When it was last changed.
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
}

/// A change of the switch, with actor and reason.
#[derive(Debug, Clone)]
pub struct SwitchChange {
    /// On or off.
    pub is_on: bool,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// The state of the switch; `None` in a database without one.
///
/// # Errors
/// If the database fails.
pub fn read_switch(connection: &mut PgConnection) -> QueryResult<Option<Switch>> {
    let found: Exists =
        diesel::sql_query("SELECT to_regclass('clerk_switch') IS NOT NULL AS exists")
            .get_result(connection)?;
    if !found.exists {
        return Ok(None);
    }
    diesel::sql_query("SELECT is_on, since FROM clerk_switch").get_result(connection).map(Some)
}

/// Whether there is a switch, and it is on.
///
/// # Errors
/// If the database fails.
pub fn is_on(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(read_switch(connection)?.is_some_and(|switch| switch.is_on))
}

/// Sets the switch and writes the history; `false` if it already has that state. Workers see it
/// when they take the next row.
///
/// # Errors
/// If the database fails.
pub fn turn_switch(connection: &mut PgConnection, change: &SwitchChange) -> QueryResult<bool> {
    connection.transaction(|connection| {
        let turned = diesel::sql_query(
            "UPDATE clerk_switch SET is_on = $1, since = now() WHERE is_on <> $1",
        )
        .bind::<Bool, _>(change.is_on)
        .execute(connection)?;
        if turned == 0 {
            return Ok(false);
        }
        // The operator may have fixed what halted the workers, so they check again.
        budget::resume(connection)?;
        let (from, to) = if change.is_on { (OFF, SWITCH_NAME) } else { (SWITCH_NAME, OFF) };
        diesel::sql_query(
            "INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason)
             VALUES ($1, $2, $3, $4)",
        )
        .bind::<Text, _>(from)
        .bind::<Text, _>(to)
        .bind::<Text, _>(&change.actor)
        .bind::<Text, _>(&change.reason)
        .execute(connection)?;
        Ok(true)
    })
}
