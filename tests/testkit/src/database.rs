//! One database per test, cloned from a migrated template.

use std::{
    collections::VecDeque,
    sync::{
        LazyLock, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, SyncSender},
    },
    thread,
};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_types::{Bool, Text},
};
use serde_json::Value;
use uuid::Uuid;
use winserve_persistence::migrate::{self, Group, LEGACY_TABLES};

use crate::{
    checks, cluster, mapping,
    rows::{Json, rows},
    sessions::{Sessions, establish},
    stage::{self, Phase},
};

/// Arbitrary key of the lock that test processes take while one of them builds the template.
const TEMPLATE_LOCK: i64 = 7_746_532_102;
/// The same for copies, each with its own lock.
const COPY_LOCK: i32 = 746_532_105;
/// The database from which others are created and dropped.
const HOME: &str = "winserve";
static ADMINS: Sessions = Sessions::new();
/// Databases that are kept for a while after their tests: the server waits 100 ms before it drops one whose
/// sessions are only just ending. The last ones go with the cluster. No test notices: what it asks about sessions and
/// locks names its own database, and no session that is left has a transaction open.
const KEPT: usize = 8;
/// More wait for nobody: a database takes ten megabytes of the memory file system.
const WAITING: usize = 16;
/// Where tests hand over what they no longer need, so that they do not wait until it is dropped.
static LEFT_BEHIND: LazyLock<SyncSender<LeftBehind>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    thread::spawn(move || {
        let mut kept = VecDeque::new();
        for left in receiver {
            kept.push_back(left);
            if kept.len() > KEPT
                && let Some(oldest) = kept.pop_front()
            {
                LeftBehind::remove(&oldest);
            }
        }
    });
    sender
});
/// Prefix of the server role's name.
const SERVERS: &str = "servers";

/// A database that is dropped with this value. From phase 1 on, its invariants (design §2) are
/// checked first.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    phase: Phase,
    checked: AtomicBool,
    mapped: AtomicBool,
    is_final: OnceLock<bool>,
    roles: Mutex<Vec<String>>,
    sessions: Sessions,
}

impl TestDatabase {
    /// A database with the legacy tables, all empty.
    #[must_use]
    pub fn new() -> Self {
        Self::in_phase(Phase::Legacy)
    }

    /// A database in a phase, with the tables that the phase needs, all empty.
    #[must_use]
    pub fn in_phase(phase: Phase) -> Self {
        Self::with_schema(stage::made_in(phase), stage::IS_FINAL)
    }

    /// A database in phase 3 after `clean` and `enforce phase-3`: the final schema, all empty.
    #[must_use]
    pub fn at_the_end() -> Self {
        Self::with_schema(Phase::Three, true)
    }

    fn with_schema(phase: Phase, is_final: bool) -> Self {
        let end = if is_final { "_final" } else { "" };
        let template = format!("winserve_template_{}{end}", phase.as_str().replace('-', "_"));
        ADMINS.with(HOME, |admin| {
            with_lock(admin, &TEMPLATE_LOCK.to_string(), |admin| {
                if !exists(admin, &template) {
                    build_template(admin, &template, phase, is_final);
                }
            });
            let options = copied(admin, &template);
            Self::create(admin, &options, phase)
        })
    }

    /// [`in_phase`](Self::in_phase) with the outbox, and phase 1b on.
    #[must_use]
    pub fn with_clerk_outbox(phase: Phase) -> Self {
        let name = format!("clerk_outbox_{}", phase.as_str().replace('-', "_"));
        Self::copy_of(&name, phase, || {
            let database = Self::in_phase(phase);
            migrate::expand(&mut database.connect(), Group::Phase1b).expect("phase 1b applies");
            database.execute_unmapped("UPDATE clerk_switch SET is_on = true");
            database
        })
    }

    /// A database in phase `legacy` with the tables of the next phase: the state before `phase
    /// advance` and after `phase back`.
    #[must_use]
    pub fn legacy_with_tables() -> Self {
        let mut database = Self::in_phase(Phase::One);
        database.phase = stage::made_in(Phase::Legacy);
        let phase = database.phase;
        database.execute_unmapped(&format!("UPDATE migration_phase SET phase = '{phase}'"));
        database
    }

    /// A copy of a database that is built once per test run and cached under a name; `phase` is the
    /// phase of the copy.
    #[must_use]
    pub fn copy_of(name: &str, phase: Phase, build: impl FnOnce() -> Self) -> Self {
        let template = format!("winserve_template_{name}");
        let lock = format!("{COPY_LOCK}, hashtext('{name}')");
        ADMINS.with(HOME, |admin| {
            with_lock(admin, &lock, |admin| {
                if !exists(admin, &template) {
                    let original = build();
                    original.expect_damage(); // Each test checks its own copy.
                    original.sessions.close();
                    let rename = format!("ALTER DATABASE {} RENAME TO {template}", original.name);
                    admin.batch_execute(&rename).expect("nobody uses the template");
                }
            });
            let options = copied(admin, &template);
            Self::create(admin, &options, phase)
        })
    }

