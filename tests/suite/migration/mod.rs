//! Tests that are deleted with the migration: schema steps, phases, the backfill, and the old
//! service.

mod backfill_contention;
mod backfill_faults;
mod backfill_live_writers;
mod backfill_look_ups;
mod backfill_odd_data;
mod backfill_run;
mod backfill_unanswered;
mod backfill_verify;
mod baseline;
mod beside_each_other;
pub(crate) mod binaries;
mod capabilities;
pub(crate) mod clean_and_restore;
mod clerk_backfill;
mod generated;
mod hanging_server;
mod legacy_catalog;
mod mapped_rows;
mod next_steps;
mod old_service;
mod old_service_followed;
mod phase_1_expand;
mod phase_1b_expand;
mod phase_2;
mod phase_3_expand;
mod phase_switch;
mod phases;
mod poolers;
mod read_from_tables;
mod refused_connections;
mod roles;
mod saved_filters;
mod session_defaults;
mod status;
mod synchronous_standby;
mod unreadable_json;
