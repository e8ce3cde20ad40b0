//! The gates between phases (design §3).

use std::{fmt, time::Duration};

use crate::phase::Phase;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Double, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use super::{
    change::{PhaseChange, PhaseError},
    evidence,
    processes::processes_behind,
};
use crate::{
    commands::{self, accepting},
    jobs::{elected_offices::ElectedOffices, filters::VoterFileFilters, recorded},
    legacy::archive::is_cleaned,
    migrate,
    run::engine::Work as _,
    sql::{
        Job, clean_verification, clean_verification_for_phase_2, count_changed_campaigns,
        dropped_of_filters, is_anything_of_phase_3_enforced, is_phase_1_enforced,
        is_phase_2_enforced, is_under_way,
    },
    steps::{self, ADVANCE_TO_PHASE_1, ADVANCE_TO_PHASE_2, ADVANCE_TO_PHASE_3, Step},
};

/// A prerequisite of a phase or of its switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// What is missing, with its remedy.
    text: String,
    opening: Opening,
}

/// The remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// A command.
    Command(&'static str),
    /// An operator accepts it by name.
    Acceptance(&'static str),
    /// Time, or something outside our commands; then the same command again.
    Waiting,
}

impl Gate {
    pub(super) fn command(text: &str, command: &'static str) -> Self {
        Self { text: format!("{text}: `{command}`"), opening: Opening::Command(command) }
    }

    fn acceptance(text: &str, category: &'static str) -> Self {
        let text = format!("{text}: `--accept {category}`");
        Self { text, opening: Opening::Acceptance(category) }
    }

    const fn waiting(text: String) -> Self {
        Self { text, opening: Opening::Waiting }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The commands that open gates, in order; if only an acceptance or time is missing, the command to
/// repeat.
pub(super) fn next_steps(gates: &[Gate], again: &str, accepted: &[String]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut names: Vec<&str> = accepted.iter().map(String::as_str).collect();
    for gate in gates {
        match gate.opening {
            Opening::Command(command) if commands.iter().all(|it| it != command) => {
                commands.push(command.to_owned());
            }
            Opening::Acceptance(name) if !names.contains(&name) => names.push(name),
            Opening::Command(_) | Opening::Acceptance(_) | Opening::Waiting => {}
        }
    }
    if !commands.is_empty() {
        return commands;
    }
    vec![accepting(again, &names)]
}

/// Data that phase `legacy` cannot store (design §3, "way back").
const LOSSES: [&str; 4] = [
    "offices-without-campaign",
    "offices-with-another-position",
    "office-filters",
    "second-campaigns",
];

/// Accepted differences between answers from the tables and from the JSON, and requests that phase
/// 2 rejects.
const DIFFERENCES: [&str; 3] = ["inherited-district", "shared-text", UNNAMED];

const UNNAMED: &str = "unnamed-requests";

/// No other service names a moved key or a column that phase 3 ends with dropping.
const OTHERS_UPDATED: &str = "other-services-updated";

/// Rows that phase 2 does not expect, because the old service cannot read them.
const LOSSES_OF_PHASE_3: [&str; 2] = ["offices-without-campaign", "second-campaigns"];

const EXPAND_1: &str = commands::EXPAND_PHASE_1;

const EXPAND_2: &str = commands::EXPAND_PHASE_2;

/// Going back to the JSON without proof that it matches.
const UNVERIFIED: &str = "unverified";

/// Categories that can be accepted for a phase change.
fn acceptable(change: &PhaseChange) -> &'static [&'static str] {
    match (change.from, change.to) {
        (Phase::One, Phase::Legacy) => &LOSSES,
        (Phase::One, Phase::Two) => &DIFFERENCES,
        (Phase::Two, Phase::One) => &[UNVERIFIED],
        (Phase::Two, Phase::Three) => &[OTHERS_UPDATED],
        (Phase::Three, Phase::Two) => &LOSSES_OF_PHASE_3,
        _ => &[],
    }
}

/// State of other services' change records when the gates are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notes {
    /// The change drains them under its lock, so a few of them do not close a gate.
    ToBeDrained,
    /// No more can arrive before the change.
    Drained,
}

/// How many changed campaigns a phase change drains while it blocks writers.
pub(super) const DRAINABLE: i64 = 50;

/// Whether the gates of a change are open; returns the verification that allows it, if one is
/// required.
pub(super) fn pass(
    connection: &mut PgConnection,
    change: &PhaseChange,
    notes: Notes,
) -> Result<Option<Uuid>, PhaseError> {
    let known = acceptable(change);
    if let Some(unknown) = change.accepted.iter().find(|it| !known.contains(&it.as_str())) {
        return Err(PhaseError::UnknownCategory { name: unknown.clone(), known });
    }
    match (change.from, change.to) {
        (_, Phase::Legacy) => refuse_losses(connection, change).map(|()| None),
        (Phase::Two, Phase::One) => pass_back_to_phase_1(connection, change),
        (Phase::Three, Phase::Two) => pass_back_to_phase_2(connection, change).map(|()| None),
        (_, Phase::Two) => pass_to_phase_2(connection, change, notes),
        (_, Phase::Three) => pass_to_phase_3(connection, change),
        (_, Phase::One) => {
            require_prepared(connection, change, &ADVANCE_TO_PHASE_1)?;
            let gates = missing_rights(connection)?;
            if gates.is_empty() { Ok(None) } else { Err(change.not_ready(gates)) }
        }
    }
}

/// Whether the schema of a step is there: an earlier build may have applied less of it, or dropped some.
fn require_prepared(
    connection: &mut PgConnection,
    change: &PhaseChange,
    step: &Step,
) -> Result<(), PhaseError> {
    let Some(first) = steps::first_undone(connection, step.after)? else { return Ok(()) };
    let dropped = match first.command {
        EXPAND_2 => dropped_of_filters(connection)?,
        _ => Vec::new(),
    };
    let gate = if dropped.is_empty() {
        Gate::command(NOT_PREPARED, first.command)
    } else {
        let text = format!(
            "an earlier build dropped voter_file_filter.campaign_id or its trigger: \
             `{EXPAND_2}` restores them, or run: {}",
            dropped.join("; ")
        );
        Gate { text, opening: Opening::Command(EXPAND_2) }
    };
    Err(change.not_ready(vec![gate]))
}

pub(super) const NOT_PREPARED: &str = "the schema is not prepared";

/// Missing privileges of servers: of a role that was granted `campaign` after the last migration.
pub(super) fn missing_rights(connection: &mut PgConnection) -> QueryResult<Vec<Gate>> {
    let statements = migrate::missing_rights(connection)?;
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "a role with privileges on `campaign` lacks them on added tables or columns: \
         `{EXPAND_1}` grants them, or run: {}",
        statements.join("; ")
    );
    Ok(vec![Gate { text, opening: Opening::Command(EXPAND_1) }])
}

