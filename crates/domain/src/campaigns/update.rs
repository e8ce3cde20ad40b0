//! Changes a campaign (legacy contract §3.3, §3.7).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    campaigns::{
        Author, Campaign, CampaignChange, UpdateCampaignError, campaign_json,
        district_rules::{existing, permission},
        draft::Draft,
        update_error::require_federal_permission,
    },
    database::UnitOfWork,
    organizations::access::{DistrictClaim, DistrictPermission},
    positions::{
        BallotReadyId, Facts, PositionLink,
        election_lookup::{
            self, DistrictAnswer, DistrictQuestion, retry_when_outdated, unverified_state,
        },
    },
};

/// Changes a campaign and returns it as clients see it. Looks up in election-api what the change
/// picks or rewords.
///
/// Another office replaces the district and race with those of the new office, and drops the
/// holder's own district (design §3, "changing the office"). Rewording a typed-in office does not,
/// unless it moves to another state, where the author may not set the district. The same happens if
/// election-api states for the first time that the office is in a different state than the caller
/// said. An unrelated change affects neither position nor district.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub async fn update(
    ports: &Ports,
    author: Author,
    change: CampaignChange,
) -> Result<Campaign, UpdateCampaignError> {
    retry_when_outdated(UpdateCampaignError::is_outdated, || async {
        let (facts, district) = look_up(ports, &author, &change).await?;
        let (author, change, now) = (author.clone(), change.clone(), ports.now());
        ports
            .database
            .transaction("campaign.update", move |uow| {
                write(uow, &author, change, &facts, district.as_ref(), now)
            })
            .await
    })
    .await
}

/// What election-api knows about the office that a change picks or rewords, and about the district
/// that it names.
async fn look_up(
    ports: &Ports,
    author: &Author,
    change: &CampaignChange,
) -> Result<(Facts, Option<DistrictAnswer>), UpdateCampaignError> {
    let election = ports.election.as_ref();
    let picked = change.details.as_ref().and_then(campaign_json::picked);
    let names_district = change.path_to_victory.as_ref().is_some_and(campaign_json::names_district);
    let names_office = change.details.as_ref().is_some_and(campaign_json::names_office);
    if !names_district && (picked.is_some() || !names_office) {
        return Ok((election_lookup::facts(election, picked.as_ref()).await, None));
    }
    let (author, change) = (author.clone(), change.clone());
    let Questions { position, district } = ports
        .database
        .read("campaign.ask_before_update", move |uow| prepare(uow, &author, change))
        .await?;
    let facts = election_lookup::facts(election, position.as_ref()).await;
    let district = match district {
        Some(question) => Some(election_lookup::district(election, question, &facts).await),
        None => None,
    };
    Ok((facts, district))
}

/// What to look up before a change: the campaign's office, and a district that the change names.
/// Not the campaign's current district, and no district if the change picks another office, whose
/// district then applies.
struct Questions {
    position: Option<BallotReadyId>,
    district: Option<DistrictQuestion>,
}

fn prepare(
    uow: &mut dyn UnitOfWork,
    author: &Author,
    change: CampaignChange,
) -> Result<Questions, UpdateCampaignError> {
    let mut draft = Draft::of(author.find(uow)?);
    let before = draft.link();
    draft.apply(change);
    let after = draft.link();
    let position = after.position.id.ballot_ready().cloned();
    let is_same_office = after.position.id == before.position.id;
    let district = match after.district_override {
        Some(own) if is_same_office && !before.has_district(&own, false) => {
            Some(DistrictQuestion::of(uow, &after.position, own.district, None)?)
        }
        _ => None,
    };
    Ok(Questions { position, district })
}

fn write(
    uow: &mut dyn UnitOfWork,
    author: &Author,
    change: CampaignChange,
    facts: &Facts,
    looked_up: Option<&DistrictAnswer>,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    require_federal_permission(change.can_download_federal, author.is_admin_or_machine())?;
    let mut draft = Draft::of(author.lock(uow)?);
    let before = draft.link();
    let details_patch = change.details.clone().unwrap_or_default();
    draft.apply(change);
    let after = draft.link();
    let is_verified = facts.of(&after.position.id).is_some();
    let link = if after.position.id != before.position.id {
        let position = uow.position_links().settle(after.position, facts, now)?;
        let link = PositionLink::new(position, None, false);
        draft.store_district(&link);
        campaign_json::drop_former_race(&mut draft.campaign.details, &details_patch);
        Some(link)
    } else if after != before || is_verified {
        // An answer of election-api also applies to the office that the holder already had: it may
        // have been picked without an answer.
        let former_state = unverified_state(uow, &before.position, facts)?;
        let position = uow.position_links().settle(after.position, facts, now)?;
        let has_override = after.district_override.is_some();
        let own = match after.district_override {
            Some(own) => {
                let is_held = before.has_district(&own, false);
                let has_moved = position.has_left(former_state.as_deref());
                let claim = DistrictClaim {
                    district: &own.district,
                    // The held one was looked up in the former state.
                    is_elsewhere: is_held && has_moved,
                    is_held,
                    is_office_new: has_moved,
                };
                match permission(author, &draft.campaign, claim) {
                    DistrictPermission::Keep => before.effective_district().cloned(),
                    DistrictPermission::Set => Some(existing(&position, own, looked_up)?),
                    DistrictPermission::Forbidden if is_held => None,
                    DistrictPermission::Forbidden => {
                        return Err(UpdateCampaignError::StatewideForbidden);
                    }
                }
            }
            None => None,
        };
        let is_dropped = own.is_none() && has_override;
        let has_own = own.is_some();
        let is_manual = after.district_manually_set && !is_dropped;
        let link = PositionLink::new(position, own, is_manual);
        if is_dropped || (is_verified && !has_own) {
            draft.store_district(&link);
        }
        Some(link)
    } else {
        None
    };
    Ok(draft.save(uow, link.as_ref(), now)?)
}
