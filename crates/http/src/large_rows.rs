//! Requests of users whose campaigns hold more JSON than a user may store today are served one at a time:
//! what the old service let grow is still read, and cannot exhaust the memory.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use winserve_domain::active_organization::Holding;

use crate::error::{ApiError, ErrorCode};

/// What counts as large, in bytes as stored. The database compresses: in memory it may be a hundred times
/// as much.
const LARGE: u64 = 128 * 1024;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turn of those who hold large rows.
#[derive(Debug, Clone)]
pub struct LargeRows(Arc<Semaphore>);

impl Default for LargeRows {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl LargeRows {
    /// Waits for a turn, if the user holds a large row.
    pub(crate) async fn turn(
        &self,
        holdings: &[Holding],
    ) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if holdings.iter().map(|holding| holding.json_bytes).max() <= Some(LARGE) {
            return Ok(None);
        }
        timeout(PATIENCE, Arc::clone(&self.0).acquire_owned())
            .await
            .map_err(|late| ApiError::server(ErrorCode::Unavailable, late))?
            .map(Some)
            .map_err(|closed| ApiError::server(ErrorCode::Unavailable, closed))
    }
}
