//! Which districts an author may give a campaign (design §5).

use crate::{
    campaigns::{Author, Campaign, UpdateCampaignError},
    organizations::access::Reach,
    positions::{
        BallotPosition, District, LinkedDistrict,
        election_lookup::{DistrictAnswer, Existence},
    },
};

/// Whether a caller may give a campaign this district, and the district with its id, if known. The
/// district was looked up in the state of the position; an answer applies only to the position,
/// state and district that were looked up.
pub(crate) fn admit(
    author: &Author,
    campaign: &Campaign,
    position: &BallotPosition,
    own: LinkedDistrict,
    looked_up: Option<&DistrictAnswer>,
) -> Result<LinkedDistrict, UpdateCampaignError> {
    require_permission(author, campaign, &own.district)?;
    let fits = |answer: &&DistrictAnswer| {
        answer.position == position.id
            && answer.state == position.state
            && answer.district == own.district
    };
    match looked_up.filter(fits).map(|answer| answer.existence.clone()) {
        Some(Existence::Known(id)) => Ok(LinkedDistrict { id: Some(id), ..own }),
        Some(Existence::NoAnswer) => Ok(own),
        Some(Existence::Unknown) => Err(UpdateCampaignError::UnknownDistrict),
        None => Err(UpdateCampaignError::AnswerOutdated),
    }
}

/// How far a campaign's district may be from its position if this author sets it.
pub(crate) fn reach(author: &Author, campaign: &Campaign) -> Reach {
    Reach::of(author.is_staff_or_machine(), campaign.can_download_federal)
}

/// Whether this author may give a campaign a district of this reach.
pub(crate) fn require_permission(
    author: &Author,
    campaign: &Campaign,
    district: &District,
) -> Result<(), UpdateCampaignError> {
    if reach(author, campaign).allows(district, false) {
        Ok(())
    } else {
        Err(UpdateCampaignError::StatewideForbidden)
    }
}
