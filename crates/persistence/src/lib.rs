#![doc = include_str!("../README.md")]

pub mod backends;
pub mod backfill;
mod campaign_list;
mod campaigns;
mod cancel;
mod connection;
mod db;
mod elected_offices;
mod electorates;
mod error;
mod heartbeat;
mod hidden_rows;
mod holdings;
mod hops;
mod json;
pub mod legacy;
mod legacy_changes;
mod limits;
mod look_ups;
pub mod migrate;
mod organizations;
mod own_connection;
mod paging;
pub mod phase;
mod polls;
mod pool;
mod privileges;
mod provisioning;
mod readiness;
mod refused;
mod saved_filters;
pub(crate) mod schema;
mod server_state;
mod session;
mod tables;
mod unit_of_work;
mod url;
mod users;

pub use connection::{
    ConnectError, check_server, connect, connect_watcher, is_standby, read_snapshot,
};
pub use db::{Db, DbOptions};
pub use diesel::{PgConnection, QueryResult};
pub use error::{cancellation, refusal_behind, store_error};
pub use heartbeat::{Heartbeat, SERVER};
pub use hidden_rows::{HiddenRows, is_about_hidden_rows};
pub use legacy_changes::lag;
pub use limits::Limits;
pub use privileges::{Denied, denied};
pub use refused::{NoConnection, Refused};
