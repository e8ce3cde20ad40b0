//! A running Clerk: users, sessions, machine tokens, public keys, organizations with their members,
//! and webhooks (the facts about Clerk, §7).

mod admission;
mod control;
mod directory;
mod faults;
mod fields;
mod hostile;
mod keys;
mod limits;
mod memberships;
mod metadata;
mod naming;
mod organizations;
mod pages;
mod refusal;
mod routes;
mod rules;
mod sender;
mod settings;
mod state;
mod tokens;
mod webhooks;

use std::{io, time::Duration};

use actix_web::{
    middleware::from_fn,
    rt::time::sleep,
    web::{Data, scope},
};
use serde_json::Value;

pub use directory::{ClerkMembership, ClerkOrganization};
pub use hostile::hostile_tokens;
use limits::Limiter;
pub use limits::RateLimits;
pub use rules::{Action, Match, Rule};
use sender::Sender;
pub use settings::{InstanceSettings, SlugWhenDisabled};
use state::Shared;
pub use state::{Person, Rotation};
pub use tokens::{Key, TokenRequest};
pub use webhooks::{BadWebhookSecret, Delivery, DeliveryAttempt, DeliveryOrder, WebhookEndpoint};

use crate::server::{ANY_PORT, Running};

/// The secret key that it takes.
const SECRET_KEY: &str = "sk_test_emulator";

/// A running stand-in for Clerk, on threads of its own. Dropped, it stops.
#[derive(Debug)]
pub struct ClerkEmulator {
    shared: Data<Shared>,
    url: String,
    /// None while it is away.
    running: Option<Running>,
    _sender: Sender,
}

impl ClerkEmulator {
    /// Serves on a free port of this machine, without any user.
    ///
    /// # Errors
    /// There is none, or no thread.
    pub fn start() -> io::Result<Self> {
        Self::start_on(ANY_PORT)
    }

    /// Serves at an address, such as `127.0.0.1:4200`.
    ///
    /// # Errors
    /// The address cannot be bound, or webhooks cannot be sent.
    pub fn start_on(bind: &str) -> io::Result<Self> {
        let shared = Data::new(Shared::new(SECRET_KEY));
        let running = serve(bind, &shared)?;
        let url = running.url().to_owned();
        url.clone_into(&mut shared.lock().url);
        let sender = Sender::start(&shared)?;
        Ok(Self { shared, url, running: Some(running), _sender: sender })
    }

    /// Goes away: connections are refused until [`come_back`](Self::come_back). What it knows stays, and
    /// events that wait are delivered.
    pub fn go_away(&mut self) {
        self.running = None;
    }

