//! Tokens by which a service knows who asks.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use winserve_domain::base::{BoxError, BoxFuture, Clock};

/// Where the tokens for a service come from.
pub trait TokenSource: Send + Sync {
    /// A token that is still valid for a while. Callers may give up waiting; work that others wait for,
    /// too, has to go on.
    fn current(&self) -> BoxFuture<'_, Result<SecretString, TokenUnavailable>>;

    /// Notes that the service refused this token, and says whether [`current`](Self::current) may
    /// have a better one by now. It says no when a renewed token was refused a moment ago, too: then
    /// the token is not what is wrong.
    fn refused(&self, token: &SecretString) -> bool;
}

/// Why there is no token. Neither a secret nor a token is in the source: it is logged.
#[derive(Debug, thiserror::Error)]
#[error("there is no token to ask with")]
pub struct TokenUnavailable(#[source] pub BoxError);

/// Who we are to people-api.
const ISSUER: &str = "gp-api";
/// How long a token for people-api counts.
const LIFETIME: TimeDelta = TimeDelta::seconds(300);
/// A token is renewed when less is left of it.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    iat: i64,
    exp: i64,
}

/// Signs tokens for people-api with the secret that we share (upstreams §6.1), and uses each as long
/// as it lasts.
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
        // A clock set back makes a token old, not eternal.
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
