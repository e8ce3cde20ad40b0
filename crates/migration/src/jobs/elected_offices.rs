//! `run organizations`, second part: organization and position of elected offices, which are those of
//! the campaign that won them.
//!
//! An office has no JSON. Its campaign was linked before, so that everything comes from tables, in
//! one statement.

use crate::{
    repositories::offices_of_campaigns::{UNLINKED, link},
    run::engine::Work,
    sql::{Counts, Cut, CutRow, Job, LastKey, Range, Remaining, quarantine},
};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use uuid::Uuid;
use winserve_persistence::tables::shared_positions;

impl Job {
    /// Organization and position of elected offices.
    pub const ELECTED_OFFICES: Self =
        Self { name: "elected-offices", command: Job::CAMPAIGNS.command, links_holders: true };
}

/// The work.
pub(crate) struct ElectedOffices;

impl Work for ElectedOffices {
    type Prepared = ();

    const JOB: Job = Job::ELECTED_OFFICES;
    const TABLE: &'static str = "elected_office";

    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>> {
        diesel::sql_query("SELECT coalesce(max(id), '') AS key FROM elected_office")
            .get_result(connection)
            .map(|LastKey { key }| Some(key))
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        diesel::sql_query(format!(
            "SELECT max(id) AS through, count(*) AS rows FROM (
                 SELECT office.id FROM elected_office AS office
                 WHERE ($1 IS NULL OR office.id > $1) AND ($2 IS NULL OR office.id <= $2) AND {UNLINKED}
                 ORDER BY office.id LIMIT $3) AS cut"
        ))
        .bind::<Nullable<Text>, _>(after)
        .bind::<Nullable<Text>, _>(through)
        .bind::<BigInt, _>(limit)
        .get_result::<CutRow>(connection)
        .map(Into::into)
    }

    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        range: &Range,
        (): &(),
    ) -> QueryResult<Counts> {
        let (counts, keys) = complete_offices(connection, range)?;
        quarantine(connection, run, Self::TABLE, &keys, &[])?;
        Ok(counts)
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        let unlinked = format!(
            "SELECT office.id AS key FROM elected_office AS office
             WHERE ($4 IS NULL OR office.id <= $4) AND {UNLINKED}"
        );
        Remaining::of(connection, Self::TABLE, &unlinked, through, examples)
    }
}

/// Links the offices of a range, within the transaction that publishes their batch; returns the keys
/// of those that were linked, too.
///
/// # Errors
/// If the database fails.
pub fn complete_offices(
    connection: &mut PgConnection,
    range: &Range,
) -> QueryResult<(Counts, Vec<String>)> {
    // Offices inherit the district of an unverified position, too.
    shared_positions::share_district_lock(connection)?;
    let examined = ElectedOffices.count(connection, range)?;
    let wanted = format!("($1::text IS NULL OR office.id > $1) AND office.id <= $2 AND {UNLINKED}");
    let keys = link(connection, &wanted, range.after.as_deref(), &range.through)?;
    Ok((Counts::of_changed(examined, keys.len()), keys))
}
