//! What the service does: each function is one unit of work.

mod campaign_directory;
mod elected_office;
mod my_campaign;
mod my_user;
mod onboarding;
mod start_campaign;

pub use campaign_directory::{list_campaigns, read_campaign_by_slug};
pub use elected_office::{
    ElectedOfficeError, Win, WinElectionError, read_elected_office, update_elected_office,
    win_election,
};
pub use my_campaign::{
    Caller, UpdateCampaign, UpdateCampaignError, read_my_campaign, update_campaign,
};
pub use my_user::{UpdateUserError, update_user};
pub use onboarding::{
    CampaignStatus, LaunchCampaignError, OnboardingStep, launch_my_campaign, visit_my_campaign,
};
pub use start_campaign::{StartCampaignError, start_first_campaign};
