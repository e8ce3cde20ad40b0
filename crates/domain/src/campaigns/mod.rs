//! Campaigns: a user runs for an office (Win).

pub(crate) mod adopt;
mod author;
mod campaign;
pub mod campaign_json;
mod district_rules;
pub(crate) mod draft;
mod list;
mod oddity;
mod onboarding;
mod race_targets;
mod read;
mod repository;
mod set_district;
pub mod slug;
mod staff;
mod start;
mod update;
pub(crate) mod update_error;
pub mod voter_goals;

pub use adopt::adopt_json;
pub use author::{Author, Caller};
pub use campaign::{Campaign, CampaignChange, CampaignScalars, NewCampaign, PathToVictory};
pub use list::{CampaignFilter, Days, ListedCampaign, Owner};
pub use oddity::Oddity;
pub use onboarding::{CampaignStatus, LaunchCampaignError, OnboardingStep, launch, visit};
pub use race_targets::{RaceTargetsError, RaceTargetsOf, set_race_targets};
pub use read::{find, find_by_slug, find_mine, find_of_goals, list, page, page_of_goals};
pub use repository::Campaigns;
pub use set_district::{SetDistrict, set_district};
pub use staff::{
    DeleteCampaignError, StartCampaignFor, StartCampaignForError, delete, start_for,
    update_standing,
};
pub use start::{
    RunFor, StartCampaign, StartCampaignError, StartPreview, StartedCampaign, preview_start, start,
    start_first,
};
pub use update::update;
pub use update_error::{FederalDataForbidden, UpdateCampaignError};
