#![doc = include_str!("../README.md")]

mod asking_again;
mod campaigns;
mod clerk;
mod dry_run;
mod elected_offices;
mod engine;
mod filters;
mod look_ups;
mod options;
mod plan;
mod positions;
pub mod progress;
mod quarantine;
mod repair;
mod runner;
pub mod status;
mod tuner;
mod verify;

pub use asking_again::{
    AskingAgain, AskingAgainReport, ask_again, asking_again_table, open_look_ups,
};
pub use clerk::{
    CLERK_COMMANDS, dry_run_clerk_organizations, run_clerk_organizations, sweep_clerk_organizations,
};
pub use dry_run::{
    DryRunReport, dry_run_organizations, dry_run_positions, dry_run_voter_file_filters,
};
pub use engine::RunError;
pub use look_ups::LookUps;
pub use options::Options;
pub use plan::{Plan, PlanStep, StepState, plan, plan_table};
pub use quarantine::{
    QuarantineReport, Retried, Retry, list_quarantine, quarantine_table, retry_quarantine,
    show_quarantine,
};
pub use repair::{RepairReport, dry_run_repair, repair, repair_table};
pub use runner::{
    LookUpReport, Observer, RunReport, StepReport, Unobserved, run_organizations, run_positions,
    run_table, run_voter_file_filters,
};
pub use verify::{Category, VerifyReport, verify, verify_read_only, verify_table};
pub use winserve_admin::Stop;
pub use winserve_persistence::backfill::{Job, Progress, ROW_REFUSED};