    /// Serves again where it was.
    ///
    /// # Errors
    /// Somebody else has bound the address meanwhile.
    pub fn come_back(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            let bind = self.url.trim_start_matches("http://");
            self.running = Some(serve(bind, &self.shared)?);
        }
        Ok(())
    }

    /// Where it is: the issuer of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its Backend API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// The public copy of its keys.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/.well-known/jwks.json", self.url())
    }

    /// The secret key that it takes.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.shared.secret_key
    }

    /// The secret key of a machine that may speak to election-api, until
    /// [`replace_machine_secret`](Self::replace_machine_secret).
    #[must_use]
    pub fn machine_secret(&self) -> String {
        self.shared.lock().machine.secret.clone()
    }

    /// Somebody rotates the machine's secret key in the dashboard: the old one counts no more.
    pub fn replace_machine_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.lock().machine.secret);
    }

    /// Signed tokens of the machine live so many seconds at most, whatever is asked for.
    pub fn limit_machine_tokens(&self, seconds: i64) {
        self.shared.lock().machine.longest_life = Some(seconds);
    }

    /// Its clock stands still at these milliseconds since 1970.
    pub fn set_clock(&self, now: i64) {
        self.shared.lock().clock = Some(now);
    }

    /// A user signs up, or changes.
    pub fn add(&self, person: Person) {
        self.shared.lock().add(person);
    }

    /// A session token, good or bad.
    #[must_use]
    pub fn mint(&self, request: &TokenRequest) -> String {
        self.shared.lock().mint(request)
    }

    /// A token of a machine; `expiration` is in milliseconds since 1970.
    pub fn add_machine_token(&self, token: &str, machine: &str, expiration: Option<i64>) {
        routes::add_machine_token(&mut self.shared.lock(), token, machine, expiration);
    }

    /// Withdraws a machine's token.
    pub fn revoke_machine_token(&self, token: &str) {
        if let Some(token) = self.shared.lock().machine_tokens.get_mut(token) {
            token.revoked = true;
        }
    }

    /// Replaces the key that signs.
    pub fn rotate(&self, mode: Rotation) {
        self.shared.lock().rotate(mode);
    }

    /// The list of keys answers this status, and so late, until [`heal`](Self::heal).
    pub fn fail_keys(&self, status: Option<u16>, delay: Duration) {
        let mut state = self.shared.lock();
        state.jwks.status = status;
        state.jwks.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    }

    /// The list of keys shows these besides.
    pub fn show_keys(&self, extra: Vec<Value>) {
        self.shared.lock().jwks.extra_keys = extra;
    }

    /// The list of keys shows these instead, until [`heal`](Self::heal).
    pub fn replace_keys(&self, keys: Value) {
        self.shared.lock().jwks.instead = Some(keys);
    }

    /// Requests that fit are dealt with so, until [`heal`](Self::heal).
    pub fn fail(&self, path_glob: &str, action: Action) {
        self.plan(Rule::always(Match::of_path(path_glob), action));
    }

    /// The next request that fits is dealt with so.
    pub fn fail_once(&self, path_glob: &str, action: Action) {
        self.plan(Rule::once(Match::of_path(path_glob), action));
    }

    /// Adds a rule after those that there are, until [`heal`](Self::heal).
    pub fn plan(&self, rule: Rule) {
        self.shared.lock().rules.push(rule);
    }

    /// What is left to chance starts anew; the same seed, the same chances.
    pub fn set_seed(&self, seed: u64) {
        self.shared.lock().set_seed(seed);
    }

    /// Takes no more requests than this, and starts to count.
    pub fn limit(&self, limits: RateLimits) {
        self.shared.lock().limiter = Limiter::new(limits);
    }

    /// Forgets the faults that were planned.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        state.jwks = state::JwksFault::default();
    }

    /// How many requests were dealt with as was planned, those included that have no answer yet.
    #[must_use]
    pub fn hits(&self) -> u32 {
        self.shared.lock().rules.iter().map(|rule| rule.hits).sum()
    }

    /// How many requests of this path were answered.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared.lock().requests.iter().filter(|request| request.path == path).count()
    }

    /// How many requests of this method and of a path like this one, in which `*` stands for any
    /// text, came in.
    #[must_use]
    pub fn count_of(&self, method: &str, path_glob: &str) -> usize {
        let state = self.shared.lock();
        let wanted = Match::of(method, path_glob);
        let fits = |request: &&state::Logged| wanted.fits(&request.method, &request.path);
        state.requests.iter().filter(fits).count()
    }

    /// What the instance is set to.
    #[must_use]
    pub fn settings(&self) -> InstanceSettings {
        self.shared.lock().settings.clone()
    }

    /// Sets the instance.
    pub fn set(&self, settings: InstanceSettings) {
        self.shared.lock().settings = settings;
    }

    /// Every organization with its members, in the order in which they were made, whatever faults
    /// are planned.
    #[must_use]
    pub fn organizations(&self) -> Vec<ClerkOrganization> {
        self.shared.lock().directory.all().cloned().collect()
    }

    /// Somebody deletes an organization in the dashboard; false if there is none.
    #[must_use]
    pub fn delete_organization(&self, id: &str) -> bool {
        organizations::remove(&mut self.shared.lock(), id).is_some()
    }

    /// Somebody deletes a user in the dashboard; false if there is none.
    #[must_use]
    pub fn delete_user(&self, id: &str) -> bool {
        routes::remove_user(&mut self.shared.lock(), id).is_some()
    }

    /// Sends events to an endpoint from now on. One of the same address is replaced, which is how a
    /// secret is.
    ///
    /// # Errors
    /// [`BadWebhookSecret`].
    pub fn send_webhooks(&self, endpoint: &WebhookEndpoint) -> Result<(), BadWebhookSecret> {
        self.shared.lock().webhooks.add(endpoint)
    }

    /// Says how events are delivered.
    pub fn deliver(&self, delivery: Delivery) {
        self.shared.lock().webhooks.set_delivery(delivery);
    }

    /// Sends an event again, whose `svix-id` this is; false if nobody remembers it.
    #[must_use]
    pub fn replay(&self, id: &str) -> bool {
        self.shared.lock().webhooks.replay(id)
    }

    /// Every attempt to deliver an event, the oldest first.
    #[must_use]
    pub fn webhook_attempts(&self) -> Vec<DeliveryAttempt> {
        self.shared.lock().webhooks.attempts().cloned().collect()
    }

    /// Waits until no delivery is left to be made, retries included.
    pub async fn webhooks_delivered(&self) {
        while self.shared.lock().webhooks.outstanding() > 0 {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

fn serve(bind: &str, shared: &Data<Shared>) -> io::Result<Running> {
    let served = Data::clone(shared);
    Running::start(bind, move |config| {
        let routes = scope("")
            .wrap(from_fn(faults::hit))
            .configure(control::configure)
            .configure(settings::configure)
            .configure(organizations::configure)
            .configure(memberships::configure)
            .configure(routes::configure);
        config.app_data(Data::clone(&served)).service(routes);
    })
}
