//! What must be known before calling people-api.

use crate::{
    Ports,
    base::ErrorChain,
    contacts::{ContactsError, Product},
    organizations::{ActiveOrganization, access::voter_area},
    positions::{DistrictId, Electorate, ElectorateError, VoterArea, find_by_spelling},
    saved_filters::{Criteria, FilterContent, Segment, VoterFilter as _},
};

/// The voters of an organization, and the content of the saved filter that a segment names.
pub(super) struct Voters {
    /// The voters.
    pub(super) electorate: Electorate,
    segment: Segment,
    /// The filter's content, if the segment is a saved filter.
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

/// The segment of a request; an invalid name is `None`.
pub(super) fn segment(text: Option<&str>) -> Result<Segment, ContactsError> {
    Segment::parse(text.unwrap_or_default()).ok_or(ContactsError::NoFilter)
}

/// people-api's key of an electorate's district. If unknown, it is looked up by state, type and
/// name, and stored,
/// if there is an organization to store it for.
pub(super) async fn district(
    ports: &Ports,
    of: Option<&ActiveOrganization>,
    electorate: &Electorate,
) -> Result<DistrictId, ContactsError> {
    id_of(ports, of, electorate, voter_area(electorate)?).await
}

/// [`district`], but never a whole state.
pub(super) async fn part_of_state(
    ports: &Ports,
    of: Option<&ActiveOrganization>,
    electorate: &Electorate,
) -> Result<Option<DistrictId>, ContactsError> {
    let area = voter_area(electorate)?;
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

/// Stores a district id that was looked up, unless the district has changed since, to save the next
/// lookup. A failure only costs that lookup.
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
