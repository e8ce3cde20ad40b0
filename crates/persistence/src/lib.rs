#![doc = include_str!("../README.md")]

pub mod backfill;
mod campaign_list;
mod campaigns;
mod connection;
mod db;
mod elected_offices;
mod electorates;
mod error;
mod heartbeat;
mod holdings;
mod hops;
mod json;
pub mod legacy;
mod limits;
mod look_ups;
pub mod migrate;
mod organizations;
mod own_connection;
mod paging;
pub mod phase;
mod polls;
mod pool;
mod provisioning;
mod readiness;
mod saved_filters;
pub(crate) mod schema;
mod server_state;
mod tables;
mod unit_of_work;
mod users;

pub use connection::{connect, read_snapshot};
pub use db::{Db, DbOptions};
pub use diesel::{PgConnection, QueryResult};
pub use error::store_error;
pub use heartbeat::{Heartbeat, SERVER};
pub use limits::Limits;
