//! Refuses a second term of one person in the same office.

use crate::{
    base::StoreError,
    database::{Feature, UnitOfWork},
    offices::{ElectedOffice, Term},
    positions::PositionId,
};

/// Another term of the same person in the same office that shares a day with a requested one; the
/// caller holds a lock on the user. Terms in different offices may overlap.
pub(super) fn overlapping(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
    position: &PositionId,
) -> Result<Option<Term>, StoreError> {
    if !uow.offers(Feature::IndependentHoldings) {
        return Ok(None);
    }
    let held = uow.elected_offices().with_position(office.user_id, position)?;
    let others = held.into_iter().filter(|other| other.id != office.id);
    Ok(others.map(|other| other.term).find(|term| term.overlaps(office.term)))
}
