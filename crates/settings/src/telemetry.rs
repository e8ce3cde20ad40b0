//! Structured logs.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::{Log, LogFormat, SettingsError};

/// The target of what actix reports about the bytes of a connection.
const HTTP_PARSER: &str = "actix_http";

/// Starts logging to standard error, once a process: standard output is for results.
///
/// # Errors
/// [`SettingsError::LogFilter`].
pub fn init(settings: &Log) -> Result<(), SettingsError> {
    let mut filter = EnvFilter::builder().parse(&settings.filter)?;
    if !settings.filter.contains(HTTP_PARSER) {
        // What clients send wrong it reports at the level ERROR.
        filter = filter.add_directive(format!("{HTTP_PARSER}=off").parse()?);
    }
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
