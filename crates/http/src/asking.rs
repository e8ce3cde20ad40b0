//! Asks election-api before a transaction. Without an answer the client's word counts: an old route
//! never fails because election-api does (design D6).

use winserve_domain::{
    election::{ElectionService, ElectionUnavailable, PositionFacts},
    position::{BallotReadyId, Facts},
    use_cases::{AskedDistrict, DistrictQuestion, RaceQuestion},
};

use crate::error::Chain;

/// What election-api knows of a position that somebody picked or has.
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

/// Whether a district exists in the state of the position; `None` without an answer. The state that
/// election-api knows counts, and the campaign's own word only for an office it does not know.
pub(crate) async fn district(
    election: &dyn ElectionService,
    question: DistrictQuestion,
    facts: &Facts,
) -> Option<AskedDistrict> {
    let state = state_of(&question, facts)?;
    let found = answered(election.find_district(&state, &question.district).await, "district")?;
    Some(question.answered(found.map(|known| known.id)))
}

/// The turnout expected in a district on the day of the election, if there is such a day.
pub(crate) async fn turnout(
    election: &dyn ElectionService,
    question: &DistrictQuestion,
    facts: &Facts,
) -> Option<i64> {
    let state = state_of(question, facts)?;
    let date = question.election_date?;
    answered(election.projected_turnout(&state, &question.district, date).await, "turnout")?
}

/// What election-api knows of the race that a campaign runs in.
pub(crate) async fn race(
    election: &dyn ElectionService,
    question: &RaceQuestion,
    include_turnout: bool,
) -> Option<PositionFacts> {
    let RaceQuestion { position, election_date } = question;
    let asked = match election_date.filter(|_| include_turnout) {
        Some(date) => election.position_with_turnout(position, date).await,
        None => election.position(position).await,
    };
    answered(asked, "race")?
}

fn state_of(question: &DistrictQuestion, facts: &Facts) -> Option<String> {
    let known = facts.of(&question.position).map(|facts| facts.state.clone());
    known.or_else(|| question.state.clone())
}

/// The answer, if there is one; that there is none is for the log.
fn answered<T>(asked: Result<T, ElectionUnavailable>, what: &'static str) -> Option<T> {
    asked
        .inspect_err(|error| {
            tracing::warn!(what, error = %Chain(error), "election-api gave no answer");
        })
        .ok()
}
