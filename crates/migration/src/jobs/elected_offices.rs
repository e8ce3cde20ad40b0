//! `run organizations`, second part: organization and position of elected offices.

use crate::{
    jobs::positions::Keep,
    run::engine::{BatchError, Work},
    sql::{
        Counts, Cut, Job, Range, Remaining, complete_offices, cut_offices, last_office, quarantine,
        remaining_offices,
    },
};
use diesel::QueryResult;
use uuid::Uuid;
use winserve_persistence::PgConnection;

/// Table of the keys.
pub(crate) const ELECTED_OFFICE: &str = "elected_office";

/// The job.
pub(crate) struct ElectedOffices;

impl Work for ElectedOffices {
    type Prepared = ();

    fn job(&self) -> Job {
        Job::ElectedOffices
    }

    fn table(&self) -> &'static str {
        ELECTED_OFFICE
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        cut_offices(connection, after, through, limit)
    }

    fn prepare(
        &self,
        _connection: &mut PgConnection,
        _run: Uuid,
        _range: &Range,
        _keep: Keep<'_>,
    ) -> Result<(), BatchError> {
        Ok(())
    }

    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        range: &Range,
        (): &(),
    ) -> QueryResult<Counts> {
        let (counts, keys) = complete_offices(connection, range)?;
        quarantine(connection, run, ELECTED_OFFICE, &keys, &[])?;
        Ok(counts)
    }

    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>> {
        last_office(connection).map(Some)
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        remaining_offices(connection, through, examples)
    }
}
