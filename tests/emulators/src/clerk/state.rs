//! The state of the Clerk emulator.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    directory::Directory,
    instance::InstanceSettings,
    keys::SigningKey,
    limits::Limiter,
    rules::Rule,
    tokens::{Key, TokenRequest},
    webhooks::Webhooks,
};

/// Id of the first key: Clerk names keys after the instance.
pub(crate) const FIRST_KEY: &str = "ins_1";
/// The machine that tokens are created for.
const MACHINE: &str = "mch_000000000000000000000000001";
/// Its initial secret key.
pub(crate) const MACHINE_SECRET: &str = "ak_test_emulator_machine";
/// Maximum number of recorded requests.
const REQUESTS: usize = 100_000;

/// Everything, behind one lock.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) secret_key: String,
    inner: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Its URL: the issuer of its tokens.
    pub(crate) url: String,
    pub(crate) users: BTreeMap<String, Person>,
    pub(crate) sign_in: SignIn,
    pub(crate) machine_tokens: BTreeMap<String, MachineToken>,
    pub(crate) machine: Machine,
    pub(crate) directory: Directory,
    pub(crate) settings: InstanceSettings,
    pub(crate) webhooks: Webhooks,
    /// Keys in the list, the newest last.
    pub(crate) published: Vec<SigningKey>,
    previous: Option<SigningKey>,
    rotations: usize,
    pub(crate) jwks: JwksFault,
    pub(crate) rules: Vec<Rule>,
    /// Seed of the random choices.
    pub(crate) seed: u64,
    pub(crate) limiter: Limiter,
    pub(crate) requests: VecDeque<Logged>,
    /// Milliseconds since 1970; without it, the system clock.
    pub(crate) clock: Option<i64>,
    /// No longer needed.
    pub(crate) is_over: bool,
    ids: u64,
}

/// A user of Clerk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Person {
    /// For example `user_1`.
    pub id: String,
    /// Primary e-mail address.
    pub email: Option<String>,
    /// Whether Clerk has verified it.
    pub verified: bool,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
}

/// Somebody to sign in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInPerson {
    /// Clerk's id, for example `user_1`.
    pub user_id: String,
    /// Their name.
    pub name: String,
    /// What they are, for example `candidate`.
    pub what: String,
    /// Whether they may act for the others.
    pub is_staff: bool,
}

/// Who can sign in, and where to.
#[derive(Debug, Default)]
pub(crate) struct SignIn {
    pub(crate) people: Vec<SignInPerson>,
    /// Where one goes who came from nowhere.
    pub(crate) home: Option<Url>,
}

/// A machine token.
#[derive(Debug, Clone, Default)]
pub(crate) struct MachineToken {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) revoked: bool,
    /// Milliseconds since 1970.
    pub(crate) expiration: Option<i64>,
    pub(crate) created_at: i64,
}

/// The machine that requests tokens.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) id: &'static str,
    pub(crate) secret: String,
    /// Maximum lifetime of its signed tokens in seconds.
    pub(crate) longest_life: Option<i64>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { id: MACHINE, secret: MACHINE_SECRET.to_owned(), longest_life: None }
    }
}

/// How the list of keys misbehaves.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct JwksFault {
    pub(crate) status: Option<u16>,
    pub(crate) delay_ms: u64,
    pub(crate) extra_keys: Vec<Value>,
    pub(crate) instead: Option<Value>,
}

/// A received request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Logged {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// How keys are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// A new key in addition to the old one.
    NewKidKeepOld,
    /// A new key instead of the old one.
    NewKidDropOld,
    /// A new key with the old one's id.
    SameKidNewKey,
}