fn has_accepted(change: &PhaseChange, category: &str) -> bool {
    change.accepted.iter().any(|accepted| accepted == category)
}

fn pass_to_phase_2(
    connection: &mut PgConnection,
    change: &PhaseChange,
    notes: Notes,
) -> Result<Option<Uuid>, PhaseError> {
    require_prepared(connection, change, &ADVANCE_TO_PHASE_2)?;
    let mut gates = missing_rights(connection)?;
    if !is_phase_1_enforced(connection)? {
        let text = "rows without an organization or position may exist";
        gates.push(Gate::command(text, commands::ENFORCE_PHASE_1));
    }
    let filters = VoterFileFilters.remaining(connection, None, 0)?.rows;
    if filters > 0 {
        let text = format!("{filters} saved filters have no organization");
        gates.push(Gate::command(&text, Job::VOTER_FILE_FILTERS.command));
    }
    let others = gates.len();
    let changed = count_changed_campaigns(connection)?;
    if changed > 0 {
        let text = format!("another service changed {changed} campaigns");
        gates.push(Gate::command(&text, commands::REPAIR));
    }
    let offices = ElectedOffices.remaining(connection, None, 0)?.rows;
    if offices > 0 {
        let text =
            format!("{offices} elected offices have no position although their campaign has one");
        gates.push(Gate::command(&text, commands::COMPARE));
    }
    let drained = others..gates.len();
    let verified = clean_verification_for_phase_2(connection)?;
    match verified {
        None => {
            if let Some(job) = unfinished_job(connection)? {
                let text = format!("a run of {} is not finished", job.name);
                gates.push(Gate::command(&text, job.command));
            }
            let text = "no clean verification since the last run and `phase-2-expand`";
            gates.push(Gate::command(text, commands::VERIFY));
        }
        Some(run) => gates.extend(differences(connection, run, change)?),
    }
    let behind = processes_behind(connection, change.from, change.to.as_str())?;
    gates.extend(behind.into_iter().map(Gate::waiting));
    let unnamed = unnamed_requests(connection)?;
    if unnamed > 0 && !has_accepted(change, UNNAMED) {
        let text = format!(
            "{unnamed} API processes got requests without X-Organization-Id in the last hour from users \
             with several organizations; phase-2 rejects them"
        );
        gates.push(Gate::acceptance(&text, UNNAMED));
    }
    // A busy old service always has pending changes, so the change itself drains a few of them.
    let is_drainable = notes == Notes::ToBeDrained && (1..=DRAINABLE).contains(&changed);
    let is_open = if is_drainable { drained == (0..gates.len()) } else { gates.is_empty() };
    if is_open { Ok(verified) } else { Err(change.not_ready(gates)) }
}

