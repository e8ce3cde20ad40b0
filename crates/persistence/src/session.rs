//! The settings of our sessions.
//!
//! A database or a role may have its own defaults for settings that change the meaning of a
//! statement, or whether it ends. None are assumed. A dedicated session is set once, when it
//! begins. Behind a pooler, which may run each transaction in another session, each transaction
//! sets its own settings, which end with it ([ADR
//! 75](../../../docs/adr/0075-behind-a-pooler-a-transaction-brings-its-settings.md)).

use std::time::Duration;

use diesel::{
    Connection as _, PgConnection, QueryResult, QueryableByName, RunQueryDsl as _,
    connection::{AnsiTransactionManager, TransactionManager as _},
    result::Error as DieselError,
    sql_types::{Bool, Integer, Text},
};

use crate::connect_error::{ConnectError, OLDEST_SERVER};

/// Settings that change the meaning of a statement or of its result. Diesel sets the client
/// encoding, and a pooler keeps it.
const MEANING: [(&str, &str); 14] = [
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
    ("quote_all_identifiers", "off"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("xmlbinary", "base64"),
    ("xmloption", "content"),
    ("client_min_messages", "warning"),
    // A query that would not see all rows fails.
    ("row_security", "off"),
];

/// The default transaction mode, and when an idle session ends.
const DEFAULTS: [(&str, &str); 4] = [
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    ("idle_session_timeout", "0"),
];

/// Set only if they differ: not every version has the former, and not every role may change the
/// latter.
const WHERE_DIFFERENT: &str = "SELECT set_config(name, value, IS_LOCAL)
    FROM (VALUES ('transaction_timeout', '0'), ('session_replication_role', 'origin')) AS wanted (name, value)
    WHERE current_setting(name, true) <> value";

/// Settings that a role must be allowed to change if the defaults differ. Each failure says what to
/// do.
pub(crate) const REQUIREMENTS: [&str; 2] = [REQUIRE_ENGLISH, REQUIRE_TRIGGERS];

/// Fails with what to do if the server's messages are not in English and the role may not change
/// that. Only the message identifies an error, because diesel hides the SQLSTATE: in another
/// language, a temporary fault would look like a defect.
const REQUIRE_ENGLISH: &str = "DO $$
    BEGIN
        IF current_setting('lc_messages') !~ '^((C|POSIX)?([.]|$)|en)' THEN
            PERFORM set_config('lc_messages', 'C', true);
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE 'the messages of the server are in the language %, and this role may not change that; run as a superuser: ALTER ROLE % SET lc_messages = ''C''',
            current_setting('lc_messages'), quote_ident(session_user);
    END $$; ";

/// Fails with what to do if triggers are disabled and the role may not change that.
const REQUIRE_TRIGGERS: &str = "DO $$
    BEGIN
        IF current_setting('session_replication_role') <> 'origin' THEN
            PERFORM set_config('session_replication_role', 'origin', true);
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE 'no triggers run in the sessions of this role (session_replication_role = %), and it may not change that; run as a superuser: ALTER ROLE % RESET session_replication_role (or ALTER DATABASE % RESET session_replication_role, where the database sets it), or, from PostgreSQL 15 on, GRANT SET ON PARAMETER session_replication_role TO %',
            current_setting('session_replication_role'), quote_ident(session_user),
            quote_ident(current_database()), quote_ident(session_user);
    END $$; ";

const SPEAK_ENGLISH: &str = "SELECT set_config('lc_messages', 'C', IS_LOCAL)
    WHERE current_setting('lc_messages') !~ '^((C|POSIX)?([.]|$)|en)'";

/// Session timeouts. Zero means none.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Statement timeout.
    pub statement: Duration,
    /// Lock timeout.
    pub lock: Duration,
    /// Idle timeout inside a transaction.
    pub idle_in_transaction: Duration,
}

impl Timeouts {
    /// For a tool, which waits as long as needed, unless a step sets its own limits.
    pub(crate) const NONE: Self = Self {
        statement: Duration::ZERO,
        lock: Duration::ZERO,
        idle_in_transaction: Duration::ZERO,
    };
}

/// The settings of a kind of session.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Including the name shown in `pg_stat_activity`.
    own: Vec<(&'static str, String)>,
}

impl Settings {
    pub(crate) fn new(application_name: &str, timeouts: Timeouts) -> Self {
        let Timeouts { statement, lock, idle_in_transaction } = timeouts;
        let milliseconds = |timeout: Duration| timeout.as_millis().to_string();
        Self {
            own: vec![
                ("application_name", application_name.replace('\'', "''")),
                ("statement_timeout", milliseconds(statement)),
                ("lock_timeout", milliseconds(lock)),
                ("idle_in_transaction_session_timeout", milliseconds(idle_in_transaction)),
            ],
        }
    }

    /// Statements that configure a dedicated session.
    pub(crate) fn for_session(&self) -> String {
        let defaults = DEFAULTS.map(|(name, value)| format!("SET {name} = '{value}'; ")).concat();
        defaults + &self.statements("SET", false)
    }

    /// Statements that begin a transaction and configure the session for its duration. In one
    /// message, so that they take no longer than BEGIN alone.
    pub(crate) fn for_transaction(&self, access: &str) -> String {
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED, {access}, NOT DEFERRABLE; ");
        begin + &self.statements("SET LOCAL", true)
    }

