//! Session tokens, signed as by the old service.

use chrono::{DateTime, Days, Utc};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

/// A session token of the old service, valid for a year (legacy contract §5.0).
#[must_use]
pub fn legacy_token(secret: &str, user: i32, now: DateTime<Utc>) -> String {
    let claims = json!({
        "sub": user,
        "iss": "gp-api",
        "iat": now.timestamp(),
        "exp": (now + Days::new(365)).timestamp(),
    });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("claims are JSON")
}
