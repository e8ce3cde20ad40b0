//! Winning an election, and holding the office (legacy contract §3.8, §5.4).

use chrono::{DateTime, Utc};

use crate::campaigns::{
    adopt::{adopted, as_told},
    adopt_json,
    draft::Draft,
    set_district::said_state,
};
use crate::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, StoreError, UserId},
    campaigns::Campaign,
    database::UnitOfWork,
    offices::{ElectedOffice, Term, TermChange},
    organizations::{ActiveCampaign, RequestKey},
    positions::{
        BallotPosition, BallotReadyId, Facts, LinkedDistrict, OfficeChoice, PositionId,
        PositionLink, Reach,
    },
};

/// What became of the wish for an office.
#[derive(Debug, Clone, PartialEq)]
pub enum NewOffice {
    /// A new office.
    Created(ElectedOffice),
    /// The office that the same request made before.
    Repeated(ElectedOffice),
}

/// Why no office came into being.
#[derive(Debug, thiserror::Error)]
pub enum NewOfficeError {
    /// The user has no campaign to win with, and named no position.
    #[error("there is no campaign to win with")]
    NoCampaign,
    /// The user is gone.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The old service cannot read an office without a campaign yet.
    #[error("the database is not migrated")]
    NotMigrated,
    /// The key was used for another request.
    #[error("the request key was used for something else")]
    KeyReused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The office of the campaign that a user would win with, if election-api has yet to state its
/// facts: it has to be asked before [`win_election`].
///
/// # Errors
/// [`StoreError`].
pub fn ask_before_win(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
) -> Result<Option<BallotReadyId>, StoreError> {
    if !uow.phase().has_tables() {
        return Ok(None);
    }
    let Some(campaign) = uow.campaigns().find_active(active)? else { return Ok(None) };
    unverified_office_of(uow, campaign)
}

fn unverified_office_of(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
) -> Result<Option<BallotReadyId>, StoreError> {
    let position = as_told(uow, campaign)?.link().position;
    let Some(id) = position.id.ballot_ready() else { return Ok(None) };
    let known = uow.position_links().known(id)?;
    Ok(known.is_none_or(|known| !known.is_verified).then(|| id.clone()))
}

/// "I won": the campaign that the request is about gives an elected office, once. The office takes position
/// (of a custom one its own copy), district, manual flag and `can_download_federal` as they are
/// now, and is independent of the campaign from then on.
///
/// # Errors
/// See [`NewOfficeError`].
pub fn win_election(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
    term: Term,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<NewOffice, NewOfficeError> {
    let holder = active.owner();
    // The user before the campaign, as when a user is deleted. The locks let parallel repeats in
    // one by one.
    uow.users().find_for_update(holder)?.ok_or(NewOfficeError::NoUser(holder))?;
    let campaign =
        uow.campaigns().find_active_for_update(active)?.ok_or(NewOfficeError::NoCampaign)?;
    let campaign = adopted(uow, campaign, facts, now)?;
    if let Some(WonOffice { office, is_oldest }) = won_office(uow, campaign.id)? {
        if office.wants_repair {
            uow.elected_offices().link_to_campaign(campaign.id)?;
        }
        // The backfill may be completing it at this moment: whoever has the lock does.
        let office = match office.organization_id {
            None => uow.elected_offices().find_for_update(&office.id)?.unwrap_or(office),
            Some(_) => office,
        };
        let from = WonWith { campaign: &campaign, is_oldest, facts };
        return Ok(NewOffice::Repeated(completed(uow, office, Some(from), now)?));
    }
    let campaign = verified(uow, campaign, facts, now)?;
    let mut office = new_office(holder, term, now);
    office.campaign_id = Some(campaign.id);
    office.can_download_federal = campaign.can_download_federal;
    let link = link_of_winner(uow, &campaign, &office.id, facts, now)?;
    let request = organization_of(uow, &campaign, facts, now)?.map(RequestKey::of_win);
    office.organization_id = uow.elected_offices().insert(&office, &link, request.as_ref())?;
    Ok(NewOffice::Created(office))
}

/// The office that was won with a campaign.
pub(crate) struct WonOffice {
    pub(crate) office: ElectedOffice,
    /// Whether it is the oldest one: that which a repeated win finds.
    is_oldest: bool,
}

/// The office that was won with a campaign. Of before phase 1 there may be several: the one that is
/// held counts.
pub(crate) fn won_office(
    uow: &mut dyn UnitOfWork,
    campaign: CampaignId,
) -> Result<Option<WonOffice>, StoreError> {
    let won = uow.elected_offices().won_with(campaign)?;
    let oldest = won.first().map(|office| office.id.clone());
    let held = won.iter().position(|office| office.term.is_active).unwrap_or_default();
    let office = won.into_iter().nth(held);
    Ok(office.map(|office| WonOffice { is_oldest: oldest.as_ref() == Some(&office.id), office }))
}

fn new_office(holder: UserId, term: Term, now: DateTime<Utc>) -> ElectedOffice {
    ElectedOffice {
        id: ElectedOfficeId::generate(),
        user_id: holder,
        campaign_id: None,
        organization_id: None,
        created_at: now,
        updated_at: now,
        can_download_federal: false,
        wants_repair: false,
        term,
    }
}

/// A locked campaign once election-api has stated the facts of its position: a district that its owner may
/// not set in the state of the position goes, for it was looked for in another one, on somebody's word.
fn verified(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Campaign, StoreError> {
    let PositionLink { position, district_override, .. } = campaign.link();
    if facts.of(&position.id).is_none() {
        return Ok(campaign);
    }
    let said = said_state(uow, &position, facts)?;
    let position = uow.position_links().settle(position, facts, now)?;
    let reach = Reach::of(false, campaign.can_download_federal);
    let stays = |own: LinkedDistrict| reach.allows(&own.district, true);
    if !position.has_left(said.as_deref()) || district_override.is_none_or(stays) {
        return Ok(campaign);
    }
    let link = PositionLink::new(position, None, false);
    let mut draft = Draft::of(campaign);
    draft.store_district(&link);
    draft.save(uow, Some(&link), now)
}

/// Position, district and manual flag that an office takes over from its campaign.
fn link_of_winner(
    uow: &mut dyn UnitOfWork,
    campaign: &Campaign,
    office: &ElectedOfficeId,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<PositionLink, StoreError> {
    let run_for = uow.position_links().held_by_campaign(campaign)?;
    let own = run_for.effective_district().cloned();
    let position = run_for.position.taken_over_by(office);
    let position = uow.position_links().settle(position, facts, now)?;
    Ok(PositionLink::new(position, own, run_for.district_manually_set))
}

/// The organization of a locked campaign, if the store keeps any; one of before phase 1 is
/// completed now.
fn organization_of(
    uow: &mut dyn UnitOfWork,
    campaign: &Campaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Option<OrganizationId>, StoreError> {
    if campaign.organization_id.is_some() || !uow.phase().has_tables() {
        return Ok(campaign.organization_id);
    }
    let PositionLink { position, district_override, district_manually_set } = campaign.link();
    let position = uow.position_links().settle(position, facts, now)?;
    let link = PositionLink::new(position, district_override, district_manually_set);
    uow.position_links().set_of_campaign(campaign, &link, now)
}

/// An office that its holder names without any campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct TakeOffice {
    /// The user.
    pub holder: UserId,
    /// The office held.
    pub office: OfficeChoice,
    /// What is known of it.
    pub facts: Facts,
    /// What its holder says of the term.
    pub term: Term,
    /// What makes the request repeatable, if the client wants that.
    pub request: Option<RequestKey>,
}

/// Creates an elected office from a position, without any campaign (design §5).
///
/// # Errors
/// See [`NewOfficeError`].
pub fn take_office(
    uow: &mut dyn UnitOfWork,
    command: TakeOffice,
    now: DateTime<Utc>,
) -> Result<NewOffice, NewOfficeError> {
    if !uow.phase().has_tables() {
        return Err(NewOfficeError::NotMigrated);
    }
    let TakeOffice { holder, office: choice, facts, term, request } = command;
    // The lock lets parallel repeats in one by one.
    uow.users().find_for_update(holder)?.ok_or(NewOfficeError::NoUser(holder))?;
    if let Some(office) = taken_earlier(uow, holder, request.as_ref())? {
        return Ok(NewOffice::Repeated(office));
    }
    if !uow.phase().is_free_of_the_old_service() {
        return Err(NewOfficeError::NotMigrated);
    }
    let mut office = new_office(holder, term, now);
    let own = PositionId::CustomOfOffice(office.id.clone());
    let position = uow.position_links().settle(choice.position(own), &facts, now)?;
    let link = PositionLink::new(position, None, false);
    office.organization_id = uow.elected_offices().insert(&office, &link, request.as_ref())?;
    Ok(NewOffice::Created(office))
}

fn taken_earlier(
    uow: &mut dyn UnitOfWork,
    holder: UserId,
    request: Option<&RequestKey>,
) -> Result<Option<ElectedOffice>, NewOfficeError> {
    let Some(request) = request else { return Ok(None) };
    let Some(earlier) = uow.organizations().requested_earlier(holder, &request.key)? else {
        return Ok(None);
    };
    let office = uow.elected_offices().find_of_organization(earlier.organization)?;
    let office = office.filter(|_| earlier.digest == request.digest);
    office.map(Some).ok_or(NewOfficeError::KeyReused)
}

/// Why a holder's office could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ElectedOfficeError {
    /// There is none with the id, or it is somebody else's: nobody learns which.
    #[error("there is no such office")]
    NotFound,
    /// Another office of the user is active.
    #[error("another office is active")]
    AnotherActive,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who reads or changes an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficeAuthor {
    /// A user: only their own.
    User(UserId),
    /// A machine: anybody's.
    Machine,
}

impl OfficeAuthor {
    fn may(self, office: &ElectedOffice) -> bool {
        match self {
            Self::User(user) => office.user_id == user,
            Self::Machine => true,
        }
    }
}

/// An office, by id.
///
/// # Errors
/// See [`ElectedOfficeError`].
pub fn read_elected_office(
    uow: &mut dyn UnitOfWork,
    author: OfficeAuthor,
    id: &ElectedOfficeId,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let office = uow.elected_offices().find(id)?;
    office.filter(|office| author.may(office)).ok_or(ElectedOfficeError::NotFound)
}

/// The position to ask election-api about before an [`update_elected_office`]: that of the campaign which completes
/// an office from before phase 1, or one that another service made.
///
/// # Errors
/// See [`ElectedOfficeError`].
pub fn ask_before_office_update(
    uow: &mut dyn UnitOfWork,
    author: OfficeAuthor,
    id: &ElectedOfficeId,
) -> Result<Option<BallotReadyId>, ElectedOfficeError> {
    let office = read_elected_office(uow, author, id)?;
    let is_complete = office.organization_id.is_some() && !office.wants_repair;
    if is_complete || !uow.phase().has_tables() {
        return Ok(None);
    }
    let Some(campaign) = office.campaign_id else { return Ok(None) };
    let Some(campaign) = uow.campaigns().find(campaign)? else { return Ok(None) };
    Ok(unverified_office_of(uow, campaign)?)
}

/// Changes what a holder says of a term. A change of nothing writes nothing.
///
/// # Errors
/// See [`ElectedOfficeError`].
pub fn update_elected_office(
    uow: &mut dyn UnitOfWork,
    author: OfficeAuthor,
    id: &ElectedOfficeId,
    change: TermChange,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<ElectedOffice, ElectedOfficeError> {
    let office = read_elected_office(uow, author, id)?;
    if change == TermChange::default() {
        return Ok(office);
    }
    let holder = office.user_id;
    if change.is_active == Some(true) || office.organization_id.is_none() || office.wants_repair {
        // The user before all else; so, two offices cannot become active at once.
        uow.users().find_for_update(holder)?;
    }
    adopt_campaign_of(uow, &office, facts, now)?;
    let campaign = lock_campaign_of_incomplete(uow, &office)?;
    let office = uow.elected_offices().find_for_update(id)?.ok_or(ElectedOfficeError::NotFound)?;
    let from = match &campaign {
        Some(campaign) => {
            let won = uow.elected_offices().won_with(campaign.id)?;
            let is_oldest = won.first().is_some_and(|oldest| oldest.id == office.id);
            Some(WonWith { campaign, is_oldest, facts })
        }
        None => None,
    };
    let mut office = completed(uow, office, from, now)?;
    if change.is_active == Some(true)
        && !office.term.is_active
        && uow.elected_offices().has_active(holder)?
    {
        return Err(ElectedOfficeError::AnotherActive);
    }
    office.term = office.term.changed(change);
    office.updated_at = now;
    uow.elected_offices().update(&office)?;
    Ok(office)
}

/// What another service changed of the campaign that an office was won with comes before a write of the office.
pub(crate) fn adopt_campaign_of(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if office.wants_repair
        && let Some(campaign) = office.campaign_id
        && !adopt_json(uow, campaign, facts, now)?
    {
        // Somebody holds an office that was won with the campaign: maybe this one.
        uow.elected_offices().link_when_free(&office.id)?;
    }
    Ok(())
}

/// The campaign that an office of before phase 1 is to be completed from, locked before the office:
/// always in this order.
fn lock_campaign_of_incomplete(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
) -> Result<Option<Campaign>, StoreError> {
    match office.campaign_id {
        Some(campaign) if office.organization_id.is_none() && uow.phase().has_tables() => {
            uow.campaigns().find_for_update(campaign)
        }
        _ => Ok(None),
    }
}

/// Where an office of before phase 1 takes position and district from.
#[derive(Clone, Copy)]
struct WonWith<'a> {
    /// The campaign it was won with, locked.
    campaign: &'a Campaign,
    /// Whether it is the oldest office of the campaign: the one that a repeated win finds.
    is_oldest: bool,
    /// What is known of the campaign's position.
    facts: &'a Facts,
}

/// Gives an office of before phase 1 organization, position and district, as if it were won now
/// (design §3: "completed first").
fn completed(
    uow: &mut dyn UnitOfWork,
    mut office: ElectedOffice,
    from: Option<WonWith<'_>>,
    now: DateTime<Utc>,
) -> Result<ElectedOffice, StoreError> {
    if office.organization_id.is_some() || !uow.phase().has_tables() {
        return Ok(office);
    }
    let (link, request) = if let Some(WonWith { campaign, is_oldest, facts }) = from {
        let campaign = verified(uow, campaign.clone(), facts, now)?;
        office.can_download_federal = campaign.can_download_federal;
        let link = link_of_winner(uow, &campaign, &office.id, facts, now)?;
        let organization = organization_of(uow, &campaign, facts, now)?;
        (link, organization.filter(|_| is_oldest).map(RequestKey::of_win))
    } else {
        // Its campaign is gone: nobody can tell any more which office it was.
        let own = PositionId::CustomOfOffice(office.id.clone());
        let position = BallotPosition::unknown(own);
        let position = uow.position_links().settle(position, &Facts::Unverified, now)?;
        (PositionLink::new(position, None, false), None)
    };
    let organization = uow.elected_offices().complete(&office, &link, request.as_ref(), now)?;
    office.organization_id = Some(organization);
    Ok(office)
}
