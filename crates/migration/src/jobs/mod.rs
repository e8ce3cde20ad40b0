//! The backfill jobs: what each reads, prepares and writes.

pub(crate) mod campaigns;
pub(crate) mod elected_offices;
pub(crate) mod filters;
pub(crate) mod look_ups;
pub(crate) mod position_consensus;
pub(crate) mod positions;
