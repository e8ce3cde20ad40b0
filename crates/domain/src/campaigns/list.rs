//! Admins' campaign search: filters and results (legacy contract §5.1).

use chrono::NaiveDate;
use serde_json::Value;

use crate::{
    base::{CampaignId, UserId, unreadable::Unreadable},
    campaigns::Campaign,
    positions::BallotLevel,
};

/// Campaign filters; `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignFilter {
    /// The campaign itself.
    pub id: Option<CampaignId>,
    /// Its owner.
    pub user_id: Option<UserId>,
    /// Part of the owner's e-mail address, ignoring case.
    pub email: Option<String>,
    /// The whole slug, ignoring case.
    pub slug: Option<String>,
    /// The position's state code, in capitals.
    pub state: Option<String>,
    /// The position's level.
    pub level: Option<BallotLevel>,
    /// Whether launched.
    pub is_active: Option<bool>,
    /// Status of the voter goals, ignoring case.
    pub p2v_status: Option<String>,
    /// The day of the primary.
    pub primary_election: Days,
    /// The day of the general election.
    pub general_election: Days,
}

/// A range of days, both inclusive; `None` is unbounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: Option<NaiveDate>,
    /// The last.
    pub last: Option<NaiveDate>,
}

/// A campaign with what admins see of its owner.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedCampaign {
    /// The campaign.
    pub campaign: Campaign,
    /// Its owner.
    pub owner: Owner,
}

/// A campaign's owner, as far as a list shows one.
#[derive(Debug, Clone, PartialEq)]
pub struct Owner {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Mobile number as written.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: String,
    /// Metadata of the old service.
    pub meta_data: Option<Value>,
    /// Unreadable parts of the metadata.
    pub unreadable: Vec<Unreadable>,
}
