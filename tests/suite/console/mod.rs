//! Tests of the console through HTTP, without a browser.

mod campaigns;
mod contacts;
mod frame;
mod lists;
mod office;
mod polls;
mod result;
mod staff;
mod visitor;
mod world;

pub(crate) use visitor::{Shown, Visitor};
