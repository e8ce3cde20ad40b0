//! `clean`: moves the old keys from the JSON to the archive, where both stores agree.

use std::collections::BTreeMap;

use crate::{
    commands::accepting,
    legacy::{
        MOST,
        archive::{ARCHIVE, Both, Cleanable, archive, campaigns_with_moved_keys, cut_moved_keys},
        last_campaign,
    },
    phase::Phase,
    run::{
        engine::{BatchError, Keep, RunError, Work},
        options::Options,
        runner::{Observer, Running, StepReport},
    },
    sql::{self as store, Counts, Cut, Job, ROW_REFUSED, Range, Remaining, Run},
    status::SCHEMA_VERSION,
    steps,
};
use diesel::QueryResult;
use serde::Serialize;
use uuid::Uuid;
use winserve_admin::Exit;
use winserve_domain::{base::CampaignId, positions::PositionLink};
use winserve_persistence::{PgConnection, read_snapshot, store_error};

/// Maximum number of listed keys of a category.
pub(crate) const KEYS: usize = 1_000;
/// Maximum number of keys shown to people.
const SHOWN: usize = 10;
/// The position in the tables is missing or unreadable.
const UNREADABLE: &str = "unreadable-position";
const WRONG_POSITION: &str = "wrong-position";
const WRONG_TEXT: &str = "wrong-office-text";
const WRONG_DISTRICT: &str = "wrong-district";
const UNEXPECTED_DISTRICT: &str = "unexpected-district";
const WRONG_FLAG: &str = "wrong-manual-flag";
/// The differences that an operator may accept: then the tables count, and the archive keeps the
/// JSON.
const ACCEPTABLE: [&str; 5] =
    [WRONG_POSITION, WRONG_TEXT, WRONG_DISTRICT, UNEXPECTED_DISTRICT, WRONG_FLAG];

impl Job {
    /// The old keys of the JSON.
    pub const CLEAN: Self =
        Self { name: "clean", command: steps::CLEAN.command, links_holders: false };
}

/// How the JSON of a campaign differs from the tables, beyond what phase 2 accepted by name: a
/// district that only the position has, and the campaign's own words about a shared position.
pub(crate) fn differences(link: Option<&PositionLink>, json: &PositionLink) -> Vec<&'static str> {
    let Some(link) = link else { return vec![UNREADABLE] };
    let is_same_position = PositionLink {
        position: link.position.clone(),
        district_override: json.district_override.clone(),
        district_manually_set: json.district_manually_set,
    }
    .agrees_with(json);
    let mut found = Vec::new();
    if link.position.id != json.position.id {
        found.push(WRONG_POSITION);
    } else if !is_same_position {
        found.push(WRONG_TEXT);
    }
    match json.own_district() {
        Some(own) if link.effective_district().is_none_or(|it| it.district != *own) => {
            found.push(WRONG_DISTRICT);
        }
        None if link.district_override.is_some() => found.push(UNEXPECTED_DISTRICT),
        Some(_) | None => {}
    }
    if link.district_manually_set != json.district_manually_set {
        found.push(WRONG_FLAG);
    }
    found
}

/// Whether nothing is left to move.
pub(crate) fn is_done(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(!store::is_under_way(connection, Job::CLEAN)?
        && cut_moved_keys(connection, None, None, 1)?.is_none())
}

/// The work.
struct Clean<'a> {
    accepted: &'a [String],
}

impl Clean<'_> {
    /// Why a row must not be changed; empty if it may be.
    fn objections(&self, row: &Both) -> Vec<&'static str> {
        // The JSON of a row that changed in phase 3 is expected to differ.
        if row.is_outdated && row.link.is_some() {
            return Vec::new();
        }
        let mut found = differences(row.link.as_ref(), &row.source.decoded.link);
        found.retain(|category| !self.has_accepted(category));
        found
    }

    fn has_accepted(&self, category: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == category)
    }

    /// The row, if it may be changed, and whether somebody accepted that it differs.
    fn cleanable(&self, row: Both) -> Option<Cleanable> {
        if !self.objections(&row).is_empty() {
            return None;
        }
        // `restore` gives a row that is only older the values of the tables.
        let is_accepted = !row.is_outdated
            && !differences(row.link.as_ref(), &row.source.decoded.link).is_empty();
        Some((row.source.campaign, row.source.version, is_accepted))
    }

    /// Looks at every row that is left, through a key.
    fn survey(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Survey> {
        let examples = usize::try_from(examples).unwrap_or(usize::MAX);
        let mut survey = Survey::default();
        let mut after = None;
        loop {
            let rows = campaigns_with_moved_keys(connection, after.as_deref(), through, MOST)?;
            let Some(last) = rows.last() else { return Ok(survey) };
            after = Some(last.source.campaign.to_string());
            for row in rows {
                let mut objections = self.objections(&row);
                if row.is_refused {
                    objections.push(ROW_REFUSED);
                }
                survey.add(row.source.campaign, objections, examples);
            }
        }
    }
}

