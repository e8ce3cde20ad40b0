//! What only the migration needs.

mod legacy_change;

pub use legacy_change::{Lag, LegacyChange, LegacyChanges, Taken};
