//! The phase row (design §3).

use diesel::{
    prelude::*,
    sql_types::{Bool, Text},
};
use winserve_domain::phase::Phase;

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

#[derive(QueryableByName)]
struct PhaseRow {
    #[diesel(sql_type = Text)]
    phase: String,
}

/// The phase of a database; `legacy` when it has no phase row yet.
pub(crate) fn read(connection: &mut PgConnection) -> QueryResult<Phase> {
    let found: Exists =
        diesel::sql_query("SELECT to_regclass('migration_phase') IS NOT NULL AS exists")
            .get_result(connection)?;
    if !found.exists {
        return Ok(Phase::Legacy);
    }
    let row: PhaseRow =
        diesel::sql_query("SELECT phase FROM migration_phase").get_result(connection)?;
    parse(&row.phase)
}

fn parse(name: &str) -> QueryResult<Phase> {
    Phase::parse(name).ok_or_else(|| {
        diesel::result::Error::DeserializationError(
            format!("this build does not know the phase {name}").into(),
        )
    })
}
