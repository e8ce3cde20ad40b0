//! Asks election-api before a transaction. Without an answer the client's word counts: an old route
//! never fails because election-api does (design D6).
//!
//! What was asked may be out of date by the time of the transaction: then the use case says so, and
//! the handler asks again.

use chrono::NaiveDate;
use winserve_domain::{
    base::ErrorChain,
    campaigns::{AskedDistrict, DistrictQuestion, Existence, RaceQuestion},
    positions::{
        BallotReadyId, District, ElectionService, ElectionUnavailable, Facts, PositionFacts,
        find_by_spelling,
    },
};

/// How often to ask anew when a campaign changes meanwhile.
pub(crate) const ATTEMPTS: usize = 3;

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

/// Whether a district exists in the state of the position, and with `with_turnout` also how many
/// take part in the election there.
pub(crate) async fn district(
    election: &dyn ElectionService,
    question: DistrictQuestion,
    facts: &Facts,
    with_turnout: bool,
) -> AskedDistrict {
    let state = question.state(facts);
    let (existence, turnout) = match &state {
        None => (Existence::Unknown, None),
        Some(state) => {
            let date = question.election_date.filter(|_| with_turnout);
            tokio::join!(
                existence(election, state, &question.district),
                turnout(election, state, &question.district, date)
            )
        }
    };
    let DistrictQuestion { position, district, .. } = question;
    AskedDistrict { position, state, district, existence, turnout }
}

/// Asks for the district under each of its spellings.
pub(crate) async fn existence(
    election: &dyn ElectionService,
    state: &str,
    district: &District,
) -> Existence {
    match find_by_spelling(election, state, district).await {
        Ok(Some(known)) => Existence::Known(known.id),
        Ok(None) => Existence::Unknown,
        Err(error) => {
            tracing::warn!(what = "district", error = %ErrorChain(&error), "election-api gave no answer");
            Existence::NoAnswer
        }
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

/// The answer, if there is one; that there is none is for the log.
fn answered<T>(asked: Result<T, ElectionUnavailable>, what: &'static str) -> Option<T> {
    asked
        .inspect_err(|error| {
            tracing::warn!(what, error = %ErrorChain(error), "election-api gave no answer");
        })
        .ok()
}
