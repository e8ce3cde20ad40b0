#![doc = include_str!("../README.md")]

mod cache;
mod election;
mod tls;
mod upstream;

pub use election::{ElectionApi, ElectionApiOptions};
pub use tls::install_crypto_provider;
pub use upstream::ClientError;
