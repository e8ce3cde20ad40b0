//! What admins search campaigns by, and what they see (legacy contract §5.1).

use chrono::NaiveDate;
use serde_json::Value;

use crate::{
    base::{CampaignId, UserId, unreadable::Unreadable},
    campaigns::Campaign,
    positions::BallotLevel,
};

/// What campaigns must have in common; an absent value says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignFilter {
    /// The campaign itself.
    pub id: Option<CampaignId>,
    /// Its owner.
    pub user_id: Option<UserId>,
    /// A part of the owner's e-mail address, in any case.
    pub email: Option<String>,
    /// The whole slug, in any case.
    pub slug: Option<String>,
    /// The position's state code, in capitals.
    pub state: Option<String>,
    /// The position's level.
    pub level: Option<BallotLevel>,
    /// Launched or not.
    pub is_active: Option<bool>,
    /// How far the voter goals are, in any case.
    pub p2v_status: Option<String>,
    /// The day of the primary.
    pub primary_election: Days,
    /// The day of the general election.
    pub general_election: Days,
}

/// Days from the first to the last, both included; an absent bound is none.
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
    /// Whatever the old service noted.
    pub meta_data: Option<Value>,
    /// What cannot be read of that.
    pub unreadable: Vec<Unreadable>,
}
