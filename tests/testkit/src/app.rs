//! The production server on its own database.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;
use winserve_clerk::{Clerk, ClerkMessages, ClerkOptions};
use winserve_console::Console;
use winserve_domain::{
    Ports,
    base::Clock,
    clerk::{IdentityService, MessageReader, NoIdentityService, NoMessages},
    database::{Access, Database},
    positions::ElectionService,
};
use winserve_emulators::{
    ClerkEmulator, ElectionEmulator, PeopleEmulator, Population, TokenRequest, World,
};
use winserve_http::{
    AppState, Downloads, TrustedProxies,
    auth::{LegacySessions, UnnamedRequests},
    metrics,
    server::{self, ReadingPace, ServerOptions},
};
use winserve_persistence::{Db, DbOptions, Limits};
use winserve_upstreams::{ElectionApi, PeopleApi, PeopleApiOptions};

use crate::{
    Client, TestDatabase, checks, legacy_token,
    stage::{self, Following, Phase},
};

const SECRET: &str = "test secret";
const CONNECTIONS: u32 = 4;
/// Files that a user may download at once.
const DOWNLOADS: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// The secrets that sign Clerk's messages to the app: the new one, and the one it replaces.
pub const WEBHOOK_SECRETS: [&str; 2] =
    ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_b2xkIHNlY3JldCBvZiBtZXNzYWdlcw=="];

/// Where the console sends signed-out visitors, unless there is a Clerk.
pub const SIGN_IN_URL: &str = "https://accounts.example.org/sign-in";
/// Where the console sends visitors who sign out.
pub const SIGN_OUT_URL: &str = "https://accounts.example.org/sign-out";

/// Timeouts of the database and people-api: no test measures them, and a busy machine may stall for some seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENT: PeopleApiOptions = PeopleApiOptions {
    connect_timeout: PATIENCE,
    budget: PATIENCE,
    page_budget: PATIENCE,
    ..PeopleApiOptions::DEFAULT
};

/// Settings in which a test differs from production.
#[derive(Debug, Clone)]
pub struct Custom {
    /// How much one user may store.
    pub limits: Limits,
    /// When to drop a client that does not read.
    pub reading_pace: ReadingPace,
    /// Proxies whose forwarded headers are trusted.
    pub trusted_proxies: TrustedProxies,
    /// The database role; `None` means the owner of the tables.
    pub role: Option<String>,
    /// The database URL; `None` means the server itself.
    pub url: Option<String>,
    /// Timeout of people-api.
    pub people: PeopleApiOptions,
    /// Connections of its pool.
    pub connections: u32,
    /// Whether it copies the old service's writes to the tables, as `api` does.
    pub follows: bool,
}

impl Default for Custom {
    fn default() -> Self {
        Self {
            limits: Limits {
                json_column_bytes: 2 * 1024 * 1024,
                campaigns: 50,
                elected_offices: 50,
                saved_filters: 500,
                list_json_bytes: 128 * 1024 * 1024,
            },
            reading_pace: ReadingPace { bytes_per_second: 4096, patience: Duration::from_secs(30) },
            trusted_proxies: TrustedProxies::default(),
            role: None,
            url: None,
            people: PATIENT,
            connections: CONNECTIONS,
            follows: false,
        }
    }
}

/// A clock that is stopped at 2026-02-25T12:34:56.789Z.
#[derive(Debug, Clone, Copy)]
pub struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_772_022_896_789).expect("a moment")
    }
}

/// The dependencies of the worker that follows the old service.
pub(crate) struct Followed {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) election: Arc<dyn ElectionService>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The server, its database and clients.
pub struct TestApp {
    client: Client,
    base: String,
    db: Arc<Db>,
    handle: actix_web::dev::ServerHandle,
    /// The election-api emulator, with the demo world.
    pub election: ElectionEmulator,
    /// The people-api emulator, with the voters of the demo districts.
    pub people: PeopleEmulator,
    clerk: Option<ClerkEmulator>,
    follower: Option<Following>,
    /// Dropped last.
    pub database: TestDatabase,
}

impl TestApp {
    /// A server in a phase, on an empty database with that phase's tables.
    pub async fn new(phase: Phase) -> Self {
        Self::on(TestDatabase::in_phase(phase)).await
    }

    /// [`new`](Self::new) with a Clerk that accepts session tokens of the origin
    /// `https://app.example.org`. Its clock is stopped, like the server's.
    pub async fn with_clerk(phase: Phase) -> Self {
        Self::with_clerk_on(TestDatabase::in_phase(phase)).await
    }

