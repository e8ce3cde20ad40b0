//! `backfill`, and what `winserve-admin` leaves to it.

mod admin;
mod backfill;
mod backfill_path;
mod backfill_reports;
mod election_tokens;
pub(crate) mod interruptions;
