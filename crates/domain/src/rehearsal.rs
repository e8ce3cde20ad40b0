//! What an operation would do, without doing it.

use std::sync::Arc;

use crate::{
    Ports,
    base::{BoxFuture, StoreError},
    database::{Access, Database, TransactionEnd, UnitOfWork, Work},
};

/// A database that undoes every unit of work. What the unit of work returns is what it would have
/// written, with all rules of the operation and of the database.
struct Rehearsal(Arc<dyn Database>);

impl Database for Rehearsal {
    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let undone = move |uow: &mut dyn UnitOfWork| {
            work(uow);
            TransactionEnd::Rollback
        };
        self.0.run(name, access, Box::new(undone))
    }

    fn composition_seen(&self) -> &'static str {
        self.0.composition_seen()
    }

    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
        self.0.ready()
    }
}

impl Ports {
    /// The same ports, with a database that undoes every unit of work. Only for operations that
    /// write nothing elsewhere, and whose units of work do not build on each other's writes.
    pub(crate) fn rehearsal(&self) -> Self {
        self.clone().with_database_in(|database| Arc::new(Rehearsal(database)))
    }
}