    fn statements(&self, set: &str, is_local: bool) -> String {
        let own = self.own.iter().map(|(name, value)| (*name, value.as_str()));
        let all = MEANING.into_iter().chain(own);
        let all: Vec<_> = all.map(|(name, value)| format!("{set} {name} = '{value}'; ")).collect();
        let last = [WHERE_DIFFERENT, SPEAK_ENGLISH].join("; ");
        all.concat() + &last.replace("IS_LOCAL", if is_local { "true" } else { "false" })
    }
}

/// [`Connection::transaction`](diesel::Connection::transaction), with our own BEGIN statements.
///
/// # Errors
/// Those of the work, and database errors.
pub fn transaction<T, E: From<DieselError>>(
    connection: &mut PgConnection,
    begin: &str,
    work: impl FnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E> {
    AnsiTransactionManager::begin_transaction_sql(connection, begin)?;
    match work(connection) {
        Ok(done) => {
            AnsiTransactionManager::commit_transaction(connection)?;
            Ok(done)
        }
        Err(error) => match AnsiTransactionManager::rollback_transaction(connection) {
            // A lost connection, which the work has already noticed.
            Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
            Err(failed) => Err(failed.into()),
        },
    }
}

/// Runs work that may fail without aborting the current transaction. Outside one, a single
/// statement needs no transaction.
///
/// # Errors
/// If the database fails.
pub fn of_its_own<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let depth =
        AnsiTransactionManager::transaction_manager_status_mut(connection).transaction_depth();
    if depth?.is_some() { connection.transaction(work) } else { work(connection) }
}

/// An opened connection.
pub(crate) struct Opened {
    pub(crate) connection: PgConnection,
    /// Whether session settings persist. Otherwise there is a pooler in between.
    pub(crate) keeps_settings: bool,
    /// Whether the pooler rejects a setting instead of dropping it.
    pub(crate) refuses_settings: bool,
}

/// Opens a connection to a supported server, and detects whether it leads to a dedicated session:
/// it starts with a setting that only the server itself can know. Leaves nothing in a pooler's
/// session.
///
/// # Errors
/// [`ConnectError`].
pub(crate) fn open(url: &str, pooler_refuses_settings: bool) -> Result<Opened, ConnectError> {
    if !pooler_refuses_settings {
        match PgConnection::establish(&with_setting(url, libpq_options().as_deref())) {
            Ok(mut connection) => {
                let keeps_settings = greet(&mut connection)?;
                return Ok(Opened { connection, keeps_settings, refuses_settings: false });
            }
            Err(error) if is_refusal_of_settings(&error.to_string()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut connection = PgConnection::establish(url)?;
    greet(&mut connection)?;
    Ok(Opened { connection, keeps_settings: false, refuses_settings: true })
}

/// How PgBouncer and Amazon's RDS Proxy reject startup settings.
fn is_refusal_of_settings(message: &str) -> bool {
    ["startup parameter", "command-line options"].iter().any(|text| message.contains(text))
}

/// Checks that the server is supported, and returns whether it knows our setting.
fn greet(connection: &mut PgConnection) -> Result<bool, ConnectError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_set: bool,
        #[diesel(sql_type = Integer)]
        version_number: i32,
        #[diesel(sql_type = Text)]
        version: String,
    }
    let row: Row = diesel::sql_query(
        "SELECT coalesce(current_setting('winserve.session', true) = 'own', false) AS is_set,
                current_setting('server_version_num')::integer AS version_number,
                current_setting('server_version') AS version",
    )
    .get_result(connection)?;
    if row.version_number / 10_000 < OLDEST_SERVER {
        return Err(ConnectError::TooOld { found: row.version });
    }
    Ok(row.is_set)
}

/// The address of the server, as a pooler reaches it.
pub(crate) fn server_behind(connection: &mut PgConnection) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        server: String,
    }
    let query =
        "SELECT coalesce(host(inet_server_addr()), 'a socket of its own machine') || ', port '
        || current_setting('port') AS server";
    diesel::sql_query(query).get_result(connection).map(|row: Row| row.server)
}

/// libpq's options from the environment, if the URL has none.
#[expect(clippy::disallowed_methods, reason = "libpq's own variable, which ours would replace")]
fn libpq_options() -> Option<String> {
    std::env::var("PGOPTIONS").ok()
}

/// Adds the setting to the options of a URL, or to those that libpq would use otherwise.
fn with_setting(url: &str, inherited: Option<&str>) -> String {
    const SETTING: &str = "-c%20winserve.session%3Down";
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parameters: Vec<String> =
        query.split('&').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if let Some(options) = parameters.iter_mut().rfind(|it| it.starts_with("options=")) {
        *options = format!("{options}%20{SETTING}");
    } else {
        let bytes = inherited.unwrap_or_default().bytes();
        let inherited: Vec<_> = bytes.map(|byte| format!("%{byte:02X}")).collect();
        parameters.push(format!("options={}%20{SETTING}", inherited.concat()));
    }
    format!("{address}?{}", parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::with_setting;

    #[test]
    fn options_of_the_url_and_of_the_environment_stay() {
        for (url, inherited, expected) in [
            ("postgresql://h/x", None, "postgresql://h/x?options=%20-c%20winserve.session%3Down"),
            (
                "postgresql://h/x?a=b",
                Some("-c a=b"),
                "postgresql://h/x?a=b&options=%2D%63%20%61%3D%62%20-c%20winserve.session%3Down",
            ),
            (
                "postgresql://h/x?options=-ca%3Db&c=d",
                Some("-c e=f"),
                "postgresql://h/x?options=-ca%3Db%20-c%20winserve.session%3Down&c=d",
            ),
        ] {
            assert_eq!(with_setting(url, inherited), expected);
        }
    }
}
