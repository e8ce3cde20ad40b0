//! `write-openapi`: updates `docs/openapi.json`, unless the update breaks clients without being
//! announced.

use std::{fs, io, path::Path, process::ExitCode};

use serde_json::Value;
use winserve_testkit::description::changes;

const COPY: &str = "docs/openapi.json";
const NOTES: &str = "docs/api-changes.md";

#[expect(clippy::print_stderr, reason = "what a program says")]
fn main() -> io::Result<ExitCode> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let copy = repository.join(COPY);
    let text = winserve_http::openapi::text().map_err(io::Error::other)?;
    let unannounced = match fs::read_to_string(&copy) {
        Ok(former) => {
            let (before, after): (Value, Value) =
                (serde_json::from_str(&former)?, serde_json::from_str(&text)?);
            changes::unannounced(&before, &after, &fs::read_to_string(repository.join(NOTES))?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if unannounced.is_empty() {
        fs::write(copy, text)?;
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("This breaks clients and is not announced:");
    for change in unannounced {
        eprintln!("  {change}");
    }
    eprintln!("{NOTES} says how to announce it; {COPY} was not changed.");
    Ok(ExitCode::FAILURE)
}