/// The rows with old keys.
#[derive(Default)]
struct Survey {
    remaining: Remaining,
    categories: BTreeMap<&'static str, RefusedRows>,
}

impl Survey {
    fn add(&mut self, campaign: CampaignId, objections: Vec<&'static str>, examples: usize) {
        let Remaining { rows, refused, first } = &mut self.remaining;
        *rows += 1;
        *refused += i64::from(!objections.is_empty());
        if first.len() < examples {
            first.push(campaign.to_string());
        }
        for category in objections {
            let known = self.categories.entry(category).or_default();
            known.rows += 1;
            if known.keys.len() < KEYS {
                known.keys.push(campaign.0);
            }
        }
    }
}

/// Rows that may be changed, as they were read.
#[derive(Default)]
pub(crate) struct Prepared {
    examined: usize,
    cleanable: Vec<Cleanable>,
}

impl Work for Clean<'_> {
    type Prepared = Prepared;

    const JOB: Job = Job::CLEAN;
    const TABLE: &'static str = ARCHIVE;
    const PHASE: Phase = Phase::Three;
    const IF_REFUSED: Exit = Exit::CleanRefused;

    fn most(&self) -> i64 {
        MOST
    }

    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>> {
        last_campaign(connection).map(Some)
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        cut_moved_keys(connection, after, through, limit)
    }

    fn prepare(
        &self,
        connection: &mut PgConnection,
        _run: Uuid,
        range: &Range,
        _keep: Keep<'_>,
    ) -> Result<Prepared, BatchError> {
        let (after, through) = (range.after.as_deref(), Some(range.through.as_str()));
        let rows = campaigns_with_moved_keys(connection, after, through, i64::MAX)?;
        let examined = rows.len();
        let cleanable = rows.into_iter().filter_map(|row| self.cleanable(row)).collect();
        Ok(Prepared { examined, cleanable })
    }

    /// Only rows whose JSON is still what was read. A text of a custom position may have changed
    /// since: then the tables count, as they do in phase 3.
    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        _range: &Range,
        Prepared { examined, cleanable }: &Prepared,
    ) -> QueryResult<Counts> {
        let moved = archive(connection, run, cleanable)?;
        let moved = i32::try_from(moved).unwrap_or(i32::MAX);
        let count = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        Ok(Counts {
            examined: count(*examined),
            changed: moved,
            skipped: (count(cleanable.len()) - moved).max(0),
            ..Counts::default()
        })
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining> {
        Ok(self.survey(connection, through, examples)?.remaining)
    }

    fn total(&self, connection: &mut PgConnection, run: &Run) -> QueryResult<i64> {
        let done = store::progress(connection, run.id)?;
        let left = store::unhurried(connection, |connection| {
            cut_moved_keys(connection, None, run.last_key.as_deref(), i64::MAX)
        })?;
        Ok(done.examined - done.skipped + left.map_or(0, |left| left.rows))
    }
}

/// Rows that were left unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RefusedRows {
    /// How many.
    pub rows: i64,
    /// The first campaigns.
    pub keys: Vec<i32>,
}

/// Result of `clean`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CleanReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The run; `None`: a dry run, and nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepReport>,
    /// Campaigns whose old keys are, or would be, in the archive.
    pub archived: i64,
    /// Campaigns left unchanged because the stores differ, by category.
    pub refused: BTreeMap<&'static str, RefusedRows>,
    /// The exit code.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// What [`clean`] would do; writes nothing.
