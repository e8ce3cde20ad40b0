//! `backfill`, and `winserve-admin` during the migration.

mod admin;
mod backfill;
mod backfill_path;
mod backfill_reports;
mod clean_and_restore;
mod demo;
mod election_tokens;
mod enforce_phase_3;
pub(crate) mod interruptions;
mod phase_changes;
mod runbook;
