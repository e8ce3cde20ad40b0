//! `restore`: puts the old keys back from the archive to the JSON.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use crate::{
    commands::accepting,
    jobs::clean::{KEYS, RefusedRows, differences, refused_lines},
    legacy::{
        MOST,
        archive::{
            ARCHIVE, Archived, Both, Canonical, Restored, Written, archived_campaigns,
            archived_without_place, cut_archive, put_back,
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

/// Another program deleted the voter goals that archived keys were in, or wrote JSON that is no object.
const NO_PLACE: &str = "no-place";
/// What an operator may accept: then keys without a place are dropped from the archive.
const ACCEPTABLE: [&str; 1] = [NO_PLACE];

/// As it was, unless the link changed since `clean`: then what the tables say now. A link that cannot
/// be read says nothing.
fn restored(Archived { both, accepted, .. }: Archived) -> Restored {
    let Both { source, link, .. } = both;
    let then = accepted.unwrap_or(source.decoded.link);
    let changed = link
        .filter(|link| !differences(Some(link), &then).is_empty())
        .map(|link| Canonical::from(&link));
    (source.campaign, source.version, changed)
}

/// The work.
struct Restore {
    /// Whether keys without a place may be dropped.
    drops: bool,
    rewritten: AtomicI64,
}

impl Restore {
    fn accepting(accepted: &[String]) -> Result<Self, RunError> {
        if let Some(unknown) = accepted.iter().find(|it| !ACCEPTABLE.contains(&it.as_str())) {
            return Err(RunError::UnknownCategory { name: unknown.clone(), known: &ACCEPTABLE });
        }
        Ok(Self { drops: !accepted.is_empty(), rewritten: AtomicI64::default() })
    }

    /// Campaigns that stay in the archive.
    fn kept(&self, connection: &mut PgConnection, through: Option<&str>) -> QueryResult<Vec<i32>> {
        if self.drops { Ok(Vec::new()) } else { archived_without_place(connection, through) }
    }

    fn refused(
        &self,
        connection: &mut PgConnection,
    ) -> QueryResult<BTreeMap<&'static str, RefusedRows>> {
        let mut keys = self.kept(connection, None)?;
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        keys.truncate(KEYS);
        Ok(BTreeMap::from([(NO_PLACE, RefusedRows { rows, keys })]))
    }
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
        let rows = rows.into_iter().filter(|row| self.drops || row.has_place);
        Ok(rows.map(restored).collect())
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
        let mut remaining = Remaining::of(connection, ARCHIVE, query, through, examples)?;
        let kept = self.kept(connection, through)?.len();
        remaining.refused += i64::try_from(kept).unwrap_or(i64::MAX);
        Ok(remaining)
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
    /// Campaigns whose keys stay in the archive because the JSON has no place for them, by category.
    pub refused: BTreeMap<&'static str, RefusedRows>,
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
pub fn dry_run_restore(
    connection: &mut PgConnection,
    accepted: &[String],
) -> Result<RestoreReport, RunError> {
    let work = Restore::accepting(accepted)?;
    steps::require(connection, &steps::PUT_BACK)?;
    let (restored, rewritten) =
        read_snapshot(connection, |it| survey(it, &work).map_err(store_error))?;
    let refused = work.refused(connection)?;
    let (exit, next_step) = if refused.is_empty() {
        (Exit::Done, again(accepted))
    } else {
        (Exit::RowsRemain, again(&ACCEPTABLE))
    };
    Ok(RestoreReport {
        schema_version: SCHEMA_VERSION,
        step: None,
        restored,
        rewritten,
        refused,
        cannot_say: cannot_say(connection)?,
        exit_code: exit.code(),
        next_steps: vec![next_step],
    })
}

/// How many campaigns would be restored, and how many of them changed since `clean`.
fn survey(connection: &mut PgConnection, work: &Restore) -> QueryResult<(i64, i64)> {
    let (mut rows, mut changed) = (0, 0);
    let mut after = None;
    while let Some(cut) = cut_archive(connection, after.as_deref(), None, MOST)? {
        let range = Range { after: after.take(), through: cut.through };
        let archived = archived_campaigns(connection, &range)?;
        for row in archived.into_iter().filter(|row| work.drops || row.has_place) {
            rows += 1;
            let (.., canonical) = restored(row);
            changed += i64::from(canonical.is_some());
        }
        after = Some(range.through);
    }
    Ok((rows, changed))
}

/// Puts the archive back and empties it: byte for byte where office and district are unchanged
/// since `clean`, otherwise what the tables say now, in canonical form. What has no place any more
/// stays in the archive, unless that is accepted.
///
/// # Errors
/// [`RunError::NotPhase3`]; [`RunError::UnknownCategory`]; see [`RunError`].
pub fn restore(
    options: &Options,
    accepted: &[String],
    observer: &mut dyn Observer,
) -> Result<RestoreReport, RunError> {
    let work = Restore::accepting(accepted)?;
    let mut connection = store::connect_worker(&options.url, "backfill")?;
    steps::require(&mut connection, &steps::PUT_BACK)?;
    store::abandon_job(&mut connection, Job::CLEAN, Exit::RowsRemain.code())?;
    let mut running = Running { connection, options, look_ups: None, observer };
    let step = running.execute(&work)?;
    let refused = work.refused(&mut running.connection)?;
    let next_step = match Exit::of_code(step.exit_code) {
        Exit::Done => steps::PUT_BACK.next.to_owned(),
        _ if refused.is_empty() => again(accepted),
        _ => again(&ACCEPTABLE),
    };
    Ok(RestoreReport {
        schema_version: SCHEMA_VERSION,
        restored: step.changed,
        rewritten: work.rewritten.into_inner(),
        refused,
        cannot_say: cannot_say(&mut running.connection)?,
        exit_code: step.exit_code,
        step: Some(step),
        next_steps: vec![next_step],
    })
}

fn again(accepted: &[impl AsRef<str>]) -> String {
    accepting(steps::RESTORE, accepted)
}

fn cannot_say(connection: &mut PgConnection) -> QueryResult<BTreeMap<&'static str, i64>> {
    Ok(losses(connection)?.into_iter().filter(|(_, rows)| *rows > 0).collect())
}

/// The report for people.
#[must_use]
pub fn restore_table(report: &RestoreReport) -> String {
    let RestoreReport { step, restored, rewritten, refused, cannot_say, next_steps, .. } = report;
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
    lines.extend(refused_lines(refused));
    if !refused.is_empty() {
        lines.push(
            "Their voter goals were deleted, or their JSON is no object any more, so the old keys have no place. \
             They stay in the archive. If they are of no use, accept the category by name, which drops them; \
             the tables keep office and district."
                .to_owned(),
        );
    } else if let Some(step) = step.as_ref().filter(|step| step.remaining > 0) {
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
