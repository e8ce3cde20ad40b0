#![doc = include_str!("../README.md")]

mod answers;
mod api;
mod budget;
mod claims;
mod client;
mod directory;
mod identity;
mod keys;
mod machine;
mod messages;
mod workers;

pub use api::{
    Called, ClerkApi, ClerkFailure, ClerkUser, EmailAddress, MachineToken, Verification,
};
pub use client::{ClerkClient, ClientError};
pub use identity::Clerk;
pub use machine::{MachineSecret, MachineTokenOptions, MachineTokens};
pub use messages::{ClerkMessages, SecretError};
pub use workers::{PATIENT_TIMEOUT, Workers, random_jitter};

use std::{fmt, time::Duration};

use secrecy::SecretString;

/// How to reach Clerk, and which session tokens are valid.
#[derive(Clone)]
pub struct ClerkOptions {
    /// The Backend API including its version, such as `https://api.clerk.com/v1`.
    pub api_url: String,
    /// The secret key of the instance.
    pub secret_key: SecretString,
    /// The Frontend API, the issuer of every session token.
    pub issuer: String,
    /// URL of the public keys; without it, they come from the Backend API.
    pub jwks_url: Option<String>,
    /// Accepted origins of session tokens; if there are any, tokens without an origin are rejected.
    pub authorized_parties: Vec<String>,
    /// Timeout for connecting.
    pub connect_timeout: Duration,
    /// Timeout for an answer, including connecting.
    pub timeout: Duration,
}

impl ClerkOptions {
    /// Options with the public keys from the Backend API, any origin, and the usual timeouts: one second for
    /// connecting, three for an answer.
    #[must_use]
    pub fn new(api_url: &str, secret_key: SecretString, issuer: &str) -> Self {
        Self {
            api_url: api_url.trim_end_matches('/').to_owned(),
            secret_key,
            issuer: issuer.to_owned(),
            jwks_url: None,
            authorized_parties: Vec::new(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
        }
    }
}

impl fmt::Debug for ClerkOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClerkOptions")
            .field("api_url", &self.api_url)
            .field("issuer", &self.issuer)
            .field("jwks_url", &self.jwks_url)
            .field("authorized_parties", &self.authorized_parties)
            .finish_non_exhaustive()
    }
}
