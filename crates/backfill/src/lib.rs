#![doc = include_str!("../README.md")]

mod campaigns;
mod elected_offices;
mod engine;
mod look_ups;
mod positions;
mod runner;
pub mod status;
mod tuner;

pub use engine::{Options, ROW_REFUSED, RunError, Stop};
pub use look_ups::LookUps;
pub use runner::{
    LookUpReport, Observer, RunReport, StepReport, Unobserved, run_organizations, run_positions,
};
pub use winserve_persistence::backfill::{Job, Progress};
