#![doc = include_str!("../README.md")]

mod demo;
mod election;
mod faults;
mod query;
mod refusal;
mod routes;
mod turnout;
mod world;

pub use election::ElectionEmulator;
pub use faults::{Call, Fault};
pub use turnout::{ElectionCode, Turnout};
pub use world::{District, Position, World, WorldError};
