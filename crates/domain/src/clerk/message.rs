//! Port to Clerk webhooks (design §7): verifies and parses a message.

use crate::clerk::ClerkEvent;

/// A message as received.
#[derive(Debug, Clone, Copy)]
pub struct SignedMessage<'a> {
    /// Its id, the same for every delivery attempt.
    pub id: &'a str,
    /// When this attempt was signed, in seconds since 1970.
    pub timestamp: &'a str,
    /// Its signatures, separated by blanks.
    pub signatures: &'a str,
    /// The raw body.
    pub body: &'a [u8],
}

/// Why a message is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefused {
    /// No secret is configured, so all messages are rejected.
    #[error("Clerk webhooks are not configured")]
    NotConfigured,
    /// It is not signed with a known secret.
    #[error("invalid webhook signature")]
    Signature,
    /// Its timestamp is too old or in the future.
    #[error("webhook timestamp outside the tolerance")]
    Time,
    /// It is from Clerk, but does not match its type.
    #[error("the webhook cannot be parsed")]
    Unreadable,
}

/// Reads webhook messages from Clerk.
pub trait MessageReader: Send + Sync {
    /// Whether messages can be verified; otherwise the route does not need to receive any.
    fn is_configured(&self) -> bool;

    /// The event of a message, if it is from Clerk.
    ///
    /// # Errors
    /// See [`MessageRefused`].
    fn read(&self, message: &SignedMessage<'_>) -> Result<ClerkEvent, MessageRefused>;
}

/// Used without a secret: rejects all messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMessages;

impl MessageReader for NoMessages {
    fn is_configured(&self) -> bool {
        false
    }

    fn read(&self, _: &SignedMessage<'_>) -> Result<ClerkEvent, MessageRefused> {
        Err(MessageRefused::NotConfigured)
    }
}
