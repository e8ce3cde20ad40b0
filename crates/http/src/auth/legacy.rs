//! The old service's session tokens (legacy contract §5.0).

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

/// Verifies the old service's session tokens: HS256, `sub` = user id, `exp`; as in the old service, the
/// issuer is not checked.
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
    #[serde(default)]
    iat: Option<Value>,
}

/// The content of a valid token.
pub(super) struct VerifiedToken {
    /// The user's id.
    pub(super) subject: i64,
    /// When it was issued; `None` if it does not say so in whole seconds.
    pub(super) issued_at: Option<DateTime<Utc>>,
}

impl LegacySessions {
    /// `secret` is the old service's `AUTH_SECRET`.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked below, with the injected clock and without leeway.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self { key: DecodingKey::from_secret(secret.expose_secret().as_bytes()), validation }
    }

    /// The content of a token that is ours and valid at `now`.
    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<VerifiedToken> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        // Token times are whole seconds, and so is the old service's clock.
        let now = f64::from(u32::try_from(now.timestamp()).ok()?);
        let valid = now < claims.exp && claims.nbf.is_none_or(|nbf| nbf <= now);
        let issued_at = claims.iat.as_ref().and_then(Value::as_i64);
        let issued_at = issued_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        valid.then_some(VerifiedToken { subject: claims.sub, issued_at })
    }
}
