//! Counts of an organization's voters (legacy contract §5.5).

use super::voters::{Voters, part_of_state};
use crate::{
    Ports,
    contacts::{ContactsError, Statistics},
    organizations::ActiveOrganization,
    positions::Electorate,
    saved_filters::Segment,
};

/// Counts of the voters of an organization's district, which must be smaller than a state; the same
/// for both products.
///
/// # Errors
/// See [`ContactsError`].
pub async fn statistics(
    ports: &Ports,
    of: &ActiveOrganization,
) -> Result<Statistics, ContactsError> {
    let voters = Voters::of(ports, of, Segment::All).await?;
    statistics_of(ports, Some(of), &voters.electorate).await
}

/// Counts of the voters of an electorate. A district id that had to be looked up is stored for the
/// organization.
pub(crate) async fn statistics_of(
    ports: &Ports,
    of: Option<&ActiveOrganization>,
    electorate: &Electorate,
) -> Result<Statistics, ContactsError> {
    let district = part_of_state(ports, of, electorate).await?;
    let district = district.ok_or(ContactsError::WholeState)?;
    ports.people.statistics(&district).await?.ok_or(ContactsError::NoStatistics)
}
