//! Errors in log lines.

use std::{error::Error, fmt};

/// An error and its causes, in one line.
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut error = self.0;
        while let Some(source) = error.source() {
            write!(formatter, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}
