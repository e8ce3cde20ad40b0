//! `demo`: what `make run` starts. Never deployed.
//!
//! A private cluster (or the database configured) with the old service's tables and demo data, and
//! the real `api` on it, so that a newcomer can try the API with three pasted lines. See ADR 12.

#![expect(clippy::print_stdout, reason = "a tool prints its results")]

mod api;
mod data;

use anyhow::Context as _;
use api::Api;
use secrecy::{ExposeSecret as _, SecretString};
use winserve_domain::clock::{Clock as _, SystemClock};
use winserve_persistence::{connect, migrate};
use winserve_settings::{Settings, database, telemetry};

/// Signs demo tokens when no secret is configured.
const DEVELOPMENT_SECRET: &str = "winserve-development-secret";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::of_process(None)?;
    telemetry::init(&settings.log, std::io::stderr)?;
    let secret = settings
        .legacy_secret()
        .cloned()
        .unwrap_or_else(|_| DEVELOPMENT_SECRET.into());
    let database = database::open(&settings.database)?;
    let person = prepare(&database)?;
    let mut api = Api::start(database.url(), &secret)?;
    if api.ready(&settings.server.bind).await? {
        welcome(&settings.server.bind, person.as_ref(), &secret);
    }
    api.run_until_signal().await?;
    database.close().context("the private cluster did not stop")
}

fn prepare(database: &database::OpenDatabase) -> anyhow::Result<Option<data::Person>> {
    let mut connection = connect(database.url(), "winserve-demo")?;
    migrate::baseline(&mut connection, false)?;
    data::load(&mut connection, database.is_private())?;
    Ok(data::somebody(&mut connection)?)
}

fn welcome(bind: &str, person: Option<&data::Person>, secret: &SecretString) {
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
         Ctrl-C stops everything.\n",
        name = person.name,
        id = person.id,
        backfill = api::sibling("backfill").display(),
    );
}
