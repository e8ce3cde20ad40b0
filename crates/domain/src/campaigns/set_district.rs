//! Sets the district of a campaign by hand (legacy contract §3.5, design §5).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    campaigns::{
        Author, Caller, Campaign, UpdateCampaignError,
        adopt::as_told,
        district_rules::{admit, reach, require_permission},
        draft::Draft,
        voter_goals,
    },
    database::UnitOfWork,
    organizations::ActiveCampaign,
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
        _ => as_told(uow, own)?,
    };
    let draft = Draft::of(campaign);
    let (link, district) = (draft.link(), command.cleaned());
    let date = draft.campaign.election_date();
    if !has(&link, &district) {
        require_permission(&command.author(), &draft.campaign, &district)?;
    }
    Ok(DistrictQuestion::of(uow, &link.position, district, date)?)
}

/// Whether a campaign already has a district.
fn has(link: &PositionLink, district: &District) -> bool {
    link.effective_district().is_some_and(|effective| effective.district == *district)
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
    let district = command.cleaned();
    let has_it = has(&before, &district);
    let said = unverified_state(uow, &before.position, facts)?;
    let position = uow.position_links().settle(before.position, facts, now)?;
    let is_elsewhere = position.has_left(said.as_deref());
    let is_kept =
        has_it && (!is_elsewhere || reach(&author, &draft.campaign).allows(&district, true));
    let own = LinkedDistrict { id: None, district };
    let own = match admit(&author, &draft.campaign, &position, own.clone(), Some(looked_up)) {
        // It stays, whoever chose it: election-api may not know an old name.
        Err(UpdateCampaignError::UnknownDistrict | UpdateCampaignError::StatewideForbidden)
            if is_kept =>
        {
            own
        }
        admitted => admitted?,
    };
    let link = PositionLink::new(position, Some(own), true);
    draft.merge_goals(voter_goals::of_district(looked_up.turnout, now));
    draft.store_district(&link);
    Ok(draft.save(uow, Some(&link), now)?)
}
