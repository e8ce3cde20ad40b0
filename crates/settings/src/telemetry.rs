//! Structured logs.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{Log, LogFormat, SettingsError};

/// Starts logging to `writer`, once a process.
///
/// # Errors
/// [`SettingsError::LogFilter`].
pub fn init<W>(settings: &Log, writer: W) -> Result<(), SettingsError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    match settings.format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
