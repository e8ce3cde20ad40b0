//! What the service does: each function is one unit of work.

mod campaign_directory;
mod my_campaign;
mod my_user;
mod onboarding;

pub use campaign_directory::{list_campaigns, read_campaign_by_slug};
pub use my_campaign::{
    Caller, UpdateCampaign, UpdateCampaignError, read_my_campaign, update_campaign,
};
pub use my_user::{UpdateUserError, update_user};
pub use onboarding::{
    CampaignStatus, LaunchCampaignError, OnboardingStep, launch_my_campaign, visit_my_campaign,
};
