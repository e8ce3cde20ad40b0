//! The order of pages.

use diesel::{dsl::sql, expression::SqlLiteral, sql_types::Untyped};
use winserve_domain::base::Page;

/// The order of a page of a table. The column is one of the program's own words, never a client's.
pub(crate) fn order(table: &'static str, page: Page) -> SqlLiteral<Untyped> {
    // As the old client: what is not known comes last when the smallest is first.
    let direction = if page.descending { "DESC" } else { "ASC" };
    sql(&format!("{table}.{} {direction}", page.column))
}
