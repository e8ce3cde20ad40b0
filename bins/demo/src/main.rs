//! `demo`: what `make run` starts. Never deployed.
//!
//! Starts a private cluster (or uses the configured database) with demo data, migrates them from the old service's
//! tables to phase 3, and starts the real `api`, so that you can try the console in the browser, and the API with
//! three pasted commands. See ADR 12.

mod api;
mod data;
mod path;
mod stand_ins;
mod welcome;

use std::{ffi::OsString, net::ToSocketAddrs as _, process::Command};

use anyhow::{Context as _, bail};
use api::Api;
use clap::{Parser, ValueEnum};
use data::People;
use path::{Path, say};
use stand_ins::StandIns;
use winserve_persistence::{PgConnection, connect, migrate};
use winserve_settings::{
    Settings,
    database::{self, OpenDatabase},
    telemetry,
};

/// Signs demo tokens if no secret is configured.
const DEVELOPMENT_SECRET: &str = "winserve-development-secret";

/// Serve the API on a private PostgreSQL with demo data, or run a command with that database
#[derive(Parser)]
struct Arguments {
    /// Where on the path of the migration to serve the demo data
    #[arg(long, value_enum, default_value_t = Phase::Phase3, conflicts_with = "command")]
    phase: Phase,
    /// Command to run instead of serving; the variable `DATABASE_URL` has the database's URL
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Where the demo data are on the path.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// As the old service left them, or as far as you have migrated them yourself
    Legacy,
    /// Migrated
    #[value(name = "phase-3")]
    Phase3,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::of_process(None)?;
    telemetry::init(&settings.log)?;
    let mut database = database::open(&settings.database)?;
    let done = match arguments.command.split_first() {
        None => serve(&settings, &mut database, arguments.phase).await,
        Some((program, words)) => run_beside(&database, program, words),
    };
    database.close().context("the private cluster did not stop")?;
    done
}

async fn serve(
    settings: &Settings,
    database: &mut OpenDatabase,
    wanted: Phase,
) -> anyhow::Result<()> {
    require_loopback_or_secret(settings)?;
    let bind = &settings.server.bind;
    Api::require_free(bind)?;
    let secret = settings.legacy_secret().cloned().unwrap_or_else(|_| DEVELOPMENT_SECRET.into());
    let mut connection = connect(database.url(), "winserve-demo")?;
    migrate::baseline(&mut connection, false)?;
    data::load(&mut connection, database.is_private())?;
    let people = data::people(&mut connection)?;
    let stand_ins = StandIns::start(settings, &people)?;
    let phase = prepare(&mut connection, database, &stand_ins, &people, wanted)?;
    drop(connection);
    let mut api = Api::start(database.url(), &secret, &stand_ins.variables())?;
    if api.ready(bind).await? {
        say(&welcome::text(bind, &phase, &stand_ins, database, &people, &secret));
    }
    api.run_until_signal(database).await
}

/// Migrates the demo data, unless they are wanted as they are or are not alone. Returns the phase.
fn prepare(
    connection: &mut PgConnection,
    database: &OpenDatabase,
    stand_ins: &StandIns,
    people: &People,
    wanted: Phase,
) -> anyhow::Result<String> {
    let path = Path { database_url: database.url(), variables: stand_ins.variables() };
    let plan = path.plan()?;
    if people.has_others || people.demo.is_empty() {
        say(&format!(
            "The database has users of its own: it is served as it is, in {}.",
            plan.phase
        ));
        return Ok(plan.phase);
    }
    let is_clerk_ours = stand_ins.clerk.is_some();
    if is_clerk_ours {
        data::forget_clerk(connection)?;
    }
    if wanted == Phase::Legacy {
        if plan.phase != "legacy" {
            say(&format!("The demo data are in {} already.", plan.phase));
        }
        return Ok(plan.phase);
    }
    path.walk(&plan)?;
    data::complete(connection)?;
    if is_clerk_ours {
        data::link_to_clerk(connection)?;
        path.walk_beside(&plan)?;
        data::keep_clerk_waiting(connection)?;
    }
    let phase = path.plan()?.phase;
    say(&format!("The demo data are in {phase}."));
    Ok(phase)
}

fn run_beside(
    database: &OpenDatabase,
    program: &OsString,
    words: &[OsString],
) -> anyhow::Result<()> {
    migrate::baseline(&mut connect(database.url(), "winserve-demo")?, false)?;
    let ended = Command::new(program).args(words).env("DATABASE_URL", database.url()).status()?;
    if !ended.success() {
        bail!("{} ended with {ended}", program.display());
    }
    Ok(())
}

/// The development secret is public, and so are the keys of the Clerk emulator: with either, anybody who
/// reaches the API can act as any user.
fn require_loopback_or_secret(settings: &Settings) -> anyhow::Result<()> {
    let bind = &settings.server.bind;
    let addresses: Vec<_> =
        bind.to_socket_addrs().with_context(|| format!("server.bind = {bind}"))?.collect();
    if addresses.iter().any(|address| address.port() == 0) {
        bail!("server.bind = {bind}: the demo needs a port other than 0");
    }
    let is_open = !addresses.iter().all(|it| it.ip().is_loopback());
    if is_open && settings.legacy_secret().is_err() {
        bail!(
            "server.bind = {bind} is reachable from other machines: also set WINSERVE__AUTH__LEGACY_SECRET"
        );
    }
    if is_open && settings.clerk()?.is_none() {
        bail!("server.bind = {bind} is reachable from other machines: also configure Clerk");
    }
    Ok(())
}
