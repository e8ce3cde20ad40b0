//! `restore`: puts the old keys back from the archive to the JSON.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use crate::{
    jobs::clean::differences,
    legacy::{
        MOST,
        archive::{
            ARCHIVE, Both, Canonical, Restored, Written, archived_campaigns, cut_archive, put_back,
        },
    },
    phase::{Phase, losses},
    run::{
        engine::{BatchError, Keep, RunError, Work},
        options::Options,
        runner::{Observer, Running, StepReport},
    },
    sql::{self as store, Counts, Cut, Job, Range, Remaining},
    status::SCHEMA_VERSION,
    steps,
};
use diesel::QueryResult;
use serde::Serialize;
use uuid::Uuid;
use winserve_admin::Exit;
use winserve_persistence::{PgConnection, read_snapshot, store_error};

impl Job {
    /// The old keys, back in the JSON.
    pub const RESTORE: Self =
        Self { name: "restore", command: steps::RESTORE, links_holders: false };
}

/// As it was, unless somebody has changed the link since: then what the tables say now. A link that
/// cannot be read says nothing.
fn restored(Both { source, link, .. }: Both) -> Restored {
    let changed = link
        .filter(|link| !differences(Some(link), &source.decoded.link).is_empty())
        .map(|link| Canonical::from(&link));
    (source.campaign, source.version, changed)
}

/// The work.
#[derive(Default)]
struct Restore {
    rewritten: AtomicI64,
}

impl Work for Restore {
    type Prepared = Vec<Restored>;

    const JOB: Job = Job::RESTORE;
    const TABLE: &'static str = ARCHIVE;
    const PHASE: Phase = Phase::Three;

    fn most(&self) -> i64 {
        MOST
    }

    fn last_key(&self, _connection: &mut PgConnection) -> QueryResult<Option<String>> {
        Ok(None)
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        cut_archive(connection, after, through, limit)
    }

    fn prepare(
        &self,
        connection: &mut PgConnection,
        _run: Uuid,
        range: &Range,
        _keep: Keep<'_>,
    ) -> Result<Vec<Restored>, BatchError> {
        let rows = archived_campaigns(connection, range)?;
        Ok(rows.into_iter().map(restored).collect())
    }

    fn publish(
        &self,
        connection: &mut PgConnection,
        _run: Uuid,
        _range: &Range,
        rows: &Vec<Restored>,
    ) -> QueryResult<Counts> {
        let Written { rows: done, rewritten } = put_back(connection, rows)?;
        self.rewritten.fetch_add(rewritten, Ordering::Relaxed);
        let examined = i32::try_from(rows.len()).unwrap_or(i32::MAX);
        Ok(Counts::of_changed(examined, usize::try_from(done).unwrap_or_default()))
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        let query = "SELECT campaign_id AS key FROM backfill_archive
                     WHERE ($4 IS NULL OR campaign_id <= $4::bigint)";
        Remaining::of(connection, ARCHIVE, query, through, examples)
    }
}

/// Result of `restore`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The run; `None`: a dry run, and nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepReport>,
    /// Campaigns whose keys are, or would be, in the JSON again.
    pub restored: i64,
    /// How many of them this command wrote, or would write, in canonical form, because office or
    /// district changed since `clean`.
    pub rewritten: i64,
    /// What phase 2 and the phases before cannot say: rows by category.
    pub cannot_say: BTreeMap<&'static str, i64>,
    /// The exit code.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// What [`restore`] would do; writes nothing.
///
/// # Errors
/// See [`restore`].
pub fn dry_run_restore(connection: &mut PgConnection) -> Result<RestoreReport, RunError> {
    steps::require(connection, &steps::PUT_BACK)?;
    let (restored, rewritten) = read_snapshot(connection, |it| survey(it).map_err(store_error))?;
    Ok(RestoreReport {
        schema_version: SCHEMA_VERSION,
        step: None,
        restored,
        rewritten,
        cannot_say: cannot_say(connection)?,
        exit_code: Exit::Done.code(),
        next_steps: vec![steps::RESTORE.to_owned()],
    })
}

/// How many campaigns are in the archive, and how many of them changed since.
fn survey(connection: &mut PgConnection) -> QueryResult<(i64, i64)> {
    let (mut rows, mut changed) = (0, 0);
    let mut after = None;
    while let Some(cut) = cut_archive(connection, after.as_deref(), None, MOST)? {
        let range = Range { after: after.take(), through: cut.through };
        for row in archived_campaigns(connection, &range)? {
            rows += 1;
            let (.., canonical) = restored(row);
            changed += i64::from(canonical.is_some());
        }
        after = Some(range.through);
    }
    Ok((rows, changed))
}

/// Puts the archive back and empties it: byte for byte where office and district are unchanged
/// since `clean`, otherwise what the tables say now, in canonical form.
///
/// # Errors
/// [`RunError::NotPhase3`]; see [`RunError`].
pub fn restore(options: &Options, observer: &mut dyn Observer) -> Result<RestoreReport, RunError> {
    let mut connection = store::connect_worker(&options.url, "backfill")?;
    steps::require(&mut connection, &steps::PUT_BACK)?;
    store::abandon_job(&mut connection, Job::CLEAN, Exit::RowsRemain.code())?;
    let work = Restore::default();
    let mut running = Running { connection, options, look_ups: None, observer };
    let step = running.execute(&work)?;
    let next_step = match Exit::of_code(step.exit_code) {
        Exit::Done => steps::PUT_BACK.next,
        _ => steps::RESTORE,
    };
    Ok(RestoreReport {
        schema_version: SCHEMA_VERSION,
        restored: step.changed,
        rewritten: work.rewritten.into_inner(),
        cannot_say: cannot_say(&mut running.connection)?,
        exit_code: step.exit_code,
        step: Some(step),
        next_steps: vec![next_step.to_owned()],
    })
}

fn cannot_say(connection: &mut PgConnection) -> QueryResult<BTreeMap<&'static str, i64>> {
    Ok(losses(connection)?.into_iter().filter(|(_, rows)| *rows > 0).collect())
}

/// The report for people.
#[must_use]
pub fn restore_table(report: &RestoreReport) -> String {
    let RestoreReport { step, restored, rewritten, cannot_say, next_steps, .. } = report;
    let mut lines = vec![match step {
        Some(step) => format!(
            "The old keys of {restored} campaigns were put back; {} batches, {:.1} s.",
            step.batches, step.seconds
        ),
        None => {
            format!("Would put back the old keys of {restored} campaigns; nothing was written.")
        }
    }];
    if *rewritten > 0 {
        lines.push(format!(
            "{rewritten} of them changed since `clean`: they get what the tables say now."
        ));
    }
    if let Some(step) = step.as_ref().filter(|step| step.remaining > 0) {
        let keys = step.remaining_keys.join(", ");
        lines.push(format!("{} campaigns remain in the archive: {keys}", step.remaining));
    }
    if !cannot_say.is_empty() {
        lines.push(
            "The earlier phases cannot say everything; these rows stay in the tables:".to_owned(),
        );
        lines.extend(cannot_say.iter().map(|(category, rows)| format!("  {category}: {rows}")));
    }
    lines.extend(next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
