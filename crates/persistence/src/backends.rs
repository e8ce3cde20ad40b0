//! The server processes behind this process's connections: what they wait for, and how to stop
//! them.
//!
//! A signal stops the whole process, so it keeps one list of its backends, and one of its other
//! waits. Only a second connection can inspect or cancel a waiting backend, because diesel hides
//! libpq's cancel requests.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz},
};

/// A server process behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, QueryableByName)]
pub(crate) struct Backend {
    #[diesel(sql_type = Integer)]
    pid: i32,
    /// Distinguishes it from a later process with the same number.
    #[diesel(sql_type = Timestamptz)]
    started: DateTime<Utc>,
}

static OWN: Mutex<Vec<Backend>> = Mutex::new(Vec::new());
static ANNOUNCED: LazyLock<Mutex<HashMap<u64, Announcement>>> = LazyLock::new(Mutex::default);

struct Announcement {
    what: String,
    since: Instant,
}

impl Backend {
    /// The one behind a connection.
    pub(crate) fn of(connection: &mut PgConnection) -> QueryResult<Self> {
        diesel::sql_query(
            "SELECT pid, backend_start AS started FROM pg_stat_get_activity(pg_backend_pid())",
        )
        .get_result(connection)
    }

    /// Cancels its current statement, if any. A COMMIT that waits for a standby is not cancelled:
    /// it would become visible here without being on the standby.
    pub(crate) fn cancel(self, canceller: &mut PgConnection) -> QueryResult<()> {
        diesel::sql_query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_get_activity($1)
             WHERE backend_start = $2 AND wait_event IS DISTINCT FROM 'SyncRep'",
        )
        .bind::<Integer, _>(self.pid)
        .bind::<Timestamptz, _>(self.started)
        .execute(canceller)
        .map(drop)
    }

    /// Puts it on the list until the guard is dropped.
    pub(crate) fn listed(self) -> Listed {
        own().push(self);
        Listed(self)
    }
}

/// Keeps a backend on the list.
#[must_use = "it leaves the list when this is dropped"]
pub(crate) struct Listed(Backend);

impl Listed {
    /// Keeps it there until the process ends.
    pub(crate) fn for_good(self) {
        std::mem::forget(self);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        own().retain(|it| *it != self.0);
    }
}

fn own() -> MutexGuard<'static, Vec<Backend>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn announced() -> MutexGuard<'static, HashMap<u64, Announcement>> {
    ANNOUNCED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Announces that this process waits for something other than a backend's lock, such as a lease,
/// until the guard is dropped. A watcher reports it; see [`Waits`].
pub fn announce(what: impl Into<String>) -> Announced {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    announced().insert(number, Announcement { what: what.into(), since: Instant::now() });
    Announced(number)
}

/// Whether this process has a backend that a watcher could inspect.
#[must_use]
pub fn has_own() -> bool {
    !own().is_empty()
}

/// An announced wait; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the wait ends when this is dropped"]
pub struct Announced(u64);

impl Announced {
    /// What it waits for now, if that changes during the wait.
    pub fn set(&self, what: impl Into<String>) {
        if let Some(announcement) = announced().get_mut(&self.0) {
            announcement.what = what.into();
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        announced().remove(&self.0);
    }
}

/// A server session, with what an operator needs to identify it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Session {
    /// 0: a prepared transaction, which has none.
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = Nullable<Text>)]
    application: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    role: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    host: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    connected: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    transaction: Option<i64>,
}

/// The columns of a [`Session`], of `pg_stat_activity AS session` and a process with the number `pid`.
macro_rules! session_columns {
    ($pid:literal) => {
        concat!(
            $pid,
            " AS pid, session.application_name AS application, session.usename::text AS role,
            CASE WHEN session.client_addr IS NOT NULL THEN host(session.client_addr)
                 WHEN session.backend_start IS NOT NULL THEN 'local' END AS host,
            session.state AS state,
            extract(epoch FROM clock_timestamp() - session.backend_start)::bigint AS connected,
            extract(epoch FROM clock_timestamp() - session.xact_start)::bigint AS transaction"
        )
    };
}

