//! Events of organizations: the audit trail, and the feed for other systems (design §12).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    base::{OrganizationId, UserId},
    organizations::OrganizationKind,
};

/// A place in the feed: after one event, before the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventCursor {
    /// The transaction that wrote the event, or a younger one of the same organization.
    pub transaction: u64,
    /// The event's place in the transaction.
    pub sequence: i64,
}

impl EventCursor {
    /// Reads a cursor as [`Display`](fmt::Display) writes it; `None` for another text.
    ///
    /// ```
    /// use winserve_domain::organizations::EventCursor;
    /// let cursor = EventCursor::parse("731-12").unwrap();
    /// assert_eq!((cursor.transaction, cursor.sequence), (731, 12));
    /// assert_eq!(cursor.to_string(), "731-12");
    /// assert_eq!(EventCursor::parse("731"), None);
    /// assert_eq!(EventCursor::parse("+731-12"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (transaction, sequence) = text.split_once('-')?;
        let cursor =
            Self { transaction: transaction.parse().ok()?, sequence: sequence.parse().ok()? };
        (cursor.to_string() == text).then_some(cursor)
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.transaction, self.sequence)
    }
}

/// An event of an organization: an entry in the audit trail, which also feeds other systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationEvent {
    /// Its place in the feed.
    pub cursor: EventCursor,
    /// The organization.
    pub organization: OrganizationId,
    /// Its owner.
    pub owner: UserId,
    /// Who wrote: `user:7`, `machine:mch_1`, `winserve` for a job or a route that does not say, or
    /// `other:<database role>`.
    pub actor: String,
    /// What happened, such as `organization.changed`.
    pub kind: String,
    /// The previous facts, of a change or a deletion; none if a typed-in office was reworded.
    pub before: Option<EventFacts>,
    /// The new facts, of a creation or a change.
    pub after: Option<EventFacts>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What an event records of a campaign or an office: ids, and no text of a person. Everything is
/// optional, because each kind of event has its own members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct EventFacts {
    /// The organization's kind.
    #[serde(rename = "type")]
    pub kind: Option<OrganizationKind>,
    /// The position, also a custom one.
    pub position_id: Option<String>,
    /// The district of its own; without one, the position's applies.
    pub district: Option<EventDistrict>,
    /// Whether its district was chosen by hand.
    pub is_manual: Option<bool>,
    /// Whether statewide and federal voter data are allowed.
    pub can_download_federal: Option<bool>,
    /// Whether it is a demo campaign.
    pub is_demo: Option<bool>,
    /// The campaign that an office was won with.
    pub campaign_organization_id: Option<String>,
}

/// A district in an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventDistrict {
    /// election-api's id, if it has one.
    pub id: Option<String>,
    /// L2's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// L2's name.
    pub name: String,
}

impl OrganizationEvent {
    /// The user who wrote it, if it was one.
    #[must_use]
    pub fn author(&self) -> Option<UserId> {
        self.actor.strip_prefix("user:")?.parse().ok().map(UserId)
    }

    /// Whether it is about a demo campaign.
    #[must_use]
    pub fn is_demo(&self) -> bool {
        let facts = self.after.as_ref().or(self.before.as_ref());
        facts.and_then(|facts| facts.is_demo).unwrap_or(false)
    }
}
