//! What a change of an organization would do, before anybody makes it (design §11).

use super::{ChangeOrganization, ChangeOrganizationError, change};
use crate::{
    Ports,
    base::StoreError,
    contacts::{self, ContactsError},
    database::UnitOfWork,
    organizations::{
        Header, OrganizationError, OrganizationItem, OrganizationReference, RequestedOrganization,
        RouteScope, access::voter_area, read::find_in, resolve,
    },
    saved_filters::{FilterProblem, SavedFilter},
    users::UserReference,
};

/// What a change of an organization would do.
#[derive(Debug)]
pub struct ChangePreview {
    /// The organization as it is.
    pub before: OrganizationItem,
    /// The organization as the change would leave it.
    pub after: OrganizationItem,
    /// Whether its contacts would be others, or none.
    pub changes_contacts: bool,
    /// How many contacts it would have, or why they cannot be counted.
    pub contacts: Result<i64, ContactsError>,
    /// The saved filters that would select other people, and those that select by values that the
    /// voter file does not have.
    pub filters: Vec<SavedFilter>,
}

/// What [`change`] would do, without doing it: it is carried out and undone, so that the same
/// requests are refused for the same reasons. Contacts that cannot be counted refuse nothing.
///
/// # Errors
/// See [`ChangeOrganizationError`].
pub async fn preview(
    ports: &Ports,
    command: ChangeOrganization,
) -> Result<ChangePreview, ChangeOrganizationError> {
    let (reference, owner) = (command.reference.clone(), command.author.owner);
    let (before, mut filters) = ports
        .database
        .read("organization.preview", move |uow| {
            let item = find_in(uow, &reference, owner)?;
            let filters = filters_of(uow, &item)?;
            Ok::<_, OrganizationError>((item, filters))
        })
        .await?;
    let after = change(&ports.rehearsal(), command).await?;
    let changes_contacts = !has_same_contacts(&before, &after);
    filters.retain(|filter| changes_contacts || FilterProblem::of(&filter.content).is_some());
    let contacts = contacts::count_of(ports, &after).await;
    Ok(ChangePreview { before, after, changes_contacts, contacts, filters })
}

/// The saved filters of an organization; none of an office that is no longer held, whose filters
/// nobody can use.
fn filters_of(
    uow: &mut dyn UnitOfWork,
    item: &OrganizationItem,
) -> Result<Vec<SavedFilter>, StoreError> {
    let owner = uow.users().find_with_holdings(&UserReference::Ours(item.owner.id))?;
    let Some(owner) = owner.filter(|_| item.keeps_filters) else { return Ok(Vec::new()) };
    let header = Header::Names(OrganizationReference::Ours(item.id));
    let named = RequestedOrganization { header, claim: None };
    let scope = RouteScope::Shared;
    match resolve(scope, uow.naming(), item.owner.id, &named, &owner.holdings) {
        Ok(active) => uow.saved_filters().list(&active),
        Err(_unusable) => Ok(Vec::new()),
    }
}

fn has_same_contacts(before: &OrganizationItem, after: &OrganizationItem) -> bool {
    let area = |item: &OrganizationItem| item.electorate.as_ref().map(voter_area);
    match (area(before), area(after)) {
        (Some(Ok(before)), Some(Ok(after))) => before.has_same_voters(&after),
        (before, after) => before == after,
    }
}
