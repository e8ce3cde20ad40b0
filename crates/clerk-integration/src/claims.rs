//! Decides which session tokens are valid (the facts about Clerk, §2.3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use winserve_domain::clerk::{ClerkOrganizationId, ClerkUserId, Session, SessionRefused};

/// Tolerated clock skew, in seconds.
const SKEW: f64 = 5.0;
/// Maximum length of a token, in bytes; a session token has about a thousand.
const LONGEST: usize = 8 * 1024;
/// The category of session tokens, and the one that must be ignored according to Clerk; a token may have
/// none.
const CATEGORIES: [&str; 2] = ["cl_B7d4PD111AAA", "cl_I7d4PD111III"];

/// The parts of a token's header that decide whether it is valid.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    cat: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// The id of the key that the token claims to be signed with, if the header is that of a session token.
pub(crate) fn key_id(token: &str) -> Result<String, SessionRefused> {
    let invalid = |why| Err(SessionRefused::Invalid(why));
    if token.len() > LONGEST {
        return invalid("too long");
    }
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).ok();
    let header = header.and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    let Some(header) = header else { return invalid("no header") };
    if header.alg != "RS256" {
        return invalid("another algorithm");
    }
    if header.typ.is_some_and(|typ| typ != "JWT") {
        return invalid("another type");
    }
    if header.cat.is_some_and(|category| !CATEGORIES.contains(&category.as_str())) {
        return invalid("another category");
    }
    if header.crit.is_some() {
        return invalid("critical extensions that are not supported");
    }
    match header.kid.filter(|id| !id.is_empty()) {
        Some(id) => Ok(id),
        None => invalid("no key id"),
    }
}

/// The claims that matter; everything else in a token is ignored.
#[derive(Deserialize)]
pub(crate) struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    azp: Option<String>,
    sts: Option<String>,
    act: Option<Actor>,
    v: Option<u32>,
    // Of any type: a custom claim may have the other version's name.
    o: Option<Value>,
    org_id: Option<Value>,
}

#[derive(Deserialize)]
struct Actor {
    sub: Option<String>,
}

/// A session, with the validity period of its token.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) session: Session,
    not_before: f64,
    before: f64,
}

impl Checked {
    /// Whether the token is valid at this time.
    pub(crate) fn counts_at(&self, now: DateTime<Utc>) -> bool {
        let now = seconds(now);
        self.not_before <= now && now < self.before
    }
}

fn seconds(at: DateTime<Utc>) -> f64 {
    // Whole milliseconds in this century are exact.
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "exact, see above")]
    let milliseconds = at.timestamp_millis() as f64;
    milliseconds / 1000.0
}

impl Claims {
    /// Checks everything except the signature.
    pub(crate) fn check(
        self,
        issuer: &str,
        authorized_parties: &[String],
        now: DateTime<Utc>,
    ) -> Result<Checked, SessionRefused> {
        let invalid = |why| Err(SessionRefused::Invalid(why));
        let Some(expiry) = self.exp else { return invalid("no end") };
        let latest_start = self.nbf.unwrap_or_default().max(self.iat.unwrap_or_default());
        let (not_before, before) = (latest_start - SKEW, expiry + SKEW);
        if self.iss.as_deref() != Some(issuer) {
            return invalid("another issuer");
        }
        if !is_authorized(self.azp.as_deref(), authorized_parties) {
            return invalid("another origin");
        }
        let Some(user) = self.sub.as_deref().and_then(ClerkUserId::parse) else {
            return invalid("no user");
        };
        let actor = match self.act {
            None => None,
            Some(actor) => match actor.sub.as_deref().and_then(ClerkUserId::parse) {
                None => return invalid("an actor that is not a user"),
                actor => actor,
            },
        };
        match self.sts.as_deref() {
            None | Some("active") => {}
            Some("pending") => return Err(SessionRefused::Pending),
            Some(_) => return invalid("another state"),
        }
        // Strictly by version: a custom claim in a newer token may have the older version's name.
        let organization = match self.v {
            None | Some(1) => self.org_id,
            Some(_) => self.o.and_then(|organization| organization.get("id").cloned()),
        };
        let organization = organization.as_ref().and_then(Value::as_str);
        let organization = organization.and_then(ClerkOrganizationId::parse);
        let checked =
            Checked { session: Session { user, actor, organization }, not_before, before };
        if checked.counts_at(now) { Ok(checked) } else { invalid("not now") }
    }
}

/// If parties are configured, a token must name one of them.
fn is_authorized(party: Option<&str>, authorized: &[String]) -> bool {
    authorized.is_empty()
        || party.is_some_and(|party| authorized.iter().any(|known| known == party))
}
