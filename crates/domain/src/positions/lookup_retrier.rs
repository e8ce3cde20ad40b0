//! Retries open lookups in election-api.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::campaigns::draft::Draft;
use crate::{
    base::{CampaignId, Clock, StoreError},
    database::{Database, Feature, UnitOfWork},
    positions::{
        BallotPosition, BallotReadyId, DistrictId, ElectionService, ElectionUnavailable, Facts,
        LookupMiss, PositionFacts, PositionId, PositionLink, Subject, find_by_spelling,
    },
};

/// Lease of a claimed subject: longer than any lookup takes.
const LEASE: Duration = Duration::from_mins(1);

/// Retries lookups that had no complete answer. Any number may run, in any number of processes.
#[derive(Clone)]
pub struct LookupRetrier {
    /// Where open lookups are stored.
    pub database: Arc<dyn Database>,
    /// The service to call.
    pub election: Arc<dyn ElectionService>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// The result of one retry.
#[derive(Debug)]
pub enum LookupOutcome {
    /// There are no tables for it yet.
    Off,
    /// Nothing is due.
    Idle,
    /// The subject is resolved.
    Known(Subject),
    /// election-api does not know it, or not completely.
    Unknown(Subject),
    /// A campaign has to wait longer: it has another position now, or another service has changed
    /// it.
    Waiting(Subject),
    /// election-api did not answer.
    Unanswered(Subject, ElectionUnavailable),
}

enum Answer {
    Facts(Box<PositionFacts>),
    Id(DistrictId),
    /// The subject waited for others, which are resolved.
    Ready,
    Unknown,
    None(ElectionUnavailable),
}

impl LookupRetrier {
    /// Records incomplete data that is not recorded yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self) -> Result<(), StoreError> {
        let note = |uow: &mut dyn UnitOfWork| {
            if can_record(uow)? { uow.lookups().note() } else { Ok(()) }
        };
        self.database.transaction("look_ups.note", note).await
    }

    /// Claims one subject, looks it up, and stores the answer.
    ///
    /// # Errors
    /// [`StoreError`]; the subject is due again when its lease expires.
    pub async fn retry_next(&self) -> Result<LookupOutcome, StoreError> {
        let claim = |uow: &mut dyn UnitOfWork| {
            if can_record(uow)? { uow.lookups().claim(LEASE).map(Some) } else { Ok(None) }
        };
        let subject = match self.database.transaction("look_ups.claim", claim).await? {
            None => return Ok(LookupOutcome::Off),
            Some(None) => return Ok(LookupOutcome::Idle),
            Some(Some(subject)) => subject,
        };
        self.ask_and_store(subject).await
    }

    /// [`retry_next`](Self::retry_next) for this subject, whether or not it is due.
    ///
    /// # Errors
    /// See [`retry_next`](Self::retry_next).
    pub async fn retry(&self, subject: Subject) -> Result<LookupOutcome, StoreError> {
        let wanted = subject.clone();
        let claim = move |uow: &mut dyn UnitOfWork| {
            if can_record(uow)? { uow.lookups().claim_this(&wanted, LEASE) } else { Ok(false) }
        };
        if !self.database.transaction("look_ups.claim_this", claim).await? {
            return Ok(LookupOutcome::Idle);
        }
        self.ask_and_store(subject).await
    }

    async fn ask_and_store(&self, subject: Subject) -> Result<LookupOutcome, StoreError> {
        let answer = self.ask(&subject).await;
        let now = self.clock.now();
        let store = move |uow: &mut dyn UnitOfWork| settle(uow, subject, answer, now);
        self.database.transaction("look_ups.settle", store).await
    }

    async fn ask(&self, subject: &Subject) -> Answer {
        let election = self.election.as_ref();
        let answer = match subject {
            Subject::Position(id) => election
                .position(id)
                .await
                .map(|facts| facts.map(|facts| Answer::Facts(Box::new(facts)))),
            Subject::District { state, district } => find_by_spelling(election, state, district)
                .await
                .map(|known| known.map(|known| Answer::Id(known.id))),
            Subject::Campaign(_) => Ok(Some(Answer::Ready)),
        };
        match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => Answer::Unknown,
            Err(error) => Answer::None(error),
        }
    }
}

