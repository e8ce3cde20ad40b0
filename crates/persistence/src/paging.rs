//! Sort order of pages.

use diesel::{dsl::sql, expression::SqlLiteral, sql_types::Untyped};
use winserve_domain::base::Page;

/// The sort order of a page of a table. The column name comes from the program, never from a
/// client.
pub fn order(table: &'static str, page: Page) -> SqlLiteral<Untyped> {
    // As in the old client: NULL is last in ascending order.
    let direction = if page.descending { "DESC" } else { "ASC" };
    sql(&format!("{table}.{} {direction}", page.column))
}
