//! Why there is no connection.

use diesel::{ConnectionError, result::Error as DieselError};
use winserve_domain::base::StoreError;

use crate::{error::store_error, hidden_rows::HiddenRows, refused::NoConnection};

/// The oldest supported PostgreSQL: older versions have no functions whose body is parsed at
/// creation.
pub(crate) const OLDEST_SERVER: i32 = 14;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No answer, or the server refused the connection.
    #[error(transparent)]
    Unavailable(NoConnection),
    /// The server is older than the oldest supported version.
    #[error(
        "the server is PostgreSQL {found}; {OLDEST_SERVER} is the oldest supported version: upgrade it; \
         nothing was changed"
    )]
    TooOld {
        /// Its version, as reported.
        found: String,
    },
    /// A pooler may run each transaction in another session.
    #[error(
        "database.url points to a connection pooler, but this tool needs dedicated sessions for locks and \
         settings; set WINSERVE__DATABASE__URL to the server itself, which the pooler reaches at {server}"
    )]
    Pooled {
        /// The server's address, as the pooler sees it.
        server: String,
    },
    /// Hidden rows would be treated as missing.
    #[error(transparent)]
    HiddenRows(#[from] HiddenRows),
    /// The server rejected the initial statements of the session.
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
            error @ (ConnectError::TooOld { .. }
            | ConnectError::Pooled { .. }
            | ConnectError::HiddenRows(_)) => Self::Other(error.into()),
        }
    }
}
