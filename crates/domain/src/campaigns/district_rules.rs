//! Which districts an author may give a campaign (design §5).

use crate::{
    campaigns::{Author, Campaign, UpdateCampaignError},
    organizations::access::{DistrictClaim, DistrictPermission, Reach, district_permission},
    positions::{
        BallotPosition, LinkedDistrict,
        election_lookup::{DistrictAnswer, Existence},
    },
};

/// Whether this author may give a campaign a district.
pub(crate) fn permission(
    author: &Author,
    campaign: &Campaign,
    claim: DistrictClaim<'_>,
) -> DistrictPermission {
    let reach = Reach::of(author.is_staff_or_machine(), campaign.can_download_federal);
    district_permission(reach, claim)
}

/// The district with its id, if known. It was looked up in the state of the position; an answer
/// applies only to the position, state and district that were looked up.
pub(crate) fn existing(
    position: &BallotPosition,
    own: LinkedDistrict,
    looked_up: Option<&DistrictAnswer>,
) -> Result<LinkedDistrict, UpdateCampaignError> {
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
