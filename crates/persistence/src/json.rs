//! JSON columns that may hold what `serde_json` refuses: PostgreSQL takes any depth and any number.

use std::cell::Cell;

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    pg::{Pg, PgValue},
    sql_types::Jsonb,
};
use serde_json::Value;
use winserve_domain::unit_of_work::StoreError;

use crate::error::inconsistent;

/// What counts as large, in bytes.
const LARGE: usize = 4 * 1024 * 1024;

thread_local! {
    /// Whether this thread has read a large value. A unit of work stays on its thread.
    static WAS_LARGE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread has read a large value since the last call.
pub(crate) fn take_was_large() -> bool {
    WAS_LARGE.take()
}

/// A stored JSON value, or why it cannot be read.
#[derive(Debug, FromSqlRow)]
pub(crate) struct StoredJson(Result<Value, String>);

impl FromSql<Jsonb, Pg> for StoredJson {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        if value.as_bytes().len() > LARGE {
            WAS_LARGE.set(true);
        }
        let read = <Value as FromSql<Jsonb, Pg>>::from_sql(value);
        Ok(Self(read.map_err(|error| error.to_string())))
    }
}

impl StoredJson {
    /// The value; `None` when it cannot be read.
    pub(crate) fn readable(self) -> Option<Value> {
        self.0.ok()
    }

    /// The value of a row's column.
    pub(crate) fn of(self, table: &'static str, row: i32) -> Result<Value, StoreError> {
        self.0.map_err(|problem| inconsistent(table, row, problem))
    }
}
