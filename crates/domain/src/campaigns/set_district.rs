//! Sets the district of a campaign by hand (legacy contract §3.5, design §5).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    campaigns::{
        Author, Caller, Campaign, UpdateCampaignError,
        adopt::from_latest_json,
        district_rules::{existing, permission},
        draft::Draft,
        voter_goals,
    },
    database::UnitOfWork,
    organizations::{
        ActiveCampaign,
        access::{DistrictClaim, DistrictPermission},
    },
    positions::{
        District, Facts, LinkedDistrict, PositionLink, clean_name,
        election_lookup::{
            self, DistrictAnswer, DistrictQuestion, retry_when_outdated, unverified_state,
        },
    },
};

/// A district chosen by hand for one's own campaign or, by staff, for the campaign with the slug.
#[derive(Debug, Clone, PartialEq)]
pub struct SetDistrict {
    /// The caller.
    pub caller: Caller,
    /// The caller's campaign that the request is about.
    pub own: ActiveCampaign,
    /// Staff only: the requested campaign. Ignored for anyone else.
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

/// Sets a campaign's district by hand, with the resulting voter goals, and returns the campaign as
/// clients see it. Even staff need their own campaign, as in the old API.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub async fn set_district(
    ports: &Ports,
    command: SetDistrict,
) -> Result<Campaign, UpdateCampaignError> {
    retry_when_outdated(UpdateCampaignError::is_outdated, || async {
        let wanted = command.clone();
        let question = ports
            .database
            .read("campaign.ask_before_set_district", move |uow| prepare(uow, &wanted))
            .await?;
        let election = ports.election.as_ref();
        let facts = election_lookup::facts(election, question.position.ballot_ready()).await;
        let district = election_lookup::district(election, question, &facts).await;
        let (command, now) = (command.clone(), ports.now());
        ports
            .database
            .transaction("campaign.set_district", move |uow| {
                write(uow, &command, &facts, &district, now)
            })
            .await
    })
    .await
}

fn prepare(
    uow: &mut dyn UnitOfWork,
    command: &SetDistrict,
) -> Result<DistrictQuestion, UpdateCampaignError> {
    let own = uow.campaigns().find_active(command.own)?.ok_or(UpdateCampaignError::NoCampaign)?;
    let campaign = match command.slug.as_deref() {
        Some(slug) if slug != own.slug => command.author().find(uow)?,
        _ => from_latest_json(uow, own)?,
    };
    let draft = Draft::of(campaign);
    let (link, district) = (draft.link(), command.cleaned());
    let date = draft.campaign.election_date();
    let own = LinkedDistrict { id: None, district };
    let claim = DistrictClaim {
        district: &own.district,
        is_elsewhere: false,
        is_held: link.has_district(&own, false),
        is_office_new: false,
    };
    if permission(&command.author(), &draft.campaign, claim) == DistrictPermission::Forbidden {
        return Err(UpdateCampaignError::StatewideForbidden);
    }
    Ok(DistrictQuestion::of(uow, &link.position, own.district, date)?)
}

fn write(
    uow: &mut dyn UnitOfWork,
    command: &SetDistrict,
    facts: &Facts,
    looked_up: &DistrictAnswer,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    let author = command.author();
    let mut draft = Draft::of(author.lock(uow)?);
    let before = draft.link();
    let own = LinkedDistrict { id: None, district: command.cleaned() };
    let former_state = unverified_state(uow, &before.position, facts)?;
    let position = uow.position_links().settle(before.position.clone(), facts, now)?;
    let claim = DistrictClaim {
        district: &own.district,
        is_elsewhere: false,
        is_held: before.has_district(&own, false),
        is_office_new: position.has_left(former_state.as_deref()),
    };
    let own = match permission(&author, &draft.campaign, claim) {
        DistrictPermission::Keep => match existing(&position, own.clone(), Some(looked_up)) {
            // election-api may not know an old name.
            Err(UpdateCampaignError::UnknownDistrict) => before.with_held_id(own),
            known => before.with_held_id(known?),
        },
        DistrictPermission::Set => existing(&position, own, Some(looked_up))?,
        DistrictPermission::Forbidden => return Err(UpdateCampaignError::StatewideForbidden),
    };
    let link = PositionLink::new(position, Some(own), true);
    draft.merge_goals(voter_goals::of_district(looked_up.turnout, now));
    draft.store_district(&link);
    Ok(draft.save(uow, Some(&link), now)?)
}
