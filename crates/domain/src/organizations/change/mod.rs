//! Changes office, district and voter data of an organization (design §5, `PATCH`).

mod command;
mod former;
mod lookup;
mod preview;
mod store;

use chrono::{DateTime, Utc};

pub use self::command::{
    ChangeOrganization, ChangeOrganizationError, DistrictChoice, OfficeChange, OrganizationAuthor,
    Precondition,
};
pub use self::preview::{ChangePreview, preview};
use self::{
    former::Former,
    lookup::{KnownOffice, NamedDistrict},
    store::store,
};
use crate::{
    Ports,
    base::StoreError,
    campaigns::{adopt::adopted, update_error::require_federal_permission},
    database::UnitOfWork,
    offices::complete::adopt_campaign_of,
    organizations::{
        OrganizationItem, OrganizationReference,
        access::{DistrictClaim, DistrictPermission, Reach, district_permission},
        find,
        read::find_in,
    },
    positions::{
        BallotPosition, Facts, LinkedDistrict, PositionId, PositionLink,
        election_lookup::{retry_when_outdated, unverified_state},
    },
};

/// Changes an organization and returns it; an empty change writes nothing. Unknown organizations
/// and those of other users are refused before election-api is called.
///
/// Another office drops the holder's own district, unless the author asks to keep it and may set it
/// for that office. A typed-in office that moves to another state loses a district that its author
/// may not set there. The change is written to both stores in one unit of work, which the database
/// completes with an event.
///
/// # Errors
/// See [`ChangeOrganizationError`].
pub async fn change(
    ports: &Ports,
    command: ChangeOrganization,
) -> Result<OrganizationItem, ChangeOrganizationError> {
    find(ports, command.reference.clone(), command.author.owner).await?;
    retry_when_outdated(ChangeOrganizationError::is_outdated, || async {
        let election = ports.election.as_ref();
        let office = lookup::office(election, command.office.as_ref()).await?;
        let state = state_of_position(ports, &command, office.clone()).await?;
        let district = lookup::district(election, command.district.as_ref(), state).await?;
        let (command, now) = (command.clone(), ports.now());
        ports
            .database
            .transaction("organization.change", move |uow| {
                write(uow, &command, office, district, now)
            })
            .await
    })
    .await
}

/// The position's state after the change: where to look up a named district.
async fn state_of_position(
    ports: &Ports,
    command: &ChangeOrganization,
    office: Option<KnownOffice>,
) -> Result<Option<String>, ChangeOrganizationError> {
    let database = &ports.database;
    let (reference, owner) = (command.reference.clone(), command.author.owner);
    let named = office.clone();
    let known = database
        .read("organization.ask_before_change", move |uow| {
            let item = find_in(uow, &reference, owner)?;
            let is_complete = !wants_completion(uow, &item)?;
            is_complete.then(|| state_in(uow, &item, named)).transpose()
        })
        .await?;
    if let Some(state) = known {
        return Ok(state);
    }
    // An office that the old service just won has no position yet, so there is no state to look for
    // districts in.
    let (reference, now) = (command.reference.clone(), ports.now());
    database
        .transaction("organization.complete", move |uow| {
            let item = find_in(uow, &reference, owner)?;
            lock(uow, &item, now)?;
            let item = find_in(uow, &reference, owner)?;
            state_in(uow, &item, office)
        })
        .await
}

/// Whether an office still has to take over another service's changes.
fn wants_completion(uow: &mut dyn UnitOfWork, item: &OrganizationItem) -> Result<bool, StoreError> {
    let Some(office) = &item.elected_office else { return Ok(false) };
    Ok(uow.elected_offices().find(&office.id)?.is_some_and(|office| office.wants_repair))
}

/// [`state_of_position`] within a unit of work.
fn state_in(
    uow: &mut dyn UnitOfWork,
    item: &OrganizationItem,
    office: Option<KnownOffice>,
) -> Result<Option<String>, ChangeOrganizationError> {
    let former = Former::of(uow, item)?;
    let (position, _) = wanted_position(&former, office)?;
    if let Some(id) = position.id.ballot_ready()
        && let Some(known) = uow.position_links().known(id)?.filter(|known| known.is_verified)
    {
        // The stored value applies, even if election-api says something else now.
        return Ok(known.position.state);
    }
    Ok(position.state)
}

