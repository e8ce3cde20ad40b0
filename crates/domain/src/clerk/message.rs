//! Port to the messages that Clerk sends (design §7): whether one is Clerk's, and what it says.

use crate::clerk::ClerkEvent;

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct SignedMessage<'a> {
    /// Its id, the same for each attempt to deliver it.
    pub id: &'a str,
    /// When this attempt was signed, in seconds since 1970.
    pub timestamp: &'a str,
    /// Its signatures, with blanks between.
    pub signatures: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Why a message does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefused {
    /// No secret is configured, so that nobody's do.
    #[error("Clerk webhooks are not configured")]
    NotConfigured,
    /// It is not signed with a secret that we know.
    #[error("invalid webhook signature")]
    Signature,
    /// It was signed too long ago, or is from the future.
    #[error("webhook timestamp outside the tolerance")]
    Time,
    /// It is Clerk's, but does not say what its type promises.
    #[error("the webhook cannot be parsed")]
    Unreadable,
}

/// Reads messages of Clerk's.
pub trait MessageReader: Send + Sync {
    /// Whether any message can count; without it, none needs to be received.
    fn is_configured(&self) -> bool;

    /// What a message says, if it is Clerk's.
    ///
    /// # Errors
    /// See [`MessageRefused`].
    fn read(&self, message: &SignedMessage<'_>) -> Result<ClerkEvent, MessageRefused>;
}

/// Stands where no secret is configured: no message counts.
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
