//! `run voter-file-filters`: attaches saved filters to their campaign's organization.

use crate::{
    jobs::BatchJob,
    run::{dry_run::Preview, engine::Work},
    sql::{Counts, Cut, CutRow, Job, LastKey, Range, Remaining},
};
use diesel::{prelude::*, sql_types::BigInt};
use uuid::Uuid;
use winserve_persistence::store_error;

/// The description of the job.
pub(crate) const JOB: BatchJob = BatchJob {
    name: Job::VOTER_FILE_FILTERS.name,
    about: "Attach saved filters to the organization of their campaign",
    has_look_ups: false,
    runs: &[Job::VOTER_FILE_FILTERS],
    preview: |connection| {
        let filters = VoterFileFilters.remaining(connection, None, 0).map_err(store_error)?;
        Ok(Preview::of_rows([(VoterFileFilters::TABLE, filters.rows)]))
    },
    run: |running| Ok(vec![running.execute(&VoterFileFilters)?]),
};

impl Job {
    /// The organization of saved filters.
    pub const VOTER_FILE_FILTERS: Self = Self {
        name: "voter-file-filters",
        command: "backfill run voter-file-filters",
        links_holders: false,
    };
}

/// The work.
pub(crate) struct VoterFileFilters;

/// Ids in the format of the key walk.
fn key(text: Option<&str>, default: i64) -> i64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl Work for VoterFileFilters {
    type Prepared = ();

    const JOB: Job = Job::VOTER_FILE_FILTERS;
    const TABLE: &'static str = "voter_file_filter";

    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>> {
        diesel::sql_query("SELECT coalesce(max(id), 0)::text AS key FROM voter_file_filter")
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
        diesel::sql_query(
            "SELECT max(id)::text AS through, count(*) AS rows FROM (
                 SELECT id FROM voter_file_filter
                 WHERE organization_id IS NULL AND campaign_id IS NOT NULL AND id > $1 AND id <= $2
                 ORDER BY id LIMIT $3) AS cut",
        )
        .bind::<BigInt, _>(key(after, i64::MIN))
        .bind::<BigInt, _>(key(through, i64::MAX))
        .bind::<BigInt, _>(limit)
        .get_result::<CutRow>(connection)
        .map(Into::into)
    }

    /// Sets the organization of unlocked filters. Nothing else in a filter changes, not even its update time.
    fn publish(
        &self,
        connection: &mut PgConnection,
        _run: Uuid,
        range: &Range,
        (): &(),
    ) -> QueryResult<Counts> {
        let examined = self.count(connection, range)?;
        let assigned = diesel::sql_query(
            "WITH held AS (
                 SELECT filter.id, campaign.organization_id
                 FROM voter_file_filter AS filter JOIN campaign ON campaign.id = filter.campaign_id
                 WHERE filter.organization_id IS NULL AND campaign.organization_id IS NOT NULL
                   AND filter.id > $1 AND filter.id <= $2
                 ORDER BY filter.id
                 FOR NO KEY UPDATE OF filter SKIP LOCKED
             )
             UPDATE voter_file_filter SET organization_id = held.organization_id, organization_type = 'campaign'
             FROM held WHERE voter_file_filter.id = held.id",
        )
        .bind::<BigInt, _>(key(range.after.as_deref(), i64::MIN))
        .bind::<BigInt, _>(key(Some(&range.through), i64::MAX))
        .execute(connection)?;
        Ok(Counts::of_changed(examined, assigned))
    }

    /// A filter without a campaign belongs to nobody; a verification finds it.
    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        // As JSON: an earlier build dropped the column.
        let query = "SELECT id AS key FROM voter_file_filter AS filter
                     WHERE organization_id IS NULL AND to_jsonb(filter)->>'campaign_id' IS NOT NULL
                       AND ($4 IS NULL OR id <= $4::bigint)";
        Remaining::of(connection, Self::TABLE, query, through, examples)
    }
}
