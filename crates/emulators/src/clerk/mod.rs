//! A running Clerk: users, sessions, machine tokens and public keys (the facts about Clerk, §7).

mod control;
mod faults;
mod hostile;
mod keys;
mod refusal;
mod routes;
mod state;
mod tokens;

use std::{io, time::Duration};

use actix_web::{
    middleware::from_fn,
    web::{Data, scope},
};
use serde_json::Value;

pub use faults::{Action, Match, Rule};
pub use hostile::hostile_tokens;
use state::Shared;
pub use state::{Person, Rotation};
pub use tokens::{Key, TokenRequest};

use crate::server::{ANY_PORT, Running};

/// The secret key that it takes.
const SECRET_KEY: &str = "sk_test_emulator";

/// A running stand-in for Clerk, on threads of its own. Dropped, it stops.
#[derive(Debug)]
pub struct ClerkEmulator {
    shared: Data<Shared>,
    running: Running,
}

impl ClerkEmulator {
    /// Serves on a free port of this machine, without any user.
    ///
    /// # Errors
    /// There is none.
    pub fn start() -> io::Result<Self> {
        Self::start_on(ANY_PORT)
    }

    /// Serves at an address, such as `127.0.0.1:4200`.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start_on(bind: &str) -> io::Result<Self> {
        let shared = Data::new(Shared::new(SECRET_KEY));
        let served = Data::clone(&shared);
        let running = Running::start(bind, move |config| {
            let routes = scope("")
                .wrap(from_fn(faults::befall))
                .configure(control::configure)
                .configure(routes::configure);
            config.app_data(Data::clone(&served)).service(routes);
        })?;
        running.url().clone_into(&mut shared.lock().url);
        Ok(Self { shared, running })
    }

    /// Where it is: the issuer of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.running.url()
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

    /// Its clock stands still at these milliseconds since 1970.
    pub fn set_clock(&self, now: i64) {
        self.shared.lock().clock = Some(now);
    }

    /// A user signs up, or changes.
    pub fn add(&self, person: Person) {
        self.shared.lock().users.insert(person.id.clone(), person);
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
        let matches = Match { method: None, path_glob: Some(path_glob.to_owned()) };
        self.shared.lock().rules.push(Rule { matches, action, times: None, hits: 0 });
    }

    /// The next request that fits is dealt with so.
    pub fn fail_once(&self, path_glob: &str, action: Action) {
        let matches = Match { method: None, path_glob: Some(path_glob.to_owned()) };
        self.shared.lock().rules.push(Rule { matches, action, times: Some(1), hits: 0 });
    }

    /// Forgets the faults that were planned.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        state.jwks = state::JwksFault::default();
    }

    /// How many requests of this path came in.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared.lock().requests.iter().filter(|request| request.path == path).count()
    }
}
