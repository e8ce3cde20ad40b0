//! Rows as JSON.

use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_types::Text};
use serde_json::Value;

#[derive(QueryableByName)]
pub(crate) struct Json {
    #[diesel(sql_type = Text)]
    pub(crate) value: String,
}

/// The rows of a query, each as a JSON object.
pub(crate) fn rows(connection: &mut PgConnection, query: &str) -> Vec<Value> {
    let wrapped = format!("SELECT to_jsonb(found)::text AS value FROM ({query}) AS found");
    let rows: Vec<Json> = diesel::sql_query(wrapped).load(connection).expect("the test's own SQL");
    rows.iter().map(|row| serde_json::from_str(&row.value).expect("jsonb")).collect()
}
