//! Ports to the database: one unit of work runs on one connection, in one blocking hop.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    base::{BoxFuture, StoreError},
    campaigns::Campaigns,
    clerk::Provisioning,
    migration::{LegacyChanges, NoLegacyChanges},
    offices::ElectedOffices,
    organizations::{CurrentNaming, NamingRule, Organizations},
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

    /// The composition that the last unit of work saw, such as `phase-2`, for metrics; the database is not asked.
    fn composition_seen(&self) -> &'static str;

    /// Asks the database whether it can serve now, reads and writes; returns the name of its composition. Neither work that
    /// waits nor a locked table holds the answer up.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>>;
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

/// What a composition of the migration may lack. The final one has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Organizations, positions and sessions of Clerk have tables.
    Organizations,
    /// Office and district are read from tables.
    LinksInTables,
    /// A user may have several campaigns, and an office without a campaign.
    IndependentHoldings,
}

/// The repositories, all on one connection and, when writing, in one transaction.
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
    /// What tables know of the voters of holders.
    fn electorates(&mut self) -> Box<dyn Electorates + '_>;
    /// Saved filters.
    fn saved_filters(&mut self) -> Box<dyn SavedFilters + '_>;
    /// Polls.
    fn polls(&mut self) -> Box<dyn Polls + '_>;
    /// Organizations at Clerk: the outbox and what came of it; only with [`Feature::Organizations`].
    fn provisioning(&mut self) -> Box<dyn Provisioning + '_>;
    /// What election-api has yet to be asked about; only with [`Feature::Organizations`].
    fn look_ups(&mut self) -> Box<dyn LookUps + '_>;
    /// What the old service changed; only with [`Feature::Organizations`].
    fn legacy_changes(&mut self) -> Box<dyn LegacyChanges + '_> {
        Box::new(NoLegacyChanges)
    }
    /// Office and district of each holder: the repository that compositions differ in.
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
