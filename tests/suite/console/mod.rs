//! Tests of the console: through HTTP, and in a browser.

mod browser;
mod frame;
mod visitor;
mod world;

pub(crate) use visitor::{Shown, Visitor};
