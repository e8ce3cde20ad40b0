//! `api`: serves the HTTP API of Winserve.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix_web::web::ServiceConfig;
use anyhow::Context as _;
use clap::Parser;
use secrecy::ExposeSecret as _;
use url::Url;
use uuid::Uuid;
use winserve_clerk::{
    Clerk, ClerkClient, ClerkMessages, ClerkOptions, MachineSecret, MachineTokenOptions,
    MachineTokens, PATIENT_TIMEOUT, Workers, random_jitter,
};
use winserve_console::Console;
use winserve_domain::{
    Ports,
    base::SystemClock,
    clerk::{IdentityService, MessageReader, NoIdentityService, NoMessages, Provisioner},
    contacts::{NoPeopleService, PeopleService},
    database::Database,
    positions::{ElectionService, LookupRetrier, NoElectionService},
};
use winserve_http::{
    AppState, Downloads, TrustedProxies,
    auth::{LegacySessions, UnnamedRequests},
    metrics, openapi,
    server::{self, ReadingPace},
};
use winserve_migration as migration;
use winserve_persistence::{ConnectError, Db, DbOptions, Limits, SERVER, check_server};
use winserve_settings::{ConfiguredClerk, MachineKey, Settings, SettingsError, telemetry};
use winserve_upstreams::{
    ElectionApi, ElectionApiOptions, LookupRetryWorker, PeopleApi, TokenSource,
};

/// The system's allocator keeps freed memory per thread: after eight threads have read a large row, that is
/// eight times its size.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name by which this program is recognized: its version, or what the build was given.
const BUILD: &str = match option_env!("WINSERVE_BUILD") {
    Some(build) => build,
    None => env!("CARGO_PKG_VERSION"),
};

/// Serves the HTTP API of Winserve.
///
/// Configuration: built-in defaults, then --config, then environment variables `WINSERVE__SECTION__KEY`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// TOML file with the keys that `--print-config` shows
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the configuration without secrets, and exit
    #[arg(long)]
    print_config: bool,
    /// Print the API description (`OpenAPI` 3.1), and exit
    #[arg(long)]
    print_openapi: bool,
}

/// Exit code for an unusable configuration or command line, and for a database server that is too old.
const USAGE: u8 = 2;

#[actix_web::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The reader may be gone; that does not change the exit code.
            let _unheard = writeln!(io::stderr(), "Error: {error:?}");
            let is_usage = error.is::<SettingsError>() || error.is::<ConnectError>();
            if is_usage { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.print_openapi {
        return print(&openapi::text()?);
    }
    let settings = Settings::of_process(arguments.config.as_deref())?;
    if arguments.print_config {
        return print(&settings.printed()?);
    }
    telemetry::init(&settings.log)?;
    serve(&settings).await
}

/// Prints to standard output; a reader that has seen enough, such as `head`, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let database_url = settings.database_url()?;
    let sessions = LegacySessions::new(settings.legacy_secret()?);
    // A server that is down may come back; the pool logs that and keeps trying.
    if let Err(error @ ConnectError::TooOld { .. }) = check_server(database_url.expose_secret()) {
        return Err(error.into());
    }
    let unnamed_requests = UnnamedRequests::default();
    // Must come before anything is counted.
    let metrics = metrics::collect()?;
    let process = Uuid::now_v7();
    // The session name identifies a process that has not reported its phase yet.
    let options = DbOptions {
        application_name: format!("{SERVER}/{process}"),
        pool_size: settings.database.pool_size.get(),
        queue_length: settings.database.queue_length,
        queue_wait: Duration::from_secs_f64(settings.database.queue_wait_seconds),
        limits: limits(&settings.limits),
    };
    let composition = migration::Phases::pinned_to(settings.phase.as_deref())?;
    let db = Db::connect(database_url.expose_secret(), &options, Arc::new(composition.clone()))?;
    let clock = Arc::new(SystemClock);
    let election = election_service(settings)?;
    let people: Arc<dyn PeopleService> = match settings.people_api()? {
        Some((url, secret)) => {
            Arc::new(PeopleApi::new(url, secret, Arc::<SystemClock>::clone(&clock))?)
        }
        None => Arc::new(NoPeopleService),
    };
    let identity: Arc<dyn IdentityService> = match settings.clerk()? {
        Some(clerk) => Arc::new(Clerk::new(options_of(clerk), Arc::<SystemClock>::clone(&clock))?),
        None => Arc::new(NoIdentityService),
    };
    let db = Arc::new(db);
    let messages: Arc<dyn MessageReader> = match settings.clerk.webhook_secret.as_slice() {
        [] => Arc::new(NoMessages),
        secrets => {
            let messages = ClerkMessages::new(secrets, Arc::<SystemClock>::clone(&clock));
            Arc::new(
                messages.context("the configuration is not usable: key `clerk.webhook_secret`")?,
            )
        }
    };
    let workers = match settings.clerk()? {
        Some(clerk) => Some(start_workers(clerk, Arc::<Db>::clone(&db))?),
        None => None,
    };
    let lookup_retries = settings.election_api.url.is_some().then(|| {
        let retrier = LookupRetrier {
            database: Arc::<Db>::clone(&db),
            election: Arc::clone(&election),
            clock: Arc::<SystemClock>::clone(&clock),
        };
        let rest = Duration::from_secs_f64(1.0 / settings.election_api.questions_per_second);
        LookupRetryWorker::start(retrier, rest)
    });
    let this = migration::Server::new(process, BUILD, unnamed_requests.counter());
    let beside = this.start(&db, &composition, &election, Arc::<SystemClock>::clone(&clock))?;
    let state = AppState {
        ports: Ports::new(db, election, people, identity, clock),
        messages,
        sessions,
        unnamed_requests,
        metrics,
        trusted_proxies: TrustedProxies::new(&settings.server.trusted_proxies),
        downloads: Downloads::new(settings.server.downloads_per_user),
    };
    let options = server::ServerOptions {
        bind: settings.server.bind.clone(),
        cors_origins: settings.server.cors_origins.clone(),
        drain: seconds(settings.server.drain_seconds),
        reading_pace: ReadingPace {
            bytes_per_second: settings.server.min_read_bytes_per_second,
            patience: seconds(settings.server.slow_reader_seconds),
        },
    };
    let console = console(&settings.console)?;
    let beside_the_api = move |config: &mut ServiceConfig| {
        if let Some(console) = &console {
            console.configure(config);
        }
    };
    let started = server::start(&options, &state, beside_the_api)
        .with_context(|| format!("cannot listen on server.bind = {}", options.bind))?;
    for address in &started.addresses {
        tracing::info!(%address, "listening");
    }
    server::run_until_signal(started).await?;
    if let Some(workers) = workers {
        workers.stop().await;
    }
    if let Some(lookup_retries) = lookup_retries {
        lookup_retries.stop().await;
    }
    beside.stop().await;
    Ok(())
}

