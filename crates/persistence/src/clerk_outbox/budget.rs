//! The budget of requests to Clerk, shared by all workers and commands: it refills every second,
//! and nothing is sent while it is paused.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{Bool, Double, Nullable, Text},
};
use winserve_domain::clerk::InstanceProblem;

/// Requests allowed now at a rate of `$1` per second: one second's worth, and one or more.
const AVAILABLE: &str = "least(greatest($1, 1),
    requests + $1 * greatest(0, extract(epoch FROM clock_timestamp() - refilled_at)))";

/// The new value of the problem that halts the workers, once their pause is over.
const HALTED_BY: &str = "CASE WHEN paused_until > clock_timestamp() THEN halted_by END";

/// The shortest wait before a retry.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester {
    /// A worker. It waits while an operator has to fix the Clerk instance.
    Worker,
    /// A command of an operator, who may use it to check whether the instance is fixed.
    Operator,
}

impl Requester {
    const fn ignores_halt(self) -> bool {
        matches!(self, Self::Operator)
    }
}

#[derive(QueryableByName)]
struct Wait {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// How long the requester waits for its next request; `None`: it may send one now.
pub(super) fn wait(
    connection: &mut PgConnection,
    requests_per_second: f64,
    requester: Requester,
) -> QueryResult<Option<Duration>> {
    let wait: Wait = diesel::sql_query(format!(
        "SELECT greatest(0, (1 - {AVAILABLE}) / $1,
             CASE WHEN $2 AND halted_by IS NOT NULL THEN 0
                  ELSE extract(epoch FROM greatest(paused_until, '2000-01-01') - clock_timestamp()) END)
             ::double precision AS seconds FROM clerk_budget"
    ))
    .bind::<Double, _>(requests_per_second)
    .bind::<Bool, _>(requester.ignores_halt())
    .get_result(connection)?;
    let duration = Duration::try_from_secs_f64(wait.seconds).unwrap_or(Duration::MAX);
    Ok((wait.seconds > 0.0).then_some(duration))
}

/// Takes a request from the budget; otherwise returns how long to wait for one.
///
/// # Errors
/// If the database fails.
pub fn take_request(
    connection: &mut PgConnection,
    requests_per_second: f64,
    requester: Requester,
) -> QueryResult<Option<Duration>> {
    let taken = diesel::sql_query(format!(
        "UPDATE clerk_budget
         SET requests = {AVAILABLE} - 1, refilled_at = clock_timestamp(), halted_by = {HALTED_BY}
         WHERE {AVAILABLE} >= 1 AND (paused_until < clock_timestamp() OR $2 AND halted_by IS NOT NULL)"
    ))
    .bind::<Double, _>(requests_per_second)
    .bind::<Bool, _>(requester.ignores_halt())
    .execute(connection)?;
    if taken == 1 {
        return Ok(None);
    }
    // The missing row may exist now: the caller retries soon.
    let wait = wait(connection, requests_per_second, requester)?;
    Ok(Some(wait.unwrap_or_default().max(SHORTEST_WAIT)))
}

/// Charges requests that were sent to the budget.
pub(super) fn spend(
    connection: &mut PgConnection,
    requests_per_second: f64,
    requests: u32,
) -> QueryResult<()> {
    if requests == 0 {
        return Ok(());
    }
    diesel::sql_query(format!(
        "UPDATE clerk_budget
         SET requests = {AVAILABLE} - $2, refilled_at = clock_timestamp(), halted_by = {HALTED_BY}"
    ))
    .bind::<Double, _>(requests_per_second)
    .bind::<Double, _>(f64::from(requests))
    .execute(connection)
    .map(drop)
}

/// Pauses all workers for this long; with the problem, if an operator has to fix one.
///
/// # Errors
/// If the database fails.
pub fn pause(
    connection: &mut PgConnection,
    rest: Duration,
    problem: Option<InstanceProblem>,
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "UPDATE clerk_budget SET
             halted_by = coalesce($2, {HALTED_BY}),
             paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => $1))"
    ))
    .bind::<Double, _>(rest.as_secs_f64())
    .bind::<Nullable<Text>, _>(problem.map(InstanceProblem::as_str))
    .execute(connection)
    .map(drop)
}

/// Ends the pause after an operator fixed the problem that halted the workers.
///
/// # Errors
/// If the database fails.
pub fn resume(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE clerk_budget SET halted_by = NULL, paused_until = '-infinity' WHERE halted_by IS NOT NULL",
    )
    .execute(connection)
    .map(drop)
}
