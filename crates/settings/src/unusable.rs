//! Describes what is wrong with a configuration without its values: any of them may contain a password.

use std::{fmt::Display, fs, path::Path};

use config::ConfigError;
use serde::de;

use crate::SettingsError;

/// How our own messages about a value start. Messages of other crates may repeat the value.
const OURS: &str = "must ";
/// How serde's messages about a value start.
const SERDE: [&str; 4] =
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];

/// The error for a value that `must` be something else.
pub(crate) fn must<E: de::Error>(be: impl Display) -> E {
    E::custom(format_args!("{OURS}{be}"))
}

/// Which key is invalid, and what it must be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl From<ConfigError> for Unusable {
    fn from(error: ConfigError) -> Self {
        Self(described(&error))
    }
}

fn described(error: &ConfigError) -> String {
    match error {
        ConfigError::Type { expected, key, origin, .. } => {
            format!("{OURS}be {expected}{}", place(key.as_ref(), origin.as_ref()))
        }
        ConfigError::At { error, key, origin } => {
            format!("{}{}", described(error), place(key.as_ref(), origin.as_ref()))
        }
        ConfigError::Message(text) => without_value(text),
        ConfigError::NotFound(key) => format!("the key `{key}` is missing"),
        _ => "it cannot be read".to_owned(),
    }
}

fn place(key: Option<&String>, origin: Option<&String>) -> String {
    let key = key.map(|key| format!(" for key `{key}`")).unwrap_or_default();
    let origin = origin.map(|origin| format!(" in {origin}")).unwrap_or_default();
    key + &origin
}

fn without_value(text: &str) -> String {
    if text.starts_with(OURS) || text.starts_with("unknown field ") {
        return text.to_owned();
    }
    // What serde expects comes last, after the value.
    let of_serde = SERDE
        .iter()
        .any(|beginning| text.starts_with(beginning))
        .then(|| text.rsplit_once(", expected "));
    match of_serde.flatten() {
        Some((_value, expected)) => format!("{OURS}be {expected}"),
        None => "not one of the values that docs/configuration.md names".to_owned(),
    }
}

/// Whether a file is valid TOML. Checked before `config` parses it, because its parser quotes the line that
/// it cannot read.
pub(crate) fn require_toml(file: &Path) -> Result<(), SettingsError> {
    let unreadable = |source| SettingsError::File { path: file.to_owned(), source };
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let Err(error) = text.parse::<toml::Table>() else { return Ok(()) };
    let before = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(before).filter(|byte| *byte == b'\n').count();
    Err(SettingsError::NotToml { path: file.to_owned(), line })
}
