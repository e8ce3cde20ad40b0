//! District and voter goals from the race that a campaign runs in (legacy contract §3.4).

use chrono::{DateTime, NaiveDate, Utc};

use crate::campaigns::{adopt::as_told, draft::Draft, set_district::election_date};
use crate::{
    base::StoreError,
    campaigns::{Campaign, voter_goals},
    database::UnitOfWork,
    organizations::ActiveCampaign,
    positions::{BallotReadyId, Facts, LinkedDistrict, PositionFacts, PositionId, PositionLink},
};

/// The campaign whose targets are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RaceTargetsOf {
    /// The one that a request is about.
    Own(ActiveCampaign),
    /// The one with the slug.
    Slug(String),
}

/// What election-api has to be asked about a race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaceQuestion {
    /// The position.
    pub position: BallotReadyId,
    /// When the election is; `None` when what the candidate wrote is no day.
    pub election_date: Option<NaiveDate>,
}

/// Why the targets of a race were not updated.
#[derive(Debug, thiserror::Error)]
pub enum RaceTargetsError {
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NoCampaign,
    /// The campaign has no position of BallotReady's, or no election date.
    #[error("the campaign has no position or no election date")]
    NoRace,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What election-api has to be asked before [`update_race_targets`].
///
/// # Errors
/// See [`RaceTargetsError`].
pub fn ask_before_race_targets(
    uow: &mut dyn UnitOfWork,
    of: &RaceTargetsOf,
) -> Result<RaceQuestion, RaceTargetsError> {
    let campaign = match of {
        RaceTargetsOf::Own(active) => uow.campaigns().find_active(*active)?,
        RaceTargetsOf::Slug(slug) => uow.campaigns().find_by_slug(slug)?,
    };
    let campaign = as_told(uow, campaign.ok_or(RaceTargetsError::NoCampaign)?)?;
    race(&Draft::of(campaign))
}

fn race(draft: &Draft) -> Result<RaceQuestion, RaceTargetsError> {
    let written = draft.campaign.details.get("electionDate").and_then(|date| date.as_str());
    let has_date = written.is_some_and(|date| !date.trim().is_empty());
    match draft.link().position.id {
        PositionId::BallotReady(position) if has_date => {
            Ok(RaceQuestion { position, election_date: election_date(&draft.campaign) })
        }
        _ => Err(RaceTargetsError::NoRace),
    }
}

/// Takes district and voter goals from what election-api says of the race; the district is not the
/// holder's own any more. Without an answer, or one that names no district, the goals are marked as
/// waiting and the district stays.
///
/// # Errors
/// See [`RaceTargetsError`].
pub fn update_race_targets(
    uow: &mut dyn UnitOfWork,
    of: &RaceTargetsOf,
    answer: Option<PositionFacts>,
    now: DateTime<Utc>,
) -> Result<Campaign, RaceTargetsError> {
    let campaign = match of {
        RaceTargetsOf::Own(active) => uow.campaigns().find_active_for_update(*active)?,
        RaceTargetsOf::Slug(slug) => uow.campaigns().find_by_slug_for_update(slug)?,
    };
    let mut draft = Draft::of(campaign.ok_or(RaceTargetsError::NoCampaign)?);
    let asked = race(&draft)?.position;
    // Another office may have been chosen since election-api was asked.
    let answer = answer.filter(|facts| facts.id == asked);
    let known = answer.and_then(|facts| facts.district.clone().map(|district| (facts, district)));
    let Some((facts, district)) = known else {
        draft.merge_goals(voter_goals::waiting());
        return Ok(draft.save(uow, None, now)?);
    };
    let goals = voter_goals::of_race(district.id.as_str(), facts.projected_turnout, now);
    let own = LinkedDistrict::from(&district);
    let facts = Facts::Verified(Box::new(facts));
    let position = uow.position_links().settle(draft.link().position, &facts, now)?;
    let link = PositionLink::new(position, Some(own), false);
    draft.merge_goals(goals);
    draft.store_district(&link);
    Ok(draft.save(uow, Some(&link), now)?)
}
