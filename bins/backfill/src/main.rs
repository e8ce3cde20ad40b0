//! `backfill`: the tool that migrates the live database.

mod archive;
mod clerk;
mod election;
mod enforce;
mod failure;
mod lookups;
mod phase;
mod quarantine;
mod repair;
mod run;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Parser, Subcommand};
use failure::CommandError;
use phase::PhaseCommand;
use run::RunCommand;
use serde::Serialize;
use winserve_admin::{
    EXIT_CODES, Exit, Failure as _, SCHEMA_VERSION, Standby, Stop, Watch, WatchOptions,
    output::{self, OutputError, print, print_json, print_with_next, say, with_next},
    parse_seconds, signals,
};
use winserve_migration::{
    RunError,
    commands::PLAN,
    migrate::{self, Baseline, Group},
    plan, plan_table, status, steps, verify, verify_read_only, verify_table,
};
use winserve_persistence::{PgConnection, connect, is_standby};
use winserve_settings::{Settings, database, telemetry};

/// Migrate a live legacy database step by step; every step can be undone
///
/// Works on `database.url` (`WINSERVE__DATABASE__URL`), otherwise on the private cluster, which is started
/// for the duration of the command if necessary.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    /// TOML configuration file; variables `WINSERVE__SECTION__KEY` override it
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Report what the command is waiting for after this many seconds, and every ten seconds from then on
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 5.0, value_parser = parse_seconds)]
    waits_after: f64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Report what the database holds: offices, districts and every oddity; writes nothing
    Status,
    /// Print the path, what is done, and what comes next; writes nothing
    Plan,
    /// Copy the old JSON to the tables, while users write. Run it again to continue after an interruption;
    /// several processes share the work.
    Run {
        #[command(subcommand)]
        job: RunCommand,
    },
    /// Compare every row of both stores, with separate rules
    Verify {
        /// Do not count this run for any gate; record nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Copy to the tables what another service wrote only to the JSON
    Repair(repair::RepairArguments),
    /// Add database constraints for what the backfill has established; at the end, drop what is no longer needed
    Enforce {
        #[command(subcommand)]
        command: enforce::EnforceCommand,
    },
    /// In phase-3, move the old keys from the JSON to an archive; rows that differ from the tables are refused
    Clean(archive::CleanArguments),
    /// In phase-3, put the old keys back from the archive, byte for byte where nothing changed since
    Restore(archive::RestoreArguments),
    /// Show rows that need a person, and retry them
    Quarantine {
        #[command(subcommand)]
        command: quarantine::QuarantineCommand,
    },
    /// Show and change the phase
    Phase {
        #[command(subcommand)]
        command: PhaseCommand,
    },
    /// Change the schema
    Migrate {
        #[command(subcommand)]
        step: Step,
    },
}

