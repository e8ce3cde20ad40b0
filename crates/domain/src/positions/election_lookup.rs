//! Lookups in election-api that an operation needs before its transaction.
//!
//! Without an answer the client's data is used: an old route never fails because of election-api
//! (design D6). Stored data may change between lookup and transaction; the transaction then reports
//! this, and the operation repeats the lookup.

use chrono::{Months, NaiveDate};
use futures_util::future::join;

use crate::{
    base::{ErrorChain, StoreError},
    database::UnitOfWork,
    positions::{
        BallotPosition, BallotReadyId, District, DistrictId, ElectionService, ElectionUnavailable,
        Facts, PositionId, PositionSearch, find_by_spelling,
    },
};

/// The longest time between two elections of a position: judges serve up to fifteen years.
const LONGEST_TERM: Months = Months::new(15 * 12);

/// How often an operation looks up and writes before it gives up.
const ATTEMPTS: usize = 3;

/// Looks up, writes, and starts over if the transaction finds the answer outdated, because the
/// lookup depends on a row that may change before it is locked.
pub(crate) async fn retry_when_outdated<T, E, Attempt>(
    is_outdated: fn(&E) -> bool,
    look_up_and_write: impl Fn() -> Attempt,
) -> Result<T, E>
where
    Attempt: Future<Output = Result<T, E>>,
{
    for _ in 1..ATTEMPTS {
        match look_up_and_write().await {
            Err(error) if is_outdated(&error) => {}
            outcome => return outcome,
        }
    }
    look_up_and_write().await
}

/// What election-api knows about a picked or existing position.
pub(crate) async fn facts(
    election: &dyn ElectionService,
    position: Option<&BallotReadyId>,
) -> Facts {
    let Some(position) = position else { return Facts::Unverified };
    match answered(election.position(position).await, "position") {
        Some(Some(facts)) => Facts::Verified(Box::new(facts)),
        Some(None) | None => Facts::Unverified,
    }
}

/// The unconfirmed state of a position, in which its holders' districts were looked up. `None` if
/// the state stays: election-api has already confirmed it, or says nothing about it now. Read
/// before the position is settled.
pub(crate) fn unverified_state(
    uow: &mut dyn UnitOfWork,
    position: &BallotPosition,
    facts: &Facts,
) -> Result<Option<String>, StoreError> {
    let Some(id) = position.id.ballot_ready() else { return Ok(position.state.clone()) };
    if facts.of(&position.id).is_none() {
        return Ok(None);
    }
    let known = uow.position_links().known(id)?.filter(|known| !known.is_verified);
    Ok(known.and_then(|known| known.position.state))
}

/// A district of a position, to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DistrictQuestion {
    /// The position.
    pub(crate) position: PositionId,
    /// Its state as confirmed by election-api.
    verified_state: Option<String>,
    /// Its state as given by a user.
    stated_state: Option<String>,
    /// The district, with its name cleaned by rule A.
    district: District,
    /// The election whose turnout is also needed.
    election_date: Option<NaiveDate>,
}

impl DistrictQuestion {
    pub(crate) fn of(
        uow: &mut dyn UnitOfWork,
        position: &BallotPosition,
        district: District,
        election_date: Option<NaiveDate>,
    ) -> Result<Self, StoreError> {
        let known = match position.id.ballot_ready() {
            Some(id) => uow.position_links().known(id)?,
            None => None,
        };
        let (verified_state, stated_state) = match known {
            Some(known) if known.is_verified => (known.position.state, None),
            Some(known) => (None, known.position.state),
            None => (None, position.state.clone()),
        };
        let position = position.id.clone();
        Ok(Self { position, verified_state, stated_state, district, election_date })
    }

    /// The state in which the district must be: in the order in which
    /// [`settle`](crate::positions::PositionLinks::settle) trusts its sources.
    fn state(&self, facts: &Facts) -> Option<String> {
        let stated = || self.stated_state.clone();
        let facts = || facts.of(&self.position).and_then(|facts| facts.state.clone());
        self.verified_state.clone().or_else(facts).or_else(stated)
    }
}

