//! Elected offices: a user holds office.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, UserId},
    positions::{BallotReadyId, PositionLink},
};

/// An elected office.
#[derive(Debug, Clone, PartialEq)]
pub struct ElectedOffice {
    /// Key.
    pub id: ElectedOfficeId,
    /// The holder.
    pub user_id: UserId,
    /// The campaign it was won with; `None` if it was deleted or never existed.
    pub campaign: Option<CampaignId>,
    /// Its organization, once it is in the tables.
    pub organization_id: Option<OrganizationId>,
    /// Clerk's id of its organization, once Clerk has created it.
    pub clerk_organization_id: Option<String>,
    /// Its BallotReady position, once it is in the tables.
    pub position: Option<BallotReadyId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Staff allowed statewide or federal voter data; copied from the campaign it was won with.
    pub can_download_federal: bool,
    /// Another service has changed the campaign that it was won with, or just won it, and the
    /// tables do not have that yet: a write copies it to the tables first.
    pub wants_repair: bool,
    /// The term, as entered by its holder.
    pub term: Term,
}

/// The BallotReady position of an office that is in the tables.
pub(super) fn shown_position(office: &ElectedOffice, link: &PositionLink) -> Option<BallotReadyId> {
    office.organization_id.and(link.position.id.ballot_ready().cloned())
}

/// A term of office, as entered by its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When elected.
    pub elected_date: Option<NaiveDate>,
    /// When sworn in.
    pub sworn_in_date: Option<NaiveDate>,
    /// When the term begins.
    pub term_start_date: Option<NaiveDate>,
    /// When it ends.
    pub term_end_date: Option<NaiveDate>,
    /// Its length in days.
    pub term_length_days: Option<i32>,
    /// Whether the office is held now.
    pub is_active: bool,
}

/// A holder's changes: `None` keeps a value, an inner `None` clears it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TermChange {
    /// When elected.
    pub elected_date: Option<Option<NaiveDate>>,
    /// When sworn in.
    pub sworn_in_date: Option<Option<NaiveDate>>,
    /// When the term begins.
    pub term_start_date: Option<Option<NaiveDate>>,
    /// When it ends.
    pub term_end_date: Option<Option<NaiveDate>>,
    /// Its length in days.
    pub term_length_days: Option<Option<i32>>,
    /// Whether the office is held now.
    pub is_active: Option<bool>,
}

impl Term {
    /// The term with a change applied.
    #[must_use]
    pub fn changed(self, change: TermChange) -> Self {
        Self {
            elected_date: change.elected_date.unwrap_or(self.elected_date),
            sworn_in_date: change.sworn_in_date.unwrap_or(self.sworn_in_date),
            term_start_date: change.term_start_date.unwrap_or(self.term_start_date),
            term_end_date: change.term_end_date.unwrap_or(self.term_end_date),
            term_length_days: change.term_length_days.unwrap_or(self.term_length_days),
            is_active: change.is_active.unwrap_or(self.is_active),
        }
    }
}