#[derive(Subcommand)]
enum Step {
    /// Create the old service's tables in an empty database; does nothing if they exist
    Baseline {
        /// Print what would be done; write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Add the tables, columns, constraints and triggers of phase 1 to a live database
    #[command(name = "phase-1-expand")]
    Phase1Expand {
        /// Print what would be done; write nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove everything again; only in phase `legacy`
        #[arg(long, conflicts_with = "dry_run")]
        undo: bool,
    },
    /// Add the Clerk outbox, with the triggers that write it
    #[command(name = "phase-1b-expand")]
    Phase1bExpand {
        /// Print what would be done; write nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove everything again; only while phase-1b is off and everything is synced to Clerk
        #[arg(long, conflicts_with = "dry_run")]
        undo: bool,
    },
    /// Let saved filters belong to elected offices, and let processes report the phase that they see
    #[command(name = "phase-2-expand")]
    Phase2Expand {
        /// Print what would be done; write nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove everything again; only before phase 2
        #[arg(long, conflicts_with = "dry_run")]
        undo: bool,
    },
    /// Let elected offices exist without a campaign; the old service cannot read such an office
    #[command(name = "phase-3-expand")]
    Phase3Expand {
        /// Print what would be done; write nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove everything again; only before phase 3
        #[arg(long, conflicts_with = "dry_run")]
        undo: bool,
    },
}

fn main() -> Exit {
    let arguments = Arguments::parse();
    let stop = Stop::default();
    run(&arguments, &stop).unwrap_or_else(|error| {
        // Errors caused by a cancelled statement are not failures of their own.
        let error = if stop.is_requested() { RunError::Stopped.into() } else { error };
        let (exit, next_steps) = (error.exit(), error.next_steps());
        let sentence = error.sentence();
        say(&with_next(&format!("backfill: {sentence}"), &next_steps));
        if arguments.json {
            // Standard error already has it.
            let _closed = output::print_json_error(&sentence, exit.code(), &next_steps);
        }
        exit
    })
}

fn run(arguments: &Arguments, stop: &Stop) -> Result<Exit, CommandError> {
    let settings = Settings::of_process(arguments.config.as_deref())?;
    telemetry::init(&settings.log)?;
    let watcher = signals::Watcher::default();
    signals::stop_on_signals(stop.clone(), Arc::clone(&watcher))?;
    // A forgotten variable must not create an empty database: only `make run` creates one.
    let database = database::open_existing(&settings.database)?;
    let url = database.url();
    watcher.get_or_init(|| {
        Watch::start(WatchOptions {
            url: url.to_owned(),
            waits_after: Duration::from_secs_f64(arguments.waits_after),
            grace: arguments.command.grace(),
            tell: say,
        })
    });
    let done = execute(arguments, &settings, url, stop).map_err(|error| {
        let changes_schema = matches!(arguments.command, Command::Migrate { .. });
        error.explained(changes_schema, || connect(url, "winserve-backfill").ok())
    });
    database.close()?;
    done
}

impl Command {
    /// Whether the command may write.
    const fn writes(&self) -> bool {
        match self {
            Self::Status | Self::Plan => false,
            Self::Run { job } => job.writes(),
            Self::Verify { dry_run } => !*dry_run,
            Self::Repair(arguments) => !arguments.dry_run,
            Self::Clean(arguments) => !arguments.run.dry_run,
            Self::Restore(arguments) => !arguments.run.dry_run,
            Self::Enforce { command } => command.writes(),
            Self::Quarantine { command } => command.writes(),
            Self::Phase { command } => match command {
                PhaseCommand::Show => false,
                PhaseCommand::Advance { change, .. } | PhaseCommand::Back { change, .. } => {
                    !change.dry_run
                }
            },
            Self::Migrate { step } => match step {
                Step::Baseline { dry_run }
                | Step::Phase1Expand { dry_run, .. }
                | Step::Phase1bExpand { dry_run, .. }
                | Step::Phase2Expand { dry_run, .. }
                | Step::Phase3Expand { dry_run, .. } => !*dry_run,
            },
        }
    }

