//! Types that only the migration needs.

mod legacy_change;

pub(crate) use legacy_change::NoLegacyChanges;
pub use legacy_change::{Lag, LegacyChange, LegacyChanges, Taken};
