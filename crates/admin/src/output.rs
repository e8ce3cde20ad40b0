//! What commands print: results on standard output, everything else on standard error.

use std::{
    error::Error,
    io::{self, Write as _},
    iter,
};

use serde::Serialize;
use winserve_domain::base::Cancelled;
use winserve_persistence::{Refusal, cancellation, refusal_behind};

/// Why a result was not printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Standard output failed.
    #[error("standard output cannot be written")]
    Write(#[source] io::Error),
    /// The result cannot be serialized as JSON.
    #[error("the result cannot be printed as JSON")]
    Json(#[from] serde_json::Error),
}

/// Prints to standard output. A reader that stops early, such as `head`, is not an error.
///
/// # Errors
/// [`OutputError::Write`].
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut output = io::stdout();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(OutputError::Write),
    }
}

/// Prints a result as JSON.
///
/// # Errors
/// See [`OutputError`].
pub fn print_json<T: Serialize>(value: &T) -> Result<(), OutputError> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Prints what happened, then what to do next.
///
/// # Errors
/// [`OutputError::Write`].
pub fn print_with_next(text: &str, next_steps: &[String]) -> Result<(), OutputError> {
    print(&with_next(text, next_steps))
}

/// What happened, then what to do next.
#[must_use]
pub fn with_next(text: &str, next_steps: &[String]) -> String {
    let steps = next_steps.iter().map(|step| format!("\nNext: {step}"));
    steps.fold(text.to_owned(), |text, step| text + &step)
}

/// Prints to standard error. (`eprintln!` panics if standard error is closed.)
pub fn say(text: &str) {
    let _unread = writeln!(io::stderr(), "{text}");
}

/// An error with its causes.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What happened, for people: an error with its causes, and what to do about them.
#[must_use]
pub fn sentence(error: &(dyn Error + 'static)) -> String {
    let text = with_causes(error);
    let what_to_do = match (cancellation(error), refusal_behind(error)) {
        (Some(Cancelled::OnRequest), _) => {
            "by pg_cancel_backend, or because a program there cancels long statements; PostgreSQL does not say who \
             did it. Completed work is kept: run the same command again"
        }
        (Some(Cancelled::TooSlow), _) => {
            "long steps have no such limit, only those that live users would have to wait for: the database is \
             overloaded, or other sessions keep rows locked. Completed work is kept: run the same command again"
        }
        (None, Some(Refusal::Contention)) => {
            "other sessions hold row or table locks; the lines above name those that blocked for over five seconds. Completed \
             work is kept: run the same command again"
        }
        (None, Some(Refusal::ConnectionLost)) => {
            "the server ended the connection, or is read-only now. Completed work is kept: run the same \
             command again"
        }
        (None, Some(Refusal::OutOfResources)) => {
            "the server has no space left. Completed work is kept: free some space, then run the same command again"
        }
        (None, _) => return text,
    };
    format!("{text}; {what_to_do}")
}

/// What `--json` prints for an error.
///
/// # Errors
/// See [`OutputError`].
pub fn print_json_error(
    sentence: &str,
    exit_code: u8,
    next_steps: &[String],
) -> Result<(), OutputError> {
    print_json(&serde_json::json!({
        "schema_version": crate::SCHEMA_VERSION,
        "error": sentence,
        "exit_code": exit_code,
        "next_steps": next_steps,
    }))
}