    /// [`on`](Self::on) with a Clerk.
    pub async fn with_clerk_on(database: TestDatabase) -> Self {
        let clerk = ClerkEmulator::start().expect("a free port");
        clerk.set_clock(TestClock.now().timestamp_millis());
        Self::start(database, Some(clerk), Custom::default()).await
    }

    /// [`with_clerk_on`](Self::with_clerk_on), with a role that has only a server's rights.
    pub async fn with_clerk_as_server(database: TestDatabase) -> Self {
        let clerk = ClerkEmulator::start().expect("a free port");
        clerk.set_clock(TestClock.now().timestamp_millis());
        let custom = Custom { role: Some(database.server_role()), ..Custom::default() };
        Self::start(database, Some(clerk), custom).await
    }

    /// [`with_clerk`](Self::with_clerk), with these settings.
    pub async fn custom_with_clerk(phase: Phase, custom: Custom) -> Self {
        let clerk = ClerkEmulator::start().expect("a free port");
        clerk.set_clock(TestClock.now().timestamp_millis());
        Self::start(TestDatabase::in_phase(phase), Some(clerk), custom).await
    }

    /// [`new`](Self::new), with these settings.
    pub async fn custom(phase: Phase, custom: Custom) -> Self {
        Self::start(TestDatabase::in_phase(phase), None, custom).await
    }

    /// [`on`](Self::on), with these settings.
    pub async fn custom_on(database: TestDatabase, custom: Custom) -> Self {
        Self::start(database, None, custom).await
    }

    /// A server on a prepared database, in the phase of that database.
    pub async fn on(database: TestDatabase) -> Self {
        Self::start(database, None, Custom::default()).await
    }

    /// [`on`](Self::on), with the worker that follows the old service.
    pub async fn following(database: TestDatabase) -> Self {
        Self::start(database, None, Custom { follows: true, ..Custom::default() }).await
    }

    /// Stops the worker of [`following`](Self::following), as `api` does on shutdown.
    pub async fn stop_following(&mut self) {
        if let Some(follower) = self.follower.take() {
            follower.stop().await;
        }
    }

    /// [`on`](Self::on), with a role other than the owner of the tables.
    pub async fn as_role(database: TestDatabase, role: &str) -> Self {
        let custom = Custom { role: Some(role.to_owned()), ..Custom::default() };
        Self::start(database, None, custom).await
    }

    #[expect(clippy::unused_async, reason = "needs the runtime that only async callers have")]
    async fn start(database: TestDatabase, clerk: Option<ClerkEmulator>, custom: Custom) -> Self {
        // Before anything is counted.
        let metrics = metrics::collect().expect("metrics are collected only here");
        let options = DbOptions {
            queue_wait: PATIENCE,
            limits: custom.limits,
            ..DbOptions::new("winserve-test", custom.connections)
        };
        let url = match (custom.url, &custom.role) {
            (Some(url), _) => url,
            (None, Some(role)) => database.url_as(role),
            (None, None) => database.url(),
        };
        let composition = stage::composition(database.phase());
        let db = Arc::new(Db::connect(&url, &options, composition).expect("a pool"));
        let emulator = ElectionEmulator::start(World::demo()).expect("a free port");
        let election = ElectionApi::new(emulator.url(), Arc::new(TestClock)).expect("a client");
        let voters = PeopleEmulator::start(Population::demo()).expect("a free port");
        voters.set_clock(TestClock.now().timestamp());
        let people = PeopleApi::with_options(
            voters.url(),
            &voters.secret().into(),
            Arc::new(TestClock),
            custom.people,
        )
        .expect("a client");
        let identity: Arc<dyn IdentityService> = match &clerk {
            Some(clerk) => {
                Arc::new(Clerk::new(clerk_options(clerk), Arc::new(TestClock)).expect("a client"))
            }
            None => Arc::new(NoIdentityService),
        };
        let messages: Arc<dyn MessageReader> = match &clerk {
            Some(_) => {
                let secrets = WEBHOOK_SECRETS.map(SecretString::from);
                Arc::new(ClerkMessages::new(&secrets, Arc::new(TestClock)).expect("secrets"))
            }
            None => Arc::new(NoMessages),
        };
        let database_port: Arc<dyn Database> = Arc::<Db>::clone(&db);
        let election: Arc<dyn ElectionService> = Arc::new(election);
        let follower = custom.follows.then(|| {
            Following::start(Followed {
                database: Arc::clone(&database_port),
                election: Arc::clone(&election),
                clock: Arc::new(TestClock),
            })
        });
        let state = AppState {
            ports: Ports::new(
                database_port,
                election,
                Arc::new(people),
                identity,
                Arc::new(TestClock),
            ),
            messages,
            sessions: LegacySessions::new(&SecretString::from(SECRET)),
            unnamed_requests: UnnamedRequests::default(),
            metrics,
            trusted_proxies: custom.trusted_proxies,
            downloads: Downloads::new(DOWNLOADS),
        };
        let options = ServerOptions {
            bind: "127.0.0.1:0".to_owned(),
            cors_origins: vec![ORIGIN.to_owned()],
            drain: Duration::ZERO,
            reading_pace: custom.reading_pace,
        };
        let sign_in_url = match &clerk {
            Some(clerk) => clerk.sign_in_url(clerk.url()),
            None => SIGN_IN_URL.to_owned(),
        };
        let url = |text: &str| Some(text.parse().expect("a URL"));
        let console = Console { sign_in_url: url(&sign_in_url), sign_out_url: url(SIGN_OUT_URL) };
        let started = server::start(&options, &state, move |config| console.configure(config));
        let started = started.expect("a free port");
        let address = started.addresses.first().expect("one address");
        let base = format!("http://{address}");
        actix_web::rt::spawn(started.server);
        Self {
            client: Client::new(&base),
            base,
            db,
            handle: started.handle,
            election: emulator,
            people: voters,
            clerk,
            follower,
            database,
        }
    }