///
/// # Errors
/// See [`clean`].
pub fn dry_run_clean(
    connection: &mut PgConnection,
    accepted: &[String],
) -> Result<CleanReport, RunError> {
    require(connection, accepted)?;
    let survey = read_snapshot(connection, |connection| {
        Clean { accepted }.survey(connection, None, 0).map_err(store_error)
    })?;
    let Remaining { rows, refused, .. } = survey.remaining;
    let exit = if refused > 0 { Exit::CleanRefused } else { Exit::Done };
    let mut report = report(None, survey.categories, rows - refused, exit.code(), accepted);
    if exit == Exit::Done {
        report.next_steps = vec![again(accepted)];
    }
    Ok(report)
}

/// Moves the old keys of every campaign whose stores agree to the archive.
///
/// # Errors
/// [`RunError::NotPhase3`]; [`RunError::UnknownCategory`]; see [`RunError`].
pub fn clean(
    options: &Options,
    accepted: &[String],
    observer: &mut dyn Observer,
) -> Result<CleanReport, RunError> {
    let mut connection = store::connect_worker(&options.url, "backfill")?;
    require(&mut connection, accepted)?;
    store::abandon_job(&mut connection, Job::RESTORE, Exit::RowsRemain.code())?;
    let work = Clean { accepted };
    let mut running = Running { connection, options, look_ups: None, observer };
    let step = running.execute(&work)?;
    let refused = match Exit::of_code(step.exit_code) {
        Exit::Done => BTreeMap::new(),
        _ => work.survey(&mut running.connection, None, 0)?.categories,
    };
    let (archived, exit_code) = (step.changed, step.exit_code);
    Ok(report(Some(step), refused, archived, exit_code, accepted))
}

fn require(connection: &mut PgConnection, accepted: &[String]) -> Result<(), RunError> {
    if let Some(unknown) = accepted.iter().find(|it| !ACCEPTABLE.contains(&it.as_str())) {
        return Err(RunError::UnknownCategory { name: unknown.clone(), known: &ACCEPTABLE });
    }
    steps::require(connection, &steps::CLEAN)?;
    Ok(())
}

fn again(accepted: &[impl AsRef<str>]) -> String {
    accepting(steps::CLEAN.command, accepted)
}

fn report(
    step: Option<StepReport>,
    refused: BTreeMap<&'static str, RefusedRows>,
    archived: i64,
    exit_code: u8,
    accepted: &[String],
) -> CleanReport {
    let next_step = match Exit::of_code(exit_code) {
        Exit::Done => steps::CLEAN.next.to_owned(),
        Exit::CleanRefused
            if refused.contains_key(UNREADABLE) || refused.contains_key(ROW_REFUSED) =>
        {
            steps::VERIFY.command.to_owned()
        }
        Exit::CleanRefused => {
            let mut names: Vec<&str> = accepted.iter().map(String::as_str).collect();
            names.extend(refused.keys());
            again(&names)
        }
        _ => again(accepted),
    };
    CleanReport {
        schema_version: SCHEMA_VERSION,
        step,
        archived,
        refused,
        exit_code,
        next_steps: vec![next_step],
    }
}

/// A line for each category, for people.
pub(crate) fn refused_lines(refused: &BTreeMap<&'static str, RefusedRows>) -> Vec<String> {
    let line = |(category, RefusedRows { rows, keys }): (&&'static str, &RefusedRows)| {
        let shown: Vec<_> = keys.iter().take(SHOWN).map(ToString::to_string).collect();
        let shown = shown.join(", ");
        format!("REFUSED  {category}: {rows} campaigns are unchanged; first keys {shown}")
    };
    refused.iter().map(line).collect()
}

/// The report for people.
#[must_use]
pub fn clean_table(report: &CleanReport) -> String {
    let archived = report.archived;
    let mut lines = vec![match &report.step {
        Some(step) => format!(
            "The old keys of {archived} campaigns were moved to the archive; {} batches, {:.1} s.",
            step.batches, step.seconds
        ),
        None => format!(
            "Would move the old keys of {archived} campaigns to the archive; nothing was written."
        ),
    }];
    lines.extend(refused_lines(&report.refused));
    if Exit::of_code(report.exit_code) == Exit::CleanRefused {
        lines.push(
            "Their JSON and the tables differ. In phase-3 the tables count: if their content is right, accept \
             the categories by name; the archive keeps the JSON as it is."
                .to_owned(),
        );
    } else if let Some(step) = report.step.as_ref().filter(|step| step.remaining > 0) {
        let keys = step.remaining_keys.join(", ");
        lines.push(format!("{} campaigns remain, locked by others: {keys}", step.remaining));
    }
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
