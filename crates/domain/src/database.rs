//! Database ports: one unit of work runs on one connection, in one blocking task.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    base::{BoxFuture, StoreError},
    campaigns::Campaigns,
    clerk::Provisioning,
    migration::{LegacyChanges, NoLegacyChanges},
    offices::ElectedOffices,
    organizations::{CurrentNaming, NamingRule, Organizations},
    polls::Polls,
    positions::{Electorates, Lookups, PositionLinks},
    saved_filters::SavedFilters,
    users::Users,
};

/// The body of a unit of work.
pub type Work = Box<dyn FnOnce(&mut dyn UnitOfWork) -> TransactionEnd + Send>;

/// What a unit of work may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads, each statement separately.
    Read,
    /// Reads and writes in one transaction.
    Write,
}

/// How a unit of work's transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEnd {
    /// Keep the writes.
    Commit,
    /// Undo them.
    Rollback,
}

/// Runs units of work.
pub trait Database: Send + Sync {
    /// Runs `work` on one connection; `name` is for logs, such as `campaign.update`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is free in time; [`StoreError::Cancelled`] if
    /// the work takes too long or is cancelled, which also happens when the future is dropped; any
    /// error of BEGIN or COMMIT. MUST NOT report success if a statement of the transaction failed,
    /// although the database answers COMMIT of an aborted transaction without an error.
    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The composition that the last unit of work saw, such as `phase-2`, for metrics; does not
    /// query the database.
    fn composition_seen(&self) -> &'static str;

    /// Checks whether the database can serve reads and writes now; returns the name of its
    /// composition. Neither queued work nor a locked table delays the answer.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot.
    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>>;
}

impl dyn Database {
    /// Runs a read-only use case.
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
        // `run` is not generic, so that it works with trait objects; the outcome is returned
        // through this variable.
        let outcome = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&outcome);
        let ran = self.run(
            name,
            access,
            Box::new(move |uow| {
                let result = work(uow);
                let end =
                    if result.is_ok() { TransactionEnd::Commit } else { TransactionEnd::Rollback };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                end
            }),
        );
        let ran = ran.await;
        let result = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (ran, result) {
            // The use case's own error is more informative than that of the rollback.
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Other("the work was never run".into()).into()),
        }
    }
}

/// Features that a composition of the migration may lack. The final one has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Organizations, positions and Clerk sessions have tables.
    Organizations,
    /// Office and district are read from tables.
    LinksInTables,
    /// A user may have several campaigns, and an office may have no campaign.
    IndependentHoldings,
}

/// The repositories, all on one connection and, for writes, in one transaction.
pub trait UnitOfWork {
    /// The name of this composition, such as `phase-2`, for logs and metrics.
    fn composition(&self) -> &'static str;

    /// Whether this composition has a feature; it does not change within a unit of work.
    fn offers(&self, _feature: Feature) -> bool {
        true
    }

    /// How requests name an organization.
    fn naming(&self) -> &'static dyn NamingRule {
        &CurrentNaming
    }

    /// Users.
    fn users(&mut self) -> Box<dyn Users + '_>;
    /// Campaigns with their voter goals.
    fn campaigns(&mut self) -> Box<dyn Campaigns + '_>;
    /// Elected offices.
    fn elected_offices(&mut self) -> Box<dyn ElectedOffices + '_>;
    /// Organizations; only with [`Feature::Organizations`].
    fn organizations(&mut self) -> Box<dyn Organizations + '_>;
    /// Voter data of holders in tables.
    fn electorates(&mut self) -> Box<dyn Electorates + '_>;
    /// Saved filters.
    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_>;
    /// Polls.
    fn polls(&mut self) -> Box<dyn Polls + '_>;
    /// Organizations in Clerk: the outbox and its results; only with [`Feature::Organizations`].
    fn provisioning(&mut self) -> Box<dyn Provisioning + '_>;
    /// Open lookups in election-api; only with [`Feature::Organizations`].
    fn lookups(&mut self) -> Box<dyn Lookups + '_>;
    /// Changes of the old service; only with [`Feature::Organizations`].
    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_> {
        Box::new(NoLegacyChanges)
    }
    /// Office and district of each holder: the repository that differs between compositions.
    fn position_links(&mut self) -> Box<dyn PositionLinks + '_>;
}

impl dyn UnitOfWork + '_ {
    /// Fails unless this composition has a feature.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`].
    pub fn require(&self, feature: Feature) -> Result<(), StoreError> {
        if self.offers(feature) { Ok(()) } else { Err(StoreError::NotMigrated) }
    }
}
