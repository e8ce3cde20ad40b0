//! What an office takes over from the campaign that it was won with.

use chrono::{DateTime, Utc};

use crate::{
    base::{ElectedOfficeId, OrganizationId, StoreError},
    campaigns::{Campaign, adopt::from_latest_json, draft::Draft},
    database::{Feature, UnitOfWork},
    organizations::access::{DistrictClaim, DistrictPermission, Reach, district_permission},
    positions::{
        BallotReadyId, Facts, LinkedDistrict, PositionId, PositionLink,
        election_lookup::unverified_state,
    },
};

/// The position of a campaign, if election-api has not confirmed its facts.
pub(super) fn unverified_position(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
) -> Result<Option<BallotReadyId>, StoreError> {
    let position = from_latest_json(uow, campaign)?.link().position;
    let Some(id) = position.id.ballot_ready() else { return Ok(None) };
    let known = uow.position_links().known(id)?;
    Ok(known.is_none_or(|known| !known.is_verified).then(|| id.clone()))
}

/// A locked campaign once election-api has confirmed the facts of its position. A district that its
/// owner may not set in the position's state is removed, because it was looked up in another,
/// unconfirmed state.
pub(super) fn verified(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Campaign, StoreError> {
    let PositionLink { position, district_override, .. } = campaign.link();
    if facts.of(&position.id).is_none() {
        return Ok(campaign);
    }
    let former_state = unverified_state(uow, &position, facts)?;
    let position = uow.position_links().settle(position, facts, now)?;
    let reach = Reach::of(false, campaign.can_download_federal);
    let is_office_new = position.has_left(former_state.as_deref());
    let stays = |own: LinkedDistrict| {
        let district = &own.district;
        let claim = DistrictClaim { district, is_elsewhere: true, is_held: true, is_office_new };
        district_permission(reach, claim) != DistrictPermission::Forbidden
    };
    if district_override.is_none_or(stays) {
        return Ok(campaign);
    }
    let link = PositionLink::new(position, None, false);
    let mut draft = Draft::of(campaign);
    draft.store_district(&link);
    draft.save(uow, Some(&link), now)
}

/// Position, district and manual flag that an office takes over from its campaign.
pub(super) fn link_of_winner(
    uow: &mut dyn UnitOfWork,
    campaign: &Campaign,
    office: &ElectedOfficeId,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<PositionLink, StoreError> {
    let run_for = uow.position_links().held_by_campaign(campaign)?;
    let own = run_for.effective_district().cloned();
    let custom = PositionId::CustomOfOffice(office.clone());
    let position = run_for.position.taken_over_as(custom);
    let position = uow.position_links().settle(position, facts, now)?;
    Ok(PositionLink::new(position, own, run_for.district_manually_set))
}

/// The organization of a locked campaign, if the store has organizations; a campaign from before
/// phase 1 is completed now.
pub(super) fn organization_of(
    uow: &mut dyn UnitOfWork,
    campaign: &Campaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Option<OrganizationId>, StoreError> {
    if campaign.organization_id.is_some() || !uow.offers(Feature::Organizations) {
        return Ok(campaign.organization_id);
    }
    let PositionLink { position, district_override, district_manually_set } = campaign.link();
    let position = uow.position_links().settle(position, facts, now)?;
    let link = PositionLink::new(position, district_override, district_manually_set);
    uow.position_links().set_of_campaign(campaign, &link, now)
}
