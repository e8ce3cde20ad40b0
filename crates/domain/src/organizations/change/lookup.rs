//! Looks up in election-api what a change names.

use super::command::{ChangeOrganizationError, DistrictChoice, OfficeChange};
use crate::positions::{
    BallotReadyId, CustomOfficeChange, District, DistrictId, ElectionService, LinkedDistrict,
    PositionFacts, clean_name,
    election_lookup::{Existence, existence},
};

/// An office that replaces the previous one, as far as election-api knows it.
#[derive(Clone)]
pub(super) enum KnownOffice {
    /// A BallotReady office.
    BallotReady(Box<PositionFacts>),
    /// A typed-in office, or its changed parts.
    Custom(CustomOfficeChange),
    /// None.
    Cleared,
}

/// A named district, and the state in which it was looked up.
pub(super) struct NamedDistrict {
    /// The state of the position that it was looked up for.
    pub(super) position_state: Option<String>,
    /// The state that the district is in.
    pub(super) state: Option<String>,
    /// The district; without an id if election-api does not know it or did not answer.
    pub(super) district: LinkedDistrict,
    /// Whether election-api says that there is no such district.
    pub(super) is_unknown: bool,
}

/// The office that a change names. Nothing is stored without an answer.
pub(super) async fn office(
    election: &dyn ElectionService,
    office: Option<&OfficeChange>,
) -> Result<Option<KnownOffice>, ChangeOrganizationError> {
    Ok(match office {
        None => None,
        Some(OfficeChange::Cleared) => Some(KnownOffice::Cleared),
        Some(OfficeChange::Custom(change)) => Some(KnownOffice::Custom(change.clone())),
        Some(OfficeChange::BallotReady(id)) => {
            let unknown = || ChangeOrganizationError::UnknownPosition;
            let id = BallotReadyId::parse(id).ok_or_else(unknown)?;
            let facts = election.position(&id).await?.ok_or_else(unknown)?;
            Some(KnownOffice::BallotReady(Box::new(facts)))
        }
    })
}

/// The district that a change names, if it names one.
pub(super) async fn district(
    election: &dyn ElectionService,
    choice: Option<&Option<DistrictChoice>>,
    position_state: Option<String>,
) -> Result<Option<Option<NamedDistrict>>, ChangeOrganizationError> {
    Ok(match choice {
        None => None,
        Some(None) => Some(None),
        Some(Some(DistrictChoice::Id(id))) => {
            Some(Some(by_id(election, id, position_state).await?))
        }
        Some(Some(DistrictChoice::Named(district))) => {
            Some(Some(by_name(election, district, position_state).await))
        }
    })
}

/// A district by its id. Nothing is stored without an answer.
async fn by_id(
    election: &dyn ElectionService,
    id: &str,
    position_state: Option<String>,
) -> Result<NamedDistrict, ChangeOrganizationError> {
    let unknown = || ChangeOrganizationError::UnknownDistrict;
    let id = DistrictId::parse(id).ok_or_else(unknown)?;
    let known = election.district(&id).await?.ok_or_else(unknown)?;
    let District { kind, name } = known.district;
    let district = District { kind, name: clean_name(&name).to_owned() };
    let district = LinkedDistrict { id: Some(id), district };
    Ok(NamedDistrict { position_state, state: Some(known.state), district, is_unknown: false })
}

/// A district by type and name in the state of the position. It is accepted without an id if
/// election-api does not answer (design §3).
async fn by_name(
    election: &dyn ElectionService,
    District { kind, name }: &District,
    position_state: Option<String>,
) -> NamedDistrict {
    let district = District { kind: kind.trim().to_owned(), name: clean_name(name).to_owned() };
    let existence = match &position_state {
        Some(state) => existence(election, state, &district).await,
        None => Existence::Unknown,
    };
    let is_unknown = existence == Existence::Unknown;
    let id = match existence {
        Existence::Known(id) => Some(id),
        Existence::NoAnswer | Existence::Unknown => None,
    };
    let district = LinkedDistrict { id, district };
    NamedDistrict { state: position_state.clone(), position_state, district, is_unknown }
}
