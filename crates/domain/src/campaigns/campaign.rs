//! Campaigns: a user runs for office.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use crate::{
    base::{
        CampaignId, OrganizationId, PathToVictoryId, UserId,
        unreadable::{self, Unreadable},
    },
    campaigns::campaign_json,
    organizations::OrganizationProblem,
    positions::PositionLink,
};

/// A campaign with its voter goals, as stored. Clients see its JSON through [`campaign_json`].
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Key.
    pub id: CampaignId,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When one of its own columns last changed; voter goals are not included.
    pub updated_at: DateTime<Utc>,
    /// Readable key in addresses.
    pub slug: String,
    /// Launched.
    pub is_active: bool,
    /// Identity verified.
    pub is_verified: Option<bool>,
    /// Pays; NULL means no.
    pub is_pro: Option<bool>,
    /// For demonstration only.
    pub is_demo: bool,
    /// Won its election.
    pub did_win: Option<bool>,
    /// When its identity was verified.
    pub date_verified: Option<DateTime<Utc>>,
    /// `WIN`, `LOSE` or `TOSSUP`.
    pub tier: Option<String>,
    /// Its organization, once it is in the tables.
    pub organization_id: Option<OrganizationId>,
    /// Clerk's id of its organization, once Clerk has created it.
    pub clerk_organization_id: Option<String>,
    /// Postal address as written by the address service.
    pub formatted_address: Option<String>,
    /// The address service's key.
    pub place_id: Option<String>,
    /// Progress and CRM notes.
    pub data: Value,
    /// The candidate's answers; holds office and geography until phase 3.
    pub details: Value,
    /// Generated texts.
    pub ai_content: Value,
    /// Time series of a vendor.
    pub vendor_ts_data: Value,
    /// The owner.
    pub user_id: UserId,
    /// Staff allowed statewide or federal voter data.
    pub can_download_federal: bool,
    /// Tasks ticked off.
    pub completed_task_ids: Vec<String>,
    /// Offered free text messages.
    pub has_free_texts_offer: bool,
    /// When the offer was used.
    pub free_texts_offer_redeemed_at: Option<DateTime<Utc>>,
    /// Voter goals and district, if there are any.
    pub path_to_victory: Option<PathToVictory>,
    /// Its office and district from the tables, in phases that read them there; the JSON was
    /// updated to match as far as it can.
    pub stored_link: Option<PositionLink>,
    /// What is wrong with them; the JSON is shown instead.
    pub link_problem: Option<OrganizationProblem>,
    /// The tables do not match its JSON yet, because another service has changed it or because it
    /// is older than they are: a write starts from the JSON and copies it to the tables. In the
    /// phases that read the JSON, this is known only for a locked campaign.
    pub wants_repair: bool,
    /// Unreadable parts of its JSON.
    pub unreadable: Vec<Unreadable>,
}

impl Campaign {
    /// The election day in the candidate's answers, if it is a valid date.
    pub(crate) fn election_date(&self) -> Option<NaiveDate> {
        self.details.get("electionDate")?.as_str()?.trim().parse().ok()
    }

    /// Its office and district, from the store that the phase reads.
    #[must_use]
    pub fn link(&self) -> PositionLink {
        let goals = self.path_to_victory.as_ref().map(|goals| &goals.data);
        let decoded = || campaign_json::decode(self.id, &self.details, goals).link;
        self.stored_link.clone().unwrap_or_else(decoded)
    }

    /// Code of the unreadable parts of the campaign, its voter goals, or its position.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        let of_goals = || self.path_to_victory.as_ref().and_then(PathToVictory::problem);
        let of_link = || self.link_problem.map(OrganizationProblem::as_str);
        unreadable::problem(&self.unreadable).or_else(of_goals).or_else(of_link)
    }
}

/// The voter goals of a campaign; holds its district until phase 3.
#[derive(Debug, Clone, PartialEq)]
pub struct PathToVictory {
    /// Key.
    pub id: PathToVictoryId,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Goals, status and district.
    pub data: Value,
    /// Their unreadable parts.
    pub unreadable: Vec<Unreadable>,
}

impl PathToVictory {
    /// Code of their unreadable parts.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        unreadable::problem(&self.unreadable)
    }
}

/// A campaign to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCampaign {
    /// The owner.
    pub user_id: UserId,
    /// Readable key.
    pub slug: String,
    /// Launched.
    pub is_active: bool,
    /// Progress.
    pub data: Value,
    /// The candidate's answers.
    pub details: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A client's changes to a campaign: `None` keeps a value, an inner `None` clears it. JSON is
/// merged (see [`json_merge`](crate::base::json_merge)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CampaignChange {
    /// Merged into `data`.
    pub data: Option<Map<String, Value>>,
    /// Merged into `details`; two keys are replaced completely.
    pub details: Option<Map<String, Value>>,
    /// Merged into `ai_content`.
    pub ai_content: Option<Map<String, Value>>,
    /// Merged into the voter goals; creates them if needed. An empty map changes nothing.
    pub path_to_victory: Option<Map<String, Value>>,
    /// New postal address.
    pub formatted_address: Option<Option<String>>,
    /// New key of the address service.
    pub place_id: Option<Option<String>>,
    /// Statewide and federal voter data.
    pub can_download_federal: Option<bool>,
    /// Single-value columns; only staff and machines may set them.
    pub scalars: CampaignScalars,
}

impl CampaignChange {
    /// Whether a column of the campaign itself is set, so that `updated_at` changes.
    #[must_use]
    pub fn touches_campaign(&self) -> bool {
        self.data.is_some()
            || self.details.is_some()
            || self.ai_content.is_some()
            || self.formatted_address.is_some()
            || self.place_id.is_some()
            || self.can_download_federal.is_some()
            || !self.scalars.is_empty()
    }
}

/// Single-value columns of a campaign: `None` keeps a value, an inner `None` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignScalars {
    /// Readable key.
    pub slug: Option<String>,
    /// Launched.
    pub is_active: Option<bool>,
    /// Identity verified.
    pub is_verified: Option<Option<bool>>,
    /// Pays.
    pub is_pro: Option<Option<bool>>,
    /// Demonstration only.
    pub is_demo: Option<bool>,
    /// Won its election.
    pub did_win: Option<Option<bool>>,
    /// When its identity was verified.
    pub date_verified: Option<Option<DateTime<Utc>>>,
    /// `WIN`, `LOSE` or `TOSSUP`.
    pub tier: Option<Option<String>>,
    /// Tasks ticked off.
    pub completed_task_ids: Option<Vec<String>>,
    /// Offered free text messages.
    pub has_free_texts_offer: Option<bool>,
    /// When the offer was used.
    pub free_texts_offer_redeemed_at: Option<Option<DateTime<Utc>>>,
}

impl CampaignScalars {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Applies the values that are set.
    pub(crate) fn apply(self, campaign: &mut Campaign) {
        set(&mut campaign.slug, self.slug);
        set(&mut campaign.is_active, self.is_active);
        set(&mut campaign.is_verified, self.is_verified);
        set(&mut campaign.is_pro, self.is_pro);
        set(&mut campaign.is_demo, self.is_demo);
        set(&mut campaign.did_win, self.did_win);
        set(&mut campaign.date_verified, self.date_verified);
        set(&mut campaign.tier, self.tier);
        set(&mut campaign.completed_task_ids, self.completed_task_ids);
        set(&mut campaign.has_free_texts_offer, self.has_free_texts_offer);
        set(&mut campaign.free_texts_offer_redeemed_at, self.free_texts_offer_redeemed_at);
    }
}

fn set<T>(column: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *column = value;
    }
}
