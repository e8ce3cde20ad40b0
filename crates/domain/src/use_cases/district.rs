//! Setting the district of a campaign by hand (legacy contract §3.5, design §5).

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    draft::Draft,
    my_campaign::{Caller, UpdateCampaignError, find_target, lock_target},
};
use crate::{
    campaign::Campaign,
    district::{District, clean_name},
    election::DistrictId,
    position::{BallotPosition, BallotReadyId, Facts, LinkedDistrict, PositionId, PositionLink},
    unit_of_work::UnitOfWork,
    voter_goals,
};

/// What election-api has to be asked about a district that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistrictQuestion {
    /// The position of the campaign.
    pub position: PositionId,
    /// The state that the campaign says; that of a position election-api knows counts more.
    pub state: Option<String>,
    /// The district named, its name cleaned by rule A.
    pub district: District,
    /// When the election is, for the turnout.
    pub election_date: Option<NaiveDate>,
}

impl DistrictQuestion {
    pub(super) fn new(campaign: &Campaign, position: &BallotPosition, district: &District) -> Self {
        Self {
            position: position.id.clone(),
            state: position.state.clone(),
            district: district.clone(),
            election_date: election_date(campaign),
        }
    }

    /// The position's id if BallotReady knows it: its facts have to be asked first.
    #[must_use]
    pub fn ballot_ready_id(&self) -> Option<&BallotReadyId> {
        match &self.position {
            PositionId::BallotReady(id) => Some(id),
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => None,
        }
    }

    /// The question with its answer.
    #[must_use]
    pub fn answered(self, found: Option<DistrictId>) -> AskedDistrict {
        AskedDistrict { position: self.position, district: self.district, found }
    }
}

/// The election day in the candidate's answers, if it is a day.
pub(super) fn election_date(campaign: &Campaign) -> Option<NaiveDate> {
    campaign.details.get("electionDate")?.as_str()?.trim().parse().ok()
}

/// What election-api says of a district in the state of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedDistrict {
    /// The position.
    pub position: PositionId,
    /// The district.
    pub district: District,
    /// Its id; `None` when there is no such district in the state.
    pub found: Option<DistrictId>,
}

/// Whether a caller may give a campaign this district, and the district with its id, if it is
/// known: an owner may take any within the state of the position; a whole state needs staff or
/// `can_download_federal` (design §5). Without an answer that fits, the id stays unknown.
pub(super) fn admit(
    caller: Caller,
    campaign: &Campaign,
    position: &PositionId,
    own: LinkedDistrict,
    asked: Option<&AskedDistrict>,
) -> Result<LinkedDistrict, UpdateCampaignError> {
    let reaches_further = caller.is_staff || campaign.can_download_federal;
    if own.district.is_statewide() && !reaches_further {
        return Err(UpdateCampaignError::StatewideForbidden);
    }
    let fits =
        |asked: &&AskedDistrict| asked.position == *position && asked.district == own.district;
    match asked.filter(fits).map(|asked| asked.found.clone()) {
        Some(None) => Err(UpdateCampaignError::UnknownDistrict),
        Some(id) => Ok(LinkedDistrict { id, ..own }),
        None => Ok(own),
    }
}

/// A district chosen by hand for one's own campaign or, by staff, for the one with the slug.
#[derive(Debug, Clone, PartialEq)]
pub struct SetDistrict {
    /// Who asks.
    pub caller: Caller,
    /// Staff: the campaign meant. Of anybody else it is ignored.
    pub slug: Option<String>,
    /// The district, as the client names it.
    pub district: District,
}

impl SetDistrict {
    /// The district with its name cleaned by rule A.
    fn cleaned(&self) -> District {
        let District { kind, name } = &self.district;
        District { kind: kind.trim().to_owned(), name: clean_name(name).to_owned() }
    }
}

/// What election-api has to be asked before [`set_district`]. Even staff need a campaign of their
/// own, as they always did.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn ask_before_set_district(
    uow: &mut dyn UnitOfWork,
    command: &SetDistrict,
) -> Result<DistrictQuestion, UpdateCampaignError> {
    let own = find_target(uow, command.caller, None)?;
    let campaign = match command.slug.as_deref() {
        Some(slug) if slug != own.slug => find_target(uow, command.caller, Some(slug))?,
        _ => own,
    };
    let draft = Draft::of(campaign);
    let question =
        DistrictQuestion::new(&draft.campaign, &draft.link().position, &command.cleaned());
    let district = LinkedDistrict { id: None, district: question.district.clone() };
    admit(command.caller, &draft.campaign, &question.position, district, None)?;
    Ok(question)
}

/// What election-api said before [`set_district`]; nothing where it gave no answer.
#[derive(Debug, Clone, PartialEq)]
pub struct DistrictAnswers {
    /// Of the position.
    pub facts: Facts,
    /// Of the district.
    pub asked: Option<AskedDistrict>,
    /// Voters expected to take part in the election.
    pub turnout: Option<i64>,
}

/// Sets a campaign's district by hand, with the voter goals that follow from it.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn set_district(
    uow: &mut dyn UnitOfWork,
    command: &SetDistrict,
    answers: &DistrictAnswers,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    let campaign = lock_target(uow, command.caller, command.slug.as_deref())?;
    let mut draft = Draft::of(campaign);
    let position = draft.link().position;
    let own = LinkedDistrict { id: None, district: command.cleaned() };
    let asked = answers.asked.as_ref();
    let own = admit(command.caller, &draft.campaign, &position.id, own, asked)?;
    let position = uow.position_links().settle(position, &answers.facts, now)?;
    let link = PositionLink::new(position, Some(own), true);
    draft.merge_goals(voter_goals::of_district(answers.turnout, now));
    draft.store_district(&link);
    Ok(draft.save(uow, Some(&link), now)?)
}
