//! Takes the demo data through the whole migration, with the commands that a user would run.

use std::{
    io::{self, Write as _},
    process::{Command, Output},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::from_slice;

use crate::api::sibling;

/// Done, but rows are in quarantine: they block nothing.
const WITH_QUARANTINE: i32 = 41;
/// The gates of these want a verification of the last hour.
const AFTER_VERIFY: [&str; 2] = ["phase advance --to phase-2", "phase advance --to phase-3"];
/// What its gate wants to be accepted: no other service uses the demo's database.
const ACCEPTED: (&str, &str) = ("phase advance --to phase-3", "other-services-updated");

/// The last step, which ends the way back: left to whoever wants to see that.
const LEFT_TO_YOU: &str = "enforce phase-3";
/// The first step of phase 1b, which comes after the path.
const FIRST_BESIDE: &str = "migrate phase-1b-expand";

/// Runs `backfill` on a database.
pub(crate) struct Path<'a> {
    pub(crate) database_url: &'a str,
    /// Environment variables for the emulators.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What `backfill plan --json` says.
#[derive(Deserialize)]
pub(crate) struct Plan {
    pub(crate) phase: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    command: String,
    what: String,
    state: State,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Done,
    #[serde(other)]
    ToDo,
}

impl Plan {
    /// What is left to do: on the path, and beside it.
    fn left(&self) -> (Vec<&Step>, Vec<&Step>) {
        let first = self.steps.iter().position(|step| step.command == FIRST_BESIDE);
        let (path, beside) = self.steps.split_at(first.unwrap_or(self.steps.len()));
        let is_left = |step: &&Step| step.state != State::Done && step.command != LEFT_TO_YOU;
        (path.iter().filter(is_left).collect(), beside.iter().filter(is_left).collect())
    }
}

impl Path<'_> {
    /// How far the database is.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        from_slice(&self.run(&["plan"])?).context("`backfill plan` is not understood")
    }

    /// Runs every step of the path that is left.
    pub(crate) fn walk(&self, plan: &Plan) -> anyhow::Result<()> {
        self.run_all(
            "Migrating the demo data, with the commands that you would run:",
            &plan.left().0,
        )
    }

    /// Runs every step of phase 1b that is left.
    pub(crate) fn walk_beside(&self, plan: &Plan) -> anyhow::Result<()> {
        self.run_all("Creating its organizations in the emulator of Clerk:", &plan.left().1)
    }

    fn run_all(&self, title: &str, steps: &[&Step]) -> anyhow::Result<()> {
        if !steps.is_empty() {
            say(title);
        }
        for Step { command, what, .. } in steps {
            say(&format!("  backfill {command:<28} {what}"));
            if AFTER_VERIFY.contains(&command.as_str()) {
                self.run(&["verify"])?;
            }
            let mut words: Vec<&str> = command.split(' ').collect();
            if command == ACCEPTED.0 {
                words.extend(["--accept", ACCEPTED.1]);
            }
            self.run(&words)?;
        }
        Ok(())
    }

    /// Its result as JSON.
    fn run(&self, words: &[&str]) -> anyhow::Result<Vec<u8>> {
        let backfill = sibling("backfill");
        let Output { status, stdout, stderr } = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&backfill)
            .args(words)
            .arg("--json")
            .env("WINSERVE__DATABASE__URL", self.database_url)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .with_context(|| format!("cannot start {} with setpriv", backfill.display()))?;
        if !status.success() && status.code() != Some(WITH_QUARANTINE) {
            let errors = String::from_utf8_lossy(&stderr);
            bail!(
                "`backfill {}` ended with {status}:\n{}\nRun `make run` again to continue",
                words.join(" "),
                errors.trim_end()
            );
        }
        Ok(stdout)
    }
}

/// Prints a line; the reader may be gone.
pub(crate) fn say(line: &str) {
    let _unread = writeln!(io::stdout(), "{line}");
}