    /// How long the command may continue after a stop: batches end on their own.
    fn grace(&self) -> Duration {
        match self {
            Self::Run { .. }
            | Self::Repair(_)
            | Self::Clean(_)
            | Self::Restore(_)
            | Self::Quarantine { .. } => Duration::from_secs(1),
            Self::Status
            | Self::Plan
            | Self::Verify { .. }
            | Self::Enforce { .. }
            | Self::Phase { .. }
            | Self::Migrate { .. } => Duration::ZERO,
        }
    }
}

fn execute(
    arguments: &Arguments,
    settings: &Settings,
    url: &str,
    stop: &Stop,
) -> Result<Exit, CommandError> {
    let json = arguments.json;
    let mut connection = connect(url, "winserve-backfill")?;
    if arguments.command.writes() && is_standby(&mut connection)? {
        return Err(Standby.into());
    }
    migrate::require_known_schema(&mut connection)?;
    match &arguments.command {
        Command::Status => report_status(&mut connection, json),
        Command::Plan => report_plan(&mut connection, json),
        Command::Run { job: RunCommand::Batches(job) } => {
            return run::run(job, settings, url, stop, json);
        }
        Command::Run { job: RunCommand::ClerkOrganizations(arguments) } => {
            return clerk::run(arguments, settings, url, stop, json);
        }
        Command::Run { job: RunCommand::LookUps(arguments) } => {
            return lookups::run(arguments, settings, url, stop, json);
        }
        Command::Quarantine { command } => {
            return quarantine::run(&mut connection, command, settings, url, stop, json);
        }
        Command::Verify { dry_run } => return report_verify(&mut connection, *dry_run, json),
        Command::Repair(arguments) => return repair::run(url, arguments, stop, json),
        Command::Clean(arguments) => return archive::run_clean(arguments, url, stop, json),
        Command::Restore(arguments) => return archive::run_restore(arguments, url, stop, json),
        Command::Enforce { command } => enforce::run(&mut connection, command, json),
        Command::Phase { command } => phase::run(&mut connection, command, json),
        Command::Migrate { step: Step::Baseline { dry_run } } => {
            migrate_baseline(&mut connection, *dry_run, json)
        }
        Command::Migrate { step: Step::Phase1Expand { dry_run, undo } } => {
            migrate_group(&mut connection, Group::Phase1, *dry_run, *undo, json)
        }
        Command::Migrate { step: Step::Phase1bExpand { dry_run, undo } } => {
            migrate_group(&mut connection, Group::Phase1b, *dry_run, *undo, json)
        }
        Command::Migrate { step: Step::Phase2Expand { dry_run, undo } } => {
            migrate_group(&mut connection, Group::Phase2, *dry_run, *undo, json)
        }
        Command::Migrate { step: Step::Phase3Expand { dry_run, undo } } => {
            migrate_group(&mut connection, Group::Phase3, *dry_run, *undo, json)
        }
    }?;
    Ok(Exit::Done)
}

fn report_status(connection: &mut PgConnection, json: bool) -> Result<(), CommandError> {
    migrate::require_legacy_tables(connection)?;
    let mut status = status::collect(connection)?;
    status.next_steps = plan(connection)?.next_steps;
    let printed = if json {
        print_json(&status)
    } else {
        print_with_next(&status::table(&status), &status.next_steps)
    };
    Ok(printed?)
}

fn report_plan(connection: &mut PgConnection, json: bool) -> Result<(), CommandError> {
    migrate::require_legacy_tables(connection)?;
    let plan = plan(connection)?;
    Ok(if json { print_json(&plan) } else { print(&plan_table(&plan)) }?)
}

fn report_verify(
    connection: &mut PgConnection,
    dry_run: bool,
    json: bool,
) -> Result<Exit, CommandError> {
    migrate::require_legacy_tables(connection)?;
    let report = if dry_run { verify_read_only(connection)? } else { verify(connection)? };
    if json { print_json(&report) } else { print(&verify_table(&report)) }?;
    Ok(if report.defects() == 0 { Exit::Done } else { Exit::Defects })
}

fn migrate_baseline(
    connection: &mut PgConnection,
    dry_run: bool,
    json: bool,
) -> Result<(), CommandError> {
    let outcome = migrate::baseline(connection, dry_run)?;
    let (text, next_step) = match outcome {
        Baseline::Created => ("Created the tables of the old service.", "backfill status"),
        Baseline::Recognised => {
            ("The tables of the old service are there; nothing was changed.", "backfill status")
        }
        Baseline::WouldCreate => (
            "Would create the tables of the old service; nothing was changed.",
            "backfill migrate baseline",
        ),
    };
    let printed = if json {
        report_migration(&outcome, &[], next_step)
    } else {
        print_with_next(text, &[next_step.to_owned()])
    };
    Ok(printed?)
}

fn migrate_group(
    connection: &mut PgConnection,
    group: Group,
    dry_run: bool,
    undo: bool,
    json: bool,
) -> Result<(), CommandError> {
    let (outcome, migrations, next_step) = if undo {
        ("undone", migrate::revert(connection, group)?, PLAN.to_owned())
    } else if dry_run {
        let pending = migrate::pending_of(connection, group)?;
        ("would_apply", pending, format!("backfill migrate {}", group.name()))
    } else {
        // Groups may be applied again, later on the path.
        let next_step = match group {
            Group::Phase1b => steps::EXPAND_PHASE_1B.next,
            Group::Phase1 | Group::Phase2 | Group::Phase3 | Group::Phase3Enforce => PLAN,
        };
        ("applied", migrate::expand(connection, group)?, next_step.to_owned())
    };
    if json {
        return Ok(report_migration(&outcome, &migrations, &next_step)?);
    }
    let summary = format!("{} migrations {}.", migrations.len(), outcome.replace('_', " "));
    Ok(print_with_next(&[migrations, vec![summary]].concat().join("\n"), &[next_step])?)
}

fn report_migration(
    outcome: &impl Serialize,
    migrations: &[String],
    next_step: &str,
) -> Result<(), OutputError> {
    print_json(&serde_json::json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": outcome,
        "migrations": migrations,
        "next_steps": [next_step],
    }))
}
