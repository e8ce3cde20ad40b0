//! Connection failures, as sentences that say what to do.

use std::fmt;

use diesel::ConnectionError;

/// No answer, or the server refused. Contains no password.
#[derive(Debug, thiserror::Error)]
#[error("{reason}: {said}")]
pub struct NoConnection {
    /// Its meaning.
    pub reason: Refused,
    /// The message of libpq or the server, on one line.
    said: String,
}

impl From<ConnectionError> for NoConnection {
    fn from(error: ConnectionError) -> Self {
        let said = error.to_string();
        let reason = match error {
            ConnectionError::BadConnection(_) => Refused::of(&said),
            ConnectionError::CouldntSetupConfiguration(_) => Refused::Other,
            _ => Refused::Url,
        };
        if reason == Refused::Url {
            // libpq quotes text that it cannot parse.
            let said = "its message is hidden because it may contain the password".to_owned();
            return Self { reason, said };
        }
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        Self { reason, said: lines.collect::<Vec<_>>().join("; ") }
    }
}

/// The meaning of a refusal; displayed as a sentence that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The password is wrong or missing, or another authentication failed.
    Identity,
    /// The role does not exist or may not log in.
    Role,
    /// The database does not exist.
    Database,
    /// `pg_hba.conf` does not allow the connection.
    HostBasedAuthentication,
    /// The role may not connect to the database.
    Privilege,
    /// An encrypted connection is required.
    Encryption,
    /// The server's certificate cannot be verified, or belongs to another host.
    Certificate,
    /// libpq cannot read the URL.
    Url,
    /// The role has reached its connection limit.
    RoleLimit,
    /// The database has reached its connection limit.
    DatabaseLimit,
    /// The server, or a pooler in front of it, has reached its connection limit.
    ServerLimit,
    /// The server is starting up or recovering.
    StartingUp,
    /// The server is shutting down.
    ShuttingDown,
    /// No server of the URL is writable, but the URL requires one.
    ReadOnly,
    /// No server answers.
    Unreachable,
    /// Something else.
    Other,
}

/// Messages of libpq and servers, most specific first: with several hosts in the URL, each has its
/// own.
const MESSAGES: [(Refused, &[&str]); 14] = [
    (
        Refused::Identity,
        &[
            "password authentication failed",
            "no password supplied",
            "authentication failed for user",
        ],
    ),
    (Refused::RoleLimit, &["too many connections for role"]),
    (Refused::DatabaseLimit, &["too many connections for database"]),
    (
        Refused::ServerLimit,
        &["too many clients", "remaining connection slots", "no more connections allowed"],
    ),
    (Refused::HostBasedAuthentication, &["no pg_hba.conf entry", "pg_hba.conf rejects connection"]),
    (Refused::Privilege, &["permission denied for database"]),
    (
        Refused::Certificate,
        &["certificate verify failed", "root certificate file", "server certificate for"],
    ),
    (Refused::Encryption, &["SSL support is not compiled in", "does not support SSL"]),
    (Refused::Role, &["is not permitted to log in"]),
    (Refused::Database, &["no such database"]),
    (
        Refused::StartingUp,
        &["is starting up", "in recovery mode", "not yet accepting", "not accepting connections"],
    ),
    (Refused::ShuttingDown, &["is shutting down"]),
    (
        Refused::ReadOnly,
        &[
            "session is read-only",
            "server is in hot standby mode",
            "server is not in hot standby mode",
        ],
    ),
    (
        Refused::Unreachable,
        &[
            "could not translate host name",
            "Connection refused",
            "No such file or directory",
            "timeout expired",
            "timed out",
            "No route to host",
            "unreachable",
            "server closed the connection",
            "Connection reset",
            "cannot connect to server",
        ],
    ),
];

impl Refused {
    fn of(said: &str) -> Self {
        // Both are about a missing object, whose name may be anything.
        for (reason, begin) in
            [(Self::Role, "FATAL:  role \""), (Self::Database, "FATAL:  database \"")]
        {
            let is_absent =
                |line: &str| line.contains(begin) && line.ends_with("\" does not exist");
            if said.lines().any(is_absent) {
                return reason;
            }
        }
        let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
        let found = MESSAGES.iter().find(|(_, texts)| says(texts)).map(|(reason, _)| *reason);
        let is_attempt = said.lines().any(|line| {
            line.starts_with("connection to server")
                || line.starts_with("could not ")
                || line.contains("FATAL:")
        });
        match found {
            Some(Self::Encryption) => Self::Encryption,
            _ if !is_attempt => Self::Url,
            found => found.unwrap_or(Self::Other),
        }
    }

