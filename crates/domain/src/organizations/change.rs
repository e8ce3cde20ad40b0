//! Changing office, district and voter data of an organization (design §5, `PATCH`).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{
    base::{StoreError, UserId},
    campaigns::{Campaign, campaign_json, voter_goals},
    database::UnitOfWork,
    organizations::{OrganizationEvent, OrganizationItem, OrganizationReference},
    positions::{
        BallotPosition, CustomOfficeChange, District, DistrictId, Facts, LinkedDistrict,
        PositionFacts, PositionId, PositionLink, Reach,
    },
};
use crate::{
    campaigns::{
        FederalDataForbidden,
        adopt::{adopted, as_told},
        draft::Draft,
        set_district::said_state,
        update::require_federal_permission,
    },
    offices::win::adopt_campaign_of,
    organizations::OrganizationError,
};

/// Who changes an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationAuthor {
    /// The user, or whom somebody acts for; `None` for staff and machines, who may change anybody's.
    pub owner: Option<UserId>,
    /// Whether it is staff or a machine, though the organization may be their own.
    pub is_staff_or_machine: bool,
    /// Whether it is an admin or a machine: only they open statewide and federal data.
    pub is_admin_or_machine: bool,
    /// Who really does, for the trail: such as `user:7` or `machine:mch_1`.
    pub actor: String,
}

/// An office that takes the place of the former one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficeChange {
    /// One that election-api knows.
    Known(Box<PositionFacts>),
    /// One that was typed in, or what of it changes.
    Custom(CustomOfficeChange),
    /// None: nothing is chosen any more.
    Cleared,
}

/// A district that somebody names, and the state in which election-api was asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDistrict {
    /// The state of the position that the question was made for.
    pub position_state: Option<String>,
    /// The state that the district is in.
    pub state: Option<String>,
    /// The district; without an id when election-api gave no answer.
    pub district: LinkedDistrict,
}

/// A wanted change; what is absent stays.
pub struct ChangeOrganization {
    /// Which.
    pub reference: OrganizationReference,
    /// Who.
    pub author: OrganizationAuthor,
    /// Another office.
    pub office: Option<OfficeChange>,
    /// Whether the holder's own district outlives another office.
    pub keep_district: bool,
    /// Another district chosen by hand, or none any more.
    pub district: Option<Option<NamedDistrict>>,
    /// Whether statewide and federal voter data are allowed.
    pub can_download_federal: Option<bool>,
    /// Whether the organization is still as the client saw it, if the client cares.
    pub precondition: Option<Precondition>,
}

/// Says whether an organization is as a client saw it.
pub type Precondition = Box<dyn Fn(&OrganizationItem) -> bool + Send>;

