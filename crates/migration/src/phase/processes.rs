//! Which phase the serving processes have seen.

use crate::phase::Phase;
use diesel::{
    prelude::*,
    sql_types::{Bool, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use winserve_persistence::SERVER;

/// Serving processes that have not seen a phase, or do not know another one or its end, each with the
/// reason.
///
/// # Errors
/// If the database fails.
pub fn processes_behind(
    connection: &mut PgConnection,
    seen: Phase,
    entered: &str,
) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        process: Uuid,
        #[diesel(sql_type = Text)]
        build: String,
        #[diesel(sql_type = Text)]
        phase: String,
        #[diesel(sql_type = Bool)]
        is_pinned: bool,
        #[diesel(sql_type = Bool)]
        knows: bool,
    }
    let behind: Vec<Row> = diesel::sql_query(format!(
        "SELECT process, build, phase, is_pinned, $2 = ANY(knows) AS knows FROM process_heartbeat
         WHERE {ALIVE} AND (phase <> $1 OR is_pinned OR $2 <> ALL(knows)) ORDER BY process"
    ))
    .bind::<Text, _>(seen.as_str())
    .bind::<Text, _>(entered)
    .load(connection)?;
    let behind = behind.into_iter().map(|Row { process, build, phase, is_pinned, knows }| {
        let why = match (is_pinned, knows) {
            (true, _) => format!("is pinned to {phase} by its configuration"),
            (_, false) => format!("does not know {entered}"),
            _ => format!("is still running in {phase}"),
        };
        format!("process {process} (build {build}) {why}")
    });
    let silent = silent_processes(connection)?;
    let silent = silent.into_iter().map(|process| {
        format!("process {process} is connected but has not reported its phase yet")
    });
    Ok(behind.chain(silent).collect())
}

/// A serving process reports every two seconds.
const ALIVE: &str = "stopped_at IS NULL AND seen_at > now() - interval '15 s'";

/// Servers that are connected but have not reported lately: the table may be new, or a problem
/// prevents the report.
fn silent_processes(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        process: String,
    }
    let silent: Vec<Row> = diesel::sql_query(format!(
        "SELECT DISTINCT split_part(application_name, '/', 2) AS process FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE $1 || '/%'
           AND NOT EXISTS (SELECT FROM process_heartbeat
               WHERE process::text = split_part(application_name, '/', 2) AND {ALIVE})
         ORDER BY process"
    ))
    .bind::<Text, _>(SERVER)
    .load(connection)?;
    Ok(silent.into_iter().map(|row| row.process).collect())
}
