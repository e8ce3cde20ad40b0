//! Service-to-service tokens, by which people-api knows who asks (upstreams §6.1).

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header, errors::Error};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use winserve_domain::clock::Clock;

/// Who we are.
const ISSUER: &str = "gp-api";
/// How long a token counts.
const LIFETIME: TimeDelta = TimeDelta::seconds(300);
/// A token is renewed when less is left of it.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    iat: i64,
    exp: i64,
}

/// Signs tokens, and uses each as long as it lasts.
pub(crate) struct ServiceTokens {
    key: EncodingKey,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<Token>>,
}

struct Token {
    text: String,
    since: DateTime<Utc>,
}

impl ServiceTokens {
    pub(crate) fn new(secret: &SecretString, clock: Arc<dyn Clock>) -> Self {
        let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { key, clock, current: Mutex::default() }
    }

    /// A token that lasts for a while yet.
    pub(crate) fn current(&self) -> Result<String, Error> {
        let now = self.clock.now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock set back makes a token old, not eternal.
        let counts =
            |token: &&Token| (TimeDelta::zero()..LIFETIME - MARGIN).contains(&(now - token.since));
        if let Some(token) = current.as_ref().filter(counts) {
            return Ok(token.text.clone());
        }
        let (iat, exp) = (now.timestamp(), (now + LIFETIME).timestamp());
        let text =
            jsonwebtoken::encode(&Header::default(), &Claims { iss: ISSUER, iat, exp }, &self.key)?;
        *current = Some(Token { text: text.clone(), since: now });
        Ok(text)
    }

    /// Forgets the token, which the service refused.
    pub(crate) fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
