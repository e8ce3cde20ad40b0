#![doc = include_str!("../README.md")]

mod follower;
mod worker;

pub use follower::Follower;
pub use worker::FollowerWorker;
