//! Tokens for our own machine, created by Clerk, with which we authenticate to another service.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use clerk_rs::models::{CreateM2MTokenRequest, create_m2_m_token_request::TokenFormat};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::{
    task::{JoinError, JoinHandle, spawn_blocking},
    time::timeout,
};
use winserve_domain::base::{BoxFuture, Clock};
use winserve_upstreams::{TokenSource, TokenUnavailable};

use crate::{
    api::ClerkFailure,
    client::{ClerkClient, ClientError},
};

/// Lifetime of a token. Each costs a call; since Clerk cannot revoke one, a stolen token is valid until it
/// expires.
const LIFETIME: Duration = Duration::from_hours(1);
/// Clerk counts the lifetime in whole seconds, and may have truncated the first one.
const ROUNDING: TimeDelta = TimeDelta::seconds(1);
/// How long Clerk is not called again after it issued no token.
const PAUSE: TimeDelta = TimeDelta::seconds(2);
/// How long a token that replaced a rejected one is not suspected, even if it is rejected too: each token
/// costs money.
const KEPT: TimeDelta = TimeDelta::seconds(10);
/// How long a caller waits for the replacement of a suspected token before it uses the suspected one.
const REPLACED_WITHIN: Duration = Duration::from_millis(1_500);

/// The secret key of our machine.
#[derive(Debug, Clone)]
pub enum MachineSecret {
    /// The key itself.
    Value(SecretString),
    /// A file that contains it, read each time a token is created: it may appear and change at runtime.
    File(PathBuf),
}

/// How to create tokens.
#[derive(Debug, Clone)]
pub struct MachineTokenOptions {
    /// The Backend API including its version, such as `https://api.clerk.com/v1`.
    pub api_url: String,
    /// The secret key of our machine, which must be allowed to talk to the service's machine.
    pub secret: MachineSecret,
    /// Lifetime of a token, in whole seconds.
    pub lifetime: Duration,
}

impl MachineTokenOptions {
    /// Options with tokens that live for an hour.
    #[must_use]
    pub fn new(api_url: &str, secret: MachineSecret) -> Self {
        Self { api_url: api_url.trim_end_matches('/').to_owned(), secret, lifetime: LIFETIME }
    }
}

/// Signed tokens (JWTs) of our machine. A token is reused for two thirds of its lifetime, or until the
/// service rejects it; then it is renewed, and requests keep using the old one until there is a new one.
/// However many callers need a token, Clerk gets only one request at a time.
#[derive(Clone)]
pub struct MachineTokens(Arc<Shared>);

struct Shared {
    client: ClerkClient,
    secret: MachineSecret,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    gate: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// Requests to Clerk so far.
    requests: u64,
    /// Its answers so far, including refusals.
    answers: u64,
    is_renewing: bool,
    failed_at: Option<DateTime<Utc>>,
    /// When a token was last marked as suspect.
    suspected_at: Option<DateTime<Utc>>,
    /// How many requests had been started by then: their tokens are as old as the rejected one.
    suspected_requests: u64,
}

impl State {
    /// Whether Clerk refused to issue a token a moment ago.
    fn pauses(&self, now: DateTime<Utc>) -> bool {
        self.failed_at.is_some_and(|at| is_within(PAUSE, at, now))
    }
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    /// Measured before the request, by our clock: Clerk's may differ.
    since: DateTime<Utc>,
    life: TimeDelta,
    /// The service rejected it, so it should be replaced. It is used until there is another one, because the
    /// request may be the problem, or the service may be wrong.
    is_suspect: bool,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("the file {} with the machine's secret key cannot be read", path.display())]
    NoSecret { path: PathBuf, source: io::Error },
    #[error("the file {} with the machine's secret key is empty", .0.display())]
    EmptySecret(PathBuf),
    #[error("cannot read the file with the machine's secret key")]
    Unread(#[source] JoinError),
    #[error("Clerk issued no token for our machine")]
    Clerk(#[source] ClerkFailure),
    #[error("Clerk issued a token that is unsigned or has no expiry")]
    NotSigned,
    #[error("Clerk issued no token for our machine a moment ago")]
    Pausing,
    #[error("no token was created")]
    Abandoned(#[source] JoinError),
}

impl MachineTokens {
    /// Tokens created by Clerk; Clerk is not called before the first one is needed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(options: MachineTokenOptions, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let MachineTokenOptions { api_url, secret, lifetime } = options;
        Ok(Self(Arc::new(Shared {
            client: ClerkClient::without_key(&api_url)?,
            secret,
            lifetime,
            clock,
            state: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
        })))
    }

    async fn token(&self) -> Result<SecretString, TokenError> {
        let now = self.0.clock.now();
        let (suspect, answers) = {
            let mut state = self.0.lock();
            let pauses = state.pauses(now);
            match state.token.clone().filter(|token| is_within(token.life, token.since, now)) {
                Some(token) if token.is_suspect && !pauses => (Some(token.text), state.answers),
                Some(token) => {
                    let is_old = !is_within(token.life * 2 / 3, token.since, now);
                    if is_old && !pauses && !state.is_renewing {
                        state.is_renewing = true;
                        // Nobody waits for it: the current token is still valid.
                        drop(self.make(state.answers));
                    }
                    return Ok(token.text);
                }
                None if pauses => return Err(TokenError::Pausing),
                None => (None, state.answers),
            }
        };
        let making = self.make(answers);
        let Some(suspect) = suspect else { return making.await.map_err(TokenError::Abandoned)? };
        let made = timeout(REPLACED_WITHIN, making).await;
        Ok(made.ok().and_then(Result::ok).and_then(Result::ok).unwrap_or(suspect))
    }

    /// Creates a token; callers that arrive meanwhile share it. `seen` is the number of answers when the
    /// caller looked. Runs as a separate task, which continues if its caller gives up.
    fn make(&self, seen: u64) -> JoinHandle<Result<SecretString, TokenError>> {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move { shared.make(seen).await })
    }
}

