//! Structured logs.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::{Log, LogFormat, SettingsError};

/// Starts logging to standard error, once a process: standard output is for results.
///
/// # Errors
/// [`SettingsError::LogFilter`].
pub fn init(settings: &Log) -> Result<(), SettingsError> {
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