fn can_record(uow: &mut dyn UnitOfWork) -> Result<bool, StoreError> {
    if uow.offers(Feature::Organizations) { uow.lookups().are_kept() } else { Ok(false) }
}

fn settle(
    uow: &mut dyn UnitOfWork,
    subject: Subject,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<LookupOutcome, StoreError> {
    match (&subject, answer) {
        (_, Answer::None(error)) => {
            uow.lookups().postpone(&subject, LookupMiss::Unanswered)?;
            return Ok(LookupOutcome::Unanswered(subject, error));
        }
        (_, Answer::Unknown) => return leave_unknown(uow, subject),
        (_, Answer::Facts(facts)) => {
            let is_complete = facts.is_complete();
            let was_verified = is_verified(uow, &facts.id)?;
            let position = BallotPosition::unknown(PositionId::BallotReady(facts.id.clone()));
            let position = uow.position_links().settle(position, &Facts::Verified(facts), now)?;
            if !is_complete {
                return leave_unknown(uow, subject);
            }
            if !was_verified && position.may_be_completed() {
                // The store has recorded that it must be looked up once more.
                return Ok(LookupOutcome::Known(subject));
            }
        }
        (Subject::District { state, district }, Answer::Id(id)) => {
            uow.lookups().identify(state, district, &id)?;
        }
        (Subject::Campaign(campaign), _) => {
            if !show_inherited_district(uow, *campaign, now)? {
                uow.lookups().postpone(&subject, LookupMiss::Unanswered)?;
                return Ok(LookupOutcome::Waiting(subject));
            }
        }
        (Subject::Position(_) | Subject::District { .. }, _) => {}
    }
    uow.lookups().finish(&subject)?;
    Ok(LookupOutcome::Known(subject))
}

/// Reschedules what election-api does not know; a verified position has been looked up once more by
/// now, and stays unchanged.
fn leave_unknown(uow: &mut dyn UnitOfWork, subject: Subject) -> Result<LookupOutcome, StoreError> {
    let is_settled = match &subject {
        Subject::Position(id) => is_verified(uow, id)?,
        Subject::District { .. } | Subject::Campaign(_) => false,
    };
    if is_settled {
        uow.lookups().finish(&subject)?;
    } else {
        uow.lookups().postpone(&subject, LookupMiss::Unknown)?;
    }
    Ok(LookupOutcome::Unknown(subject))
}

pub(crate) fn is_verified(
    uow: &mut dyn UnitOfWork,
    id: &BallotReadyId,
) -> Result<bool, StoreError> {
    Ok(uow.position_links().known(id)?.is_some_and(|known| known.is_verified))
}

/// Makes the JSON of a campaign name the district of its position, as if that had been known when
/// the position was chosen. The campaign's own district stays. Returns `false` if it has to wait:
/// the district is not known yet, or another service has changed the campaign and may have chosen
/// another position.
fn show_inherited_district(
    uow: &mut dyn UnitOfWork,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Some(campaign) = uow.campaigns().find_for_update(campaign)? else { return Ok(true) };
    if campaign.wants_repair {
        return Ok(false);
    }
    let mut draft = Draft::of(campaign);
    let link = draft.link();
    let Some(id) = link.position.id.ballot_ready().cloned() else { return Ok(true) };
    if link.own_district().is_some() || link.district_manually_set {
        return Ok(true);
    }
    if uow.lookups().is_district_awaited(&id)? {
        return Ok(false);
    }
    let known = uow.position_links().known(&id)?.map(|known| known.position);
    let Some(position) = known.filter(|known| known.l2_district.is_some()) else { return Ok(true) };
    let link = PositionLink::new(position, None, false);
    draft.store_district(&link);
    draft.save(uow, Some(&link), now)?;
    Ok(true)
}
