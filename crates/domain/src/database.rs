//! Ports to the database: one unit of work runs on one connection, in one blocking hop.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    base::{BoxFuture, StoreError},
    campaigns::Campaigns,
    clerk::Provisioning,
    migration::{LegacyChanges, Phase},
    offices::ElectedOffices,
    organizations::Organizations,
    polls::Polls,
    positions::{Electorates, LookUps, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};

/// What runs in a unit of work.
pub type Work = Box<dyn FnOnce(&mut dyn UnitOfWork) -> Verdict + Send>;

/// What a unit of work may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads, each statement on its own.
    Read,
    /// Reads and writes in one transaction.
    Write,
}

/// What becomes of a unit of work's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what was written.
    Commit,
    /// Undo it.
    Rollback,
}

/// Runs units of work.
pub trait Database: Send + Sync {
    /// Runs `work` on one connection; `name` is for logs, such as `campaign.update`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection is to be had in time; [`StoreError::Cancelled`] when the
    /// work takes too long or is cancelled, as it is when the future is dropped; whatever BEGIN or
    /// COMMIT report. MUST NOT report success when a statement of the transaction failed, though
    /// the database itself answers a COMMIT of an aborted transaction without an error.
    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The phase that the last unit of work saw; nobody is asked.
    fn phase_seen(&self) -> Phase;

    /// Asks the database whether it can serve now, reads and writes; returns its phase. Neither work that
    /// waits nor a locked table holds the answer up.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    fn ready(&self) -> BoxFuture<'_, Result<Phase, StoreError>>;
}

impl dyn Database {
    /// Runs a use case that only reads.
    ///
    /// # Errors
    /// Those of the use case, and [`StoreError`].
    pub async fn read<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut dyn UnitOfWork) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_returning(name, Access::Read, work).await
    }

    /// Runs a use case in one transaction: `Ok` commits, `Err` rolls back.
    ///
    /// # Errors
    /// Those of the use case, and [`StoreError`].
    pub async fn transaction<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut dyn UnitOfWork) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_returning(name, Access::Write, work).await
    }

    async fn run_returning<T, E, F>(
        &self,
        name: &'static str,
        access: Access,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&mut dyn UnitOfWork) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        // `run` is not generic, so that it can be a trait object's: the outcome comes out here.
        let outcome = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&outcome);
        let ran = self.run(
            name,
            access,
            Box::new(move |uow| {
                let result = work(uow);
                let verdict = if result.is_ok() { Verdict::Commit } else { Verdict::Rollback };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                verdict
            }),
        );
        let ran = ran.await;
        let result = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (ran, result) {
            // The use case's own error says more than the rollback that followed it.
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Other("the work was never run".into()).into()),
        }
    }
}

/// The repositories, all on one connection and, when writing, in one transaction.
pub trait UnitOfWork {
    /// The phase this unit of work was opened in; it does not change within it.
    fn phase(&self) -> Phase;
    /// Users.
    fn users(&mut self) -> Box<dyn Users + '_>;
    /// Campaigns with their voter goals.
    fn campaigns(&mut self) -> Box<dyn Campaigns + '_>;
    /// Elected offices.
    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_>;
    /// Organizations; only where [`Phase::has_tables`].
    fn organizations(&mut self) -> Box<dyn Organizations + '_>;
    /// What tables know of the voters of holders.
    fn electorates(&mut self) -> Box<dyn Electorates + '_>;
    /// Saved filters.
    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_>;
    /// Polls.
    fn polls(&mut self) -> Box<dyn Polls + '_>;
    /// Organizations at Clerk: the outbox and what came of it; only where [`Phase::has_tables`].
    fn provisioning(&mut self) -> Box<dyn Provisioning + '_>;
    /// What election-api has yet to be asked about; only where [`Phase::has_tables`].
    fn look_ups(&mut self) -> Box<dyn LookUps + '_>;
    /// What the old service changed; only where [`Phase::has_tables`].
    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_>;
    /// Office and district of each holder: the repository that the phases compose.
    fn position_links(&mut self) -> Box<dyn PositionLinks + '_>;
}
