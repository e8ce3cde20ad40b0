#![doc = include_str!("../README.md")]

pub mod backends;
pub mod campaign_list;
pub mod campaigns;
mod cancel;
pub mod clerk_outbox;
mod composition;
mod connect_error;
mod connection;
mod db;
pub mod elected_offices;
pub mod electorates;
mod error;
mod hidden_rows;
pub mod holdings;
mod hops;
pub mod json;
mod like;
mod limits;
pub mod look_ups;
pub mod migrate;
pub mod organizations;
mod own_connection;
pub mod paging;
mod polls;
mod pool;
mod privileges;
mod readiness;
mod refused;
mod repositories;
pub mod saved_filters;
pub mod schema;
mod server_state;
pub mod session;
pub mod tables;
mod url;
pub mod users;

pub use composition::{Composed, Composition, Tables, mark_as_ours};
pub use connect_error::ConnectError;
pub use connection::{
    check_server, connect, connect_watcher, connect_with, is_standby, read_snapshot,
};
pub use db::{Db, DbOptions, SERVER};
pub use diesel::{PgConnection, QueryResult, result::Error as QueryError};
pub use error::{Refusal, cancellation, is_lock_timeout, refusal, refusal_behind, store_error};
pub use hidden_rows::{HiddenRows, is_about_hidden_rows};
pub use limits::Limits;
pub use own_connection::OwnConnection;
pub use privileges::{Denied, denied};
pub use refused::{NoConnection, Refused};
pub use repositories::Repositories;
