#![doc = include_str!("../README.md")]

mod clerk;
mod demo;
mod election;
mod faults;
mod query;
mod refusal;
mod routes;
mod server;
mod turnout;
mod world;

pub use clerk::{
    Action, ClerkEmulator, Key, Match, Person, Rotation, Rule, TokenRequest, hostile_tokens,
};
pub use election::ElectionEmulator;
pub use faults::{Call, Fault};
pub use turnout::{ElectionCode, Turnout};
pub use world::{District, Position, World, WorldError};
