//! The contract of the people-api emulator: the behavior of upstreams §5–§9 and §13.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod control;
mod files;
mod filters;
mod lists;
mod support;
mod worlds;
