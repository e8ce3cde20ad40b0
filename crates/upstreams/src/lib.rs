#![doc = include_str!("../README.md")]

mod cache;
mod election;
mod lookup_retries;
mod lookups;
mod people;
mod tls;
mod tokens;
mod upstream;

pub use election::{ElectionApi, ElectionApiOptions, ElectionSurface};
pub use lookup_retries::LookupRetryWorker;
pub use lookups::Lookups;
pub use people::{PeopleApi, PeopleApiOptions};
pub use tls::install_crypto_provider;
pub use tokens::{TokenSource, TokenUnavailable};
pub use upstream::ClientError;
