#![doc = include_str!("../README.md")]

pub mod base;
pub mod campaigns;
pub mod clerk;
pub mod contacts;
pub mod database;
pub mod migration;
pub mod offices;
pub mod organizations;
pub mod polls;
mod ports;
pub mod positions;
mod rehearsal;
pub mod saved_filters;
pub mod users;

pub use ports::Ports;
