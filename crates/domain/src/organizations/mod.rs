//! Organizations: one for each campaign or office, and which of them a request is about.

pub mod access;
mod active_organization;
mod change;
mod organization;
mod read;
mod repository;

pub use active_organization::{
    ActiveCampaign, ActiveOffice, ActiveOrganization, Header, Holder, Holding, Naming, RouteScope,
    Unresolved, is_ambiguous, named, resolve,
};
pub use change::{
    ChangeOrganization, ChangeOrganizationError, NamedDistrict, OfficeChange, OrganizationAuthor,
    Precondition, ask_before_organization_change, change_organization, complete_organization,
    wants_completion,
};
pub use organization::{
    CampaignSummary, OfficeSummary, OrganizationEvent, OrganizationFilter, OrganizationItem,
    OrganizationKind, OrganizationOwner, OrganizationProblem, OrganizationReference, RequestKey,
    RequestedEarlier,
};
pub use read::{
    OrganizationError, list_organizations, page_of_organizations, read_campaign_of_organization,
    read_organization,
};
pub use repository::Organizations;
