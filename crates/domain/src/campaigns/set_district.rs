//! Setting the district of a campaign by hand (legacy contract §3.5, design §5).

use chrono::{DateTime, NaiveDate, Utc};

use crate::campaigns::{Author, Caller, UpdateCampaignError, adopt::as_told, draft::Draft};
use crate::{
    base::StoreError,
    campaigns::{Campaign, voter_goals},
    database::UnitOfWork,
    organizations::ActiveCampaign,
    positions::{
        BallotPosition, District, DistrictId, Facts, LinkedDistrict, PositionId, PositionLink,
        Reach, clean_name,
    },
};

/// What election-api has to be asked about a district that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistrictQuestion {
    /// The position of the campaign.
    pub position: PositionId,
    /// Its state as election-api once stated it.
    verified_state: Option<String>,
    /// Its state in somebody's words.
    stated_state: Option<String>,
    /// The district named, its name cleaned by rule A.
    pub district: District,
    /// When the election is, for the turnout.
    pub election_date: Option<NaiveDate>,
}

impl DistrictQuestion {
    pub(crate) fn of(
        uow: &mut dyn UnitOfWork,
        campaign: &Campaign,
        position: &BallotPosition,
        district: District,
    ) -> Result<Self, StoreError> {
        let known = match position.id.ballot_ready() {
            Some(id) => uow.position_links().known(id)?,
            None => None,
        };
        let (verified, stated) = match known {
            Some(known) if known.is_verified => (known.position.state, None),
            Some(known) => (None, known.position.state),
            None => (None, position.state.clone()),
        };
        Ok(Self {
            position: position.id.clone(),
            verified_state: verified,
            stated_state: stated,
            district,
            election_date: election_date(campaign),
        })
    }

    /// The state in which the district has to be: in the order in which
    /// [`settle`](crate::positions::PositionLinks::settle) trusts those who state it.
    #[must_use]
    pub fn state(&self, facts: &Facts) -> Option<String> {
        let stated = || self.stated_state.clone();
        let facts = || facts.of(&self.position).and_then(|facts| facts.state.clone());
        self.verified_state.clone().or_else(facts).or_else(stated)
    }
}

/// The election day in the candidate's answers, if it is a day.
pub(crate) fn election_date(campaign: &Campaign) -> Option<NaiveDate> {
    campaign.details.get("electionDate")?.as_str()?.trim().parse().ok()
}

/// What election-api says of a district in the state of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedDistrict {
    /// The position.
    pub position: PositionId,
    /// The state.
    pub state: Option<String>,
    /// The district.
    pub district: District,
    /// Whether it exists.
    pub existence: Existence,
    /// Voters expected to take part in the election, if that was asked and is known.
    pub turnout: Option<i64>,
}

/// Whether a district exists in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existence {
    /// It does.
    Known(DistrictId),
    /// It does not, or there is no state to look in.
    Unknown,
    /// election-api gave no answer.
    NoAnswer,
}

/// Whether a caller may give a campaign this district, and the district with its id, if it is
/// known. The district was looked for in the state of the position. An answer counts only for the
/// question that it was given to.
pub(crate) fn admit(
    author: &Author,
    campaign: &Campaign,
    position: &BallotPosition,
    own: LinkedDistrict,
    asked: Option<&AskedDistrict>,
) -> Result<LinkedDistrict, UpdateCampaignError> {
    require_permission(author, campaign, &own.district)?;
    let fits = |asked: &&AskedDistrict| {
        asked.position == position.id
            && asked.state == position.state
            && asked.district == own.district
    };
    match asked.filter(fits).map(|asked| asked.existence.clone()) {
        Some(Existence::Known(id)) => Ok(LinkedDistrict { id: Some(id), ..own }),
        Some(Existence::NoAnswer) => Ok(own),
        Some(Existence::Unknown) => Err(UpdateCampaignError::UnknownDistrict),
        None => Err(UpdateCampaignError::AnswerOutdated),
    }
}

/// The state that a position is in by somebody's word, where districts of its holders were looked for.
/// `None` for one whose state stays: one that election-api has stated already, or of which it says nothing
/// now either. Asked before the position is settled.
pub(crate) fn said_state(
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

/// How far a district of a campaign may lie from its position when this author sets it.
pub(crate) fn reach(author: &Author, campaign: &Campaign) -> Reach {
    Reach::of(author.is_staff_or_machine(), campaign.can_download_federal)
}

fn require_permission(
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

/// A district chosen by hand for one's own campaign or, by staff, for the one with the slug.
#[derive(Debug, Clone, PartialEq)]
pub struct SetDistrict {
    /// Who asks.
    pub caller: Caller,
    /// Their campaign that the request is about.
    pub own: ActiveCampaign,
    /// Staff: the campaign meant. Of anybody else it is ignored.
    pub slug: Option<String>,
    /// The district, as the client names it.
    pub district: District,
}

impl SetDistrict {
    fn author(&self) -> Author {
        Author::User { caller: self.caller, own: Some(self.own), slug: self.slug.clone() }
    }

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
    let own = uow.campaigns().find_active(command.own)?.ok_or(UpdateCampaignError::NoCampaign)?;
    let campaign = match command.slug.as_deref() {
        Some(slug) if slug != own.slug => command.author().find(uow)?,
        _ => as_told(uow, own)?,
    };
    let draft = Draft::of(campaign);
    let (link, district) = (draft.link(), command.cleaned());
    if !has(&link, &district) {
        require_permission(&command.author(), &draft.campaign, &district)?;
    }
    Ok(DistrictQuestion::of(uow, &draft.campaign, &link.position, district)?)
}

/// Whether a district is the one that a campaign has.
fn has(link: &PositionLink, district: &District) -> bool {
    link.effective_district().is_some_and(|effective| effective.district == *district)
}

/// Sets a campaign's district by hand, with the voter goals that follow from it. `facts` are those
/// of its position, `asked` is the answer to [`ask_before_set_district`].
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn set_district(
    uow: &mut dyn UnitOfWork,
    command: &SetDistrict,
    facts: &Facts,
    asked: &AskedDistrict,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    let author = command.author();
    let mut draft = Draft::of(author.lock(uow)?);
    let before = draft.link();
    let district = command.cleaned();
    let has_it = has(&before, &district);
    let said = said_state(uow, &before.position, facts)?;
    let position = uow.position_links().settle(before.position, facts, now)?;
    let is_elsewhere = position.has_left(said.as_deref());
    let is_kept =
        has_it && (!is_elsewhere || reach(&author, &draft.campaign).allows(&district, true));
    let own = LinkedDistrict { id: None, district };
    let own = match admit(&author, &draft.campaign, &position, own.clone(), Some(asked)) {
        // Whoever chose it before, it stays: an old name may be none that election-api knows.
        Err(UpdateCampaignError::UnknownDistrict | UpdateCampaignError::StatewideForbidden)
            if is_kept =>
        {
            own
        }
        admitted => admitted?,
    };
    let link = PositionLink::new(position, Some(own), true);
    draft.merge_goals(voter_goals::of_district(asked.turnout, now));
    draft.store_district(&link);
    Ok(draft.save(uow, Some(&link), now)?)
}