    /// An empty database.
    #[must_use]
    pub fn empty() -> Self {
        ADMINS.with(HOME, |admin| Self::create(admin, "TEMPLATE template0", Phase::Legacy))
    }

    fn create(admin: &mut PgConnection, options: &str, phase: Phase) -> Self {
        let name = format!("winserve_test_{}", Uuid::now_v7().simple());
        admin.batch_execute(&format!("CREATE DATABASE {name} {options}")).expect("a new database");
        Self {
            name,
            phase,
            checked: AtomicBool::new(true),
            mapped: AtomicBool::new(true),
            is_final: OnceLock::new(),
            roles: Mutex::default(),
            sessions: Sessions::new(),
        }
    }

    /// The phase in which it was created.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// For tests that damage rows on purpose: skips the invariants at the end.
    pub fn expect_damage(&self) {
        self.checked.store(false, Ordering::Relaxed);
    }

    /// For tests that change unmapped rows of the old service but not their office: skips the
    /// comparison of both stores at the end.
    pub fn expect_unmapped_rows(&self) {
        self.mapped.store(false, Ordering::Relaxed);
    }

    /// Fails unless the invariants of design §2 hold now; they are checked when the test ends too.
    pub fn assert_invariants(&self) {
        self.with_session(checks::assert_invariants);
    }

    /// Whether both stores must match when the test ends. From phase 3 on, only the tables count.
    pub(crate) fn is_compared(&self) -> bool {
        self.is_checked() && self.phase.writes_both() && self.mapped.load(Ordering::Relaxed)
    }

    /// Whether the invariants must hold when the test ends.
    pub(crate) fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed) && self.phase >= Phase::One && !thread::panicking()
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        cluster::url(&self.name)
    }

    /// Its URL for another role.
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        let url = self.url();
        let (address, _superuser) = url.rsplit_once("&user=").expect("the cluster's own URL");
        format!("{address}&user={role}")
    }

    /// Creates a login role named after a prefix and this database; dropped with the database.
    #[must_use]
    pub fn role(&self, prefix: &str) -> String {
        let role = format!("{prefix}_{}", self.name);
        self.execute_unmapped(&format!("CREATE ROLE {role} LOGIN"));
        self.roles.lock().expect("no test panics with it").push(role.clone());
        role
    }

    /// The servers' role, as in a deployment: it may read and write rows of the old tables; `migrate` grants it the
    /// rest.
    #[must_use]
    pub fn server_role(&self) -> String {
        let known = self
            .roles
            .lock()
            .expect("no test panics with it")
            .iter()
            .find_map(|role| role.starts_with(SERVERS).then(|| role.clone()));
        if let Some(role) = known {
            return role;
        }
        let role = self.role(SERVERS);
        let tables = LEGACY_TABLES.map(|table| format!("\"{table}\"")).join(", ");
        self.execute_unmapped(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role};
             DO $$ DECLARE owned regclass; BEGIN
                 FOR owned IN SELECT objid::regclass FROM pg_depend JOIN pg_class AS its ON its.oid = objid
                     JOIN pg_class AS owner ON owner.oid = refobjid
                     WHERE its.relkind = 'S' AND owner.relname = ANY ('{{{tables}}}') LOOP
                     EXECUTE format('GRANT USAGE ON SEQUENCE %s TO {role}', owned);
                 END LOOP; END $$"
        ));
        if self.phase.has_tables() {
            migrate::expand(&mut self.connect(), Group::Phase1).expect("rights can be granted");
        }
        role
    }

    /// A new connection to it as another role.
    #[must_use]
    pub fn connect_as(&self, role: &str) -> PgConnection {
        PgConnection::establish(&self.url_as(role)).expect("the test cluster answers")
    }

    /// A new connection to it.
    #[must_use]
    pub fn connect(&self) -> PgConnection {
        establish(&self.name)
    }

    /// Runs statements. In phases that read the tables, also maps the rows that they write, as the backfill would
    /// have before the phase. In the final schema, the statements may still use the old service's columns and keys:
    /// these go at the end.
    pub fn execute(&self, sql: &str) {
        self.with_session(|connection| {
            if self.is_final(connection) {
                return mapping::in_the_old_shape(connection, sql);
            }
            connection.batch_execute(sql).expect("the test's own SQL");
            if self.phase.reads_tables() {
                mapping::map_recorded_changes(connection);
            }
        });
    }

    /// Whether it has the final schema.
    fn is_final(&self, connection: &mut PgConnection) -> bool {
        self.phase == Phase::Three
            && *self.is_final.get_or_init(|| {
                rows(connection, "SELECT WHERE to_regclass('legacy_change') IS NULL").len() == 1
            })
    }

    /// Runs statements, without mapping.
    pub fn execute_unmapped(&self, sql: &str) {
        self.with_session(|connection| connection.batch_execute(sql).expect("the test's own SQL"));
    }

    /// Runs work on a pooled connection.
    pub(crate) fn with_session<T>(&self, work: impl FnOnce(&mut PgConnection) -> T) -> T {
        self.sessions.with(&self.name, work)
    }

    /// The rows of a query, each as a JSON object.
    #[must_use]
    pub fn rows(&self, query: &str) -> Vec<Value> {
        self.with_session(|connection| rows(connection, query))
    }

    /// The one row of a query, as a JSON object.
    #[must_use]
    pub fn row(&self, query: &str) -> Value {
        let mut rows = self.rows(query);
        assert_eq!(rows.len(), 1, "rows of {query}");
        rows.remove(0)
    }
}

