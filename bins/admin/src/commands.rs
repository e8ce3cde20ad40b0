//! Names of this program and its commands.

use winserve_admin::clerk::Commands;

/// Its `application_name` in `pg_stat_activity`.
pub(crate) const NAME: &str = "winserve-admin";

/// This program's names for the commands.
pub(crate) const COMMANDS: Commands = Commands {
    prepare: "winserve-admin migrate",
    turn_on: "winserve-admin clerk on",
    run: "winserve-admin clerk run",
    after_run: "winserve-admin clerk sweep",
    sweep_and_fix: "winserve-admin clerk sweep --execute",
    after_sweep: "winserve-admin clerk status",
    list_dead_letters: "winserve-admin clerk dead-letters",
};
