//! Starts a campaign (legacy contract §3.1, design §5).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{
    Ports,
    base::{StoreError, UserId},
    campaigns::{
        Campaign, CampaignChange, NewCampaign,
        draft::{Draft, as_clients_see},
        slug,
    },
    database::{Feature, UnitOfWork},
    organizations::{OrganizationItem, OrganizationReference, RequestKey},
    positions::{
        Facts, OfficeChoice, PositionId, PositionLink, election_lookup, lookup_retrier::is_verified,
    },
    users::User,
};

/// Why no campaign was started.
#[derive(Debug, thiserror::Error)]
pub enum StartCampaignError {
    /// The user was deleted.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The user already has a campaign.
    #[error("the user has a campaign")]
    AlreadyStarted,
    /// A hundred people with the same name have campaigns.
    #[error("all slugs for the name are taken")]
    NoSlugLeft,
    /// The key was used for another request.
    #[error("the request key was used for something else")]
    KeyReused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a user's first campaign: a new registration, without an office.
///
/// # Errors
/// See [`StartCampaignError`].
pub async fn start_first(ports: &Ports, owner: UserId) -> Result<Campaign, StartCampaignError> {
    let now = ports.now();
    ports.database.transaction("campaign.start_first", move |uow| register(uow, owner, now)).await
}

fn register(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<Campaign, StartCampaignError> {
    // The lock serializes parallel requests of one user.
    let user = uow.users().find_for_update(owner)?.ok_or(StartCampaignError::NoUser(owner))?;
    if uow.campaigns().has_any(owner)? {
        return Err(StartCampaignError::AlreadyStarted);
    }
    let slug = free_slug(uow, &user)?;
    Ok(uow.campaigns().insert(&registration(&user, slug, now), None)?)
}

/// A campaign without any data.
fn registration(user: &User, slug: String, now: DateTime<Utc>) -> NewCampaign {
    let zip = user.zip.clone().map(|zip| ("zip".to_owned(), zip.into()));
    NewCampaign {
        user_id: user.id,
        data: json!({"slug": slug, "currentStep": "registration"}),
        slug,
        is_active: false,
        details: Map::from_iter(zip).into(),
        created_at: now,
    }
}

/// An unused slug for the user's name; the caller holds a lock on the user.
pub(crate) fn free_slug(
    uow: &mut dyn UnitOfWork,
    user: &User,
) -> Result<String, StartCampaignError> {
    let candidates = slug::candidates(&user.full_name());
    let taken = uow.campaigns().taken_slugs(&candidates)?;
    let is_free = |slug: &String| !taken.contains(slug);
    candidates.into_iter().find(is_free).ok_or(StartCampaignError::NoSlugLeft)
}

/// An additional campaign of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct StartCampaign {
    /// The user.
    pub owner: UserId,
    /// The office to run for.
    pub office: OfficeChoice,
    /// Other answers, such as the race's dates: members of `details` that do not name an office.
    pub details: Map<String, Value>,
    /// Makes the request repeatable, if the client asks for that.
    pub request: Option<RequestKey>,
}

/// A new campaign, or the one that an earlier request with the same key started.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedCampaign {
    /// The campaign as clients see it.
    pub campaign: Campaign,
    /// Its organization.
    pub organization: OrganizationItem,
}

/// Starts an additional campaign for an office, with its organization. The office is looked up in
/// election-api.
///
/// # Errors
/// See [`StartCampaignError`].
pub async fn start(
    ports: &Ports,
    command: StartCampaign,
) -> Result<StartedCampaign, StartCampaignError> {
    let position = command.office.ballot_ready();
    let facts = election_lookup::facts(ports.election.as_ref(), position).await;
    let now = ports.now();
    ports.database.transaction("campaign.start", move |uow| insert(uow, command, &facts, now)).await
}

fn insert(
    uow: &mut dyn UnitOfWork,
    command: StartCampaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<StartedCampaign, StartCampaignError> {
    uow.require(Feature::Organizations)?;
    let StartCampaign { owner, office, details, request } = command;
    // The lock serializes parallel requests of one user.
    let user = uow.users().find_for_update(owner)?.ok_or(StartCampaignError::NoUser(owner))?;
    if let Some(started) = started_earlier(uow, owner, request.as_ref())? {
        return Ok(started);
    }
    let is_first = !uow.campaigns().has_any(owner)?;
    if !is_first {
        uow.require(Feature::IndependentHoldings)?;
    }
    // Slugs with numbers are reserved for people with the same name.
    let slug = if is_first { free_slug(uow, &user)? } else { slug::further(&user.full_name()) };
    let campaign = uow.campaigns().insert(&registration(&user, slug, now), request.as_ref())?;
    let stated = office.position(PositionId::CustomOfCampaign(campaign.id));
    let is_known_for_sure = match stated.id.ballot_ready() {
        Some(id) => is_verified(uow, id)?,
        None => false,
    };
    let is_verified = facts.settle(&stated.id) || is_known_for_sure;
    let position = uow.position_links().settle(stated.clone(), facts, now)?;
    let link = PositionLink::new(position, None, false);
    let mut draft = Draft::of(campaign);
    draft.apply(CampaignChange { details: Some(details), ..CampaignChange::default() });
    if is_verified {
        draft.store_position(&link);
    } else {
        // Another user's text must not appear in this user's JSON.
        draft.store_position(&PositionLink::new(stated, None, false));
    }
    draft.store_district(&link);
    let campaign = draft.save(uow, Some(&link), now)?;
    with_organization(uow, campaign)
}

fn started_earlier(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
    request: Option<&RequestKey>,
) -> Result<Option<StartedCampaign>, StartCampaignError> {
    let Some(request) = request else { return Ok(None) };
    let Some(earlier) = uow.organizations().requested_earlier(owner, &request.key)? else {
        return Ok(None);
    };
    let campaign = uow.campaigns().find_of_organization(earlier.organization)?;
    match campaign.filter(|_| earlier.digest == request.digest) {
        Some(campaign) => with_organization(uow, as_clients_see(campaign)).map(Some),
        None => Err(StartCampaignError::KeyReused),
    }
}

fn with_organization(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
) -> Result<StartedCampaign, StartCampaignError> {
    let organization = match campaign.organization_id {
        Some(id) => uow.organizations().find(&OrganizationReference::Ours(id), None)?,
        None => None,
    };
    let missing = || StoreError::Inconsistent {
        table: "campaign",
        row: campaign.id.to_string(),
        source: "a campaign without an organization".into(),
    };
    let organization = organization.ok_or_else(missing)?;
    Ok(StartedCampaign { campaign, organization })
}
