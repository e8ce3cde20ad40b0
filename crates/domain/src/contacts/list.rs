//! Contacts of an organization, page by page, one by one, or counted (legacy contract §5.5).

use super::{
    search::usual_capitalization,
    voters::{Voters, district, segment},
};
use crate::{
    Ports,
    contacts::{
        Contact, ContactPage, ContactsError, ContactsOf, ForProduct, PageQuery, Product, Serve,
        ServeContact, Win, WinContact,
    },
    organizations::{ActiveOrganization, Holder, OrganizationItem, OrganizationKind},
    positions::{DistrictId, ElectorateError},
    saved_filters::{Criteria, FilterContent, Segment, VoterFilter as _},
};

/// Which page of contacts to return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub page: u32,
    /// At least 1.
    pub page_size: u32,
    /// A name or a telephone number.
    pub search: Option<String>,
    /// The name of a built-in segment, or the id of a saved filter.
    pub segment: Option<String>,
}

/// Refuses an organization that may not search its contacts. The operations of this module check it
/// themselves; a route asks before it reads what belongs to the search, such as a filter.
///
/// # Errors
/// [`ContactsError::ProRequired`].
pub const fn require_search(of: &ActiveOrganization) -> Result<(), ContactsError> {
    if of.may_search() { Ok(()) } else { Err(ContactsError::ProRequired) }
}

/// A page of contacts. Searching requires an elected office or a paid campaign; if nobody is found,
/// the usual capitalization of names is tried.
///
/// # Errors
/// See [`ContactsError`].
pub async fn page(
    ports: &Ports,
    of: &ActiveOrganization,
    request: &PageRequest,
) -> Result<ForProduct<ContactPage<Win>, ContactPage<Serve>>, ContactsError> {
    if request.search.is_some() {
        require_search(of)?;
    }
    let people = ports.people.as_ref();
    match of.holder() {
        Holder::Campaign(_) => {
            page_for::<Win>(ports, people, of, request).await.map(ForProduct::Win)
        }
        Holder::ElectedOffice(_) => {
            page_for::<Serve>(ports, people, of, request).await.map(ForProduct::Serve)
        }
    }
}

async fn page_for<P: Product>(
    ports: &Ports,
    people: &dyn ContactsOf<P>,
    of: &ActiveOrganization,
    request: &PageRequest,
) -> Result<ContactPage<P>, ContactsError> {
    let voters = Voters::of(ports, of, segment(request.segment.as_deref())?).await?;
    let filter = voters.filter::<P>()?;
    let district = district(ports, Some(of), &voters.electorate).await?;
    let ask = |search| {
        let PageRequest { page, page_size, .. } = *request;
        people.page(PageQuery { district: &district, filter: &filter, search, page, page_size })
    };
    let found = ask(request.search.as_deref()).await?;
    match request.search.as_deref().and_then(usual_capitalization) {
        Some(usual) if found.total_results == 0 => Ok(ask(Some(&usual)).await?),
        _ => Ok(found),
    }
}

/// A contact, by people-api's key; `None` if they do not live in the district.
///
/// # Errors
/// See [`ContactsError`].
pub async fn find(
    ports: &Ports,
    of: &ActiveOrganization,
    id: &str,
) -> Result<Option<ForProduct<WinContact, ServeContact>>, ContactsError> {
    let people = ports.people.as_ref();
    Ok(match of.holder() {
        Holder::Campaign(_) => find_for::<Win>(ports, people, of, id).await?.map(ForProduct::Win),
        Holder::ElectedOffice(_) => {
            find_for::<Serve>(ports, people, of, id).await?.map(ForProduct::Serve)
        }
    })
}

async fn find_for<P: Product>(
    ports: &Ports,
    people: &dyn ContactsOf<P>,
    of: &ActiveOrganization,
    id: &str,
) -> Result<Option<Contact<P>>, ContactsError> {
    let voters = Voters::of(ports, of, Segment::All).await?;
    let district = district(ports, Some(of), &voters.electorate).await?;
    Ok(people.contact(&district, id).await?)
}

/// How many contacts an unsaved filter selects. Like saving one, this requires an elected office or
/// a paid campaign.
///
/// # Errors
/// See [`ContactsError`].
pub async fn count(
    ports: &Ports,
    of: &ActiveOrganization,
    filter: &FilterContent,
) -> Result<i64, ContactsError> {
    require_search(of)?;
    let people = ports.people.as_ref();
    match of.holder() {
        Holder::Campaign(_) => count_for::<Win>(ports, people, of, filter).await,
        Holder::ElectedOffice(_) => {
            let party = filter.party();
            if !party.is_empty() {
                return Err(ContactsError::Party(party));
            }
            count_for::<Serve>(ports, people, of, filter).await
        }
    }
}

async fn count_for<P: Product>(
    ports: &Ports,
    people: &dyn ContactsOf<P>,
    of: &ActiveOrganization,
    filter: &FilterContent,
) -> Result<i64, ContactsError> {
    let filter = P::Filter::saved(filter)?;
    let voters = Voters::of(ports, of, Segment::All).await?;
    let district = district(ports, Some(of), &voters.electorate).await?;
    total::<P>(people, &district, &filter).await
}

/// How many contacts an organization has, whoever may see them. It need not be stored.
///
/// # Errors
/// See [`ContactsError`].
pub(crate) async fn count_of(ports: &Ports, item: &OrganizationItem) -> Result<i64, ContactsError> {
    let voters = item.electorate.as_ref().ok_or(ElectorateError::DistrictMissing)?;
    let (people, district) = (ports.people.as_ref(), district(ports, None, voters).await?);
    match item.kind {
        OrganizationKind::Campaign => {
            total::<Win>(people, &district, &Criteria::default().into()).await
        }
        OrganizationKind::ElectedOffice => {
            total::<Serve>(people, &district, &Criteria::default().into()).await
        }
    }
}

/// people-api counts only what it lists: it is asked for one contact, and for the total.
async fn total<P: Product>(
    people: &dyn ContactsOf<P>,
    district: &DistrictId,
    filter: &P::Filter,
) -> Result<i64, ContactsError> {
    let query = PageQuery { district, filter, search: None, page: 1, page_size: 1 };
    Ok(people.page(query).await?.total_results)
}
