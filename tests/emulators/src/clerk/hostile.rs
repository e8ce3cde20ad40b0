//! Tokens that must be rejected.

use serde_json::{Map, Value, json};

use super::tokens::{Key, TokenRequest};

/// Variations of a valid token, each invalid for one reason. `now` is in seconds.
#[must_use]
pub fn hostile_tokens(good: &TokenRequest, now: i64) -> Vec<TokenRequest> {
    let header = |members: Value| TokenRequest { extra_header: object(members), ..good.clone() };
    let claims = |members: Value| TokenRequest { extra_claims: object(members), ..good.clone() };
    let alg = |alg: &str| TokenRequest { alg: Some(alg.to_owned()), ..good.clone() };
    vec![
        // Signatures.
        alg("none"),
        alg("HS256"),
        alg("RS512"),
        TokenRequest {
            alg: Some("HS256".to_owned()),
            extra_header: object(json!({"alg": "RS256"})),
            ..good.clone()
        },
        TokenRequest {
            alg: Some("RS512".to_owned()),
            extra_header: object(json!({"alg": "RS256"})),
            ..good.clone()
        },
        TokenRequest {
            alg: Some("none".to_owned()),
            extra_header: object(json!({"alg": "RS256"})),
            ..good.clone()
        },
        header(json!({"alg": "none"})),
        header(json!({"alg": "NONE"})),
        header(json!({"alg": "HS256"})),
        header(json!({"alg": "RS384"})),
        header(json!({"alg": "PS256"})),
        header(json!({"alg": "ES256"})),
        header(json!({"alg": null})),
        header(json!({"alg": 256})),
        TokenRequest { key: Key::Unknown, ..good.clone() },
        TokenRequest { key: Key::Unknown, kid: Some("ins_1".to_owned()), ..good.clone() },
        TokenRequest { key: Key::BadSignature, ..good.clone() },
        // Header.
        header(json!({"kid": null})),
        header(json!({"kid": ""})),
        header(json!({"kid": "ins_2"})),
        header(json!({"kid": "../ins_1"})),
        header(json!({"typ": "at+jwt"})),
        header(json!({"typ": "JOSE"})),
        header(json!({"crit": ["exp"]})),
        // Categories: a template's and a machine's.
        header(json!({"cat": "cl_B7d4PD222AAA"})),
        header(json!({"cat": "cl_B7d4PD333AAA"})),
        // User, and issuer.
        claims(json!({"iss": "https://clerk.other.example"})),
        claims(json!({"iss": null})),
        claims(json!({"azp": "https://evil.example"})),
        claims(json!({"azp": "https://app.example.org.evil.example"})),
        claims(json!({"azp": null})),
        claims(json!({"azp": 7})),
        claims(json!({"sub": "mch_1"})),
        claims(json!({"sub": "user_"})),
        claims(json!({"sub": null})),
        claims(json!({"sub": 7})),
        claims(json!({"sub": "user_1\u{0}"})),
        claims(json!({"act": {}})),
        claims(json!({"act": {"sub": "mch_1"}})),
        claims(json!({"act": "user_9"})),
        // When.
        TokenRequest { ttl: Some(-6), ..good.clone() },
        TokenRequest { ttl: Some(-5), ..good.clone() },
        TokenRequest { iat_offset: -3600, ..good.clone() },
        TokenRequest { iat_offset: 6, ..good.clone() },
        claims(json!({"nbf": now + 6})),
        claims(json!({"iat": now + 3600})),
        claims(json!({"exp": null})),
        claims(json!({"exp": "tomorrow"})),
        claims(json!({"exp": -1})),
        // State.
        claims(json!({"sts": "expired"})),
        claims(json!({"sts": ""})),
    ]
}

fn object(members: Value) -> Map<String, Value> {
    if let Value::Object(members) = members { members } else { Map::new() }
}
