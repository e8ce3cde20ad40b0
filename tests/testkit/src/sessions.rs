//! Reuses connections to the test cluster: starting and ending a server process costs more than most statements of
//! a test.

use std::sync::{Mutex, PoisonError};

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};

use crate::cluster;

/// Idle connections to one database. If all are in use, a new one is opened.
pub(crate) struct Sessions(Mutex<Vec<PgConnection>>);

impl std::fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sessions")
    }
}

impl Sessions {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Runs work on a connection, then resets the session: settings, transactions, locks.
    pub(crate) fn with<T>(&self, database: &str, work: impl FnOnce(&mut PgConnection) -> T) -> T {
        let mut connection = self.idle().unwrap_or_else(|| establish(database));
        let done = work(&mut connection);
        // Fails if the work left a transaction open; the transaction then ends with the connection.
        if connection.batch_execute("DISCARD ALL").is_ok() {
            self.lock().push(connection);
        }
        done
    }

    /// An idle connection that is still open.
    fn idle(&self) -> Option<PgConnection> {
        loop {
            let mut connection = self.lock().pop()?;
            if connection.batch_execute("SELECT 1").is_ok() {
                return Some(connection);
            }
        }
    }

    /// Closes all idle connections.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<PgConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new connection to a database of the run's cluster.
pub(crate) fn establish(database: &str) -> PgConnection {
    PgConnection::establish(&cluster::url(database)).expect("the test cluster answers")
}