impl Shared {
    async fn make(&self, seen: u64) -> Result<SecretString, TokenError> {
        let _gate = self.gate.lock().await;
        let request = {
            let mut state = self.lock();
            if state.answers > seen {
                if state.failed_at.is_some() {
                    return Err(TokenError::Pausing);
                }
                if let Some(token) = state.token.as_ref().filter(|token| !token.is_suspect) {
                    return Ok(token.text.clone());
                }
            }
            state.requests += 1;
            state.requests
        };
        let made = self.ask().await;
        let mut state = self.lock();
        state.answers += 1;
        state.is_renewing = false;
        match made {
            Ok(token) => {
                state.failed_at = None;
                let is_suspect = request <= state.suspected_requests;
                Ok(state.token.insert(Token { is_suspect, ..token }).text.clone())
            }
            Err(error) => {
                state.failed_at = Some(self.clock.now());
                tracing::warn!(error = %Chain(&error), "no token of our machine");
                Err(error)
            }
        }
    }

    async fn ask(&self) -> Result<Token, TokenError> {
        #[derive(Deserialize)]
        struct Made {
            token: SecretString,
        }
        let secret = self.secret.read().await?;
        let body = CreateM2MTokenRequest {
            token_format: Some(TokenFormat::Jwt),
            seconds_until_expiration: Some(Some(self.lifetime.as_secs_f64())),
            ..CreateM2MTokenRequest::default()
        };
        let since = self.clock.now();
        let request =
            || self.client.post("m2m_tokens").bearer_auth(secret.expose_secret()).json(&body);
        // One token too many does no harm.
        let made: Result<Made, _> = self.client.with_retry(request).await;
        let text = made.map_err(TokenError::Clerk)?.token;
        let life = life_of(text.expose_secret()).ok_or(TokenError::NotSigned)?;
        Ok(Token { text, since, life, is_suspect: false })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MachineSecret {
    async fn read(&self) -> Result<SecretString, TokenError> {
        let path = match self {
            Self::Value(secret) => return Ok(secret.clone()),
            Self::File(path) => path.clone(),
        };
        let read = spawn_blocking({
            let path = path.clone();
            move || std::fs::read_to_string(path)
        });
        match read.await.map_err(TokenError::Unread)? {
            Ok(text) if text.trim().is_empty() => Err(TokenError::EmptySecret(path)),
            Ok(text) => Ok(text.trim().into()),
            Err(source) => Err(TokenError::NoSecret { path, source }),
        }
    }
}

impl TokenSource for MachineTokens {
    fn current(&self) -> BoxFuture<'_, Result<SecretString, TokenUnavailable>> {
        Box::pin(async { self.token().await.map_err(|error| TokenUnavailable(error.into())) })
    }

    fn refused(&self, token: &SecretString) -> bool {
        let now = self.0.clock.now();
        let mut state = self.0.lock();
        let pauses = state.pauses(now);
        let was_suspected = state.suspected_at.is_some_and(|at| is_within(KEPT, at, now));
        let Some(current) = state.token.as_mut() else { return true };
        let is_newer = current.text.expose_secret() != token.expose_secret();
        // A newer token that was created because of a rejection is as good as possible. A token from a
        // renewal that was in flight when the service changed its keys is as old as the rejected one.
        if is_newer && (pauses || was_suspected) {
            return true;
        }
        if current.is_suspect {
            // Another one is being created, unless Clerk refused a moment ago.
            return !pauses;
        }
        if was_suspected {
            return false;
        }
        current.is_suspect = true;
        state.suspected_at = Some(now);
        state.suspected_requests = state.requests;
        !pauses
    }
}

impl fmt::Debug for MachineTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MachineTokens").finish_non_exhaustive()
    }
}

/// Whether less than `time` has passed since. If the clock is set back, the answer is no.
fn is_within(time: TimeDelta, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..time).contains(&(now - since))
}

/// How long a signed token is valid, counted from the moment of the request. It came directly from Clerk, so
/// its signature is not checked here: that is for its recipients.
fn life_of(token: &str) -> Option<TimeDelta> {
    #[derive(Deserialize)]
    struct Claims {
        iat: i64,
        exp: i64,
    }
    let [_, claims, _] = *token.split('.').collect::<Vec<_>>() else { return None };
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let Claims { iat, exp } = serde_json::from_slice(&claims).ok()?;
    let life = TimeDelta::try_seconds(exp.checked_sub(iat)?)? - ROUNDING;
    (life > TimeDelta::zero()).then_some(life)
}

/// An error with its causes, for a log line.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
