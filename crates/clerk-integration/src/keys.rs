//! A cache of the public keys that sign session tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use clerk_rs::validators::jwks::JwksKey;
use jsonwebtoken::DecodingKey;
use tokio::task::JoinHandle;
use winserve_domain::base::{BoxError, Clock};

use crate::client::ClerkClient;

/// Keys younger than this are not fetched again.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Keys older than this are not used: a revoked key must not stay valid.
const STALE: TimeDelta = TimeDelta::hours(1);
/// Minimum time between two fetches while there are keys, whatever the tokens say.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// The keys of one answer.
pub(crate) struct KeySet {
    /// Distinguishes sets of keys.
    pub(crate) generation: u64,
    keys: HashMap<String, DecodingKey>,
    /// Their source, to detect changes.
    parts: Vec<Parts>,
}

impl KeySet {
    pub(crate) fn get(&self, id: &str) -> Option<&DecodingKey> {
        self.keys.get(id)
    }
}

/// The last loaded keys, and when they were requested.
#[derive(Default)]
struct State {
    set: Option<(Arc<KeySet>, DateTime<Utc>)>,
    attempted: Option<DateTime<Utc>>,
    has_failed: bool,
    is_asking: bool,
    answers: u64,
}

/// Loads keys on demand, one request at a time.
pub(crate) struct Keys {
    client: Arc<ClerkClient>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    gate: tokio::sync::Mutex<()>,
}

impl Keys {
    pub(crate) fn new(client: Arc<ClerkClient>, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, state: Mutex::default(), gate: tokio::sync::Mutex::default() }
    }

    /// The keys: fresh ones, or older ones while new ones are being fetched.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Arc<KeySet>, BoxError> {
        let now = self.clock.now();
        let (set, may_ask, answers) = {
            let state = self.lock();
            (state.set.clone(), state.may_ask(now), state.answers)
        };
        match set {
            Some((set, at)) if now - at < FRESH => Ok(set),
            Some((set, at)) if now - at < STALE => {
                if may_ask {
                    // Nobody waits for it: the current keys are still valid.
                    drop(self.load(answers));
                }
                Ok(set)
            }
            _ => self.load(answers).await.map_err(BoxError::from)?,
        }
    }

    /// The keys, fetched again because a token does not match them, unless they were just fetched. If the
    /// last fetch failed, nobody can tell whether the token is valid.
    pub(crate) async fn refreshed(self: &Arc<Self>) -> Result<Arc<KeySet>, BoxError> {
        let (may_load, has_failed, answers) = {
            let state = self.lock();
            let may_load = state.is_asking || state.may_ask(self.clock.now());
            (may_load, state.has_failed, state.answers)
        };
        if may_load {
            return self.load(answers).await.map_err(BoxError::from)?;
        }
        if has_failed {
            Err("Clerk returned no keys a moment ago".into())
        } else {
            self.current().await
        }
    }

    /// Fetches the keys; callers that arrive meanwhile share the result. `seen` is the number of fetches when
    /// the caller looked. Runs as a separate task, because a client that disconnects drops what it waits for.
    fn load(self: &Arc<Self>, seen: u64) -> JoinHandle<Result<Arc<KeySet>, BoxError>> {
        let keys = Arc::clone(self);
        tokio::spawn(async move { keys.ask(seen).await })
    }

    async fn ask(&self, seen: u64) -> Result<Arc<KeySet>, BoxError> {
        let _gate = self.gate.lock().await;
        let now = self.clock.now();
        {
            let mut state = self.lock();
            if state.answers > seen {
                let set = state.set.clone().filter(|_| !state.has_failed);
                return set.map(|(set, _)| set).ok_or_else(|| "Clerk returned no keys".into());
            }
            state.attempted = Some(now);
            state.is_asking = true;
        }
        let answer = self.client.keys().await.map_err(BoxError::from).and_then(usable);
        let mut state = self.lock();
        state.answers += 1;
        state.is_asking = false;
        state.has_failed = answer.is_err();
        match answer {
            Ok(keys) => Ok(state.take(keys, now)),
            Err(failure) => {
                tracing::warn!(error = %failure, "cannot load the keys of session tokens");
                Err(failure)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_ask(&self, now: DateTime<Utc>) -> bool {
        self.attempted.is_none_or(|at| now - at >= PAUSE)
    }

    /// Stores an answer; if it equals the last one, its generation stays.
    fn take(&mut self, answer: Answer, now: DateTime<Utc>) -> Arc<KeySet> {
        let last = self.set.as_ref().map(|(set, _)| set);
        let set = match last.filter(|last| last.parts == answer.parts) {
            Some(last) => Arc::clone(last),
            None => Arc::new(KeySet {
                generation: last.map_or(0, |last| last.generation + 1),
                keys: answer.keys,
                parts: answer.parts,
            }),
        };
        self.set = Some((Arc::clone(&set), now));
        set
    }
}

/// The keys in an answer that can verify session tokens.
struct Answer {
    keys: HashMap<String, DecodingKey>,
    parts: Vec<Parts>,
}

/// Id, modulus and exponent.
type Parts = (String, String, String);

/// An answer without a usable key counts as a failure: the current keys are better.
fn usable(answer: Vec<JwksKey>) -> Result<Answer, BoxError> {
    let mut keys = HashMap::new();
    let mut parts = Vec::new();
    for key in answer {
        if key.kty != "RSA" || key.use_key != "sig" || key.alg != "RS256" {
            continue;
        }
        if let Ok(decoding) = DecodingKey::from_rsa_components(&key.n, &key.e) {
            keys.insert(key.kid.clone(), decoding);
            parts.push((key.kid, key.n, key.e));
        }
    }
    if keys.is_empty() {
        Err("no key for session tokens".into())
    } else {
        Ok(Answer { keys, parts })
    }
}
