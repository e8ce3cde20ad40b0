//! What every operation works with.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    base::{Clock, StoreError},
    clerk::IdentityService,
    contacts::PeopleService,
    database::Database,
    positions::ElectionService,
};

/// The ports that operations work with. Whoever calls an operation hands them over and cannot use them: no
/// unit of work and no question to another service lies outside this crate's operations.
#[derive(Clone)]
pub struct Ports {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) election: Arc<dyn ElectionService>,
    pub(crate) people: Arc<dyn PeopleService>,
    pub(crate) identity: Arc<dyn IdentityService>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Ports {
    /// The ports of a process. [`NoElectionService`](crate::positions::NoElectionService),
    /// [`NoPeopleService`](crate::contacts::NoPeopleService) and
    /// [`NoIdentityService`](crate::clerk::NoIdentityService) stand for what it does not have.
    #[must_use]
    pub fn new(
        database: Arc<dyn Database>,
        election: Arc<dyn ElectionService>,
        people: Arc<dyn PeopleService>,
        identity: Arc<dyn IdentityService>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { database, election, people, identity, clock }
    }

    /// The same ports with another one around the database.
    #[must_use]
    pub fn with_database_in(
        self,
        wrap: impl FnOnce(Arc<dyn Database>) -> Arc<dyn Database>,
    ) -> Self {
        Self { database: wrap(self.database), ..self }
    }

    /// The time that operations go by.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The composition of the store that the last unit of work saw, such as `phase-2`; the database is not asked.
    #[must_use]
    pub fn composition_seen(&self) -> &'static str {
        self.database.composition_seen()
    }

    /// Asks the database whether it can serve now, reads and writes; returns the name of its composition.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    pub async fn ready(&self) -> Result<&'static str, StoreError> {
        self.database.ready().await
    }
}
