//! Contacts of an organization as a file (legacy contract §5.5).

use super::{
    list::require_search,
    voters::{Voters, district, segment},
};
use crate::{
    Ports,
    contacts::{ContactsError, ContactsOf, Download, ForProduct, Product, Serve, Win},
    organizations::{ActiveOrganization, Holder},
    positions::DistrictId,
    saved_filters::Segment,
};

/// The segment that a client wants to download, if the organization may download any. A route asks
/// before it counts the download: what is refused here takes nobody's turn.
///
/// # Errors
/// [`ContactsError::ProRequired`], [`ContactsError::NoFilter`].
pub fn segment_to_download(
    of: &ActiveOrganization,
    text: Option<&str>,
) -> Result<Segment, ContactsError> {
    require_search(of)?;
    segment(text)
}

/// The contacts of a segment as CSV, for elected offices and paid campaigns.
///
/// # Errors
/// See [`ContactsError`].
pub async fn download(
    ports: &Ports,
    of: &ActiveOrganization,
    segment: Segment,
) -> Result<ForProduct<Download<Win>, Download<Serve>>, ContactsError> {
    require_search(of)?;
    let people = ports.people.as_ref();
    match of.holder() {
        Holder::Campaign(_) => {
            download_for::<Win>(ports, people, of, segment).await.map(ForProduct::Win)
        }
        Holder::ElectedOffice(_) => {
            download_for::<Serve>(ports, people, of, segment).await.map(ForProduct::Serve)
        }
    }
}

/// Whether [`download`] would be refused; does not call people-api.
///
/// # Errors
/// See [`ContactsError`].
pub async fn check_download(
    ports: &Ports,
    of: &ActiveOrganization,
    segment: Segment,
) -> Result<(), ContactsError> {
    require_search(of)?;
    match of.holder() {
        Holder::Campaign(_) => prepare::<Win>(ports, of, segment).await.map(drop),
        Holder::ElectedOffice(_) => prepare::<Serve>(ports, of, segment).await.map(drop),
    }
}

async fn download_for<P: Product>(
    ports: &Ports,
    people: &dyn ContactsOf<P>,
    of: &ActiveOrganization,
    segment: Segment,
) -> Result<Download<P>, ContactsError> {
    let (district, filter) = prepare::<P>(ports, of, segment).await?;
    Ok(people.download(&district, filter).await?)
}

async fn prepare<P: Product>(
    ports: &Ports,
    of: &ActiveOrganization,
    segment: Segment,
) -> Result<(DistrictId, P::Filter), ContactsError> {
    let voters = Voters::of(ports, of, segment).await?;
    let filter = voters.filter::<P>()?;
    Ok((district(ports, Some(of), &voters.electorate).await?, filter))
}
