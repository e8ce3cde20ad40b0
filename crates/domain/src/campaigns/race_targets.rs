//! District and voter goals from a campaign's race (legacy contract §3.4).

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    Ports,
    base::StoreError,
    campaigns::{Campaign, adopt::from_latest_json, draft::Draft, voter_goals},
    database::UnitOfWork,
    organizations::ActiveCampaign,
    positions::{
        BallotReadyId, ElectionService, Facts, LinkedDistrict, PositionFacts, PositionId,
        PositionLink, election_lookup::answered,
    },
};

/// The campaign to update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RaceTargetsOf {
    /// The campaign that the request is about.
    Own(ActiveCampaign),
    /// The campaign with the slug.
    Slug(String),
}

/// Why the targets of a race were not updated.
#[derive(Debug, thiserror::Error)]
pub enum RaceTargetsError {
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NoCampaign,
    /// The campaign has no BallotReady position or no election date.
    #[error("the campaign has no position or no election date")]
    NoRace,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets district and voter goals from election-api's data about the race; the district is no longer
/// the holder's own. Without an answer, or if it names no district, the goals are marked as waiting
/// and the district stays.
///
/// # Errors
/// See [`RaceTargetsError`].
pub async fn set_race_targets(
    ports: &Ports,
    of: RaceTargetsOf,
    include_turnout: bool,
) -> Result<Campaign, RaceTargetsError> {
    let campaign = of.clone();
    let race = ports
        .database
        .read("campaign.ask_before_race_targets", move |uow| prepare(uow, &campaign))
        .await?;
    let facts = look_up(ports.election.as_ref(), &race, include_turnout).await;
    let now = ports.now();
    ports
        .database
        .transaction("campaign.update_race_targets", move |uow| write(uow, &of, facts, now))
        .await
}

/// A campaign's race.
struct Race {
    position: BallotReadyId,
    /// The election day; `None` if the candidate's text is not a date.
    election_date: Option<NaiveDate>,
}

async fn look_up(
    election: &dyn ElectionService,
    race: &Race,
    include_turnout: bool,
) -> Option<PositionFacts> {
    let answer = match race.election_date.filter(|_| include_turnout) {
        Some(date) => election.position_with_turnout(&race.position, date).await,
        None => election.position(&race.position).await,
    };
    answered(answer, "race")?
}

fn prepare(uow: &mut dyn UnitOfWork, of: &RaceTargetsOf) -> Result<Race, RaceTargetsError> {
    let campaign = match of {
        RaceTargetsOf::Own(active) => uow.campaigns().find_active(*active)?,
        RaceTargetsOf::Slug(slug) => uow.campaigns().find_by_slug(slug)?,
    };
    let campaign = from_latest_json(uow, campaign.ok_or(RaceTargetsError::NoCampaign)?)?;
    race(&Draft::of(campaign))
}

fn race(draft: &Draft) -> Result<Race, RaceTargetsError> {
    let written = draft.campaign.details.get("electionDate").and_then(|date| date.as_str());
    let has_date = written.is_some_and(|date| !date.trim().is_empty());
    match draft.link().position.id {
        PositionId::BallotReady(position) if has_date => {
            Ok(Race { position, election_date: draft.campaign.election_date() })
        }
        _ => Err(RaceTargetsError::NoRace),
    }
}

fn write(
    uow: &mut dyn UnitOfWork,
    of: &RaceTargetsOf,
    facts: Option<PositionFacts>,
    now: DateTime<Utc>,
) -> Result<Campaign, RaceTargetsError> {
    let campaign = match of {
        RaceTargetsOf::Own(active) => uow.campaigns().find_active_for_update(*active)?,
        RaceTargetsOf::Slug(slug) => uow.campaigns().find_by_slug_for_update(slug)?,
    };
    let mut draft = Draft::of(campaign.ok_or(RaceTargetsError::NoCampaign)?);
    let position = race(&draft)?.position;
    // Another office may have been chosen since the lookup.
    let facts = facts.filter(|facts| facts.id == position);
    let known = facts.and_then(|facts| facts.district.clone().map(|district| (facts, district)));
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