impl fmt::Display for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return formatter.write_str("a prepared transaction (SELECT * FROM pg_prepared_xacts)");
        }
        let known = |what: &str, value: Option<&String>| {
            value.filter(|it| !it.is_empty()).map(|it| format!("{what}{it}"))
        };
        let seconds =
            |what: &str, value: Option<i64>| value.map(|seconds| format!("{what} {seconds} s"));
        let details: Vec<_> = [
            known("application ", self.application.as_ref()),
            known("user ", self.role.as_ref()),
            known("host ", self.host.as_ref()),
            known("", self.state.as_ref()),
            seconds("in a transaction for", self.transaction)
                .or_else(|| seconds("connected for", self.connected))
                // The age of other roles' sessions is visible to members of pg_read_all_stats.
                .or_else(|| Some("age unknown: grant pg_read_all_stats to see it".to_owned())),
        ]
        .into_iter()
        .flatten()
        .collect();
        write!(formatter, "pid {} ({})", self.pid, details.join(", "))
    }
}

/// Who holds the advisory lock with a 64-bit key in this database.
///
/// # Errors
/// If the database fails.
pub fn holder_of_advisory_lock(
    connection: &mut PgConnection,
    key: i64,
) -> QueryResult<Option<Session>> {
    diesel::sql_query(concat!(
        "SELECT ",
        session_columns!("coalesce(held.pid, 0)"),
        " FROM pg_locks AS held LEFT JOIN pg_stat_activity AS session ON session.pid = held.pid
          WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
            AND held.pid IS DISTINCT FROM pg_backend_pid()
            AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (held.classid::bigint << 32) | held.objid::bigint = $1
          ORDER BY session.xact_start LIMIT 1"
    ))
    .bind::<BigInt, _>(key)
    .get_result(connection)
    .optional()
}

/// Who writes to a table, or blocks others from it.
///
/// # Errors
/// If the database fails.
pub fn writer_of_table(connection: &mut PgConnection, table: &str) -> QueryResult<Option<Session>> {
    diesel::sql_query(concat!(
        "SELECT ",
        session_columns!("coalesce(held.pid, 0)"),
        " FROM pg_locks AS held LEFT JOIN pg_stat_activity AS session ON session.pid = held.pid
          WHERE held.locktype = 'relation' AND held.granted AND held.relation = to_regclass($1)
            AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND held.mode NOT IN ('AccessShareLock', 'RowShareLock')
            AND held.pid IS DISTINCT FROM pg_backend_pid()
          ORDER BY session.xact_start LIMIT 1"
    ))
    .bind::<Text, _>(table)
    .get_result(connection)
    .optional()
}

/// The other sessions of this database that have a name.
///
/// # Errors
/// If the database fails.
pub fn sessions_named(
    connection: &mut PgConnection,
    application: &str,
) -> QueryResult<Vec<Session>> {
    diesel::sql_query(concat!(
        "SELECT ",
        session_columns!("session.pid"),
        " FROM pg_stat_activity AS session
          WHERE session.application_name = $1 AND session.datname = current_database()
            AND session.pid <> pg_backend_pid()
          ORDER BY session.pid"
    ))
    .bind::<Text, _>(application)
    .load(connection)
}

/// What backends of this process wait for.
#[derive(Debug)]
pub struct Found {
    blocked: Vec<Blocked>,
    commits: Vec<Commit>,
}

/// Finds what backends of this process wait for.
///
/// # Errors
/// If the database fails.
pub fn look(watcher: &mut PgConnection) -> QueryResult<Found> {
    Ok(Found { blocked: blocked(watcher)?, commits: commits(watcher)? })
}

/// A COMMIT of ours that waits for a standby.
#[derive(Debug, QueryableByName)]
struct Commit {
    #[diesel(sql_type = Integer)]
    pid: i32,
    /// When it was sent.
    #[diesel(sql_type = Timestamptz)]
    sent: DateTime<Utc>,
    /// `synchronous_standby_names`.
    #[diesel(sql_type = Text)]
    standbys: String,
}