/// election-api's answer about a district in the state of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DistrictAnswer {
    /// The position.
    pub(crate) position: PositionId,
    /// The state.
    pub(crate) state: Option<String>,
    /// The district.
    pub(crate) district: District,
    /// Whether it exists.
    pub(crate) existence: Existence,
    /// Expected turnout in the election, if it was requested and is known.
    pub(crate) turnout: Option<i64>,
}

/// Whether a district exists in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Existence {
    /// Yes.
    Known(DistrictId),
    /// No, or there is no state to look in.
    Unknown,
    /// election-api did not answer.
    NoAnswer,
}

/// Whether a district exists in the state of the position, and the expected turnout there.
pub(crate) async fn district(
    election: &dyn ElectionService,
    question: DistrictQuestion,
    facts: &Facts,
) -> DistrictAnswer {
    let state = question.state(facts);
    let DistrictQuestion { position, district, election_date, .. } = question;
    let (existence, turnout) = match &state {
        None => (Existence::Unknown, None),
        Some(state) => {
            join(
                existence(election, state, &district),
                turnout(election, state, &district, election_date),
            )
            .await
        }
    };
    DistrictAnswer { position, state, district, existence, turnout }
}

/// Whether a district exists in a state under one of its spellings.
pub(crate) async fn existence(
    election: &dyn ElectionService,
    state: &str,
    district: &District,
) -> Existence {
    match answered(find_by_spelling(election, state, district).await, "district") {
        Some(Some(known)) => Existence::Known(known.id),
        Some(None) => Existence::Unknown,
        None => Existence::NoAnswer,
    }
}

async fn turnout(
    election: &dyn ElectionService,
    state: &str,
    district: &District,
    date: Option<NaiveDate>,
) -> Option<i64> {
    answered(election.projected_turnout(state, district, date?).await, "turnout")?
}

/// The day of the next election of a BallotReady position, today at the earliest; `None` if
/// election-api knows none or does not answer.
pub(crate) async fn next_election(
    election: &dyn ElectionService,
    position: &BallotPosition,
    today: NaiveDate,
) -> Option<NaiveDate> {
    let (id, name) = (position.id.ballot_ready()?, position.office.clone()?);
    let search = PositionSearch {
        zip: None,
        name: Some(name),
        levels: Vec::new(),
        from: today,
        to: today.checked_add_months(LONGEST_TERM)?,
        today,
    };
    let found = answered(election.search_positions(&search).await, "next election")?;
    let days = found.into_iter().filter(|found| found.id == *id);
    days.filter_map(|found| found.election_day).filter(|day| *day >= today).min()
}

/// The answer, if there is one; a missing answer is logged.
pub(crate) fn answered<T>(answer: Result<T, ElectionUnavailable>, what: &'static str) -> Option<T> {
    answer
        .inspect_err(|error| {
            tracing::warn!(what, error = %ErrorChain(error), "election-api gave no answer");
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::ready};

    use futures_util::FutureExt as _;

    use super::retry_when_outdated;

    /// The outcome of an operation whose attempts end like these, in order, and the number of
    /// attempts.
    fn outcome(attempts: &[Result<(), &'static str>]) -> (Result<(), &'static str>, usize) {
        let made = Cell::new(0);
        let attempt = || {
            made.set(made.get() + 1);
            ready(attempts[made.get() - 1])
        };
        let is_outdated = |error: &&'static str| *error == "outdated";
        let outcome = retry_when_outdated(is_outdated, attempt).now_or_never().unwrap();
        (outcome, made.get())
    }

    #[test]
    fn an_outdated_answer_is_looked_up_again_and_nothing_else_is() {
        assert_eq!(outcome(&[Ok(())]), (Ok(()), 1));
        assert_eq!(outcome(&[Err("forbidden")]), (Err("forbidden"), 1));
        assert_eq!(outcome(&[Err("outdated"), Ok(())]), (Ok(()), 2));
        assert_eq!(outcome(&[Err("outdated"), Err("forbidden")]), (Err("forbidden"), 2));
    }

    #[test]
    fn what_is_outdated_three_times_is_given_up() {
        assert_eq!(outcome(&[Err("outdated"); 4]), (Err("outdated"), 3));
    }
}
