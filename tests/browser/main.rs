//! Tests of the console in a real browser: what only a browser knows, and what people do from page to page.
//!
//! Chromium and its driver come from `scripts/system-packages --server`, axe-core from `scripts/axe-core`.
//! Without them, these tests fail in CI, and do nothing elsewhere; `scripts/test` says so.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod clerk;
mod driver;
#[expect(dead_code, reason = "the suite uses all of it")]
#[path = "../suite/fixtures.rs"]
mod fixtures;
mod keyboard;
mod outcomes;
mod pages;
mod probes;
mod tab;
#[expect(dead_code, reason = "the suite uses all of it")]
#[path = "../suite/console/world.rs"]
mod world;

pub(crate) use tab::{Key, Tab};
