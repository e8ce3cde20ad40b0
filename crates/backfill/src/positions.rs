//! `run positions`: what is known of every position that campaigns name.

use std::collections::BTreeMap;

use diesel::QueryResult;
use uuid::Uuid;
use winserve_domain::{
    clock::{Clock as _, SystemClock},
    position::{BallotPosition, BallotReadyId, PositionId},
    position_consensus::PositionConsensus,
};
use winserve_persistence::{
    PgConnection,
    backfill::{
        Counts, Cut, Job, ROW_REFUSED, Range, Remaining, Stated, codes, known_positions,
        quarantine, state_positions,
    },
    legacy::{Source, campaigns_of_positions, cut_positions},
};

use crate::{
    engine::{BatchError, Work},
    look_ups::LookUps,
};

/// Questions put before the lease is renewed.
const QUESTIONS: usize = 200;
/// Positions of a batch at most: writing them is quick, but each may have many campaigns to read.
const MOST: i64 = 2_000;

pub(crate) type Keep<'a> = &'a mut dyn FnMut(&mut PgConnection) -> Result<(), BatchError>;

/// Table of the keys.
const POSITION: &str = "ballot_position";

/// The job.
pub(crate) struct Positions<'a> {
    pub(crate) look_ups: Option<&'a LookUps>,
}

impl Work for Positions<'_> {
    type Prepared = Facts;

    fn job(&self) -> Job {
        Job::Positions
    }

    fn table(&self) -> &'static str {
        POSITION
    }

    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>> {
        let limit = if through.is_none() { limit.min(MOST) } else { limit };
        cut_positions(connection, after, through, limit)
    }

    fn prepare(
        &self,
        connection: &mut PgConnection,
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
        let changed = state_positions(connection, &facts.stated, SystemClock.now())?;
        quarantine(connection, run, POSITION, &facts.keys, &[])?;
        let count = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        let (examined, changed) = (count(facts.keys.len()), count(changed));
        Ok(Counts { examined, changed, ..Counts::default() })
    }

    fn remaining(&self, connection: &mut PgConnection, _examples: i64) -> QueryResult<Remaining> {
        // A position is stated or was stated before; none is left to a sweep but what is refused.
        let refused = codes(connection, POSITION)?.get(ROW_REFUSED).copied().unwrap_or_default();
        Ok(Remaining { refused, ..Remaining::default() })
    }
}

/// What is to be stated.
pub(crate) struct Facts {
    /// The positions looked at, those included that nothing has to be stated of.
    keys: Vec<String>,
    pub(crate) stated: Vec<Stated>,
}

/// What campaigns say of their positions.
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

/// Weighs what campaigns say of their positions and asks election-api. Positions that somebody
/// verified before are left out: nothing changes them.
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
    if let Some(look_ups) = look_ups {
        for some in stated.chunks_mut(QUESTIONS) {
            ask(some, look_ups).map_err(BatchError::Election)?;
            keep(connection)?;
        }
    }
    Ok(Facts { keys, stated: stated.into_iter().map(|(_, stated)| stated).collect() })
}

fn ask(
    stated: &mut [(BallotReadyId, Stated)],
    look_ups: &LookUps,
) -> Result<(), winserve_domain::election::ElectionUnavailable> {
    let ids: Vec<_> = stated.iter().map(|(id, _)| id.clone()).collect();
    let known = look_ups.positions(&ids)?;
    for (id, stated) in stated.iter_mut() {
        if let Some(facts) = known.get(id) {
            *stated = Stated {
                position: stated.position.clone().verified_by(facts),
                is_verified: facts.is_complete(),
            };
        }
    }
    let place = |position: &BallotPosition| {
        let district = position.l2_district.as_ref().filter(|district| district.id.is_none())?;
        Some((position.state.clone()?, district.district.clone()))
    };
    let wanted = stated.iter().filter_map(|(_, stated)| place(&stated.position));
    let found = look_ups.districts(wanted.collect::<Vec<_>>())?;
    for (_, stated) in stated {
        let id = place(&stated.position).and_then(|place| found.get(&place)).cloned();
        if let (Some(id), Some(district)) = (id, &mut stated.position.l2_district) {
            district.id = Some(id);
        }
    }
    Ok(())
}
