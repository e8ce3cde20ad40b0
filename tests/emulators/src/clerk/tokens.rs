//! Session tokens, valid and invalid (the facts about Clerk, §2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::keys::SigningKey;

/// The category of session tokens.
const SESSION: &str = "cl_B7d4PD111AAA";
/// Lifetime of a token, in seconds.
const LIFETIME: i64 = 60;
/// How long before its issue time a token is valid, in seconds.
const EARLY: i64 = 10;

/// A token to mint: valid, unless a member says otherwise.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRequest {
    /// `sub`.
    pub user_id: String,
    /// `sid`.
    pub session_id: Option<String>,
    /// The active organization.
    pub org_id: Option<String>,
    /// 1 or 2; without it, 2.
    pub version: Option<u8>,
    /// `azp`.
    pub azp: Option<String>,
    /// `iss`; without it, this Clerk.
    pub iss: Option<String>,
    /// Lifetime in seconds.
    pub ttl: Option<i64>,
    /// Seconds between now and its issue time.
    pub iat_offset: i64,
    /// `sts`; without it, active.
    pub sts: Option<String>,
    /// Who acts for the user.
    pub act: Option<Value>,
    /// Its category; without it, a session's.
    pub cat: Option<String>,
    /// The key id that it names; without it, that of the signing key.
    pub kid: Option<String>,
    /// The key that signs.
    pub key: Key,
    /// `alg`, and how it is signed: `RS256`, `RS512`, `HS256` with the public key as the secret, or `none`;
    /// without it, `RS256`.
    pub alg: Option<String>,
    /// Header members that replace the above; null removes.
    pub extra_header: Map<String, Value>,
    /// Claims that replace the above; null removes.
    pub extra_claims: Map<String, Value>,
}

/// The key that signs a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// The newest.
    #[default]
    Current,
    /// The previous one.
    Previous,
    /// One that was never published.
    Unknown,
    /// The newest, but one letter of the signature is changed afterwards.
    BadSignature,
}

impl TokenRequest {
    /// A valid token of a user.
    #[must_use]
    pub fn of(user_id: &str) -> Self {
        Self { user_id: user_id.to_owned(), ..Self::default() }
    }

    /// The token. `now` is in seconds.
    pub(crate) fn mint(&self, key: &SigningKey, issuer: &str, now: i64) -> String {
        let algorithm = self.alg.as_deref().unwrap_or("RS256");
        let mut header = Map::from_iter([
            ("alg".to_owned(), algorithm.into()),
            ("typ".to_owned(), "JWT".into()),
            ("kid".to_owned(), self.kid.as_deref().unwrap_or(&key.id).into()),
            ("cat".to_owned(), self.cat.as_deref().unwrap_or(SESSION).into()),
        ]);
        let mut claims = self.claims(issuer, now);
        replace(&mut header, &self.extra_header);
        replace(&mut claims, &self.extra_claims);
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = sign(&message, algorithm, key);
        let signature =
            if self.key == Key::BadSignature { corrupted(&signature) } else { signature };
        format!("{message}.{signature}")
    }

    fn claims(&self, issuer: &str, now: i64) -> Map<String, Value> {
        let born = now + self.iat_offset;
        let mut claims = Map::from_iter([
            ("iss".to_owned(), self.iss.as_deref().unwrap_or(issuer).into()),
            ("sub".to_owned(), self.user_id.as_str().into()),
            ("sid".to_owned(), self.session_id.as_deref().unwrap_or("sess_1").into()),
            ("iat".to_owned(), born.into()),
            ("nbf".to_owned(), (born - EARLY).into()),
            ("exp".to_owned(), (born + self.ttl.unwrap_or(LIFETIME)).into()),
            ("fva".to_owned(), json!([7, -1])),
        ]);
        if let Some(party) = &self.azp {
            claims.insert("azp".to_owned(), party.as_str().into());
        }
        if let Some(actor) = &self.act {
            claims.insert("act".to_owned(), actor.clone());
        }
        let organization = self.org_id.as_deref();
        if self.version == Some(1) {
            claims.extend(organization.into_iter().flat_map(|id| {
                [
                    ("org_id".to_owned(), json!(id)),
                    ("org_role".to_owned(), json!("org:admin")),
                    ("org_permissions".to_owned(), json!([])),
                ]
            }));
            return claims;
        }
        claims.extend([
            ("v".to_owned(), json!(2)),
            ("jti".to_owned(), json!("0f5d2f3a")),
            ("sts".to_owned(), self.sts.as_deref().unwrap_or("active").into()),
        ]);
        if let Some(id) = organization {
            claims.insert("o".to_owned(), json!({"id": id, "rol": "admin"}));
        }
        claims
    }
}

fn replace(members: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (key, value) in extra {
        if value.is_null() {
            members.remove(key);
        } else {
            members.insert(key.clone(), value.clone());
        }
    }
}

fn encoded(members: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(Value::Object(members.clone()).to_string())
}

fn sign(message: &str, algorithm: &str, key: &SigningKey) -> String {
    let (key, algorithm) = match algorithm {
        "none" => return String::new(),
        "HS256" => (EncodingKey::from_secret(key.public().as_bytes()), Algorithm::HS256),
        "RS512" => (key.private(), Algorithm::RS512),
        _ => (key.private(), Algorithm::RS256),
    };
    // The keys are ours: signing with them cannot fail.
    crypto::sign(message.as_bytes(), &key, algorithm).unwrap_or_default()
}

/// The signature with a different first letter.
fn corrupted(signature: &str) -> String {
    let other = if signature.starts_with('A') { "B" } else { "A" };
    signature.chars().skip(1).fold(other.to_owned(), |mut corrupted, letter| {
        corrupted.push(letter);
        corrupted
    })
}
