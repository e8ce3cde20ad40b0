//! The public keys that sign session tokens, kept for a while.

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

/// Keys younger than that are not asked for again.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Keys older than that do not count: a key that was withdrawn must not live on for ever.
const STALE: TimeDelta = TimeDelta::hours(1);
/// Whatever the tokens say, keys are asked for no oftener, as long as there are some.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// The keys of one answer.
pub(crate) struct KeySet {
    /// Tells one set from another.
    pub(crate) generation: u64,
    keys: HashMap<String, DecodingKey>,
    /// What they were made of, to notice a change.
    parts: Vec<Parts>,
}

impl KeySet {
    pub(crate) fn get(&self, id: &str) -> Option<&DecodingKey> {
        self.keys.get(id)
    }
}

/// The keys last loaded, and when they were asked for.
#[derive(Default)]
struct State {
    set: Option<(Arc<KeySet>, DateTime<Utc>)>,
    attempted: Option<DateTime<Utc>>,
    has_failed: bool,
    is_asking: bool,
    answers: u64,
}

/// Loads the keys when they are needed, one request at a time.
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

    /// The keys: fresh ones; older ones while others are asked for; else none.
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
                    // Nobody waits for it: the keys at hand still count.
                    drop(self.load(answers));
                }
                Ok(set)
            }
            _ => self.load(answers).await.map_err(BoxError::from)?,
        }
    }

    /// The keys, asked for again because a token does not fit them, unless that was done just now.
    /// When the last question had no answer, nobody can tell whether the token is good.
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
            Err("Clerk gave no keys a moment ago".into())
        } else {
            self.current().await
        }
    }

    /// Asks for the keys; who comes while somebody asks takes that answer. `seen` is how many there
    /// had been when the caller looked. A task of its own, for a client that hangs up ends what it
    /// waits for.
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
                return set.map(|(set, _)| set).ok_or_else(|| "Clerk gave no keys".into());
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
                tracing::warn!(error = %failure, "the keys of session tokens could not be loaded");
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

    /// Takes an answer; one that says what the last one said keeps its generation.
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

/// The keys of an answer that can verify session tokens.
struct Answer {
    keys: HashMap<String, DecodingKey>,
    parts: Vec<Parts>,
}

/// Id, modulus and exponent.
type Parts = (String, String, String);

/// An answer without any key that we can use is none: the keys at hand are better.
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
        Err("no key that signs session tokens".into())
    } else {
        Ok(Answer { keys, parts })
    }
}