fn commits(watcher: &mut PgConnection) -> QueryResult<Vec<Commit>> {
    let (pids, starts): (Vec<_>, Vec<_>) = own().iter().map(|it| (it.pid, it.started)).unzip();
    diesel::sql_query(
        "SELECT own.pid, waiting.query_start AS sent, current_setting('synchronous_standby_names') AS standbys
         FROM unnest($1, $2) AS own (pid, started)
         JOIN pg_stat_activity AS waiting ON waiting.pid = own.pid AND waiting.backend_start = own.started
         WHERE waiting.wait_event = 'SyncRep' AND waiting.query_start IS NOT NULL
         ORDER BY waiting.query_start",
    )
    .bind::<Array<Integer>, _>(pids)
    .bind::<Array<Timestamptz>, _>(starts)
    .load(watcher)
}

/// What blocks one of our backends.
#[derive(Debug, QueryableByName)]
struct Blocked {
    #[diesel(embed)]
    blocker: Session,
    #[diesel(sql_type = Nullable<Text>)]
    step: Option<String>,
    /// Milliseconds.
    #[diesel(sql_type = BigInt)]
    waited: i64,
}

/// What backends of this process wait for: locks, and snapshots that an index build must outlive.
fn blocked(watcher: &mut PgConnection) -> QueryResult<Vec<Blocked>> {
    let (pids, starts): (Vec<_>, Vec<_>) = own().iter().map(|it| (it.pid, it.started)).unzip();
    diesel::sql_query(concat!(
        "WITH own AS (SELECT * FROM unnest($1, $2) AS own (pid, started))
         SELECT DISTINCT ON (blocking.pid) ",
        session_columns!("blocking.pid"),
        ", CASE WHEN building.pid IS NOT NULL THEN
               format('building the index %s (%s)', coalesce(building.index_relid::regclass::text, '?'), building.phase)
           END AS step,
           coalesce(1000 * extract(epoch FROM clock_timestamp() - (
               SELECT min(waitstart) FROM pg_locks WHERE pg_locks.pid = waiting.pid AND NOT granted)), 0)::bigint AS waited
         FROM own JOIN pg_stat_activity AS waiting
             ON waiting.pid = own.pid AND waiting.backend_start = own.started
         CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
         LEFT JOIN pg_stat_activity AS session ON session.pid = blocking.pid
         LEFT JOIN pg_stat_progress_create_index AS building ON building.pid = waiting.pid
         WHERE waiting.wait_event_type = 'Lock' AND blocking.pid NOT IN (SELECT pid FROM own)
         ORDER BY blocking.pid"
    ))
    .bind::<Array<Integer>, _>(pids)
    .bind::<Array<Timestamptz>, _>(starts)
    .load(watcher)
}

/// Cancels the statements of this process, from another connection, except a COMMIT that waits for
/// a standby.
///
/// # Errors
/// If the database fails.
pub fn cancel_own(canceller: &mut PgConnection) -> QueryResult<()> {
    signal_own(canceller, "pg_cancel_backend", "session.wait_event IS DISTINCT FROM 'SyncRep'")
}

/// Ends the sessions of this process, from another connection: afterwards none of its statements
/// run on the server.
///
/// # Errors
/// If the database fails.
pub fn terminate_own(canceller: &mut PgConnection) -> QueryResult<()> {
    signal_own(canceller, "pg_terminate_backend", "true")
}

fn signal_own(canceller: &mut PgConnection, function: &str, condition: &str) -> QueryResult<()> {
    let (pids, starts): (Vec<_>, Vec<_>) = own().iter().map(|it| (it.pid, it.started)).unzip();
    diesel::sql_query(format!(
        "SELECT {function}(own.pid) FROM unnest($1, $2) AS own (pid, started)
         JOIN pg_stat_activity AS session ON session.pid = own.pid AND session.backend_start = own.started
         WHERE own.pid <> pg_backend_pid() AND {condition}"
    ))
    .bind::<Array<Integer>, _>(pids)
    .bind::<Array<Timestamptz>, _>(starts)
    .execute(canceller)
    .map(drop)
}

/// A wait is over if its blocker was not seen for this long. A command with many short attempts is
/// seen waiting only now and then.
const UNSEEN: Duration = Duration::from_secs(4);

