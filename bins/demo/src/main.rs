//! `demo`: what `make run` starts. Never deployed.
//!
//! A private cluster (or the database configured) with the old service's tables and demo data, and
//! the real `api` on it, so that a newcomer can try the API with three pasted lines. See ADR 12.

#![expect(clippy::print_stdout, reason = "a tool prints its results")]

mod api;
mod data;

use std::{ffi::OsString, net::ToSocketAddrs as _, process::Command};

use anyhow::{Context as _, bail};
use api::Api;
use clap::Parser;
use secrecy::{ExposeSecret as _, SecretString};
use winserve_domain::clock::{Clock as _, SystemClock};
use winserve_persistence::{connect, migrate};
use winserve_settings::{
    Settings,
    database::{self, OpenDatabase},
    telemetry,
};

/// Signs demo tokens when no secret is configured.
const DEVELOPMENT_SECRET: &str = "winserve-development-secret";

/// Serves the API on a private PostgreSQL with demo data, or runs a command beside that database.
#[derive(Parser)]
struct Arguments {
    /// Instead of serving, runs a command with the database's URL in the variable `DATABASE_URL`.
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
    let mut api = Api::start(&settings.server.bind, database.url(), &secret)?;
    if api.ready(&settings.server.bind).await? {
        welcome(&settings.server.bind, database, person.as_ref(), &secret);
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

/// The development secret is public: with it, anybody who reaches the API is any user.
fn require_loopback_or_secret(settings: &Settings) -> anyhow::Result<()> {
    let bind = &settings.server.bind;
    let addresses: Vec<_> =
        bind.to_socket_addrs().with_context(|| format!("server.bind = {bind}"))?.collect();
    if addresses.iter().any(|address| address.port() == 0) {
        bail!("server.bind = {bind}: a demo needs a port that can be printed");
    }
    if settings.auth.legacy_secret.is_none() && !addresses.iter().all(|it| it.ip().is_loopback()) {
        bail!("server.bind = {bind} is open to others: set WINSERVE__AUTH__LEGACY_SECRET as well");
    }
    Ok(())
}

fn prepare(database: &OpenDatabase) -> anyhow::Result<Option<data::Person>> {
    let mut connection = connect(database.url(), "winserve-demo")?;
    migrate::baseline(&mut connection, false)?;
    data::load(&mut connection, database.is_private())?;
    Ok(data::somebody(&mut connection)?)
}

fn welcome(
    bind: &str,
    database: &OpenDatabase,
    person: Option<&data::Person>,
    secret: &SecretString,
) {
    let url = format!("http://{bind}");
    println!("\nAPI  {url}\n");
    let Some(person) = person else {
        println!("The database has no user with a campaign; {url}/readyz answers.\n");
        return;
    };
    let token =
        winserve_testkit::legacy_token(secret.expose_secret(), person.id, SystemClock.now());
    println!(
        "A token of {name} (user {id}), valid for a year:\n{token}\n\n\
         Try:\n\
         curl -s {url}/v1/users/me -H 'Authorization: Bearer {token}'\n\n\
         curl -s {url}/v1/campaigns/mine -H 'Authorization: Bearer {token}'\n\n\
         curl -s -X PUT {url}/v1/campaigns/mine -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' -d '{{\"details\":{{\"occupation\":\"Teacher\"}}}}'\n\n\
         What the database holds: {backfill} status\n\
         {data_dir}\
         Ctrl-C stops everything.\n",
        data_dir = database.data_dir().map_or_else(String::new, |folder| format!(
            "Its data are kept in {}; remove the folder to begin anew.\n",
            folder.display()
        )),
        name = person.name,
        id = person.id,
        backfill = api::sibling("backfill").display(),
    );
}