    /// Another server on the same database, with empty caches.
    #[must_use]
    pub async fn restarted(mut self) -> Self {
        let stand_in = TestDatabase::in_phase(self.database.phase());
        let database = std::mem::replace(&mut self.database, stand_in);
        Self::on(database).await
    }

    /// A client without a token.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// A client with the session token of a user.
    #[must_use]
    pub fn user(&self, id: i32) -> Client {
        self.anonymous().authorized(format!("Bearer {}", self.user_token(id)))
    }

    /// The session token of a user.
    #[must_use]
    pub fn user_token(&self, id: i32) -> String {
        legacy_token(SECRET, id, TestClock.now())
    }

    /// [`user`](Self::user), naming one of their campaigns if the phase has organizations.
    #[must_use]
    pub fn user_of_campaign(&self, id: i32, campaign: i32) -> Client {
        match self.organization_of(campaign) {
            Value::String(organization) => self.user(id).naming(organization),
            _ => self.user(id),
        }
    }

    /// The Clerk of [`with_clerk`](Self::with_clerk).
    #[must_use]
    pub fn clerk(&self) -> &ClerkEmulator {
        self.clerk.as_ref().expect("an app with a Clerk")
    }

    /// A client with a session token of Clerk.
    #[must_use]
    pub fn clerk_user(&self, request: &TokenRequest) -> Client {
        self.anonymous().authorized(format!("Bearer {}", self.clerk_token(request)))
    }

    /// A session token of Clerk, as in the cookie of a browser.
    #[must_use]
    pub fn clerk_token(&self, request: &TokenRequest) -> String {
        let azp = request.azp.clone().or_else(|| Some(ORIGIN.to_owned()));
        self.clerk().mint(&TokenRequest { azp, ..request.clone() })
    }

    /// Signs claims as the old service does.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("JSON")
    }

    /// The `organizationId` that an answer about a campaign must show: null before phase 1.
    #[must_use]
    pub fn organization_of(&self, campaign: i32) -> Value {
        if self.database.phase() == Phase::Legacy {
            return Value::Null;
        }
        let query = format!("SELECT organization_id FROM campaign WHERE id = {campaign}");
        self.database.row(&query)["organization_id"].clone()
    }

    /// SQL statements that the server sent so far.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.db.statements()
    }

    /// The server's prepared statements, with their parameter types.
    pub async fn prepared_statements(&self) -> Vec<(String, Vec<String>)> {
        self.db.prepared_statements().await.expect("a connection")
    }

    /// Settings of the server's sessions during reads and writes.
    pub async fn settings(&self, access: Access) -> BTreeMap<String, String> {
        self.db.settings(access).await.expect("a connection").into_iter().collect()
    }

    /// Where the server listens, as `http://address`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

/// The authorized party of the tests' session tokens.
pub const ORIGIN: &str = "https://app.example.org";

/// Options for a Clerk emulator whose tokens must have the tests' authorized party.
#[must_use]
pub fn clerk_options(clerk: &ClerkEmulator) -> ClerkOptions {
    ClerkOptions {
        jwks_url: Some(clerk.jwks_url()),
        authorized_parties: vec![ORIGIN.to_owned()],
        timeout: Duration::from_secs(2),
        ..ClerkOptions::new(&clerk.api_url(), clerk.secret_key().into(), clerk.url())
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if self.database.is_compared() {
            // A test's initial rows are older than its clock.
            self.database.with_session(|connection| {
                checks::assert_no_drift(connection, "2026-02-01");
            });
        }
        actix_web::rt::spawn(self.handle.stop(false));
    }
}