impl Shared {
    pub(crate) fn new(secret_key: &str) -> Self {
        let shared =
            Self { secret_key: secret_key.to_owned(), inner: Mutex::new(State::default()) };
        shared.lock().published.push(SigningKey::new(FIRST_KEY.to_owned(), 0));
        shared
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Milliseconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "a server of its own has a clock of its own")]
    pub(crate) fn now(&self) -> i64 {
        self.clock.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or_default()
        })
    }

    /// A new sequential id with a prefix.
    pub(crate) fn next_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{:027}", self.ids)
    }

    /// Restarts the random choices.
    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
        self.webhooks.seed(seed);
    }

    /// A user signs up or changes.
    pub(crate) fn add(&mut self, person: Person) {
        let is_new = !self.users.contains_key(&person.id);
        let shown = person.answer(self.now());
        self.users.insert(person.id.clone(), person);
        self.emit(if is_new { "user.created" } else { "user.updated" }, &shown);
    }

    /// Records a request; the oldest are dropped.
    pub(crate) fn note(&mut self, request: Logged) {
        if self.requests.len() >= REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(crate) fn rotate(&mut self, mode: Rotation) {
        self.rotations += 1;
        let old = self.published.last().cloned();
        let id = match (mode, &old) {
            (Rotation::SameKidNewKey, Some(old)) => old.id.clone(),
            _ => format!("ins_{}", self.rotations + 1),
        };
        if mode != Rotation::NewKidKeepOld {
            self.published.clear();
        }
        self.published.push(SigningKey::new(id, self.rotations));
        self.previous = old;
    }

    pub(crate) fn mint(&self, request: &TokenRequest) -> String {
        let newest = self.published.last();
        let key = match request.key {
            Key::Current | Key::BadSignature => newest.cloned(),
            Key::Previous => self.previous.clone(),
            Key::Unknown => Some(SigningKey::new("ins_unknown".to_owned(), self.rotations + 1)),
        };
        let key = key.unwrap_or_else(|| SigningKey::new(FIRST_KEY.to_owned(), 0));
        request.mint(&key, &self.url, self.now() / 1000)
    }

    pub(crate) fn keys(&self) -> Value {
        if let Some(keys) = &self.jwks.instead {
            return json!({ "keys": keys });
        }
        let keys = self.published.iter().map(SigningKey::published);
        let keys: Vec<Value> = self.jwks.extra_keys.iter().cloned().chain(keys).collect();
        json!({ "keys": keys })
    }
}

impl Person {
    /// A user with a verified address.
    #[must_use]
    pub fn verified(id: &str, email: &str) -> Self {
        let (id, email) = (id.to_owned(), Some(email.to_owned()));
        Self { id, email, verified: true, ..Self::default() }
    }

    /// The user in Clerk's answers.
    pub(crate) fn answer(&self, now: i64) -> Value {
        let verification = self.verified.then(|| {
            json!({
                "object": "verification_admin", "status": "verified", "strategy": "admin",
                "attempts": null, "expire_at": null,
            })
        });
        let address = self.email.as_ref().map(|email| {
            json!({
                "id": "idn_1", "object": "email_address", "email_address": email, "reserved": false,
                "verification": verification, "linked_to": [], "matches_sso_connection": false,
                "created_at": now, "updated_at": now,
            })
        });
        json!({
            "id": self.id, "object": "user", "external_id": null,
            "primary_email_address_id": address.as_ref().map(|_| "idn_1"),
            "primary_phone_number_id": null, "primary_web3_wallet_id": null, "username": null,
            "first_name": self.first_name, "last_name": self.last_name, "image_url": "",
            "has_image": false, "public_metadata": {}, "private_metadata": {}, "unsafe_metadata": {},
            "email_addresses": Vec::from_iter(address), "phone_numbers": [], "web3_wallets": [],
            "passkeys": [], "external_accounts": [], "saml_accounts": [], "enterprise_accounts": [],
            "password_enabled": true, "two_factor_enabled": false, "totp_enabled": false,
            "backup_code_enabled": false, "mfa_enabled_at": null, "mfa_disabled_at": null,
            "last_sign_in_at": null, "banned": false, "locked": false,
            "lockout_expires_in_seconds": null, "verification_attempts_remaining": 100,
            "created_at": now, "updated_at": now, "delete_self_enabled": true,
            "create_organization_enabled": true, "last_active_at": null, "legal_accepted_at": null,
        })
    }
}

impl MachineToken {
    /// The token in the answer to its verification.
    pub(crate) fn answer(&self, now: i64) -> Value {
        json!({
            "object": "machine_to_machine_token", "id": self.id, "subject": self.subject,
            "claims": null, "scopes": [], "revoked": self.revoked, "revocation_reason": null,
            "expired": self.expiration.is_some_and(|at| at <= now), "expiration": self.expiration,
            "last_used_at": null, "created_at": self.created_at, "updated_at": self.created_at,
        })
    }
}
