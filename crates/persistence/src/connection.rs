//! A connection outside the pool, for tools.

use diesel::{
    Connection as _, ConnectionError, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    result::Error as DieselError,
    sql_types::{Integer, Text},
};
use winserve_domain::unit_of_work::StoreError;

use crate::{error::store_error, refused::NoConnection, url::with_defaults};

/// The oldest PostgreSQL that works: older ones have no functions whose body is bound when they are made.
const OLDEST_SERVER: i32 = 14;
/// A host that does not answer keeps the next one of the URL waiting no longer.
const DEFAULTS: [(&str, &str); 1] = [("connect_timeout", "10")];

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answered, or the server refused.
    #[error(transparent)]
    Unavailable(#[from] NoConnection),
    /// The server is older than any that works.
    #[error(
        "the server is PostgreSQL {found}, and {OLDEST_SERVER} is the oldest that works: upgrade it; \
         nothing was changed"
    )]
    TooOld {
        /// Its version, as it says it.
        found: String,
    },
    /// The server refused what every session begins with.
    #[error("the session cannot be prepared")]
    Session(#[from] DieselError),
}

impl From<ConnectionError> for ConnectError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::CouldntSetupConfiguration(error) => Self::Session(error),
            error => Self::Unavailable(error.into()),
        }
    }
}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Session(error) => store_error(error),
            error @ ConnectError::Unavailable(_) => Self::Unavailable(error.into()),
            error @ ConnectError::TooOld { .. } => Self::Other(error.into()),
        }
    }
}

/// Opens a session on a server that is new enough, as it is before anything is set.
pub(crate) fn establish(url: &str) -> Result<PgConnection, ConnectError> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Integer)]
        number: i32,
        #[diesel(sql_type = Text)]
        text: String,
    }
    let mut connection = PgConnection::establish(url)?;
    let version: Version = diesel::sql_query(
        "SELECT current_setting('server_version_num')::integer AS number,
                current_setting('server_version') AS text",
    )
    .get_result(&mut connection)?;
    if version.number / 10_000 < OLDEST_SERVER {
        return Err(ConnectError::TooOld { found: version.text });
    }
    Ok(connection)
}

/// Whether the server can be used at all, for a process that begins.
///
/// # Errors
/// [`ConnectError`].
pub fn check_server(url: &str) -> Result<(), ConnectError> {
    establish(&with_defaults(url, &[("connect_timeout", "2")])).map(drop)
}

/// What a refusal means is told by its English message, for diesel hides the SQLSTATE. A server may be
/// set to another language, and changing that is a privilege unless somebody grants it. Without it, a
/// connection in another language is refused: a passing fault would look like a defect.
pub(crate) const SPEAK_ENGLISH: &str = "DO $$
    BEGIN
        PERFORM set_config('lc_messages', 'C', false);
    EXCEPTION WHEN insufficient_privilege THEN
        IF current_setting('lc_messages') !~ '^((C|POSIX)?([.]|$)|en)' THEN
            RAISE 'the messages of the server are in the language %, and this role may not change that; run as a superuser: ALTER ROLE % SET lc_messages = ''C''',
                current_setting('lc_messages'), quote_ident(session_user);
        END IF;
    END $$";

/// Connects; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`ConnectError`]; [`ConnectError::Session`] when the server answers in a language other than English.
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, ConnectError> {
    let mut connection = establish(&with_defaults(url, &DEFAULTS))?;
    diesel::sql_query("SELECT set_config('application_name', $1, false)")
        .bind::<Text, _>(application_name)
        .execute(&mut connection)?;
    connection.batch_execute(SPEAK_ENGLISH)?;
    Ok(connection)
}

/// Runs a report in one snapshot that cannot write, not even by mistake.
///
/// # Errors
/// Those of the report, and [`StoreError`].
pub fn read_snapshot<T>(
    connection: &mut PgConnection,
    report: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut failed = None;
    let outcome = connection.build_transaction().repeatable_read().read_only().run(|connection| {
        report(connection).map_err(|error| {
            failed = Some(error);
            diesel::result::Error::RollbackTransaction
        })
    });
    match (outcome, failed) {
        (_, Some(error)) => Err(error),
        (outcome, None) => outcome.map_err(store_error),
    }
}