/// Why an organization was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeOrganizationError {
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] OrganizationError),
    /// It is not as the client saw it.
    #[error("the organization has changed")]
    Stale,
    /// A typed-in office needs a name.
    #[error("the office has no name")]
    NoOfficeName,
    /// The author may not reach the voters of a whole state, or of another one.
    #[error("the district needs permission")]
    DistrictForbidden,
    /// The author may not open statewide and federal data.
    #[error(transparent)]
    FederalDataForbidden(#[from] FederalDataForbidden),
    /// The office has changed since election-api was asked: ask again.
    #[error("the question to election-api is out of date")]
    AnswerOutdated,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether an office has yet to take over what another service wrote: [`complete_organization`] before anything is
/// asked about it.
///
/// # Errors
/// See [`OrganizationError`].
pub fn wants_completion(
    uow: &mut dyn UnitOfWork,
    reference: &OrganizationReference,
    owner: Option<UserId>,
) -> Result<bool, OrganizationError> {
    let item = super::read_organization(uow, reference, owner)?;
    let Some(office) = item.elected_office else { return Ok(false) };
    Ok(uow.elected_offices().find(&office.id)?.is_some_and(|office| office.wants_repair))
}

/// Brings what another service wrote of an organization into the tables.
///
/// # Errors
/// See [`OrganizationError`].
pub fn complete_organization(
    uow: &mut dyn UnitOfWork,
    reference: &OrganizationReference,
    owner: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<(), OrganizationError> {
    let item = super::read_organization(uow, reference, owner)?;
    Ok(lock(uow, &item, now)?)
}

/// The state that the position will be in: where a named district has to be looked for.
///
/// # Errors
/// See [`ChangeOrganizationError`].
pub fn ask_before_organization_change(
    uow: &mut dyn UnitOfWork,
    reference: &OrganizationReference,
    author: &OrganizationAuthor,
    office: Option<OfficeChange>,
) -> Result<Option<String>, ChangeOrganizationError> {
    let item = super::read_organization(uow, reference, author.owner)?;
    let former = Former::of(uow, &item)?;
    let (position, _) = wanted_position(&former, office)?;
    if let Some(id) = position.id.ballot_ready()
        && let Some(known) = uow.position_links().known(id)?.filter(|known| known.is_verified)
    {
        // What is stored counts, even when election-api says something else by now.
        return Ok(known.position.state);
    }
    Ok(position.state)
}

/// Changes an organization and returns it; a change of nothing writes nothing.
///
/// Another office drops the holder's own district, unless the author asks to keep it and may set it for
/// that office. A typed-in office that moves to another state loses a district that its author may not set
/// there. What is written goes to both stores, with an event, in this one unit of work.
///
/// # Errors
/// See [`ChangeOrganizationError`].
pub fn change_organization(
    uow: &mut dyn UnitOfWork,
    command: ChangeOrganization,
    now: DateTime<Utc>,
) -> Result<OrganizationItem, ChangeOrganizationError> {
    let author = &command.author;
    require_federal_permission(command.can_download_federal, author.is_admin_or_machine)?;
    let reference = command.reference.clone();
    let found = super::read_organization(uow, &reference, command.author.owner)?;
    lock(uow, &found, now)?;
    // As it is under the lock.
    let before = super::read_organization(uow, &reference, command.author.owner)?;
    if command.precondition.as_ref().is_some_and(|holds| !holds(&before)) {
        return Err(ChangeOrganizationError::Stale);
    }
    let former = Former::of(uow, &before)?;
    let can_download_federal = command.can_download_federal.unwrap_or(before.can_download_federal);
    // A typed-in office that goes keeps its key.
    let is_cleared =
        matches!(command.office, Some(OfficeChange::Cleared)) && former.link.position.is_chosen();
    let (position, facts) = wanted_position(&former, command.office)?;
    let former = former.link;
    let said = said_state(uow, &former.position, &facts)?;
    let position = uow.position_links().settle(position, &facts, now)?;
    if position.zip.is_none() && former.position.zip.is_some() {
        uow.position_links().clear_zip(&position.id)?;
    }
    let is_another = position.id != former.position.id || is_cleared;
    // What the holder has counts for the office as it was.
    let is_elsewhere = position.state != former.position.state;
    let starts_over = is_another || position.has_left(said.as_deref());
    let reach = Reach::of(command.author.is_staff_or_machine, can_download_federal);
    let (own, is_manual) = match command.district {
        Some(Some(named)) => {
            let had = former.effective_district().filter(|_| !starts_over);
            (Some(admit(named, had, &position, reach)?), true)
        }
        Some(None) => (None, false),
        None if is_another && !command.keep_district => (None, false),
        None => match former.district_override.clone() {
            Some(kept) if starts_over && !reach.allows(&kept.district, is_elsewhere) => {
                if command.keep_district {
                    return Err(ChangeOrganizationError::DistrictForbidden);
                }
                (None, false)
            }
            kept => (kept, former.district_manually_set),
        },
    };
    let link = PositionLink::new(position, own, is_manual);
    if link == former && can_download_federal == before.can_download_federal {
        return Ok(before);
    }
    // The organization before its child, whose trigger writes the outbox of Clerk.
    uow.organizations().note(
        &OrganizationEvent {
            organization: before.id,
            owner: before.owner.id,
            actor: command.author.actor,
            before: OrganizationEvent::facts(&former, before.can_download_federal),
            after: OrganizationEvent::facts(&link, can_download_federal),
        },
        now,
    )?;
    store(uow, &before, &former, &link, is_another, can_download_federal, now)?;
    Ok(super::read_organization(uow, &OrganizationReference::Ours(before.id), None)?)
}

/// The child keeps others out until the end. The owner before it, as when a user is deleted: the event
/// refers to them. What another service changed is brought into the tables first.
fn lock(
    uow: &mut dyn UnitOfWork,
    item: &OrganizationItem,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    uow.users().find_for_update(item.owner.id)?;
    if let Some(campaign) = &item.campaign {
        let campaign = uow.campaigns().find_for_update(campaign.id)?;
        if let Some(campaign) = campaign {
            adopted(uow, campaign, &Facts::Unverified, now)?;
        }
    }
    if let Some(office) = &item.elected_office {
        let found = uow.elected_offices().find(&office.id)?;
        if let Some(found) = found {
            adopt_campaign_of(uow, &found, &Facts::Unverified, now)?;
        }
        uow.elected_offices().find_for_update(&office.id)?;
    }
    Ok(())
}

/// What a change begins with.
struct Former {
    /// The link of the store which counts in the phase.
    link: PositionLink,
    /// The position that is left when no office is chosen: a typed-in office begins with it.
    without_office: BallotPosition,
}

impl Former {
    fn of(uow: &mut dyn UnitOfWork, item: &OrganizationItem) -> Result<Self, OrganizationError> {
        let campaign = match &item.campaign {
            Some(campaign) => uow.campaigns().find(campaign.id)?,
            None => None,
        };
        match campaign {
            Some(campaign) => {
                let campaign = as_told(uow, campaign)?;
                Ok(Self::of_campaign(uow, item, &campaign)?)
            }
            None => Self::of_office(item),
        }
    }

    fn of_campaign(
        uow: &mut dyn UnitOfWork,
        item: &OrganizationItem,
        campaign: &Campaign,
    ) -> Result<Self, StoreError> {
        let told = uow.position_links().held_by_campaign(campaign)?;
        // The JSON words a shared position in its own way, and says nothing of its district.
        let position = match &item.link {
            Some(stored)
                if stored.position.id == told.position.id
                    && stored.position.id.ballot_ready().is_some() =>
            {
                stored.position.clone()
            }
            _ => told.position,
        };
        // The zip code of a typed-in office is in no JSON.
        let zip = position.zip.clone().filter(|_| position.id.ballot_ready().is_none());
        let unnamed = campaign_json::without_office(campaign.id, &campaign.details);
        Ok(Self {
            link: PositionLink::new(position, told.district_override, told.district_manually_set),
            without_office: BallotPosition { zip, ..unnamed },
        })
    }

    /// An office has no JSON: the places of a typed-in one are in its own position.
    fn of_office(item: &OrganizationItem) -> Result<Self, OrganizationError> {
        let link = item.link.clone().ok_or(OrganizationError::NotFound)?;
        let office = item.elected_office.as_ref().ok_or(OrganizationError::NotFound)?;
        let own = BallotPosition::unknown(PositionId::CustomOfOffice(office.id.clone()));
        let without_office = match link.position.id {
            PositionId::BallotReady(_) => own,
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                let BallotPosition { state, county, city, district, zip, .. } =
                    link.position.clone();
                BallotPosition { state, county, city, district, zip, ..own }
            }
        };
        Ok(Self { link, without_office })
    }
}

fn wanted_position(
    former: &Former,
    office: Option<OfficeChange>,
) -> Result<(BallotPosition, Facts), ChangeOrganizationError> {
    let Former { link: PositionLink { position: held, .. }, without_office } = former;
    Ok(match office {
        None => (held.clone(), Facts::Unverified),
        Some(OfficeChange::Known(facts)) => {
            let id = PositionId::BallotReady(facts.id.clone());
            (BallotPosition::unknown(id).verified_by(&facts), Facts::Verified(facts))
        }
        Some(OfficeChange::Custom(change)) => {
            let base = match held.id {
                PositionId::BallotReady(_) => without_office,
                PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => held,
            };
            let position = change.apply(base.clone());
            if position.office.is_none() {
                return Err(ChangeOrganizationError::NoOfficeName);
            }
            (position, Facts::Unverified)
        }
        Some(OfficeChange::Cleared) => (without_office.clone(), Facts::Unverified),
    })
}

/// The district, if its author may set it or the holder has it already.
fn admit(
    named: NamedDistrict,
    had: Option<&LinkedDistrict>,
    position: &BallotPosition,
    reach: Reach,
) -> Result<LinkedDistrict, ChangeOrganizationError> {
    if named.position_state != position.state {
        return Err(ChangeOrganizationError::AnswerOutdated);
    }
    let is_elsewhere = named.state != named.position_state;
    // Districts of several states have the same type and name.
    let is_it = |it: &LinkedDistrict| match &it.id {
        Some(_) if is_elsewhere => it.id == named.district.id,
        _ => !is_elsewhere && it.district == named.district.district,
    };
    let has_it = had.is_some_and(is_it);
    if !reach.allows(&named.district.district, is_elsewhere) && !has_it {
        return Err(ChangeOrganizationError::DistrictForbidden);
    }
    Ok(named.district)
}

fn store(
    uow: &mut dyn UnitOfWork,
    item: &OrganizationItem,
    former: &PositionLink,
    link: &PositionLink,
    is_another: bool,
    can_download_federal: bool,
    now: DateTime<Utc>,
) -> Result<(), ChangeOrganizationError> {
    if let Some(summary) = &item.campaign {
        let campaign = uow.campaigns().find_for_update(summary.id)?;
        let mut draft = Draft::of(campaign.ok_or(OrganizationError::NotFound)?);
        if draft.campaign.can_download_federal != can_download_federal {
            draft.set_can_download_federal(can_download_federal);
        }
        // What does not change stays as the JSON words it.
        if is_another || link.position != former.position {
            draft.store_position(link);
        }
        if is_another {
            campaign_json::drop_former_race(&mut draft.campaign.details, &Map::new());
        }
        let districts = [former, link].map(|it| {
            (it.effective_district().map(|it| it.district.clone()), it.district_manually_set)
        });
        let [had, has] = districts;
        if had.0 != has.0 && link.district_override.is_some() {
            // The goals of the former district are none of this one.
            draft.merge_goals(voter_goals::of_district(None, now));
        }
        if had != has {
            draft.store_district(link);
        }
        draft.save(uow, Some(link), now)?;
    } else if let Some(summary) = &item.elected_office {
        let office = uow.elected_offices().find_for_update(&summary.id)?;
        let mut office = office.ok_or(OrganizationError::NotFound)?;
        office.can_download_federal = can_download_federal;
        office.updated_at = now;
        uow.elected_offices().relink(&office, item.id, link)?;
        if link != former {
            uow.elected_offices().keep_choice(item.id)?;
        }
    }
    Ok(())
}

impl OrganizationEvent {
    /// What of a link the trail keeps: ids and names, no texts of people.
    fn facts(link: &PositionLink, can_download_federal: bool) -> Value {
        let district = link.effective_district().map(|LinkedDistrict { id, district }| {
            let District { kind, name } = district;
            json!({"id": id.as_ref().map(DistrictId::as_str), "type": kind, "name": name})
        });
        json!({
            "position_id": link.position.id.to_string(),
            "district": district,
            "is_manual": link.district_manually_set,
            "can_download_federal": can_download_federal,
        })
    }
}
