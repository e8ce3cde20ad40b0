//! Which repositories a unit of work hands out.

use diesel::{PgConnection, QueryResult, RunQueryDsl as _};
use winserve_domain::{base::StoreError, database::UnitOfWork};

use crate::{layout::Layout, limits::Limits, repositories::Repositories};

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

    /// Fails unless the database has what the composition needs; returns its name. Waits for no lock.
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

    /// What counts its transactions in `double_writes_total`; `None` when it writes to one store alone.
    fn double_write_label(&self) -> Option<&'static str>;
}

/// The composition that stays: tables alone, the same for every unit of work.
#[derive(Debug)]
pub struct Tables;

impl Composition for Tables {
    fn for_reading(&self, _: &mut PgConnection) -> QueryResult<&'static dyn Composed> {
        Ok(&Self)
    }

    /// Declares the transaction as ours: as long as the triggers of the migration are there, they take what others
    /// write for changes of the old service.
    fn for_writing(&self, connection: &mut PgConnection) -> QueryResult<&'static dyn Composed> {
        diesel::sql_query("SELECT set_config('winserve.writer', 'winserve', true)")
            .execute(connection)?;
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
        Box::new(Repositories { connection, layout: Layout::Tables, limits })
    }

    fn double_write_label(&self) -> Option<&'static str> {
        None
    }
}
