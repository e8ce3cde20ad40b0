//! JSON columns of the old tables: the only way to read and write them. PostgreSQL accepts any
//! nesting depth and any number, some of which `serde_json` rejects. An unreadable member is left
//! out, named, and written back unchanged, so that its row can be listed, read and saved.

use std::{cell::Cell, collections::BTreeMap, io::Write as _};

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::Jsonb,
};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};
use serde_json::{Map, Value, value::RawValue};
use winserve_domain::base::unreadable::{JsonColumn, Unreadable};

/// The byte that PostgreSQL sends before the text of a `jsonb`.
const VERSION: u8 = 1;

/// Size of a large value, in bytes.
const LARGE: usize = 4 * 1024 * 1024;

thread_local! {
    /// Whether this thread has read a large value. A unit of work stays on its thread.
    static WAS_LARGE: Cell<bool> = const { Cell::new(false) };
    /// Bytes of all values that this thread has read.
    static BYTES_READ: Cell<u64> = const { Cell::new(0) };
}

/// Bytes of all values that this thread has read; a unit of work uses the difference.
pub(crate) fn bytes_read() -> u64 {
    BYTES_READ.get()
}

/// Whether this thread has read a large value since the last call.
pub(crate) fn take_was_large() -> bool {
    WAS_LARGE.take()
}

/// The readable part of a stored JSON value.
#[derive(Debug, FromSqlRow)]
pub struct StoredJson {
    value: Value,
    /// Unreadable texts by key; without a key, the value is not an object.
    unreadable: Vec<(Option<String>, String)>,
}

impl FromSql<Jsonb, Pg> for StoredJson {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let length = value.as_bytes().len();
        if length > LARGE {
            WAS_LARGE.set(true);
        }
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        BYTES_READ.set(BYTES_READ.get().saturating_add(bytes));
        match value.as_bytes().split_first() {
            Some((&VERSION, text)) => Self::read(text),
            _ => Err("not jsonb version 1".into()),
        }
    }
}

impl StoredJson {
    fn read(text: &[u8]) -> deserialize::Result<Self> {
        if let Ok(value) = serde_json::from_slice(text) {
            return Ok(Self { value, unreadable: Vec::new() });
        }
        let Ok(members) = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(text) else {
            let whole = (None, std::str::from_utf8(text)?.to_owned());
            return Ok(Self { value: Value::Object(Map::new()), unreadable: vec![whole] });
        };
        let (mut read, mut unreadable) = (Map::new(), Vec::new());
        for (key, text) in members {
            match serde_json::from_str(text.get()) {
                Ok(value) => drop(read.insert(key, value)),
                Err(_refused) => unreadable.push((Some(key), text.get().to_owned())),
            }
        }
        Ok(Self { value: Value::Object(read), unreadable })
    }

    /// The value without its unreadable parts; an empty object if it is not an object.
    #[must_use]
    pub fn readable(self) -> Value {
        self.value
    }

    /// [`readable`](Self::readable), with the unreadable parts recorded.
    pub fn of(self, column: JsonColumn, noted: &mut Vec<Unreadable>) -> Value {
        let parts = self.unreadable.into_iter();
        noted.extend(parts.map(|(key, text)| Unreadable { column, key, text }));
        self.value
    }
}

/// A JSON value to store, together with the unreadable parts of the stored one. A new value for a
/// member replaces its unreadable part.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(crate) struct WrittenJson<'a> {
    value: &'a Value,
    column: JsonColumn,
    unreadable: &'a [Unreadable],
}

impl<'a> WrittenJson<'a> {
    pub(crate) fn new(value: &'a Value, column: JsonColumn, unreadable: &'a [Unreadable]) -> Self {
        Self { value, column, unreadable }
    }

    pub(crate) fn column(&self) -> JsonColumn {
        self.column
    }
}

impl ToSql<Jsonb, Pg> for WrittenJson<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[VERSION])?;
        serde_json::to_writer(out, self)?;
        Ok(IsNull::No)
    }
}

impl Serialize for WrittenJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept: Vec<_> =
            self.unreadable.iter().filter(|part| part.column == self.column).collect();
        let Value::Object(members) = self.value else { return self.value.serialize(serializer) };
        if kept.is_empty() {
            return members.serialize(serializer);
        }
        let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(S::Error::custom);
        if let [Unreadable { key: None, text, .. }] = kept.as_slice() {
            // It was read as an empty object; if it is still empty, the caller did not change it.
            return if members.is_empty() {
                raw(text)?.serialize(serializer)
            } else {
                members.serialize(serializer)
            };
        }
        let mut whole = serializer.serialize_map(None)?;
        for (key, value) in members {
            whole.serialize_entry(key, value)?;
        }
        for part in kept {
            if let Some(key) = part.key.as_ref().filter(|key| !members.contains_key(*key)) {
                whole.serialize_entry(key, &raw(&part.text)?)?;
            }
        }
        whole.end()
    }
}