    /// Whether only a change of the configuration or the server can help. Otherwise a retry may
    /// succeed.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        match self {
            Self::Identity
            | Self::Role
            | Self::Database
            | Self::HostBasedAuthentication
            | Self::Privilege
            | Self::Encryption
            | Self::Certificate
            | Self::Url => true,
            Self::RoleLimit
            | Self::DatabaseLimit
            | Self::ServerLimit
            | Self::StartingUp
            | Self::ShuttingDown
            | Self::ReadOnly
            | Self::Unreachable
            | Self::Other => false,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Identity => {
                "the server does not accept this user or password: correct them in database.url"
            }
            Self::Role => {
                "the user of database.url does not exist or may not log in: create it, or correct database.url"
            }
            Self::Database => {
                "the server has no such database: create it, or correct its name in database.url"
            }
            Self::HostBasedAuthentication => {
                "pg_hba.conf on the server does not allow this connection: add a line for this user, database and \
                 address, and reload the server (if it requires encryption, build with `make system-libpq`)"
            }
            Self::Privilege => {
                "this user may not connect to the database: run GRANT CONNECT ON DATABASE … TO … as its owner"
            }
            Self::Encryption => {
                "this build has no TLS, or the server has none: build with `make system-libpq`, or change \
                 sslmode in database.url"
            }
            Self::Certificate => {
                "the server's certificate is not trusted: set the certificate of its authority with \
                 sslrootcert in database.url, or correct the host or sslmode there"
            }
            Self::Url => "libpq cannot read database.url: correct it",
            Self::RoleLimit => {
                "the user of database.url has reached its connection limit: end some of them, or raise \
                 its limit with ALTER ROLE … CONNECTION LIMIT …, then try again"
            }
            Self::DatabaseLimit => {
                "the database has reached its connection limit: end some of them, or raise its limit \
                 with ALTER DATABASE … CONNECTION LIMIT …, then try again"
            }
            Self::ServerLimit => {
                "the server has reached its connection limit: end some of them, lower database.pool_size, \
                 or raise max_connections, then try again"
            }
            Self::StartingUp => "the server is starting up or recovering: try again in a moment",
            Self::ShuttingDown => "the server is shutting down: try again when it is back",
            Self::ReadOnly => {
                "no server of database.url accepts writes, but target_session_attrs requires one: promote a \
                 standby, or name the primary"
            }
            Self::Unreachable => {
                "no server answers at the address of database.url: start the server, or correct the address"
            }
            Self::Other => "the server refuses connections",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionError, NoConnection, Refused};

    fn refused(said: &str) -> NoConnection {
        ConnectionError::BadConnection(said.to_owned()).into()
    }

    #[test]
    fn refusals_are_told_apart_by_what_servers_of_all_versions_say() {
        let at = r#"connection to server at "db1" (10.0.0.1), port 5432 failed: "#;
        for (said, expected) in [
            (r#"FATAL:  password authentication failed for user "me""#, Refused::Identity),
            ("fe_sendauth: no password supplied", Refused::Identity),
            (r#"FATAL:  Peer authentication failed for user "me""#, Refused::Identity),
            (r#"FATAL:  role "me" does not exist"#, Refused::Role),
            (r#"FATAL:  role "me" is not permitted to log in"#, Refused::Role),
            (r#"FATAL:  database "is starting up" does not exist"#, Refused::Database),
            ("FATAL:  no such database: x", Refused::Database),
            (
                r#"FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "me", database "x", no encryption"#,
                Refused::HostBasedAuthentication,
            ),
            (
                "FATAL:  permission denied for database \"x\"\nDETAIL:  User does not have CONNECT privilege.",
                Refused::Privilege,
            ),
            (r#"FATAL:  too many connections for role "me""#, Refused::RoleLimit),
            (r#"FATAL:  too many connections for database "x""#, Refused::DatabaseLimit),
            ("FATAL:  sorry, too many clients already", Refused::ServerLimit),
            (
                "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
                Refused::ServerLimit,
            ),
            (
                "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
                Refused::ServerLimit,
            ),
            ("FATAL:  no more connections allowed (max_client_conn)", Refused::ServerLimit),
            ("FATAL:  the database system is starting up", Refused::StartingUp),
            ("FATAL:  the database system is in recovery mode", Refused::StartingUp),
            ("FATAL:  the database system is not yet accepting connections", Refused::StartingUp),
            ("FATAL:  the database system is shutting down", Refused::ShuttingDown),
            ("session is read-only", Refused::ReadOnly),
            ("Connection refused\n\tIs the server running on that host?", Refused::Unreachable),
            ("timeout expired", Refused::Unreachable),
            ("FATAL:  something new", Refused::Other),
        ] {
            assert_eq!(refused(&format!("{at}{said}")).reason, expected, "{said}");
        }
        for said in [
            "SSL error: certificate verify failed",
            "root certificate file \"/home/me/.postgresql/root.crt\" does not exist\nEither provide the file, use \
             the system's trusted roots with sslrootcert=system, or change sslmode to disable server \
             certificate verification.",
            r#"server certificate for "db2" does not match host name "db1""#,
        ] {
            let refused = refused(&format!("{at}{said}"));
            assert_eq!(refused.reason, Refused::Certificate, "{said}");
            assert!(refused.reason.is_lasting() && refused.to_string().contains("sslrootcert"));
        }
        let tls = r#"sslmode value "require" invalid when SSL support is not compiled in"#;
        assert_eq!(refused(tls).reason, Refused::Encryption);
        let unknown =
            r#"could not translate host name "db.example" to address: Name or service not known"#;
        assert_eq!(refused(unknown).reason, Refused::Unreachable);
    }

    #[test]
    fn of_several_hosts_the_most_telling_answer_counts_and_all_are_shown() {
        let said = "connection to server at \"db1\" (10.0.0.1), port 5432 failed: Connection refused\n\
                    \tIs the server running on that host and accepting TCP/IP connections?\n\
                    connection to server at \"db2\" (10.0.0.2), port 5432 failed: session is read-only";
        assert_eq!(refused(said).reason, Refused::ReadOnly);
        let shown = refused(said).to_string();
        assert!(shown.contains("promote a standby"), "{shown}");
        assert!(shown.contains("db1") && shown.contains("db2") && !shown.contains('\n'), "{shown}");
    }

    #[test]
    fn complaints_about_a_url_are_not_repeated() {
        for said in [
            "invalid URI query parameter: \"s3cret\"",
            "unexpected character \"@\" in position 9 in URI (expected \":\" or \"/\"): \"postgres://me:s3cret@[::1@/x\"",
            "invalid percent-encoded token: \"s3%cret\"",
        ] {
            let shown = refused(said).to_string();
            assert!(shown.contains("database.url") && !shown.contains("s3"), "{shown}");
        }
    }
}
