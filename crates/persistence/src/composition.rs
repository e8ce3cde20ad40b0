//! Which repositories a unit of work hands out.

use diesel::{PgConnection, QueryResult, RunQueryDsl as _};
use winserve_domain::{base::StoreError, database::UnitOfWork};

use crate::{limits::Limits, repositories::Repositories};

/// Decides at the start of each unit of work which repositories it hands out.
pub trait Composition: Send + Sync {
    /// The composition for a read-only unit of work; runs inside it.
    ///
    /// # Errors
    /// If the database fails.
    fn for_reading(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed>;

    /// The composition for the rest of a write transaction: its first statement.
    ///
    /// # Errors
    /// If the database fails.
    fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed>;

    /// Whether [`for_writing`](Self::for_writing) failed because the schema just changed, and would
    /// succeed now; runs outside a transaction.
    fn is_worth_another_try(&self, connection: &mut PgConnection) -> bool;

    /// Fails unless the database has what the composition needs; returns its name. Does not wait
    /// for locks.
    ///
    /// # Errors
    /// [`StoreError`].
    fn check(&self, connection: &mut PgConnection) -> Result<&'static str, StoreError>;

    /// The name of the composition that the last unit of work saw.
    fn last_seen(&self) -> &'static str;
}

/// The repositories of one composition.
pub trait Composed: Send + Sync {
    /// The repositories on a connection.
    fn unit_of_work<'c>(
        &self,
        connection: &'c mut PgConnection,
        limits: Limits,
    ) -> Box<dyn UnitOfWork + 'c>;

    /// The label of its transactions in `double_writes_total`; `None` if it writes to one store
    /// only.
    fn double_write_label(&self) -> Option<&'static str>;
}

/// Marks a transaction as ours: while the triggers of the migration exist, they treat all other
/// writes as changes of the old service.
///
/// # Errors
/// If the database fails.
pub fn mark_as_ours(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT set_config('winserve.writer', 'winserve', true)")
        .execute(connection)
        .map(drop)
}

/// The final composition: tables only, the same for every unit of work.
#[derive(Debug, Clone, Copy)]
pub struct Tables;

impl Composition for Tables {
    fn for_reading(&self, _: &mut PgConnection) -> QueryResult<&'static dyn Composed> {
        Ok(&Self)
    }

    fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed> {
        mark_as_ours(connection)?;
        Ok(&Self)
    }

    fn is_worth_another_try(&self, _: &mut PgConnection) -> bool {
        false
    }

    fn check(&self, _: &mut PgConnection) -> Result<&'static str, StoreError> {
        Ok(TABLES)
    }

    fn last_seen(&self) -> &'static str {
        TABLES
    }
}

/// The name of [`Tables`]: that of the last phase.
pub(crate) const TABLES: &str = "phase-3";

impl Composed for Tables {
    fn unit_of_work<'c>(
        &self,
        connection: &'c mut PgConnection,
        limits: Limits,
    ) -> Box<dyn UnitOfWork + 'c> {
        Box::new(Repositories { connection, limits })
    }

    fn double_write_label(&self) -> Option<&'static str> {
        None
    }
}
