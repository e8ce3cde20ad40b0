//! `run positions`: collects the facts of every position that campaigns name.

use std::collections::BTreeMap;

use crate::{
    jobs::{BatchJob, look_ups::LookUps, position_consensus::PositionConsensus},
    legacy::{self, Source, campaigns_of_positions, cut_positions},
    run::{
        dry_run::Preview,
        engine::{BatchError, Keep, Work},
    },
    sql::{
        Counts, Cut, DISTRICT_UNANSWERED, Entry, Job, POSITION_INCOMPLETE, POSITION_UNANSWERED,
        ROW_REFUSED, Range, Remaining, Run, Stated, codes, is_under_way, known_positions,
        quarantine, quarantine_without_asking, state_positions, unhurried,
    },
};
use diesel::QueryResult;
use uuid::Uuid;
use winserve_domain::{
    base::{Clock as _, SystemClock},
    positions::{BallotPosition, BallotReadyId, PositionId},
};
use winserve_persistence::{PgConnection, store_error};

/// Positions per request round.
const QUESTIONS: usize = 64;
/// Maximum number of positions per batch: writing them is quick, but each may have many campaigns
/// to read.
const MOST: i64 = 2_000;
/// The same while election-api is asked: the answers for a batch are lost if election-api goes down
/// before the batch ends.
const MOST_ASKED: i64 = 200;

/// The description of the job.
pub(crate) const JOB: BatchJob = BatchJob {
    name: Job::POSITIONS.name,
    about: "Collect the facts of every position that campaigns name",
    has_look_ups: true,
    runs: &[Job::POSITIONS],
    preview: |connection| {
        let positions = legacy::count_positions(connection).map_err(store_error)?;
        Ok(Preview::of_rows([(Positions::TABLE, positions)]))
    },
    run: |running| {
        if !is_under_way(&mut running.connection, Job::POSITIONS)? {
            // A process that joins a run continues with what was recorded when the run began.
            legacy::note_named_positions(&mut running.connection)?;
        }
        Ok(vec![running.execute(&Positions { look_ups: running.look_ups })?])
    },
};

impl Job {
    /// Facts of every position that campaigns name.
    pub const POSITIONS: Self =
        Self { name: "positions", command: "backfill run positions", links_holders: true };
}

/// The work.
pub(crate) struct Positions<'a> {
    pub(crate) look_ups: Option<&'a LookUps>,
}

impl Work for Positions<'_> {
    type Prepared = Facts;

    const JOB: Job = Job::POSITIONS;
    const TABLE: &'static str = "ballot_position";

    fn most(&self) -> i64 {
        if self.look_ups.is_some() { MOST_ASKED } else { MOST }
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        cut_positions(connection, after, through, limit)
    }

    fn prepare(
        &self,
        connection: &mut PgConnection,
        _run: Uuid,
        range: &Range,
        keep: Keep<'_>,
    ) -> Result<Facts, BatchError> {
        let mut said = Testimonies::default();
        campaigns_of_positions(connection, range, |source| said.add(&source))?;
        weigh(connection, said, self.look_ups, keep)
    }

    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        _range: &Range,
        facts: &Facts,
    ) -> QueryResult<Counts> {
        let changed = state(connection, run, facts, self.look_ups)?;
        let count = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        Ok(Counts {
            examined: count(facts.keys.len()),
            changed: count(changed),
            refused: count(facts.unanswered.len()),
            ..Counts::default()
        })
    }

    /// The run processes the positions recorded when it began.
    fn last_key(&self, _connection: &mut PgConnection) -> QueryResult<Option<String>> {
        Ok(None)
    }

    fn remaining(
        &self,
        connection: &mut PgConnection,
        _through: Option<&str>,
        _examples: i64,
    ) -> QueryResult<Remaining> {
        // Every position is stored now or was stored before; only refused ones are left to a sweep.
        let refused = codes(connection, Self::TABLE)?.get(ROW_REFUSED).copied().unwrap_or_default();
        Ok(Remaining { refused, ..Remaining::default() })
    }

    fn total(&self, connection: &mut PgConnection, _run: &Run) -> QueryResult<i64> {
        unhurried(connection, legacy::count_noted_positions)
    }
}

/// What to store.
#[derive(Default)]
pub(crate) struct Facts {
    /// The positions processed, including those with nothing to store.
    pub(crate) keys: Vec<String>,
    pub(crate) stated: Vec<Stated>,
    /// Positions that election-api did not answer; the campaigns' data applies until it does.
    pub(crate) unanswered: Vec<Entry>,
}

/// Writes facts and unanswered lookups; returns how many positions changed.
pub(crate) fn state(
    connection: &mut PgConnection,
    run: Uuid,
    facts: &Facts,
    look_ups: Option<&LookUps>,
) -> QueryResult<usize> {
    let changed = state_positions(connection, &facts.stated, SystemClock.now())?;
    let quarantine = quarantine_with(look_ups);
    quarantine(connection, run, Positions::TABLE, &facts.keys, &facts.unanswered)?;
    Ok(changed)
}

