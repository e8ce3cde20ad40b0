//! Structured logging.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, filter::Directive};

use crate::{Log, LogFormat, SettingsError};

/// The target under which actix reports bytes on a connection.
const HTTP_PARSER: &str = "actix_http";

/// Starts logging to standard error, once per process: standard output is for results.
///
/// # Errors
/// [`SettingsError::LogFilter`].
pub fn init(settings: &Log) -> Result<(), SettingsError> {
    // The parser's message would repeat the directive.
    let mut filter = EnvFilter::builder()
        .parse(&settings.filter)
        .map_err(|_directive| SettingsError::LogFilter)?;
    if !settings.filter.contains(HTTP_PARSER) {
        // It reports clients' mistakes at the level ERROR.
        let off = format!("{HTTP_PARSER}=off").parse::<Directive>();
        filter = filter.add_directive(off.map_err(|_directive| SettingsError::LogFilter)?);
    }
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // `eprintln!` would report a line that cannot be written, and panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
