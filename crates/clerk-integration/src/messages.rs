//! Clerk's webhooks, sent through Svix: the signature covers the bytes of the body (the facts about Clerk,
//! §3).

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use winserve_domain::{
    base::Clock,
    clerk::{
        ClerkEvent, ClerkOrganizationId, ClerkUserId, MessageReader, MessageRefused, SignedMessage,
    },
};

use crate::directory::Organization;

/// Prefix of a secret; what follows is the key in base64.
const PREFIX: &str = "whsec_";
/// The only signature version with a shared secret.
const VERSION: &str = "v1,";
/// Maximum number of signatures that are checked per message: there is one for each valid secret.
const MOST_SIGNATURES: usize = 16;
/// Tolerance for the timestamp; each delivery attempt is signed again.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// A malformed secret. (The error does not say which one, because it would be logged.)
#[derive(Debug, thiserror::Error)]
#[error("a webhook secret is not `whsec_` followed by base64")]
pub struct SecretError;

/// Reads messages that are signed with one of several secrets: during a rotation, both are valid.
pub struct ClerkMessages {
    keys: Vec<Vec<u8>>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for ClerkMessages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClerkMessages")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl ClerkMessages {
    /// A reader for these secrets, as Clerk's dashboard shows them.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new(secrets: &[SecretString], clock: Arc<dyn Clock>) -> Result<Self, SecretError> {
        let key = |secret: &SecretString| {
            let encoded = secret.expose_secret().strip_prefix(PREFIX).ok_or(SecretError)?;
            let key = BASE64_STANDARD.decode(encoded).map_err(|_not_said| SecretError)?;
            if key.is_empty() { Err(SecretError) } else { Ok(key) }
        };
        Ok(Self { keys: secrets.iter().map(key).collect::<Result<_, _>>()?, clock })
    }

    /// The body is hashed once per secret, however many signatures there are: anybody can send them.
    fn is_signed(&self, message: &SignedMessage<'_>) -> bool {
        let signatures = message.signatures.split_ascii_whitespace().take(MOST_SIGNATURES);
        let signatures: Vec<Vec<u8>> = signatures
            .filter_map(|signature| BASE64_STANDARD.decode(signature.strip_prefix(VERSION)?).ok())
            .collect();
        self.keys.iter().any(|key| {
            // HMAC accepts a key of any length.
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
            mac.update(message.id.as_bytes());
            mac.update(b".");
            mac.update(message.timestamp.as_bytes());
            mac.update(b".");
            mac.update(message.body);
            // Compares in constant time.
            signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        })
    }

    fn is_of_now(&self, message: &SignedMessage<'_>) -> bool {
        let now = self.clock.now().timestamp();
        let signed = message.timestamp.parse::<i64>().ok();
        signed.is_some_and(|signed| now.abs_diff(signed) <= TOLERANCE.num_seconds().unsigned_abs())
    }
}

impl MessageReader for ClerkMessages {
    fn is_configured(&self) -> bool {
        !self.keys.is_empty()
    }

    fn read(&self, message: &SignedMessage<'_>) -> Result<ClerkEvent, MessageRefused> {
        if !self.is_signed(message) {
            return Err(MessageRefused::Signature);
        }
        if !self.is_of_now(message) {
            return Err(MessageRefused::Time);
        }
        let envelope: Envelope =
            serde_json::from_slice(message.body).map_err(|_told| MessageRefused::Unreadable)?;
        event(envelope).ok_or(MessageRefused::Unreadable)
    }
}

#[derive(Deserialize)]
struct Envelope {
    r#type: String,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Membership {
    organization: Named,
}

/// `None` if its content does not match its type.
fn event(envelope: Envelope) -> Option<ClerkEvent> {
    let Envelope { r#type: kind, data } = envelope;
    Some(match kind.as_str() {
        "organization.created" | "organization.updated" => {
            let organization: Organization = serde_json::from_value(data).ok()?;
            ClerkEvent::OrganizationSeen(organization.into_entry()?)
        }
        "organization.deleted" => {
            let named: Named = serde_json::from_value(data).ok()?;
            ClerkEvent::OrganizationTouched(ClerkOrganizationId::parse(&named.id)?)
        }
        "organizationMembership.deleted" => {
            let membership: Membership = serde_json::from_value(data).ok()?;
            ClerkEvent::OrganizationTouched(ClerkOrganizationId::parse(
                &membership.organization.id,
            )?)
        }
        "user.deleted" => {
            let named: Named = serde_json::from_value(data).ok()?;
            ClerkEvent::UserDeleted(ClerkUserId::parse(&named.id)?)
        }
        _ => ClerkEvent::Other,
    })
}
