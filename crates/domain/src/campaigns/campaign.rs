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

/// A campaign with its voter goals, as stored. What clients see of the JSON goes through
/// [`campaign_json`].
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Key.
    pub id: CampaignId,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When one of its own columns last changed; a change of the voter goals does not count.
    pub updated_at: DateTime<Utc>,
    /// Readable key in addresses.
    pub slug: String,
    /// Launched.
    pub is_active: bool,
    /// Identity verified.
    pub is_verified: Option<bool>,
    /// Pays; NULL counts as no.
    pub is_pro: Option<bool>,
    /// Demonstration only.
    pub is_demo: bool,
    /// Won its election.
    pub did_win: Option<bool>,
    /// When its identity was verified.
    pub date_verified: Option<DateTime<Utc>>,
    /// `WIN`, `LOSE` or `TOSSUP`.
    pub tier: Option<String>,
    /// Its organization, once the tables have it.
    pub organization_id: Option<OrganizationId>,
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
    /// When they were used.
    pub free_texts_offer_redeemed_at: Option<DateTime<Utc>>,
    /// Voter goals and district, once there are any.
    pub path_to_victory: Option<PathToVictory>,
    /// What the tables say of its office and district, in the phases that read it from there; the JSON
    /// was made to say the same, as far as it has a place for it.
    pub stored_link: Option<PositionLink>,
    /// What is wrong with that; the JSON is shown instead then.
    pub link_problem: Option<OrganizationProblem>,
    /// The tables do not say yet what its JSON says, because another service has changed it, or because it is
    /// older than they are: a write begins with what the JSON says, and brings it into the tables. In the
    /// phases that read the JSON, this is known of a locked campaign only.
    pub wants_repair: bool,
    /// What cannot be read of its own JSON.
    pub unreadable: Vec<Unreadable>,
}

impl Campaign {
    /// The election day in the candidate's answers, if it is a day.
    pub(crate) fn election_date(&self) -> Option<NaiveDate> {
        self.details.get("electionDate")?.as_str()?.trim().parse().ok()
    }

    /// Its office and district, as the store tells them that the phase reads.
    #[must_use]
    pub fn link(&self) -> PositionLink {
        let goals = self.path_to_victory.as_ref().map(|goals| &goals.data);
        let told = || campaign_json::decode(self.id, &self.details, goals).link;
        self.stored_link.clone().unwrap_or_else(told)
    }

    /// Code of what cannot be read of it, of its voter goals, or of its position.
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
    /// What cannot be read of them.
    pub unreadable: Vec<Unreadable>,
}

impl PathToVictory {
    /// Code of what cannot be read of them.
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

/// What a client wants changed of a campaign: an absent value keeps, an inner `None` clears.
/// JSON is merged (see [`json_merge`](crate::base::json_merge)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CampaignChange {
    /// Merged into `data`.
    pub data: Option<Map<String, Value>>,
    /// Merged into `details`, two keys replaced whole.
    pub details: Option<Map<String, Value>>,
    /// Merged into `ai_content`.
    pub ai_content: Option<Map<String, Value>>,
    /// Merged into the voter goals; creates them. Empty changes nothing.
    pub path_to_victory: Option<Map<String, Value>>,
    /// New postal address.
    pub formatted_address: Option<Option<String>>,
    /// New key of the address service.
    pub place_id: Option<Option<String>>,
    /// Statewide and federal voter data.
    pub can_download_federal: Option<bool>,
    /// Columns of one value each; only staff and machines may name them.
    pub scalars: CampaignScalars,
}

impl CampaignChange {
    /// Whether a column of the campaign itself is named, so that `updated_at` moves.
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

/// Columns of a campaign that hold one value each: an absent value keeps, an inner `None` clears.
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
    /// When they were used.
    pub free_texts_offer_redeemed_at: Option<Option<DateTime<Utc>>>,
}

impl CampaignScalars {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Applies what is named.
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
