//! The service-to-service token (upstreams §6.1).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Lifetime of a token, in seconds.
const LIFETIME: i64 = 300;

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    iat: Option<i64>,
    /// Seconds since 1970; without it, a token never expires.
    exp: Option<i64>,
}

/// Rejects everything but a bearer token that is signed with the secret and has not expired.
///
/// `now` is in seconds. Issuer and audience are ignored, and any HMAC algorithm is accepted.
pub(crate) fn check(header: Option<&str>, secret: &str, now: i64) -> Result<(), Refusal> {
    let header = header.ok_or_else(|| Refusal::unauthorized("Missing authorization header"))?;
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Refusal::unauthorized("Invalid authorization header")),
    };
    if secret.is_empty() {
        return Err(Refusal::unauthorized("Service-to-service secret is not configured"));
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.algorithms = vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    validation.required_spec_claims.clear();
    validation.validate_aud = false;
    // The library would use the system clock.
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let is_valid = decode::<Claims>(token, &key, &validation)
        .is_ok_and(|token| token.claims.exp.is_none_or(|end| now < end));
    if is_valid { Ok(()) } else { Err(Refusal::unauthorized("Invalid token")) }
}

/// A token as gp-api signs it.
pub(crate) fn mint(secret: &str, now: i64) -> String {
    let claims =
        Claims { iss: Some("gp-api".to_owned()), iat: Some(now), exp: Some(now + LIFETIME) };
    // Signing with HMAC cannot fail.
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .unwrap_or_default()
}