/// Replaces the quarantine entries of rows of a table.
pub(crate) type Quarantine =
    fn(&mut PgConnection, Uuid, &str, &[String], &[Entry]) -> QueryResult<()>;

/// How to replace quarantine entries: a run that does not ask election-api learns nothing new about
/// unanswered lookups.
pub(crate) fn quarantine_with(look_ups: Option<&LookUps>) -> Quarantine {
    if look_ups.is_some() { quarantine } else { quarantine_without_asking }
}

/// Data of campaigns about their positions.
#[derive(Default)]
pub(crate) struct Testimonies(BTreeMap<BallotReadyId, PositionConsensus>);

impl Testimonies {
    pub(crate) fn add(&mut self, source: &Source) {
        let link = &source.decoded.link;
        if let PositionId::BallotReady(id) = &link.position.id {
            self.0.entry(id.clone()).or_default().add(link, source.is_matched);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Collects what campaigns say about their positions and asks election-api. Skips verified
/// positions: nothing changes them.
pub(crate) fn weigh(
    connection: &mut PgConnection,
    Testimonies(mut said): Testimonies,
    look_ups: Option<&LookUps>,
    keep: Keep<'_>,
) -> Result<Facts, BatchError> {
    let keys = said.keys().map(|id| id.as_str().to_owned()).collect();
    let ids: Vec<_> = said.keys().cloned().collect();
    for (id, known) in known_positions(connection, &ids)? {
        if known.is_verified {
            said.remove(&id);
        }
    }
    let mut stated: Vec<_> = said
        .into_iter()
        .map(|(id, consensus)| (id.clone(), consensus.into_position(id)))
        .map(|(id, position)| (id, Stated { position, is_verified: false }))
        .collect();
    let mut unanswered = Vec::new();
    if let Some(look_ups) = look_ups {
        for some in stated.chunks_mut(QUESTIONS) {
            unanswered.extend(ask_facts(some, look_ups, &mut || keep(connection))?);
            unanswered.extend(ask_districts(some, look_ups, &mut || keep(connection))?);
            keep(connection)?;
        }
    }
    let stated = stated.into_iter().map(|(_, stated)| stated).collect();
    Ok(Facts { keys, stated, unanswered })
}

/// Why an answer does not verify a position.
const INCOMPLETE: &str = "the answer has no name or no state";

/// Replaces the campaigns' data with election-api's; returns what it did not answer.
fn ask_facts(
    stated: &mut [(BallotReadyId, Stated)],
    look_ups: &LookUps,
    keep: &mut dyn FnMut() -> Result<(), BatchError>,
) -> Result<Vec<Entry>, BatchError> {
    let ids: Vec<_> = stated.iter().map(|(id, _)| id.clone()).collect();
    let facts = look_ups.positions(&ids, keep)?;
    let entry = |id: &BallotReadyId, code, reason| Entry {
        key: id.as_str().to_owned(),
        code,
        detail: Some(reason),
    };
    let mut entries = Vec::new();
    for (id, stated) in stated {
        if let Some(known) = facts.known.get(id) {
            if !known.names_office() {
                entries.push(entry(id, POSITION_INCOMPLETE, INCOMPLETE.to_owned()));
            }
            *stated = Stated {
                position: stated.position.clone().verified_by(known),
                is_verified: known.is_complete(),
            };
        }
    }
    for (id, reason) in facts.unanswered {
        entries.push(entry(&id, POSITION_UNANSWERED, reason));
    }
    Ok(entries)
}

/// Looks up the ids of districts that campaigns name; returns what election-api did not answer.
fn ask_districts(
    stated: &mut [(BallotReadyId, Stated)],
    look_ups: &LookUps,
    keep: &mut dyn FnMut() -> Result<(), BatchError>,
) -> Result<Vec<Entry>, BatchError> {
    let place = |position: &BallotPosition| {
        let district = position.l2_district.as_ref().filter(|district| district.id.is_none())?;
        Some((position.state.clone()?, district.district.clone()))
    };
    let wanted = stated.iter().filter_map(|(_, stated)| place(&stated.position));
    let found = look_ups.districts(wanted.collect::<Vec<_>>(), keep)?;
    let mut unanswered = Vec::new();
    for (id, stated) in stated {
        let Some(place) = place(&stated.position) else { continue };
        if let (Some(known), Some(district)) =
            (found.known.get(&place), &mut stated.position.l2_district)
        {
            district.id = Some(known.clone());
        }
        if let Some(reason) = found.unanswered.get(&place) {
            unanswered.push(Entry {
                key: id.as_str().to_owned(),
                code: DISTRICT_UNANSWERED,
                detail: Some(reason.clone()),
            });
        }
    }
    Ok(unanswered)
}
