//! What only the migration needs.

mod legacy_change;
mod oddity;
mod phase;
mod position_consensus;

pub use legacy_change::{Lag, LegacyChange, LegacyChanges, Taken};
pub use oddity::Oddity;
pub use phase::Phase;
pub use position_consensus::PositionConsensus;