fn pass_to_phase_3(
    connection: &mut PgConnection,
    change: &PhaseChange,
) -> Result<Option<Uuid>, PhaseError> {
    require_prepared(connection, change, &ADVANCE_TO_PHASE_3)?;
    let mut gates = missing_rights(connection)?;
    if !is_phase_2_enforced(connection)? {
        let text = "saved filters without an organization may exist";
        gates.push(Gate::command(text, commands::ENFORCE_PHASE_2));
    }
    let changed = count_changed_campaigns(connection)?;
    if changed > 0 {
        let text = format!("another service changed {changed} campaigns");
        gates.push(Gate::command(&text, commands::REPAIR));
    }
    let silent_for = silence(connection)?;
    if silent_for < change.silence {
        gates.push(Gate::waiting(format!(
            "another service changed a campaign {} s ago, and has to be silent for {} s",
            silent_for.as_secs(),
            change.silence.as_secs()
        )));
    }
    let verified = clean_verification_of_the_last_hour(connection)?;
    if verified.is_none() {
        let text = "no clean verification of the last hour";
        gates.push(Gate::command(text, commands::VERIFY));
    }
    let behind = processes_behind(connection, change.from, change.to.as_str())?;
    gates.extend(behind.into_iter().map(Gate::waiting));
    if !has_accepted(change, OTHERS_UPDATED) {
        let evidence = evidence::collect(connection)?;
        let text = format!(
            "from phase-3 on, no other service may read or write office or district in the JSON, \
             elected_office.campaign_id or voter_file_filter.campaign_id. {evidence} If all of \
             them are updated"
        );
        gates.push(Gate::acceptance(&text, OTHERS_UPDATED));
    }
    if gates.is_empty() { Ok(verified) } else { Err(change.not_ready(gates)) }
}

/// How long ago another service last changed what the tables have.
fn silence(connection: &mut PgConnection) -> QueryResult<Duration> {
    #[derive(QueryableByName)]
    struct Silence {
        #[diesel(sql_type = Double)]
        seconds: f64,
    }
    let Silence { seconds } = diesel::sql_query(
        "SELECT greatest(extract(epoch FROM clock_timestamp() - greatest(
             (SELECT last_change_at FROM legacy_change_lease),
             (SELECT max(changed_at) FROM legacy_change_of_deleted),
             (SELECT max(changed_at) FROM legacy_change))), 0)::double precision AS seconds",
    )
    .get_result(connection)?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The way back ends with `enforce phase-3`; after `clean`, it begins with `restore`.
