//! SQL of the backfill: its state, and what its jobs read and write.
//!
//! Statements that name the moved keys of the JSON are in [`legacy`](crate::legacy).

mod batches;
mod campaigns;
mod dropped;
pub(crate) mod enforce;
mod enforce_phase_1b;
mod enforce_phase_2;
mod look_ups;
mod mend;
mod positions;
mod quarantine;
mod remaining;
mod repair;
mod runs;

use std::time::Duration;

use diesel::{Connection as _, PgConnection, QueryResult, connection::SimpleConnection as _};
use winserve_domain::base::StoreError;

pub use batches::{
    Batch, Claim, Counts, Cut, Fate, Range, claim, complete, holders, look_at, release, renew,
    split,
};
pub(crate) use batches::{CutRow, LastKey};
pub use campaigns::{CampaignLink, link_campaigns};
pub use dropped::{Lost, is_anything_of_phase_3_enforced, lost_with_phase_3};
pub(crate) use enforce::TRIES;
pub use enforce::{
    EnforceError, check_phase_1, clean_verification, clean_verification_for_phase_2,
    enforce_phase_1, is_anything_enforced, is_phase_1_enforced, undo_phase_1,
    would_enforce_phase_1, would_undo_phase_1,
};
pub use enforce_phase_1b::{check_phase_1b, enforce_phase_1b, is_phase_1b_enforced};
pub(crate) use enforce_phase_2::bring_back_campaign_of_filters;
pub use enforce_phase_2::{
    check_phase_2, dropped_of_filters, enforce_phase_2, is_anything_of_phase_2_enforced,
    is_phase_2_enforced, undo_phase_2, would_enforce_phase_2, would_undo_phase_2,
};
pub use look_ups::{
    Unanswered, are_look_ups_kept, count_unanswered, forget_answered, note_quarantined,
    open_look_ups, open_questions, ready_campaigns,
};
pub use mend::{Damaged, mend};
pub use positions::{KnownPosition, known_positions, state_positions};
pub use quarantine::{
    DISTRICT_UNANSWERED, Entry, POSITION_INCOMPLETE, POSITION_UNANSWERED, Quarantined, ROW_REFUSED,
    codes, forget_refusals, in_quarantine, last_refusal, quarantine, quarantine_unreadable,
    quarantine_without_asking,
};
pub use remaining::Remaining;
pub(crate) use repair::drain_notes;
pub use repair::{
    changed_campaigns, connect_repair, count_changed_campaigns, database_time,
    notes_of_other_services, repair_campaign,
};
pub use runs::{
    Finished, Job, Progress, Run, abandon, abandon_job, begin_pass, finish, finished, is_under_way,
    join, last_finished, progress, record, set_batch_size,
};

pub use winserve_persistence::{Refusal, refusal, tables::shared_positions::Stated};
use winserve_persistence::{connect_with, session::Timeouts, store_error};

/// Statement timeout of a worker; shorter than the lease, so that no statement of a dead worker
/// outlives it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// The `application_name` of job workers in `pg_stat_activity`.
#[must_use]
pub fn worker_name(job: Job) -> String {
    format!("backfill/{}", job.name)
}

/// A worker's connection. Lock timeouts are short: live writers come first.
///
/// Its plans use keys: a session caches the plans of triggers and foreign keys, and a plan made for
/// a hundred rows would scan the whole table for every row when it has a million. (Without JIT or
/// parallel workers: a small table that must be read completely looks expensive enough for them
/// otherwise.)
///
/// Commits are asynchronous. A server that crashes loses the last batches with all their writes and
/// checkpoints, so they are done again; only the end of a run waits for the disk, and with it for
/// all earlier commits.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub fn connect_worker(url: &str, name: &str) -> Result<PgConnection, StoreError> {
    let timeouts = Timeouts {
        statement: STATEMENT_TIMEOUT,
        lock: Duration::from_millis(200),
        idle_in_transaction: Duration::from_secs(10),
    };
    let mut connection = connect_with(url, name, timeouts)?;
    connection
        .batch_execute(
            "SET enable_seqscan = off; SET enable_mergejoin = off; SET jit = off; SET max_parallel_workers_per_gather = 0;
             SET synchronous_commit = off",
        )
        .map_err(store_error)?;
    Ok(connection)
}

/// Runs a statement over a whole table, which may take longer than a batch may.
///
/// # Errors
/// If the database fails.
pub fn unhurried<T>(
    connection: &mut PgConnection,
    task: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    connection.transaction(|connection| {
        connection.batch_execute("SET LOCAL statement_timeout = 0")?;
        task(connection)
    })
}
