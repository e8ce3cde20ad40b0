//! What the service does: each function is one unit of work.

mod campaign_directory;
mod change_organization;
mod clerk_event;
mod contacts;
mod district;
mod draft;
mod elected_office;
mod look_ups;
mod machine;
mod my_campaign;
mod my_user;
mod onboarding;
mod organizations;
mod polls;
mod provisioning;
mod race_targets;
mod repair;
mod saved_filters;
mod sign_in;
mod staff_accounts;
mod staff_campaigns;
mod start_campaign;

pub use campaign_directory::{list_campaigns, read_campaign_by_slug};
pub use change_organization::{
    ChangeOrganization, ChangeOrganizationError, NamedDistrict, OfficeChange, OrganizationAuthor,
    Precondition, ask_before_organization_change, change_organization, complete_organization,
    wants_completion,
};
pub use clerk_event::{ClerkEvent, ClerkEventError, take_clerk_event};
pub use contacts::{ContactsError, ContactsRequest, ask_before_contacts, remember_district};
pub use district::{
    AskedDistrict, DistrictQuestion, Existence, SetDistrict, ask_before_set_district, set_district,
};
pub use elected_office::{
    ElectedOfficeError, NewOffice, NewOfficeError, OfficeAuthor, TakeOffice,
    ask_before_office_update, ask_before_win, read_elected_office, take_office,
    update_elected_office, win_election,
};
pub use look_ups::{Asker, AskerTurn};
pub use machine::{page_of_campaigns, page_of_goals, read_campaign, read_campaign_of_goals};
pub use my_campaign::{
    Author, Caller, FederalDataForbidden, UpdateCampaign, UpdateCampaignError, UpdateQuestions,
    ask_before_update, read_my_campaign, update_campaign,
};
pub use my_user::{UpdateUserError, delete_user, update_user};
pub use onboarding::{
    CampaignStatus, LaunchCampaignError, OnboardingStep, launch_my_campaign, visit_my_campaign,
};
pub use organizations::{
    OrganizationError, list_organizations, page_of_organizations, read_campaign_of_organization,
    read_organization,
};
pub use polls::{
    CreateInitialPoll, InitialPollError, InitialPollQuestions, PollError, PollPage,
    ask_before_initial_poll, create_initial_poll, has_polls, list_polls, read_poll,
};
pub use provisioning::{Jitter, Provisioner, Turn};
pub use race_targets::{
    RaceQuestion, RaceTargetsError, RaceTargetsOf, ask_before_race_targets, update_race_targets,
};
pub use repair::{AdoptedChange, adopt_change, adopt_json};
pub use saved_filters::{
    CopiedFilter, SavedFilterError, copy_saved_filter, create_saved_filter, delete_saved_filter,
    list_saved_filters, read_saved_filter, update_saved_filter,
};
pub use sign_in::{
    KnownUser, LegacySession, LegacySessionError, SignInError, SignedIn, find_legacy_user,
    find_signed_in, sign_in_first,
};
pub use staff_accounts::{AccountsError, find_accounts};
pub use staff_campaigns::{
    DeleteCampaignError, StartCampaignFor, StartCampaignForError, delete_campaign,
    start_campaign_for, update_standing,
};
pub use start_campaign::{
    StartCampaign, StartCampaignError, StartedCampaign, start_campaign, start_first_campaign,
};
