//! Campaigns: a user runs for an office (Win).

pub(crate) mod adopt;
mod campaign;
pub mod campaign_json;
mod directory;
pub(crate) mod draft;
mod list;
mod machine;
mod onboarding;
mod race_targets;
mod repository;
pub(crate) mod set_district;
pub mod slug;
mod staff;
pub(crate) mod start;
pub(crate) mod update;
pub mod voter_goals;

pub use adopt::{AdoptedChange, adopt_change, adopt_json};
pub use campaign::{Campaign, CampaignChange, CampaignScalars, NewCampaign, PathToVictory};
pub use directory::{list_campaigns, read_campaign_by_slug};
pub use list::{CampaignFilter, Days, ListedCampaign, Owner};
pub use machine::{page_of_campaigns, page_of_goals, read_campaign, read_campaign_of_goals};
pub use onboarding::{
    CampaignStatus, LaunchCampaignError, OnboardingStep, launch_my_campaign, visit_my_campaign,
};
pub use race_targets::{
    RaceQuestion, RaceTargetsError, RaceTargetsOf, ask_before_race_targets, update_race_targets,
};
pub use repository::Campaigns;
pub use set_district::{
    AskedDistrict, DistrictQuestion, Existence, SetDistrict, ask_before_set_district, set_district,
};
pub use staff::{
    DeleteCampaignError, StartCampaignFor, StartCampaignForError, delete_campaign,
    start_campaign_for, update_standing,
};
pub use start::{
    StartCampaign, StartCampaignError, StartedCampaign, start_campaign, start_first_campaign,
};
pub use update::{
    Author, Caller, FederalDataForbidden, UpdateCampaign, UpdateCampaignError, UpdateQuestions,
    ask_before_update, read_my_campaign, update_campaign,
};
