//! A connection outside the pool, with its own thread, because the pool may be busy.

use std::{
    convert::identity,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diesel::PgConnection;
use metrics::Gauge;
use winserve_domain::{base::StoreError, database::Access};

use crate::{
    error::store_error,
    hops::{Hops, Waiting},
    pool::{Manager, PooledEntry},
};

const WAITING: Waiting = Waiting { at_most: 64, no_longer_than: Duration::from_secs(5) };

/// Opened on demand, and again after a failure.
pub struct OwnConnection {
    hops: Hops,
    manager: Arc<Manager>,
    connection: Arc<Mutex<Option<PooledEntry>>>,
}

impl OwnConnection {
    pub(crate) fn new(name: &str, manager: Manager) -> Result<Self, StoreError> {
        let hops = Hops::start(name, 1, WAITING, Gauge::noop())
            .map_err(|error| StoreError::Other(error.into()))?;
        Ok(Self { hops, manager: Arc::new(manager), connection: Arc::default() })
    }

    /// Runs tasks one after the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (manager, connection) = (Arc::clone(&self.manager), Arc::clone(&self.connection));
        let ran = self.hops.run(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = manager.renew(connection.take());
            let mut entry = entry.map_err(|error| StoreError::Unavailable(error.into()))?;
            let ran = entry.run(Access::Write, task);
            let done = ran.map_err(store_error).and_then(identity);
            if done.is_ok() && !manager.is_unusable(&mut entry) {
                *connection = Some(entry);
            }
            done
        });
        ran.await.map_err(|error| StoreError::Unavailable(error.into()))?
    }
}
