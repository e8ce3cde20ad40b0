//! What has to be known before people-api is asked for contacts.

use crate::{
    Ports,
    base::ErrorChain,
    contacts::{ContactsError, Product},
    organizations::ActiveOrganization,
    positions::{DistrictId, Electorate, ElectorateError, VoterArea, find_by_spelling},
    saved_filters::{Criteria, FilterContent, Segment, VoterFilter as _},
};

/// The voters of an organization, and what the saved filter that a segment names says.
pub(super) struct Voters {
    /// The voters.
    pub(super) electorate: Electorate,
    segment: Segment,
    /// What the filter says, if the segment is one.
    filter: Option<FilterContent>,
}

impl Voters {
    /// Reads the voters of an organization.
    pub(super) async fn of(
        ports: &Ports,
        of: &ActiveOrganization,
        segment: Segment,
    ) -> Result<Self, ContactsError> {
        let of = of.clone();
        ports
            .database
            .read("contacts.ask_before", move |uow| {
                let filter = match segment {
                    Segment::Saved(id) => {
                        let found = uow.saved_filters().find(&of, id)?;
                        Some(found.ok_or(ContactsError::NoFilter)?.content)
                    }
                    Segment::All | Segment::CellPhone | Segment::Landline => None,
                };
                let electorate = uow.electorates().find(&of)?.ok_or(ContactsError::Gone)?;
                Ok(Self { electorate, segment, filter })
            })
            .await
    }

    /// What the segment selects for a product.
    pub(super) fn filter<P: Product>(&self) -> Result<P::Filter, ContactsError> {
        if let Some(saved) = &self.filter {
            return Ok(P::Filter::saved(saved)?);
        }
        let built_in = Criteria::built_in(self.segment).map(P::Filter::from);
        built_in.ok_or(ContactsError::NoFilter)
    }
}

/// What a request calls its segment; what cannot be one names none.
pub(super) fn segment(text: Option<&str>) -> Result<Segment, ContactsError> {
    Segment::parse(text.unwrap_or_default()).ok_or(ContactsError::NoFilter)
}

/// people-api's key of the district of an electorate. One that is not known yet is looked up by state, type
/// and name, and remembered.
pub(super) async fn district(
    ports: &Ports,
    of: &ActiveOrganization,
    electorate: &Electorate,
) -> Result<DistrictId, ContactsError> {
    id_of(ports, Some(of), electorate, electorate.area()?).await
}

/// [`district`], but never a whole state. Nothing is remembered without an organization.
pub(super) async fn part_of_state(
    ports: &Ports,
    of: Option<&ActiveOrganization>,
    electorate: &Electorate,
) -> Result<Option<DistrictId>, ContactsError> {
    let area = electorate.area()?;
    if area.is_statewide {
        return Ok(None);
    }
    id_of(ports, of, electorate, area).await.map(Some)
}

async fn id_of(
    ports: &Ports,
    of: Option<&ActiveOrganization>,
    electorate: &Electorate,
    area: VoterArea,
) -> Result<DistrictId, ContactsError> {
    if let Some(id) = area.district.id {
        return Ok(id);
    }
    let state = area.state.ok_or(ElectorateError::StateInvalid)?;
    let found = find_by_spelling(ports.election.as_ref(), &state, &area.district.district).await?;
    let id = found.ok_or(ElectorateError::DistrictMissing)?.id;
    if let Some(of) = of {
        remember(ports, of, electorate, &id).await;
    }
    Ok(id)
}

/// Notes the id of a district that was looked up, unless it was changed meanwhile: the next request need
/// not look it up. If this fails, it does.
async fn remember(
    ports: &Ports,
    of: &ActiveOrganization,
    electorate: &Electorate,
    id: &DistrictId,
) {
    let Some(found) = electorate.found(id.clone()) else { return };
    let of = of.clone();
    let remembered = ports
        .database
        .transaction("contacts.remember_district", move |uow| {
            uow.electorates().remember(&of, &found)
        })
        .await;
    if let Err(error) = remembered {
        tracing::warn!(error = %ErrorChain(&error), "could not store a district's id");
    }
}
