//! What the service does: each function is one unit of work.

mod elected_office;
mod my_campaign;
mod my_user;
mod start_campaign;

pub use elected_office::{
    ElectedOfficeError, Win, WinElectionError, read_elected_office, update_elected_office,
    win_election,
};
pub use my_campaign::{
    Caller, UpdateCampaign, UpdateCampaignError, read_my_campaign, update_campaign,
};
pub use my_user::{UpdateUserError, update_user};
pub use start_campaign::{StartCampaignError, start_first_campaign};
