//! Tokens that authenticate us to a service.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use winserve_domain::base::{BoxError, BoxFuture, Clock};

/// The source of tokens for a service.
pub trait TokenSource: Send + Sync {
    /// A token that is still valid for a while. Callers may give up waiting; work that others also wait for
    /// must continue.
    fn current(&self) -> BoxFuture<'_, Result<SecretString, TokenUnavailable>>;

    /// Records that the service rejected this token. Returns whether [`current`](Self::current) may have a
    /// better one now. It also returns false if a renewed token was rejected a moment ago: then the token is
    /// not the problem.
    fn refused(&self, token: &SecretString) -> bool;
}

/// Why there is no token. The source contains neither a secret nor a token: it is logged.
#[derive(Debug, thiserror::Error)]
#[error("there is no token for the request")]
pub struct TokenUnavailable(#[source] pub BoxError);

/// Our name for people-api.
const ISSUER: &str = "gp-api";
/// Lifetime of a token for people-api.
const LIFETIME: TimeDelta = TimeDelta::seconds(300);
/// A token is renewed when less than this is left.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    iat: i64,
    exp: i64,
}

/// Signs tokens for people-api with the shared secret (upstreams §6.1), and reuses each until it expires.
pub(crate) struct ServiceTokens {
    key: EncodingKey,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<Token>>,
}

struct Token {
    text: SecretString,
    since: DateTime<Utc>,
}

impl ServiceTokens {
    pub(crate) fn new(secret: &SecretString, clock: Arc<dyn Clock>) -> Self {
        let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { key, clock, current: Mutex::default() }
    }

    fn sign(&self) -> Result<SecretString, TokenUnavailable> {
        let now = self.clock.now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // If the clock is set back, the token expires; it does not last forever.
        let counts =
            |token: &&Token| (TimeDelta::zero()..LIFETIME - MARGIN).contains(&(now - token.since));
        if let Some(token) = current.as_ref().filter(counts) {
            return Ok(token.text.clone());
        }
        let (iat, exp) = (now.timestamp(), (now + LIFETIME).timestamp());
        let claims = Claims { iss: ISSUER, iat, exp };
        let text = jsonwebtoken::encode(&Header::default(), &claims, &self.key)
            .map_err(|error| TokenUnavailable(error.into()))?;
        let text = SecretString::from(text);
        *current = Some(Token { text: text.clone(), since: now });
        Ok(text)
    }
}

impl TokenSource for ServiceTokens {
    fn current(&self) -> BoxFuture<'_, Result<SecretString, TokenUnavailable>> {
        Box::pin(std::future::ready(self.sign()))
    }

    fn refused(&self, token: &SecretString) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|current| current.text.expose_secret() == token.expose_secret());
        true
    }
}
