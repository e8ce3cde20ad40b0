#![doc = include_str!("../README.md")]

mod asking_again;
mod cache;
mod election;
mod lookups;
mod people;
mod tls;
mod tokens;
mod upstream;

pub use asking_again::AskingAgain;
pub use election::{ElectionApi, ElectionApiOptions, ElectionSurface};
pub use lookups::Lookups;
pub use people::{PeopleApi, PeopleApiOptions};
pub use tls::install_crypto_provider;
pub use tokens::{TokenSource, TokenUnavailable};
pub use upstream::ClientError;
