//! Why the configuration is unusable.

use std::{io, path::PathBuf};

use crate::unusable::Unusable;

/// Why the configuration is unusable.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A key is unknown or its value is invalid; the source names it.
    #[error("the configuration is not usable")]
    Invalid(#[source] Unusable),
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read", path.display())]
    File {
        /// The path as given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not valid TOML.
    #[error("the configuration file {} is not valid TOML: see line {line}", path.display())]
    NotToml {
        /// The path as given.
        path: PathBuf,
        /// The line where parsing failed.
        line: usize,
    },
    /// A key has no default, and this program needs it.
    #[error("the configuration lacks {key}: set the environment variable {variable}")]
    Missing {
        /// For example `auth.legacy_secret`.
        key: &'static str,
        /// For example `WINSERVE__AUTH__LEGACY_SECRET`.
        variable: &'static str,
    },
    /// Two keys exclude each other.
    #[error("the configuration has both {first} and {second}: remove one of them")]
    Both {
        /// For example `election_api.machine_secret_key`.
        first: &'static str,
        /// For example `election_api.machine_secret_key_file`.
        second: &'static str,
    },
    /// A secret would be sent where others can read it.
    #[error(
        "the configuration is not usable: with {because_of}, {key} must be an https:// address, or an \
         http:// address on this machine"
    )]
    InClear {
        /// For example `election_api.url`.
        key: &'static str,
        /// For example `election_api.machine_secret_key`.
        because_of: &'static str,
    },
    /// One of our variables is not valid UTF-8.
    #[error("the configuration is not usable: the value of {0} is not valid UTF-8")]
    NoText(String),
    /// `log.filter` is not a list of directives.
    #[error(
        "the configuration is not usable: key `log.filter` must be directives such as \
         info,winserve_http=debug"
    )]
    LogFilter,
}
