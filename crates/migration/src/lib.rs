#![doc = include_str!("../README.md")]

mod asking_again;
mod clerk;
pub mod commands;
mod composition;
mod enforce_phase_3;
mod follower;
mod heartbeat;
mod jobs;
pub mod legacy;
mod legacy_changes;
pub mod migrate;
mod naming;
pub mod phase;
mod plan;
mod quarantine;
mod repair;
mod repositories;
mod run;
mod schema;
mod server;
pub mod sql;
pub mod status;
pub mod steps;
mod unit_of_work;
mod verify;

pub use asking_again::{
    AskingAgain, AskingAgainReport, ask_again, asking_again_table, open_look_ups,
};
pub use clerk::{dry_run_clerk_organizations, run_clerk_organizations, sweep_clerk_organizations};
pub use commands::CLERK_COMMANDS;
pub use composition::{Phases, UnknownPhase};
pub use enforce_phase_3::{LastStep, check_phase_3, enforce_phase_3, would_enforce_phase_3};
pub use follower::{Follower, FollowerWorker};
pub use heartbeat::{Heartbeat, Heartbeats};
pub use jobs::{
    BatchJob, JOBS,
    clean::{CleanReport, RefusedRows, clean, clean_table, dry_run_clean},
    elected_offices::complete_offices,
    look_ups::LookUps,
    restore::{RestoreReport, dry_run_restore, restore, restore_table},
};
pub use legacy_changes::lag;
pub use phase::Phase;
pub use plan::{Plan, PlanStep, StepState, plan, plan_table};
pub use quarantine::{
    QuarantineReport, Retried, Retry, list_quarantine, quarantine_table, retry_quarantine,
    show_quarantine,
};
pub use repair::{RepairReport, dry_run_repair, repair, repair_table};
pub use run::dry_run::DryRunReport;
pub use run::engine::RunError;
pub use run::options::Options;
pub use run::progress;
pub use run::runner::{LookUpReport, Observer, RunReport, StepReport, Unobserved, run_table};
pub use run::start::{run_organizations, run_positions, run_voter_file_filters};
pub use server::{Beside, Server};
pub use sql::{Job, Progress, ROW_REFUSED};
pub use verify::{Category, VerifyReport, verify, verify_read_only, verify_table};
pub use winserve_admin::Stop;
