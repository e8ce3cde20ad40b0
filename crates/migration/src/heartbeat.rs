//! Heartbeats of serving processes (design §3): a phase change waits until every process has seen
//! the current phase.

use std::sync::Arc;

use crate::phase::Phase;
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::base::StoreError;

use winserve_persistence::{Db, OwnConnection, store_error};

use crate::{composition::Phases, migrate::Group, phase::PhaseSource};

/// A process's report about itself.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Generated at its start.
    pub process: Uuid,
    /// Program version.
    pub build: &'static str,
    /// Requests since its start that did not specify one of several organizations.
    pub unnamed_requests: u64,
}

/// Reports, on a separate connection, that a process is alive.
pub struct Heartbeats {
    connection: OwnConnection,
    phase: Arc<PhaseSource>,
}

impl Heartbeats {
    /// For a process that serves from this database in the phase of these compositions.
    ///
    /// # Errors
    /// [`StoreError::Other`] if no thread can be started.
    pub fn new(db: &Db, phases: &Phases) -> Result<Self, StoreError> {
        Ok(Self { connection: db.own_connection("heartbeat")?, phase: phases.source() })
    }

    /// Reports that the process is alive and which phase it sees; call it every two seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        let phase = Arc::clone(&self.phase);
        self.connection
            .run(move |connection| {
                let seen = phase.for_reading(connection).map_err(store_error)?;
                beat(connection, &heartbeat, seen, phase.is_pinned())
            })
            .await
    }

    /// Reports that the process ends, so that phase changes do not wait for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stop(&self, process: Uuid) -> Result<(), StoreError> {
        self.connection.run(move |connection| stop(connection, process)).await
    }
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

fn has_table(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass('process_heartbeat') IS NOT NULL AS exists")
        .get_result(connection)
        .map(|found: Exists| found.exists)
}

/// Records that the process is alive, if the database has a table for it. Deletes processes that
/// ended a day ago.
fn beat(
    connection: &mut PgConnection,
    heartbeat: &Heartbeat,
    phase: Phase,
    is_pinned: bool,
) -> Result<(), StoreError> {
    if !has_table(connection).map_err(store_error)? {
        return Ok(());
    }
    let phases = Phase::ALL.map(Phase::as_str);
    let knows: Vec<_> = phases.into_iter().chain([Group::Phase3Enforce.name()]).collect();
    diesel::sql_query(
        "WITH forgotten AS (
             DELETE FROM process_heartbeat WHERE seen_at < now() - interval '1 d'
         )
         INSERT INTO process_heartbeat AS known
             (process, build, phase, is_pinned, knows, unnamed_requests, unnamed_at)
         VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6 > 0 THEN now() END)
         ON CONFLICT (process) DO UPDATE SET phase = excluded.phase, seen_at = now(),
             unnamed_at = CASE WHEN excluded.unnamed_requests > known.unnamed_requests THEN now()
                               ELSE known.unnamed_at END,
             unnamed_requests = excluded.unnamed_requests",
    )
    .bind::<SqlUuid, _>(heartbeat.process)
    .bind::<Text, _>(heartbeat.build)
    .bind::<Text, _>(phase.as_str())
    .bind::<Bool, _>(is_pinned)
    .bind::<Array<Text>, _>(knows)
    .bind::<BigInt, _>(i64::try_from(heartbeat.unnamed_requests).unwrap_or(i64::MAX))
    .execute(connection)
    .map(drop)
    .map_err(store_error)
}

/// Records that the process ends.
fn stop(connection: &mut PgConnection, process: Uuid) -> Result<(), StoreError> {
    if !has_table(connection).map_err(store_error)? {
        return Ok(());
    }
    diesel::sql_query("UPDATE process_heartbeat SET stopped_at = now() WHERE process = $1")
        .bind::<SqlUuid, _>(process)
        .execute(connection)
        .map(drop)
        .map_err(store_error)
}
