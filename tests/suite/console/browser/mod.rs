//! Tests of the console in a real browser: what only a browser knows, and what people do from page to page.
//!
//! Chromium and its driver come from `scripts/system-packages --server`, axe-core from `scripts/axe-core`.
//! Without them, these tests fail in CI, and do nothing elsewhere; `scripts/test` says so.

mod driver;
mod keyboard;
mod outcomes;
mod pages;
mod probes;
mod tab;

pub(crate) use tab::{Key, Tab};