fn write(
    uow: &mut dyn UnitOfWork,
    command: &ChangeOrganization,
    office: Option<KnownOffice>,
    district: Option<Option<NamedDistrict>>,
    now: DateTime<Utc>,
) -> Result<OrganizationItem, ChangeOrganizationError> {
    let author = &command.author;
    require_federal_permission(command.can_download_federal, author.is_admin_or_machine)?;
    let reference = command.reference.clone();
    let found = find_in(uow, &reference, command.author.owner)?;
    lock(uow, &found, now)?;
    // The state under the lock.
    let before = find_in(uow, &reference, command.author.owner)?;
    if command.precondition.as_ref().is_some_and(|holds| !holds(&before)) {
        return Err(ChangeOrganizationError::Stale);
    }
    let former = Former::of(uow, &before)?;
    let can_download_federal = command.can_download_federal.unwrap_or(before.can_download_federal);
    // A removed typed-in office keeps its key.
    let is_cleared =
        matches!(office, Some(KnownOffice::Cleared)) && former.link.position.is_chosen();
    let (position, facts) = wanted_position(&former, office)?;
    let former = former.link;
    let former_state = unverified_state(uow, &former.position, &facts)?;
    let position = uow.position_links().settle(position, &facts, now)?;
    if position.zip.is_none() && former.position.zip.is_some() {
        uow.position_links().clear_zip(&position.id)?;
    }
    let is_another = position.id != former.position.id || is_cleared;
    // The holder's own data applies to the previous office.
    let is_elsewhere = position.state != former.position.state;
    let starts_over = is_another || position.has_left(former_state.as_deref());
    let reach = Reach::of(command.author.is_staff_or_machine, can_download_federal);
    let (own, is_manual) = match district {
        Some(Some(named)) => (Some(admit(named, &former, &position, starts_over, reach)?), true),
        Some(None) => (None, false),
        None if is_another && !command.keep_district => (None, false),
        None => {
            let held = former.district_override.clone();
            let is_allowed = |held: &LinkedDistrict| {
                let district = &held.district;
                let is_office_new = starts_over;
                let claim = DistrictClaim { district, is_elsewhere, is_held: true, is_office_new };
                district_permission(reach, claim) != DistrictPermission::Forbidden
            };
            if held.as_ref().is_none_or(is_allowed) {
                (held, former.district_manually_set)
            } else if command.keep_district {
                return Err(ChangeOrganizationError::DistrictForbidden);
            } else {
                (None, false)
            }
        }
    };
    let link = PositionLink::new(position, own, is_manual);
    let keeps_data = can_download_federal == before.can_download_federal;
    if link == former && keeps_data && command.election_day.is_none() {
        return Ok(before);
    }
    // Write the organization before its child, whose trigger writes the Clerk outbox.
    uow.organizations().touch(before.id, now)?;
    store(uow, &before, &former, &link, is_another, command, now)?;
    Ok(find_in(uow, &OrganizationReference::Ours(before.id), None)?)
}

/// The child blocks other writers until the end. The owner is locked before it, as in the deletion
/// of a user, because the event refers to them. Another service's changes are copied to the tables
/// first.
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

fn wanted_position(
    former: &Former,
    office: Option<KnownOffice>,
) -> Result<(BallotPosition, Facts), ChangeOrganizationError> {
    let Former { link: PositionLink { position: held, .. }, without_office } = former;
    Ok(match office {
        None => (held.clone(), Facts::Unverified),
        Some(KnownOffice::BallotReady(facts)) => {
            let id = PositionId::BallotReady(facts.id.clone());
            (BallotPosition::unknown(id).verified_by(&facts), Facts::Verified(facts))
        }
        Some(KnownOffice::Custom(change)) => {
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
        Some(KnownOffice::Cleared) => (without_office.clone(), Facts::Unverified),
    })
}

/// The named district, if the holder may have it.
fn admit(
    named: NamedDistrict,
    former: &PositionLink,
    position: &BallotPosition,
    is_office_new: bool,
    reach: Reach,
) -> Result<LinkedDistrict, ChangeOrganizationError> {
    if named.position_state != position.state {
        return Err(ChangeOrganizationError::AnswerOutdated);
    }
    let is_elsewhere = named.state != named.position_state;
    let claim = DistrictClaim {
        district: &named.district.district,
        is_elsewhere,
        // In another office or state, the same name is another district.
        is_held: !is_office_new && former.has_district(&named.district, is_elsewhere),
        is_office_new,
    };
    match district_permission(reach, claim) {
        DistrictPermission::Keep => Ok(former.with_held_id(named.district)),
        _ if named.is_unknown => Err(ChangeOrganizationError::UnknownDistrict),
        DistrictPermission::Set => Ok(named.district),
        DistrictPermission::Forbidden => Err(ChangeOrganizationError::DistrictForbidden),
    }
}
