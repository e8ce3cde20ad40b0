//! The old service's session tokens (legacy contract §5.0).

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Verifies session tokens of the old service: HS256, `sub` = user id, `exp`; the issuer is not
/// checked, as it never was.
#[derive(Clone)]
pub struct LegacySessions {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: i64,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
}

impl LegacySessions {
    /// `secret` is the old service's `AUTH_SECRET`.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked below, against the injected clock and without leeway.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self { key: DecodingKey::from_secret(secret.expose_secret().as_bytes()), validation }
    }

    /// The user id in a token that is ours and valid at `now`.
    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<i64> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        // Token times are whole seconds, and so is the old service's clock.
        let now = f64::from(u32::try_from(now.timestamp()).ok()?);
        let valid = now < claims.exp && claims.nbf.is_none_or(|nbf| nbf <= now);
        valid.then_some(claims.sub)
    }
}
