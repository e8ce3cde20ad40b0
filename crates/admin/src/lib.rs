#![doc = include_str!("../README.md")]

mod actor;
pub mod clerk;
mod exit;
pub mod output;
mod rights;
mod seconds;
pub mod signals;
mod stop;
mod watch;

pub use actor::system_user;
pub use exit::{EXIT_CODES, Exit, Failure, Standby};
pub use rights::MissingRight;
pub use seconds::parse_seconds;
pub use stop::Stop;
pub use watch::{Watch, WatchOptions};

/// Version of the JSON that commands print; it increases if a member changes its meaning or is
/// removed.
pub const SCHEMA_VERSION: u32 = 1;