impl Default for TestDatabase {
    fn default() -> Self {
        Self::new()
    }
}

/// A database that no test needs any more, and the roles that were made for it.
struct LeftBehind {
    database: String,
    roles: Vec<String>,
}

impl LeftBehind {
    /// Quiet: the cluster goes after the run anyway, and a failing test has more to say.
    fn remove(&self) {
        ADMINS.with(HOME, |admin| {
            let _ = admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.database));
            for role in &self.roles {
                let _ = admin.batch_execute(&format!("DROP ROLE {role}"));
            }
        });
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.is_checked() {
            self.with_session(checks::assert_invariants);
        }
        self.sessions.close();
        let roles = self.roles.get_mut().map(std::mem::take).unwrap_or_default();
        let _ = LEFT_BEHIND.send(LeftBehind { database: self.name.clone(), roles });
    }
}

/// The fast way to copy a template, which needs an option from version 15 on.
fn copied(admin: &mut PgConnection, template: &str) -> String {
    #[derive(QueryableByName)]
    struct Server {
        #[diesel(sql_type = Bool)]
        has_strategies: bool,
    }
    static SERVER: OnceLock<bool> = OnceLock::new();
    let has_strategies = SERVER.get_or_init(|| {
        let query =
            "SELECT current_setting('server_version_num')::integer >= 150000 AS has_strategies";
        let server: Server = diesel::sql_query(query).get_result(admin).expect("its version");
        server.has_strategies
    });
    let strategy = if *has_strategies { " STRATEGY FILE_COPY" } else { "" };
    format!("TEMPLATE {template}{strategy}")
}

fn exists(admin: &mut PgConnection, database: &str) -> bool {
    let found: Vec<Json> =
        diesel::sql_query("SELECT datname::text AS value FROM pg_database WHERE datname = $1")
            .bind::<Text, _>(database)
            .load(admin)
            .expect("the catalog");
    !found.is_empty()
}

/// Built under a temporary name, so that no test clones half a template.
fn build_template(admin: &mut PgConnection, template: &str, phase: Phase, is_final: bool) {
    let building = format!("{template}_building");
    admin
        .batch_execute(&format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)"))
        .and_then(|()| admin.batch_execute(&format!("CREATE DATABASE {building}")))
        .expect("a new template");
    let mut connection = establish(&building);
    migrate::baseline(&mut connection, false).expect("the baseline applies");
    if phase >= Phase::One {
        migrate::expand(&mut connection, Group::Phase1).expect("phase 1 applies");
        if phase >= Phase::Two {
            migrate::expand(&mut connection, Group::Phase2).expect("phase 2 applies");
        }
        if phase >= Phase::Three {
            migrate::expand(&mut connection, Group::Phase3).expect("phase 3 applies");
        }
        if is_final {
            migrate::expand(&mut connection, Group::Phase3Enforce).expect("its end applies");
        }
        let advance = format!("UPDATE migration_phase SET phase = '{phase}'");
        connection.batch_execute(&advance).expect("the phase row");
    }
    drop(connection);
    admin
        .batch_execute(&format!("ALTER DATABASE {building} RENAME TO {template}"))
        .expect("nobody uses the template");
}

fn with_lock(admin: &mut PgConnection, lock: &str, work: impl FnOnce(&mut PgConnection)) {
    let unlock = format!("SELECT pg_advisory_unlock({lock})");
    let lock = format!("SELECT pg_advisory_lock({lock})");
    admin.batch_execute(&lock).expect("the template's lock");
    work(admin);
    admin.batch_execute(&unlock).expect("the template's lock");
}
