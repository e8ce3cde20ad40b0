//! The district whose voters an organization reaches.

use winserve_domain::{
    base::ErrorChain,
    contacts::{self},
    organizations::ActiveOrganization,
    positions::{DistrictId, Electorate, ElectorateError, VoterArea, find_by_spelling},
};

use crate::{AppState, error::ApiError};

/// people-api's key of the district. One that is not known yet is looked up by state, type and name,
/// and remembered.
pub(super) async fn district(
    state: &AppState,
    active: &ActiveOrganization,
    electorate: &Electorate,
) -> Result<DistrictId, ApiError> {
    id_of(state, Some(active), electorate, electorate.area()?).await
}

/// [`district`], but never a whole state. Nothing is remembered without an organization.
pub(super) async fn part_of_state(
    state: &AppState,
    active: Option<&ActiveOrganization>,
    electorate: &Electorate,
) -> Result<Option<DistrictId>, ApiError> {
    let area = electorate.area()?;
    if area.is_statewide {
        return Ok(None);
    }
    id_of(state, active, electorate, area).await.map(Some)
}

async fn id_of(
    state: &AppState,
    active: Option<&ActiveOrganization>,
    electorate: &Electorate,
    area: VoterArea,
) -> Result<DistrictId, ApiError> {
    if let Some(id) = area.district.id {
        return Ok(id);
    }
    let place = area.state.ok_or(ElectorateError::StateInvalid)?;
    let failed = |error| ApiError::upstream("The voter district could not be looked up", error);
    let found =
        find_by_spelling(state.ports.election.as_ref(), &place, &area.district.district).await;
    let known = found.map_err(failed)?.ok_or(ElectorateError::DistrictMissing)?;
    if let Some(active) = active {
        remember(state, active, electorate, &known.id).await;
    }
    Ok(known.id)
}

/// The next request need not look it up. If this fails, it does.
async fn remember(
    state: &AppState,
    active: &ActiveOrganization,
    electorate: &Electorate,
    id: &DistrictId,
) {
    let Some(found) = electorate.found(id.clone()) else { return };
    let of = active.clone();
    let remembered = state
        .ports
        .database
        .transaction("contacts.remember_district", move |uow| {
            contacts::remember_district(uow, &of, &found)
        })
        .await;
    if let Err(error) = remembered {
        tracing::warn!(error = %ErrorChain(&error), "a district's id was not remembered");
    }
}
