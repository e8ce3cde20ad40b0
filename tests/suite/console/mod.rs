//! Tests of the console through HTTP, without a browser.

mod frame;
mod visitor;
mod world;

pub(crate) use visitor::{Shown, Visitor};
