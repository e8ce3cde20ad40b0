//! A running Clerk: users, machine tokens, public keys, organizations with their members, and
//! webhooks (the facts about Clerk, §7).

mod admission;
mod control;
mod directory;
mod faults;
mod fields;
mod hostile;
mod instance;
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
mod sign_in;
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
pub use instance::{InstanceSettings, SlugWhenDisabled};
use limits::Limiter;
pub use limits::RateLimits;
pub use rules::{Action, Match, Rule};
use sender::Sender;
pub use state::{Person, Rotation, SignInPerson};
use state::{Shared, SignIn};
pub use tokens::{Key, TokenRequest};
pub use webhooks::{BadWebhookSecret, Delivery, DeliveryAttempt, DeliveryOrder, WebhookEndpoint};

use crate::server::{ANY_PORT, Running};

/// The secret key that it accepts.
const SECRET_KEY: &str = "sk_test_emulator";

/// A running Clerk emulator, on its own threads. Dropping it stops it.
#[derive(Debug)]
pub struct ClerkEmulator {
    shared: Data<Shared>,
    url: String,
    /// `None` while it is down.
    running: Option<Running>,
    _sender: Sender,
}

impl ClerkEmulator {
    /// Serves on a free port of this machine, without users.
    ///
    /// # Errors
    /// There is no free port, or no thread.
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

    /// Goes down: connections are refused until [`come_back`](Self::come_back). Its data stays, and waiting
    /// events are delivered.
    pub fn go_away(&mut self) {
        self.running = None;
    }

