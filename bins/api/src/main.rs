//! `api`: serves the HTTP API of Winserve.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix_web::rt::{task::JoinHandle, time::interval};
use anyhow::Context as _;
use clap::Parser;
use uuid::Uuid;
use winserve_clerk::{Clerk, ClerkOptions};
use winserve_domain::{
    clock::SystemClock,
    election::{ElectionService, NoElectionService},
    identity::{IdentityService, NoIdentityService},
};
use winserve_http::{
    AppState,
    auth::{LegacySessions, UnnamedRequests},
    metrics, server,
};
use winserve_persistence::{Db, DbOptions, Heartbeat, SERVER};
use winserve_settings::{ConfiguredClerk, Settings, database, telemetry};
use winserve_upstreams::ElectionApi;

/// Serves the HTTP API of Winserve.
///
/// Configuration: built-in defaults, then --config, then variables `WINSERVE__SECTION__KEY`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A TOML file with the keys of `--print-config`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints the configuration without its secrets, and ends.
    #[arg(long)]
    print_config: bool,
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::of_process(arguments.config.as_deref())?;
    if arguments.print_config {
        #[expect(clippy::print_stdout, reason = "what the user asked for")]
        {
            print!("{}", settings.printed()?);
        }
        return Ok(());
    }
    telemetry::init(&settings.log)?;
    serve(&settings).await
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let sessions = LegacySessions::new(settings.legacy_secret()?);
    let unnamed_requests = UnnamedRequests::default();
    // Before anything is counted.
    let metrics = metrics::collect()?;
    let database = database::open(&settings.database)?;
    let pool_size = settings.database.pool_size.get();
    let db = Db::connect(database.url(), &DbOptions::new(SERVER, pool_size), settings.phase)?;
    let clock = Arc::new(SystemClock);
    let election: Arc<dyn ElectionService> = match &settings.election_api.url {
        Some(url) => Arc::new(ElectionApi::new(url, Arc::<SystemClock>::clone(&clock))?),
        None => Arc::new(NoElectionService),
    };
    let identity: Arc<dyn IdentityService> = match settings.clerk()? {
        Some(clerk) => Arc::new(Clerk::new(options_of(clerk), Arc::<SystemClock>::clone(&clock))?),
        None => Arc::new(NoIdentityService),
    };
    let db = Arc::new(db);
    let heart = Heart::start(Arc::clone(&db), unnamed_requests.clone());
    let state =
        AppState { database: db, clock, election, identity, sessions, unnamed_requests, metrics };
    let options = server::ServerOptions {
        bind: settings.server.bind.clone(),
        cors_origins: settings.server.cors_origins.clone(),
        blocking_threads: usize::try_from(pool_size)?,
    };
    let started = server::start(&options, state)
        .with_context(|| format!("cannot listen on server.bind = {}", options.bind))?;
    for address in &started.addresses {
        tracing::info!(%address, "listening");
    }
    server::run_until_signal(started).await?;
    heart.stop().await;
    database.close().context("the private cluster did not stop")
}

/// Says every two seconds that this process lives and which phase it sees: no phase is entered that
/// it has not seen (design §3).
struct Heart {
    db: Arc<Db>,
    process: Uuid,
    beating: JoinHandle<()>,
}

impl Heart {
    fn start(db: Arc<Db>, unnamed_requests: UnnamedRequests) -> Self {
        let process = Uuid::now_v7();
        let beating = actix_web::rt::spawn({
            let db = Arc::clone(&db);
            async move {
                let mut seconds = interval(Duration::from_secs(2));
                loop {
                    seconds.tick().await;
                    let heartbeat = Heartbeat {
                        process,
                        build: env!("CARGO_PKG_VERSION"),
                        unnamed_requests: unnamed_requests.total(),
                    };
                    if let Err(error) = db.beat(heartbeat).await {
                        tracing::warn!(%error, "no heartbeat");
                    }
                }
            }
        });
        Self { db, process, beating }
    }

    async fn stop(self) {
        self.beating.abort();
        if let Err(error) = self.db.say_goodbye(self.process).await {
            tracing::warn!(%error, "the last heartbeat failed");
        }
    }
}

fn options_of(clerk: ConfiguredClerk<'_>) -> ClerkOptions {
    let ConfiguredClerk { secret_key, issuer, section } = clerk;
    ClerkOptions {
        jwks_url: section.jwks_url.clone(),
        authorized_parties: section.authorized_parties.clone(),
        ..ClerkOptions::new(&section.api_url, secret_key.clone(), issuer)
    }
}
