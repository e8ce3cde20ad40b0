//! Tests of the console through HTTP, without a browser.

mod campaigns;
mod frame;
mod office;
mod polls;
mod result;
mod visitor;
mod world;

pub(crate) use visitor::{Shown, Visitor};
