//! Starts a campaign (legacy contract §3.1, design §5).

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use crate::{
    Ports,
    base::{ElectedOfficeId, StoreError, UserId},
    campaigns::{
        Campaign, CampaignChange, NewCampaign,
        draft::{Draft, as_clients_see},
        slug,
    },
    contacts::{self, ContactsError},
    database::{Feature, UnitOfWork},
    organizations::{OrganizationItem, OrganizationReference, RequestKey},
    positions::{
        BallotPosition, Facts, OfficeChoice, PositionId, PositionLink,
        election_lookup::{self, unverified_state},
        lookup_retrier::is_verified,
    },
    users::User,
};

/// The member of `details` with the day of the general election.
const ELECTION_DATE: &str = "electionDate";

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
    /// There is no such elected office, or it belongs to another user.
    #[error("there is no such office")]
    NoSuchOffice,
    /// Nobody has chosen the position of the elected office yet, or it cannot be read.
    #[error("the office has no position")]
    NoPosition,
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

/// The office that a new campaign runs for.
#[derive(Debug, Clone, PartialEq)]
pub enum RunFor {
    /// One that the candidate names.
    Chosen(OfficeChoice),
    /// The one that the candidate holds or held: a re-election.
    Held(ElectedOfficeId),
}

/// An additional campaign of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct StartCampaign {
    /// The user.
    pub owner: UserId,
    /// The office to run for.
    pub office: RunFor,
    /// Other answers, such as the race's dates: members of `details` that do not name an office.
    /// For a re-election without `electionDate`, the next election is looked up.
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
/// A re-election takes over position, district and manual flag of the office as they are now, and
/// nothing of the race that the office was won in; the office stays as it is.
///
/// # Errors
/// See [`StartCampaignError`].
pub async fn start(
    ports: &Ports,
    command: StartCampaign,
) -> Result<StartedCampaign, StartCampaignError> {
    let election = ports.election.as_ref();
    let (facts, next) = match &command.office {
        RunFor::Chosen(choice) => {
            (election_lookup::facts(election, choice.ballot_ready()).await, None)
        }
        RunFor::Held(office) => {
            let (office, owner) = (office.clone(), command.owner);
            let request = command.request.clone();
            let prepared = ports
                .database
                .read("campaign.ask_before_start", move |uow| {
                    prepare_re_election(uow, owner, &office, request.as_ref())
                })
                .await?;
            let mut position = match prepared {
                Prepared::Repeated(started) => return Ok(*started),
                Prepared::Held(position) => position,
            };
            let facts = election_lookup::facts(election, position.id.ballot_ready()).await;
            if let Some(name) = facts.of(&position.id).and_then(|facts| facts.name.clone()) {
                position.office = Some(name);
            }
            let next = if command.details.contains_key(ELECTION_DATE) {
                None
            } else {
                election_lookup::next_election(election, &position, ports.today()).await
            };
            (facts, next.map(|day| (position.id, day)))
        }
    };
    let now = ports.now();
    ports
        .database
        .transaction("campaign.start", move |uow| insert(uow, command, &facts, next, now))
        .await
}

/// What starting a campaign would do.
#[derive(Debug)]
pub struct StartPreview {
    /// The organization that the campaign would have.
    pub organization: OrganizationItem,
    /// How many contacts it would have, or why they cannot be counted.
    pub contacts: Result<i64, ContactsError>,
}

/// What [`start`] would do, without doing it: it is carried out and undone. Contacts that cannot be
/// counted refuse nothing.
///
/// # Errors
/// See [`StartCampaignError`].
pub async fn preview_start(
    ports: &Ports,
    command: StartCampaign,
) -> Result<StartPreview, StartCampaignError> {
    let StartedCampaign { organization, .. } = start(&ports.rehearsal(), command).await?;
    let contacts = contacts::count_of(ports, &organization).await;
    Ok(StartPreview { organization, contacts })
}

/// What is known before a re-election is looked up.
enum Prepared {
    /// An earlier request with the same key has started it.
    Repeated(Box<StartedCampaign>),
    /// The position of the office.
    Held(Box<BallotPosition>),
}

fn prepare_re_election(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
    office: &ElectedOfficeId,
    request: Option<&RequestKey>,
) -> Result<Prepared, StartCampaignError> {
    uow.require(Feature::Organizations)?;
    if let Some(started) = started_earlier(uow, owner, request)? {
        return Ok(Prepared::Repeated(Box::new(started)));
    }
    Ok(Prepared::Held(Box::new(held_position(uow, owner, office)?.position)))
}

/// The position and district of an elected office of this user.
fn held_position(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
    office: &ElectedOfficeId,
) -> Result<PositionLink, StartCampaignError> {
    let held = uow.organizations().find_of_office(office, owner)?;
    let link = held.ok_or(StartCampaignError::NoSuchOffice)?.link;
    link.filter(|link| link.position.is_chosen()).ok_or(StartCampaignError::NoPosition)
}

fn insert(
    uow: &mut dyn UnitOfWork,
    command: StartCampaign,
    facts: &Facts,
    next_election: Option<(PositionId, NaiveDate)>,
    now: DateTime<Utc>,
) -> Result<StartedCampaign, StartCampaignError> {
    uow.require(Feature::Organizations)?;
    let StartCampaign { owner, office, mut details, request } = command;
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
    let own = PositionId::CustomOfCampaign(campaign.id);
    let is_held = matches!(office, RunFor::Held(_));
    let (mut stated, own_district, is_manual) = match office {
        RunFor::Chosen(choice) => (choice.position(own), None, false),
        RunFor::Held(office) => {
            let held = held_position(uow, owner, &office)?;
            let position = held.position.taken_over_as(own);
            (position, held.district_override, held.district_manually_set)
        }
    };
    if let Some((_, day)) = next_election.filter(|(position, _)| *position == stated.id) {
        details.insert(ELECTION_DATE.to_owned(), day.to_string().into());
    }
    let is_known_for_sure = match stated.id.ballot_ready() {
        Some(id) => is_verified(uow, id)?,
        None => false,
    };
    let is_verified = facts.settle(&stated.id) || is_known_for_sure;
    let former_state = unverified_state(uow, &stated, facts)?;
    let position = uow.position_links().settle(stated.clone(), facts, now)?;
    // In another state, the same name is another district.
    let stays = !position.has_left(former_state.as_deref());
    let own_district = own_district.filter(|_| stays);
    let link = PositionLink::new(position, own_district, is_manual && stays);
    let mut draft = Draft::of(campaign);
    draft.apply(CampaignChange { details: Some(details), ..CampaignChange::default() });
    if is_verified {
        draft.store_position(&link);
    } else {
        // Another user's text must not appear in this user's JSON.
        if is_held && stated.id.ballot_ready().is_some() {
            stated = BallotPosition::unknown(stated.id);
        }
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
