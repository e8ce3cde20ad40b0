//! `run voter-file-filters`: attaches saved filters to their campaign's organization.

use crate::{
    jobs::positions::Keep,
    run::engine::{BatchError, Work},
    sql::{
        Counts, Cut, Job, Range, Remaining, assign_filters, cut_filters, last_filter,
        remaining_filters,
    },
};
use diesel::QueryResult;
use uuid::Uuid;
use winserve_persistence::PgConnection;

/// Table of the keys.
pub(crate) const VOTER_FILE_FILTER: &str = "voter_file_filter";

/// The job.
pub(crate) struct VoterFileFilters;

impl Work for VoterFileFilters {
    type Prepared = ();

    fn job(&self) -> Job {
        Job::VoterFileFilters
    }

    fn table(&self) -> &'static str {
        VOTER_FILE_FILTER
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        cut_filters(connection, after, through, limit)
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
        _run: Uuid,
        range: &Range,
        (): &(),
    ) -> QueryResult<Counts> {
        assign_filters(connection, range)
    }

    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>> {
        last_filter(connection).map(Some)
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        remaining_filters(connection, through, examples)
    }
}
