//! The commands that steps, reports and errors name. Those of jobs are in their [`Job`](crate::Job).

use winserve_admin::clerk::Commands;

/// Shows what comes next.
pub const PLAN: &str = "backfill plan";
/// Turns phase 1b on.
pub const TURN_ON: &str = "backfill phase advance phase-1b";
/// Turns phase 1b off.
pub const TURN_OFF: &str = "backfill phase back phase-1b";
/// Enters the next phase.
pub(crate) const ADVANCE: &str = "backfill phase advance";
/// Enters the previous phase.
pub(crate) const BACK: &str = "backfill phase back";
/// Copies what another service changed to the tables.
pub(crate) const REPAIR: &str = "backfill repair";
/// Fixes every defect that a verification finds.
pub(crate) const COMPARE: &str = "backfill repair --compare";
/// Moves office and district from the JSON to an archive.
pub(crate) const CLEAN: &str = "backfill clean";
/// Puts back what `clean` removed from the JSON.
pub(crate) const RESTORE: &str = "backfill restore";
pub(crate) const EXPAND_PHASE_1: &str = "backfill migrate phase-1-expand";
pub(crate) const EXPAND_PHASE_1B: &str = "backfill migrate phase-1b-expand";
pub(crate) const EXPAND_PHASE_2: &str = "backfill migrate phase-2-expand";
pub(crate) const EXPAND_PHASE_3: &str = "backfill migrate phase-3-expand";
pub(crate) const VERIFY: &str = "backfill verify";
pub(crate) const ENFORCE_PHASE_1: &str = "backfill enforce phase-1";
pub(crate) const ENFORCE_PHASE_1B: &str = "backfill enforce phase-1b";
pub(crate) const ENFORCE_PHASE_2: &str = "backfill enforce phase-2";
pub(crate) const ENFORCE_PHASE_3: &str = "backfill enforce phase-3";
/// The same, confirmed.
pub(crate) const ENFORCE_PHASE_3_FOR_GOOD: &str = "backfill enforce phase-3 --yes";

/// A command that accepts categories by name.
pub(crate) fn accepting(command: &str, names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return command.to_owned();
    }
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    format!("{command} --accept {}", names.join(","))
}

/// The commands of `winserve-admin clerk` under their names here.
pub const CLERK_COMMANDS: Commands = Commands {
    prepare: EXPAND_PHASE_1B,
    turn_on: TURN_ON,
    run: "backfill run clerk-organizations",
    after_run: ENFORCE_PHASE_1B,
    sweep_and_fix: "backfill run clerk-organizations --sweep --execute",
    after_sweep: ENFORCE_PHASE_1B,
    list_dead_letters: "backfill quarantine list",
};
