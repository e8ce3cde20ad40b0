//! Who else uses the database: evidence for the operator who says that other services are updated
//! for phase 3.

use std::fmt;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use serde::Serialize;
use winserve_domain::campaigns::campaign_json::{
    MOVED_DETAILS, MOVED_DETAILS_OF_CUSTOM, MOVED_PATH_TO_VICTORY,
};
use winserve_persistence::session::of_its_own;

/// Statements that are listed.
const LISTED: i64 = 20;

/// Who else is connected, and what they send, as far as the database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Roles and applications with a session that is not ours, as of now: PostgreSQL forgets a
    /// session that has ended.
    pub connected: Vec<Connected>,
    /// Statements that name a moved key or a column that is dropped, the most frequent first;
    /// `None` without `pg_stat_statements`. Those of roles that only Winserve connects with are left
    /// out. The extension replaces constants, so a key is seen only where it is none.
    pub statements: Option<Vec<Statement>>,
}

/// Sessions of one role and application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
pub struct Connected {
    /// The role.
    #[diesel(sql_type = Text)]
    pub role: String,
    /// Its `application_name`; may be empty.
    #[diesel(sql_type = Text)]
    pub application: String,
    /// How many sessions.
    #[diesel(sql_type = BigInt)]
    pub sessions: i64,
}

/// A statement of another service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
pub struct Statement {
    /// The role; `?` if it was dropped.
    #[diesel(sql_type = Text)]
    pub role: String,
    /// Its beginning.
    #[diesel(sql_type = Text)]
    pub text: String,
    /// How often it was sent.
    #[diesel(sql_type = BigInt)]
    pub calls: i64,
}

impl fmt::Display for Evidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected: Vec<_> = self.connected.iter().map(Connected::to_string).collect();
        match connected.as_slice() {
            [] => write!(formatter, "No other program is connected at this moment")?,
            others => {
                write!(formatter, "Connected at this moment: {}", others.join(", "))?;
            }
        }
        write!(
            formatter,
            " (PostgreSQL forgets a session that has ended, so look more than once a day)."
        )?;
        match self.statements.as_deref() {
            None => write!(
                formatter,
                " Their statements are not known, because pg_stat_statements is not readable."
            ),
            Some([]) => write!(formatter, " pg_stat_statements has no statement that names one."),
            Some(named) => {
                let named: Vec<_> = named.iter().map(Statement::to_string).collect();
                write!(
                    formatter,
                    " Statements that name one, since pg_stat_statements was last reset: {}.",
                    named.join(" | ")
                )
            }
        }
    }
}

impl fmt::Display for Connected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, application, sessions } = self;
        let application = if application.is_empty() { "without a name" } else { application };
        write!(formatter, "role {role}, application {application} ({sessions} sessions)")
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, text, calls } = self;
        write!(formatter, "{text} (role {role}, {calls} calls)")
    }
}

/// Sessions of clients in this database; ours name themselves. (The program of the migration is
/// `winserve-backfill`, and its workers are `backfill/<job>`.)
const SESSIONS: &str = "session AS (
    SELECT coalesce(usename::text, '?') AS role, coalesce(application_name, '') AS application,
           pid = pg_backend_pid() OR application_name LIKE 'winserve%' OR application_name LIKE 'backfill/%' AS is_ours
    FROM pg_stat_activity WHERE datname = current_database() 
      -- The type of other roles' sessions is hidden without `pg_read_all_stats`.
      AND coalesce(backend_type, 'client backend') = 'client backend')";

/// Collects the evidence; writes nothing.
///
/// # Errors
/// If the database fails. An extension that cannot be read is not an error.
pub fn collect(connection: &mut PgConnection) -> QueryResult<Evidence> {
    let connected = diesel::sql_query(format!(
        "WITH {SESSIONS} SELECT role, application, count(*) AS sessions FROM session
         WHERE NOT is_ours GROUP BY role, application ORDER BY role, application"
    ))
    .load(connection)?;
    Ok(Evidence { connected, statements: statements(connection)? })
}

fn statements(connection: &mut PgConnection) -> QueryResult<Option<Vec<Statement>>> {
    #[derive(QueryableByName)]
    struct Place {
        #[diesel(sql_type = Nullable<Text>)]
        view: Option<String>,
        #[diesel(sql_type = Bool)]
        is_loaded: bool,
    }
    let place: Place = diesel::sql_query(
        "SELECT (SELECT format('%I.pg_stat_statements', nspname) FROM pg_extension
                 JOIN pg_namespace ON pg_namespace.oid = extnamespace
                 WHERE extname = 'pg_stat_statements') AS view,
                current_setting('pg_stat_statements.max', true) IS NOT NULL
                AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS is_loaded",
    )
    .get_result(connection)?;
    let Some(view) = place.view.filter(|_| place.is_loaded) else { return Ok(None) };
    // Without the right to read it, the transaction must go on.
    let found = of_its_own(connection, |connection| {
        diesel::sql_query(format!(
            "WITH {SESSIONS}
             SELECT role, left(regexp_replace(query, '\\s+', ' ', 'g'), 200) AS text, calls
             FROM (SELECT coalesce(rolname::text, '?') AS role, query, sum(calls)::bigint AS calls
                   FROM {view} AS sent LEFT JOIN pg_roles ON pg_roles.oid = sent.userid
                   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   GROUP BY 1, 2) AS sent
             WHERE (query ~ $1 OR (query ~ '\\m(elected_office|voter_file_filter)\\M' AND query ~ '\\mcampaign_id\\M'))
               AND NOT (role IN (SELECT role FROM session WHERE is_ours)
                        AND role NOT IN (SELECT role FROM session WHERE NOT is_ours))
             ORDER BY calls DESC, text LIMIT $2"
        ))
        .bind::<Text, _>(names_moved_key())
        .bind::<BigInt, _>(LISTED)
        .load(connection)
    });
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_unreadable(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the role may not read the view, or the server has not loaded the extension. (diesel hides
/// the SQLSTATE.)
fn is_unreadable(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, it)
        if it.message().starts_with("permission denied for") || it.message().contains("must be loaded via"))
}

/// A PostgreSQL regular expression for a moved key. Short ones are ordinary words, so only a quoted
/// one counts.
fn names_moved_key() -> String {
    let keys = [&MOVED_DETAILS[..], &MOVED_DETAILS_OF_CUSTOM, &MOVED_PATH_TO_VICTORY].concat();
    let (telling, words): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|key| key.contains(char::is_uppercase));
    format!("\\m({})\\M|'({})'", telling.join("|"), words.join("|"))
}

/// Who still names a moved key or a column that is dropped, as far as the database knows: sessions
/// with such a last statement, and statements of the past.
///
/// # Errors
/// See [`collect`].
pub fn users_of_what_goes(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let sessions: Vec<Statement> = diesel::sql_query(
        "SELECT coalesce(usename::text, '?') AS role, left(regexp_replace(query, '\\s+', ' ', 'g'), 200) AS text,
                count(*) AS calls
         FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND application_name NOT LIKE 'winserve%' AND application_name NOT LIKE 'backfill/%'
           AND query ~ '\\m(elected_office|voter_file_filter)\\M' AND query ~ '\\mcampaign_id\\M'
         GROUP BY role, text ORDER BY role, text",
    )
    .load(connection)?;
    let sessions = sessions.into_iter().map(|Statement { role, text, calls }| {
        format!("{calls} sessions of role {role}, the last statement: {text}")
    });
    let statements = statements(connection)?.unwrap_or_default();
    let statements = statements.iter().map(ToString::to_string);
    Ok(sessions.chain(statements).collect())
}
