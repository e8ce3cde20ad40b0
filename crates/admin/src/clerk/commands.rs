//! Programs' names for their commands.

/// A program's names for its commands, for the next steps in reports.
#[derive(Debug)]
pub struct Commands {
    /// Prepares the schema.
    pub prepare: &'static str,
    /// Turns the sync on.
    pub turn_on: &'static str,
    /// Syncs every organization.
    pub run: &'static str,
    /// Follows a run that synced everything.
    pub after_run: &'static str,
    /// Fixes what a sweep found.
    pub sweep_and_fix: &'static str,
    /// Follows a sweep that found nothing.
    pub after_sweep: &'static str,
    /// Lists dead letters.
    pub list_dead_letters: &'static str,
}
