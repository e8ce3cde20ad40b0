//! Limits per user and per list. User limits are enforced inside the write transaction, under the
//! locks that it takes anyway, so two parallel requests cannot exceed a limit together.

use std::io;

use diesel::{
    pg::Pg,
    prelude::*,
    sql_types::{Bool, Integer, Jsonb},
};
use serde::Serialize;
use winserve_domain::base::{StoreError, UserId};

use crate::{
    error::store_error,
    json::{self, WrittenJson},
    schema::{campaign, elected_office, user},
};

/// Limits per user and per list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum bytes of one JSON column of a campaign, or of its voter goals.
    pub json_column_bytes: u64,
    /// Maximum number of campaigns per user.
    pub campaigns: u32,
    /// Maximum number of elected offices per user.
    pub elected_offices: u32,
    /// Maximum number of saved filters per user, across all their organizations.
    pub saved_filters: u32,
    /// Maximum bytes of JSON in the rows of one list for staff or machines.
    pub list_json_bytes: u64,
}

impl Limits {
    /// No limits: for tools, which write data that users have already stored.
    pub const NONE: Self = Self {
        json_column_bytes: u64::MAX,
        campaigns: u32::MAX,
        elected_offices: u32::MAX,
        saved_filters: u32::MAX,
        list_json_bytes: u64::MAX,
    };

    /// The rows of a list, read one by one. Fails as soon as several rows exceed the limit, so that
    /// no more JSON is ever in memory. A single row is always listed, however large the old service
    /// let it grow.
    ///
    /// # Errors
    /// [`StoreError::ListTooLarge`], or if the database fails.
    pub fn collect<T>(
        self,
        rows: impl Iterator<Item = QueryResult<T>>,
    ) -> Result<Vec<T>, StoreError> {
        let before = json::bytes_read();
        let mut list = Vec::new();
        for row in rows {
            list.push(row.map_err(store_error)?);
            let bytes = json::bytes_read().saturating_sub(before);
            if list.len() > 1 && bytes > self.list_json_bytes {
                return Err(StoreError::ListTooLarge { at_most: self.list_json_bytes });
            }
        }
        Ok(list)
    }

    /// Fails if a JSON column would exceed the limit. A column that already exceeds it may shrink.
    pub(crate) fn check_json(
        self,
        connection: &mut PgConnection,
        row: Option<i32>,
        written: WrittenJson<'_>,
    ) -> Result<(), StoreError> {
        if bytes_of(&written) <= self.json_column_bytes {
            return Ok(());
        }
        if let Some(row) = row
            && holds_more(connection, row, written)?
        {
            return Ok(());
        }
        let (table, column) = (written.column().table(), written.column().name());
        Err(StoreError::TooLarge { table, column, at_most: self.json_column_bytes })
    }

    /// Fails if the user may not have another campaign. The caller holds a lock on the user.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`], or if the database fails.
    pub fn check_campaigns(
        self,
        connection: &mut PgConnection,
        owner: UserId,
    ) -> Result<(), StoreError> {
        let count = campaign::table.filter(campaign::user_id.eq(owner.0)).count();
        refuse_beyond(self.campaigns, "campaigns", || count.get_result(connection))
    }

    /// Fails if the user may not have another office. The caller holds a lock on the user.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`], or if the database fails.
    pub fn check_elected_offices(
        self,
        connection: &mut PgConnection,
        holder: UserId,
    ) -> Result<(), StoreError> {
        let count = elected_office::table.filter(elected_office::user_id.eq(holder.0)).count();
        refuse_beyond(self.elected_offices, "elected offices", || count.get_result(connection))
    }

    /// Fails if the user may not have another filter; locks the user before `count` runs.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`], or if the database fails.
    pub fn check_saved_filters(
        self,
        connection: &mut PgConnection,
        owner: UserId,
        count: impl FnOnce(&mut PgConnection) -> QueryResult<i64>,
    ) -> Result<(), StoreError> {
        refuse_beyond(self.saved_filters, "saved filters", || {
            user::table
                .find(owner.0)
                .select(user::id)
                .for_no_key_update()
                .first::<i32>(connection)?;
            count(connection)
        })
    }
}

/// Counts nothing if there is no limit.
fn refuse_beyond(
    at_most: u32,
    what: &'static str,
    count: impl FnOnce() -> QueryResult<i64>,
) -> Result<(), StoreError> {
    if at_most == u32::MAX || count().map_err(store_error)? < i64::from(at_most) {
        return Ok(());
    }
    Err(StoreError::LimitReached { what, at_most })
}

/// Whether the row already has as much, measured in the database's JSON text.
fn holds_more(
    connection: &mut PgConnection,
    row: i32,
    written: WrittenJson<'_>,
) -> Result<bool, StoreError> {
    let (table, column) = (written.column().table(), written.column().name());
    diesel::sql_query(format!(
        "SELECT octet_length({column}::text) >= octet_length($1::text) AS holds_more
         FROM {table} WHERE id = $2"
    ))
    .into_boxed::<Pg>()
    .bind::<Jsonb, _>(written)
    .bind::<Integer, _>(row)
    .get_result(connection)
    .optional()
    .map(|held| held.is_some_and(|Measured { holds_more }| holds_more))
    .map_err(store_error)
}

#[derive(QueryableByName)]
struct Measured {
    #[diesel(sql_type = Bool)]
    holds_more: bool,
}

/// The length of a value's text.
fn bytes_of(value: &impl Serialize) -> u64 {
    struct Length(u64);

    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut length = Length(0);
    // A value that cannot be serialized is rejected when it is stored.
    let _ = serde_json::to_writer(&mut length, value);
    length.0
}