fn pass_back_to_phase_2(
    connection: &mut PgConnection,
    change: &PhaseChange,
) -> Result<(), PhaseError> {
    if is_anything_of_phase_3_enforced(connection)? {
        return Err(PhaseError::NoWayBack);
    }
    if is_under_way(connection, Job::CLEAN)? || is_cleaned(connection)? {
        let text = "`clean` moved office and district from the JSON to the archive";
        return Err(change.not_ready(vec![Gate::command(text, commands::RESTORE)]));
    }
    let unreadable: LossesOfPhase3 = diesel::sql_query(
        "SELECT (SELECT count(*) FROM elected_office WHERE campaign_id IS NULL)
                    AS offices_without_campaign,
                (SELECT count(*) FROM campaign
                 WHERE EXISTS (SELECT FROM campaign AS earlier
                               WHERE earlier.user_id = campaign.user_id AND earlier.id < campaign.id)
                   AND created_at >= (SELECT min(at) AT TIME ZONE 'UTC' FROM migration_phase_history
                                      WHERE to_phase = 'phase-3'))
                    AS second_campaigns",
    )
    .get_result(connection)?;
    let rows = [unreadable.offices_without_campaign, unreadable.second_campaigns];
    refuse_unaccepted(change, LOSSES_OF_PHASE_3.into_iter().zip(rows))
}

#[derive(QueryableByName)]
struct LossesOfPhase3 {
    #[diesel(sql_type = BigInt)]
    offices_without_campaign: i64,
    #[diesel(sql_type = BigInt)]
    second_campaigns: i64,
}

fn clean_verification_of_the_last_hour(connection: &mut PgConnection) -> QueryResult<Option<Uuid>> {
    match clean_verification(connection)? {
        Some(run) if is_of_the_last_hour(connection, run)? => Ok(Some(run)),
        _ => Ok(None),
    }
}

fn pass_back_to_phase_1(
    connection: &mut PgConnection,
    change: &PhaseChange,
) -> Result<Option<Uuid>, PhaseError> {
    let verified = clean_verification_of_the_last_hour(connection)?;
    if verified.is_some() || has_accepted(change, UNVERIFIED) {
        return Ok(verified);
    }
    let verify = commands::VERIFY;
    let text =
        format!("no clean verification of the last hour: `{verify}`, or `--accept {UNVERIFIED}`");
    Err(change.not_ready(vec![Gate { text, opening: Opening::Command(verify) }]))
}

