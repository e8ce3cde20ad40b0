//! Which repositories a unit of work hands out.

use diesel::{PgConnection, QueryResult};
use winserve_domain::{base::StoreError, database::UnitOfWork, migration::Phase};

use crate::limits::Limits;

/// Decides, at the beginning of each unit of work, which repositories it hands out.
pub trait Composition: Send + Sync {
    /// The composition for a unit of work that reads; runs within it.
    ///
    /// # Errors
    /// The database's.
    fn for_reading(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed>;

    /// The composition for the rest of a transaction that writes: its first statement.
    ///
    /// # Errors
    /// The database's.
    fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed>;

    /// Whether [`for_writing`](Self::for_writing) failed because the schema was changed a moment ago, and would
    /// do better now; runs outside of a transaction.
    fn is_worth_another_try(&self, connection: &mut PgConnection) -> bool;

    /// Fails unless the database has what the composition needs; returns its phase. Waits for no lock.
    ///
    /// # Errors
    /// [`StoreError`].
    fn check(&self, connection: &mut PgConnection) -> Result<Phase, StoreError>;

    /// The phase that the last unit of work saw.
    fn last_seen(&self) -> Phase;
}

/// The repositories of one composition.
pub trait Composed: Send + Sync {
    /// The repositories on a connection.
    fn unit_of_work<'c>(
        &self,
        connection: &'c mut PgConnection,
        limits: Limits,
    ) -> Box<dyn UnitOfWork + 'c>;

    /// What counts its transactions in `double_writes_total`; `None` when it writes to one store alone.
    fn double_write_label(&self) -> Option<&'static str>;
}
