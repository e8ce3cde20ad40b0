//! Output of commands, with the binaries' error type.

use serde::Serialize;
use winserve_admin::output;

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    Ok(output::print(text)?)
}

pub(crate) fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    Ok(output::print_json(value)?)
}

pub(crate) fn print_with_next(text: &str, next_steps: &[String]) -> anyhow::Result<()> {
    Ok(output::print_with_next(text, next_steps)?)
}