/// A job whose run is running or was interrupted: it may change what was verified.
fn unfinished_job(connection: &mut PgConnection) -> QueryResult<Option<Job>> {
    for job in recorded() {
        if is_under_way(connection, job)? {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Differences between the JSON and the tables that a verification found and nobody accepted.
fn differences(
    connection: &mut PgConnection,
    verification: Uuid,
    change: &PhaseChange,
) -> QueryResult<Vec<Gate>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        category: String,
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let found: Vec<Row> = diesel::sql_query(
        "SELECT split_part(name, '/', 2) AS category, sum(rows::bigint)::bigint AS rows
         FROM backfill_run, jsonb_each_text(report->'categories') AS categories (name, rows)
         WHERE backfill_run.id = $1 GROUP BY category ORDER BY category",
    )
    .bind::<SqlUuid, _>(verification)
    .load(connection)?;
    let gates = DIFFERENCES
        .into_iter()
        .filter(|category| !has_accepted(change, category))
        .filter_map(|category| {
            let rows = found.iter().find(|it| it.category == category)?.rows;
            let text = format!("{rows} campaigns will get different answers");
            Some(Gate::acceptance(&text, category))
        });
    Ok(gates.collect())
}

fn unnamed_requests(connection: &mut PgConnection) -> QueryResult<i64> {
    diesel::sql_query(
        "SELECT count(*) AS rows FROM process_heartbeat WHERE unnamed_at > now() - interval '1 h'",
    )
    .get_result(connection)
    .map(|count: Count| count.rows)
}

fn is_of_the_last_hour(connection: &mut PgConnection, run: Uuid) -> QueryResult<bool> {
    diesel::sql_query(
        "SELECT count(*) AS rows FROM backfill_run
         WHERE id = $1 AND started_at > now() - interval '1 h'",
    )
    .bind::<SqlUuid, _>(run)
    .get_result(connection)
    .map(|count: Count| count.rows > 0)
}

#[derive(QueryableByName)]
struct Losses {
    #[diesel(sql_type = BigInt)]
    offices_without_campaign: i64,
    #[diesel(sql_type = BigInt)]
    offices_with_another_position: i64,
    #[diesel(sql_type = BigInt)]
    office_filters: i64,
    #[diesel(sql_type = BigInt)]
    second_campaigns: i64,
}

/// What phase `legacy` cannot store, by category.
///
/// The position of a custom office is its own copy, so custom positions are compared by text; one
/// without text was created by a trigger and says nothing. Of several campaigns of a user, only
/// those created after phase `legacy` was first left count: the old schema held the earlier ones.
pub(crate) fn losses(connection: &mut PgConnection) -> QueryResult<[(&'static str, i64); 4]> {
    let losses: Losses = diesel::sql_query(
        "SELECT
            (SELECT count(*) FROM elected_office WHERE campaign_id IS NULL)
                AS offices_without_campaign,
            (SELECT count(*) FROM elected_office
             JOIN campaign ON campaign.id = elected_office.campaign_id
             JOIN ballot_position AS held ON held.id = elected_office.position_id
             JOIN ballot_position AS run_for ON run_for.id = campaign.position_id
             WHERE held.id <> run_for.id
               AND NOT (held.source = 'custom' AND held.office IS NULL)
               AND NOT (held.source = 'custom' AND run_for.source = 'custom'
                        AND held.office IS NOT DISTINCT FROM run_for.office))
                AS offices_with_another_position,
            (SELECT count(*) FROM voter_file_filter WHERE organization_type = 'elected_office')
                AS office_filters,
            (SELECT count(*) FROM campaign
             WHERE EXISTS (SELECT FROM campaign AS earlier
                           WHERE earlier.user_id = campaign.user_id AND earlier.id < campaign.id)
               AND created_at >= (SELECT min(at) AT TIME ZONE 'UTC' FROM migration_phase_history
                                  WHERE from_phase = 'legacy'))
                AS second_campaigns",
    )
    .get_result(connection)?;
    let [without_campaign, other_position, office_filters, second_campaigns] = LOSSES;
    Ok([
        (without_campaign, losses.offices_without_campaign),
        (other_position, losses.offices_with_another_position),
        (office_filters, losses.office_filters),
        (second_campaigns, losses.second_campaigns),
    ])
}

fn refuse_losses(connection: &mut PgConnection, change: &PhaseChange) -> Result<(), PhaseError> {
    refuse_unaccepted(change, losses(connection)?.into_iter())
}

/// Refuses a change that loses rows which nobody accepted.
fn refuse_unaccepted(
    change: &PhaseChange,
    losses: impl Iterator<Item = (&'static str, i64)>,
) -> Result<(), PhaseError> {
    let categories: Vec<_> =
        losses.filter(|(name, rows)| *rows > 0 && !has_accepted(change, name)).collect();
    if categories.is_empty() {
        return Ok(());
    }
    let accepted = change.accepted.iter().map(String::as_str);
    let all: Vec<_> = accepted.chain(categories.iter().map(|(name, _)| *name)).collect();
    let again = accepting(&change.command_without_acceptance(), &all);
    Err(PhaseError::Losses { categories, again })
}
