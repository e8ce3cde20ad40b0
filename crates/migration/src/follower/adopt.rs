//! Copies a recorded change of the old service to the tables.

use chrono::{DateTime, Utc};
use winserve_domain::{
    base::StoreError,
    campaigns::adopt_json,
    database::UnitOfWork,
    migration::{LegacyChange, Taken},
    positions::Facts,
};

/// Result of adopting a recorded change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdoptedChange {
    /// The tables have the change, and its record is deleted.
    Settled,
    /// The campaign has changed since it was read, or it or a related row is locked; it stays
    /// recorded.
    NotYet,
}

/// Copies the recorded changes of a campaign to the tables and deletes the record. `facts` are
/// those of the position that the record was read with; if the campaign names another position now,
/// nothing is written.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn adopt_change(
    uow: &mut dyn UnitOfWork,
    change: &LegacyChange,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<AdoptedChange, StoreError> {
    let LegacyChange { campaign, changes, .. } = *change;
    let taken = uow.legacy_changes().take(campaign)?;
    let is_settled = match taken {
        Taken::Settled => true,
        Taken::Noted(noted) if noted == changes => {
            adopt_json(uow, campaign, facts, now)?
                && uow.legacy_changes().forget(campaign, changes)?
        }
        Taken::Noted(_) | Taken::Held => false,
    };
    Ok(if is_settled { AdoptedChange::Settled } else { AdoptedChange::NotYet })
}