    /// Serves again at the same address.
    ///
    /// # Errors
    /// Another process has bound the address meanwhile.
    pub fn come_back(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            let bind = self.url.trim_start_matches("http://");
            self.running = Some(serve(bind, &self.shared)?);
        }
        Ok(())
    }

    /// Its URL: the issuer of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its Backend API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// URL of its public keys.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/.well-known/jwks.json", self.url())
    }

    /// The secret key that it accepts.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.shared.secret_key
    }

    /// The secret key of a machine that may talk to election-api, until
    /// [`replace_machine_secret`](Self::replace_machine_secret).
    #[must_use]
    pub fn machine_secret(&self) -> String {
        self.shared.lock().machine.secret.clone()
    }

    /// Rotates the machine's secret key, as in the dashboard: the old one is no longer valid.
    pub fn replace_machine_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.lock().machine.secret);
    }

    /// Limits the lifetime of the machine's signed tokens to this many seconds, whatever is requested.
    pub fn limit_machine_tokens(&self, seconds: i64) {
        self.shared.lock().machine.longest_life = Some(seconds);
    }

    /// Stops its clock at this time in milliseconds since 1970.
    pub fn set_clock(&self, now: i64) {
        self.shared.lock().clock = Some(now);
    }

    /// A user signs up or changes.
    pub fn add(&self, person: Person) {
        self.shared.lock().add(person);
    }

    /// A session token, valid or not.
    #[must_use]
    pub fn mint(&self, request: &TokenRequest) -> String {
        self.shared.lock().mint(request)
    }

    /// Offers these people on the sign-in page. Who comes there from nowhere goes to this address afterwards.
    pub fn offer_sign_in(&self, people: Vec<SignInPerson>, home: &str) {
        self.shared.lock().sign_in = SignIn { people, home: home.parse().ok() };
    }

    /// Where to sign in, for the cookie of the host that this address is on.
    #[must_use]
    pub fn sign_in_url(&self, home: &str) -> String {
        format!("{}/sign-in", self.base_for(home))
    }

    /// Where to sign out, in the same way.
    #[must_use]
    pub fn sign_out_url(&self, home: &str) -> String {
        format!("{}/sign-out", self.base_for(home))
    }

    /// An address that signs somebody in at once and goes to another one, as a click on the page does.
    #[must_use]
    pub fn sign_in_link(&self, user_id: &str, home: &str) -> String {
        sign_in::link(&self.base_for(home), user_id, None, home.parse().ok().as_ref())
    }

    fn base_for(&self, home: &str) -> String {
        home.parse().map_or_else(|_| self.url.clone(), |home| sign_in::base_on(&self.url, &home))
    }

    /// A machine token; `expiration` is in milliseconds since 1970.
    pub fn add_machine_token(&self, token: &str, machine: &str, expiration: Option<i64>) {
        routes::add_machine_token(&mut self.shared.lock(), token, machine, expiration);
    }

    /// Revokes a machine token.
    pub fn revoke_machine_token(&self, token: &str) {
        if let Some(token) = self.shared.lock().machine_tokens.get_mut(token) {
            token.revoked = true;
        }
    }

    /// Rotates the signing key.
    pub fn rotate(&self, mode: Rotation) {
        self.shared.lock().rotate(mode);
    }

    /// The list of keys answers with this status and delay, until [`heal`](Self::heal).
    pub fn fail_keys(&self, status: Option<u16>, delay: Duration) {
        let mut state = self.shared.lock();
        state.jwks.status = status;
        state.jwks.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    }

    /// The list of keys also shows these.
    pub fn show_keys(&self, extra: Vec<Value>) {
        self.shared.lock().jwks.extra_keys = extra;
    }

    /// The list of keys shows these instead, until [`heal`](Self::heal).
    pub fn replace_keys(&self, keys: Value) {
        self.shared.lock().jwks.instead = Some(keys);
    }

    /// Applies the action to matching requests, until [`heal`](Self::heal).
    pub fn fail(&self, path_glob: &str, action: Action) {
        self.plan(Rule::always(Match::of_path(path_glob), action));
    }

    /// Applies the action to the next matching request.
    pub fn fail_once(&self, path_glob: &str, action: Action) {
        self.plan(Rule::once(Match::of_path(path_glob), action));
    }

    /// Appends a rule, until [`heal`](Self::heal).
    pub fn plan(&self, rule: Rule) {
        self.shared.lock().rules.push(rule);
    }

    /// Restarts the random choices; the same seed gives the same choices.
    pub fn set_seed(&self, seed: u64) {
        self.shared.lock().set_seed(seed);
    }

    /// Accepts no more requests than this, and starts counting.
    pub fn limit(&self, limits: RateLimits) {
        self.shared.lock().limiter = Limiter::new(limits);
    }

    /// Removes all planned faults.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        state.jwks = state::JwksFault::default();
    }

    /// How many requests were affected by a plan, including those that have no answer yet.
    #[must_use]
    pub fn hits(&self) -> u32 {
        self.shared.lock().rules.iter().map(|rule| rule.hits).sum()
    }

    /// How many requests with this path were answered.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared.lock().requests.iter().filter(|request| request.path == path).count()
    }

    /// How many requests with this method and a matching path, in which `*` stands for any text, were
    /// received.
    #[must_use]
    pub fn count_of(&self, method: &str, path_glob: &str) -> usize {
        let state = self.shared.lock();
        let wanted = Match::of(method, path_glob);
        let fits = |request: &&state::Logged| wanted.fits(&request.method, &request.path);
        state.requests.iter().filter(fits).count()
    }

    /// The settings of the instance.
    #[must_use]
    pub fn settings(&self) -> InstanceSettings {
        self.shared.lock().settings.clone()
    }

    /// Changes the settings of the instance.
    pub fn set(&self, settings: InstanceSettings) {
        self.shared.lock().settings = settings;
    }

    /// Every organization with its members, in order of creation, regardless of planned faults.
    #[must_use]
    pub fn organizations(&self) -> Vec<ClerkOrganization> {
        self.shared.lock().directory.all().cloned().collect()
    }

    /// Deletes an organization, as in the dashboard; false if it does not exist.
    #[must_use]
    pub fn delete_organization(&self, id: &str) -> bool {
        organizations::remove(&mut self.shared.lock(), id).is_some()
    }

    /// Deletes a user, as in the dashboard; false if they do not exist.
    #[must_use]
    pub fn delete_user(&self, id: &str) -> bool {
        routes::remove_user(&mut self.shared.lock(), id).is_some()
    }

    /// Sends events to an endpoint from now on. An endpoint with the same URL is replaced, which is how to
    /// change its secret.
    ///
    /// # Errors
    /// [`BadWebhookSecret`].
    pub fn send_webhooks(&self, endpoint: &WebhookEndpoint) -> Result<(), BadWebhookSecret> {
        self.shared.lock().webhooks.add(endpoint)
    }

    /// Sets how events are delivered.
    pub fn deliver(&self, delivery: Delivery) {
        self.shared.lock().webhooks.set_delivery(delivery);
    }

    /// Sends the event with this `svix-id` again; false if it is no longer known.
    #[must_use]
    pub fn replay(&self, id: &str) -> bool {
        self.shared.lock().webhooks.replay(id)
    }

    /// Every delivery attempt, the oldest first.
    #[must_use]
    pub fn webhook_attempts(&self) -> Vec<DeliveryAttempt> {
        self.shared.lock().webhooks.attempts().cloned().collect()
    }

    /// Waits until no delivery is pending, including retries.
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
            .configure(sign_in::configure)
            .configure(settings::configure)
            .configure(organizations::configure)
            .configure(memberships::configure)
            .configure(routes::configure);
        config.app_data(Data::clone(&served)).service(routes);
    })
}
