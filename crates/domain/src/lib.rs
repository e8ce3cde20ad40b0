#![doc = include_str!("../README.md")]

pub mod campaign;
pub mod campaign_list;
pub mod clock;
pub mod district;
pub mod election;
pub mod id;
pub mod json_merge;
pub mod legacy_view;
pub mod oddity;
pub mod phase;
pub mod position;
pub mod state;
pub mod unit_of_work;
pub mod use_cases;
pub mod user;