/// The waits of this process, and when to report them.
#[derive(Debug)]
pub struct Waits {
    after: Duration,
    every: Duration,
    blockers: HashMap<i32, Seen>,
    /// By process and send time.
    commits: HashMap<(i32, DateTime<Utc>), Seen>,
    told: HashMap<u64, Instant>,
}

#[derive(Debug)]
struct Seen {
    first: Instant,
    last: Instant,
    told: Option<Instant>,
}

impl Waits {
    /// Reports a wait that lasts longer than `after`, and repeats it at the interval `every`.
    #[must_use]
    pub fn new(after: Duration, every: Duration) -> Self {
        Self {
            after,
            every,
            blockers: HashMap::new(),
            commits: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// Lines about the waits found now; call it a few times a second.
    pub fn found(&mut self, found: Found) -> Vec<String> {
        let Found { blocked, commits } = found;
        let mut lines = self.blocked(blocked);
        lines.extend(self.commits(commits));
        lines
    }

    /// Lines about [announced](announce) waits; call it a few times a second.
    pub fn announced(&mut self) -> Vec<String> {
        let announced = announced();
        self.told.retain(|number, _| announced.contains_key(number));
        let mut lines = Vec::new();
        for (number, Announcement { what, since }) in announced.iter() {
            let told = self.told.get(number).copied();
            if is_due(*since, told, self.after, self.every) {
                self.told.insert(*number, Instant::now());
                lines.push(line(what, *since));
            }
        }
        lines
    }

    fn blocked(&mut self, found: Vec<Blocked>) -> Vec<String> {
        let now = Instant::now();
        let mut lines = Vec::new();
        for Blocked { blocker, step, waited } in found {
            let waited = Duration::from_millis(waited.unsigned_abs());
            let first = now.checked_sub(waited).unwrap_or(now);
            let seen =
                self.blockers.entry(blocker.pid).or_insert(Seen { first, last: now, told: None });
            seen.last = now;
            if is_due(seen.first, seen.told, self.after, self.every) {
                seen.told = Some(now);
                let step = step.map(|step| format!(", blocking {step}")).unwrap_or_default();
                let way_out = match blocker.pid {
                    0 => String::new(),
                    pid => format!("; `SELECT pg_terminate_backend({pid})` ends it"),
                };
                lines.push(line(&format!("{blocker}{step}"), seen.first) + &way_out);
            }
        }
        self.blockers.retain(|_, seen| now.duration_since(seen.last) < UNSEEN);
        lines
    }

    /// One commit represents all that wait.
    fn commits(&mut self, found: Vec<Commit>) -> Option<String> {
        let now = Instant::now();
        let mut told = None;
        for Commit { pid, sent, standbys } in found {
            let first = Seen { first: now, last: now, told: None };
            let seen = self.commits.entry((pid, sent)).or_insert(first);
            seen.last = now;
            if is_due(seen.first, seen.told, self.after, self.every) {
                seen.told = Some(now);
                let what = format!(
                    "a standby to confirm the commit (synchronous_standby_names = '{standbys}')"
                );
                let way_out = "; start the standby, or set synchronous_standby_names to '' and reload the \
                               server, which from then on keeps the only copy";
                told.get_or_insert_with(|| line(&what, seen.first) + way_out);
            }
        }
        self.commits.retain(|_, seen| seen.last == now);
        told
    }
}

fn is_due(since: Instant, told: Option<Instant>, after: Duration, every: Duration) -> bool {
    told.map_or_else(|| since.elapsed() >= after, |told| told.elapsed() >= every)
}

fn line(what: &str, since: Instant) -> String {
    format!("waiting for {what}: {} s so far", since.elapsed().as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Waits, announce};

    #[test]
    fn a_wait_is_told_as_it_is_now_until_it_ends() {
        let mut waits = Waits::new(Duration::ZERO, Duration::ZERO);
        // Other tests in this process also wait.
        let mut told = || -> Vec<String> {
            waits.announced().into_iter().filter(|line| line.contains("which it was")).collect()
        };
        let waiting = announce("ann, which it was");
        assert!(told()[0].starts_with("waiting for ann, "));
        waiting.set("bob, which it was");
        assert!(told()[0].starts_with("waiting for bob, "));
        drop(waiting);
        assert!(told().is_empty());
    }
}
