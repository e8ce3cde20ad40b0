//! `demo`: what `make run` starts. Never deployed.
//!
//! Starts a private cluster (or uses the configured database) with the old service's tables and demo data,
//! and the real `api` on it, so that you can try the API with three pasted commands. See ADR 12.

mod api;
mod data;
mod stand_ins;
mod welcome;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    net::ToSocketAddrs as _,
    process::Command,
};

use anyhow::{Context as _, bail};
use api::Api;
use clap::Parser;
use stand_ins::StandIns;
use winserve_persistence::connect;
use winserve_persistence::migrate;
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
    /// Command to run instead of serving; the variable `DATABASE_URL` has the database's URL
    #[arg(last = true)]
    command: Vec<OsString>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::of_process(None)?;
    telemetry::init(&settings.log)?;
    let mut database = database::open(&settings.database)?;
    let done = match arguments.command.split_first() {
        None => serve(&settings, &mut database).await,
        Some((program, words)) => run_beside(&database, program, words),
    };
    database.close().context("the private cluster did not stop")?;
    done
}

async fn serve(settings: &Settings, database: &mut OpenDatabase) -> anyhow::Result<()> {
    require_loopback_or_secret(settings)?;
    let secret = settings.legacy_secret().cloned().unwrap_or_else(|_| DEVELOPMENT_SECRET.into());
    let person = prepare(database)?;
    let stand_ins = StandIns::start(settings, person.as_ref())?;
    let bind = &settings.server.bind;
    let mut api = Api::start(bind, database.url(), &secret, &stand_ins.variables())?;
    if api.ready(bind).await? {
        let text = welcome::text(bind, &stand_ins, database, person.as_ref(), &secret);
        // The reader may be gone; serve anyway.
        let _unread = writeln!(io::stdout(), "{text}");
    }
    api.run_until_signal(database).await
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

fn prepare(database: &OpenDatabase) -> anyhow::Result<Option<data::Person>> {
    let mut connection = connect(database.url(), "winserve-demo")?;
    migrate::baseline(&mut connection, false)?;
    data::load(&mut connection, database.is_private())?;
    Ok(data::somebody(&mut connection)?)
}
