#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test support fails by panicking"
)]

mod alone;
mod app;
mod checks;
mod client;
mod cluster;
mod database;
pub mod description;
mod mapping;
mod pooler;
mod rows;
mod sessions;
#[path = "stages/with_migration.rs"]
mod stage;
mod token;

pub use alone::ran_alone;
pub use app::{
    Custom, ORIGIN, SIGN_IN_URL, SIGN_OUT_URL, TestApp, TestClock, WEBHOOK_SECRETS, clerk_options,
};
pub use client::{Client, Response, Status, http_client};
pub use cluster::{CLUSTER_VARIABLE, TestCluster};
pub use database::TestDatabase;
pub use pooler::Pooler;
pub use stage::{Phase, composition, pinned};
pub use token::legacy_token;
pub use winserve_http::{TrustedProxies, server::ReadingPace};
pub use winserve_persistence::Limits;