/// The election-api client, with tokens of our machine if its key is configured. Nothing is called yet:
/// election-api and Clerk may be down.
fn election_service(settings: &Settings) -> anyhow::Result<Arc<dyn ElectionService>> {
    let Some(configured) = settings.election_api()? else {
        return Ok(Arc::new(NoElectionService));
    };
    let surface = configured.surface;
    for what in surface.cannot_answer() {
        tracing::warn!(
            ?surface,
            "election-api cannot answer {what}: such requests are treated as an outage"
        );
    }
    let tokens = machine_tokens(configured.machine_key, &settings.clerk.api_url)?;
    let options = ElectionApiOptions { surface, tokens, ..ElectionApiOptions::default() };
    let api = ElectionApi::with_options(configured.url, Arc::new(SystemClock), options)?;
    Ok(Arc::new(api))
}

fn machine_tokens(
    key: Option<MachineKey<'_>>,
    clerk: &str,
) -> anyhow::Result<Option<Arc<dyn TokenSource>>> {
    let secret = match key {
        None => return Ok(None),
        Some(MachineKey::Value(secret)) => MachineSecret::Value(secret.clone()),
        Some(MachineKey::File(file)) => MachineSecret::File(file.to_owned()),
    };
    let options = MachineTokenOptions::new(clerk, secret);
    Ok(Some(Arc::new(MachineTokens::new(options, Arc::new(SystemClock))?)))
}

/// The console, if it is enabled.
fn console(section: &winserve_settings::Console) -> anyhow::Result<Option<Console>> {
    if !section.enabled {
        return Ok(None);
    }
    let url = |key: &str, value: Option<&str>| {
        let url = value.map(Url::parse).transpose();
        url.with_context(|| format!("the configuration is not usable: key `console.{key}`"))
    };
    Ok(Some(Console {
        sign_in_url: url("sign_in_url", section.sign_in_url.as_deref())?,
        sign_out_url: url("sign_out_url", section.sign_out_url.as_deref())?,
    }))
}

fn limits(section: &winserve_settings::Limits) -> Limits {
    Limits {
        json_column_bytes: section.json_column_bytes,
        campaigns: section.campaigns_per_user.get(),
        elected_offices: section.elected_offices_per_user.get(),
        saved_filters: section.saved_filters_per_user.get(),
        list_json_bytes: section.list_json_bytes,
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}

/// Syncs organizations to Clerk once phase 1b is on. It has its own client, because its calls may take
/// longer, and Clerk's rate limit on them must not delay users.
fn start_workers(
    clerk: ConfiguredClerk<'_>,
    database: Arc<dyn Database>,
) -> anyhow::Result<Workers> {
    let provisioning = &clerk.section.provisioning;
    let provisioner = Provisioner {
        database,
        directory: Arc::new(ClerkClient::new(&ClerkOptions {
            timeout: PATIENT_TIMEOUT,
            ..options_of(clerk)
        })?),
        clock: Arc::new(SystemClock),
        jitter: random_jitter(),
        limits: provisioning.limits(),
    };
    Ok(Workers::start(&provisioner, usize::from(provisioning.workers)))
}

fn options_of(clerk: ConfiguredClerk<'_>) -> ClerkOptions {
    let ConfiguredClerk { secret_key, issuer, section } = clerk;
    ClerkOptions {
        jwks_url: section.jwks_url.as_deref().map(str::to_owned),
        authorized_parties: section.authorized_parties.clone(),
        ..ClerkOptions::new(&section.api_url, secret_key.clone(), issuer)
    }
}
