//! Seconds on a command line.

use std::time::Duration;

/// Reads a number of seconds, such as `0.5`, for clap.
///
/// # Errors
/// A sentence about what is no number, or no span of time.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    let is_span = Duration::try_from_secs_f64(seconds).is_ok();
    is_span.then_some(seconds).ok_or_else(|| "expected a number of seconds".to_owned())
}
