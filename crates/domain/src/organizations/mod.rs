//! Organizations: one per campaign or office, and which of them a request is about.

pub mod access;
mod active_organization;
mod change;
mod eligibility;
mod event;
mod organization;
mod read;
mod repository;

pub use active_organization::{
    ActiveCampaign, ActiveOffice, ActiveOrganization, CurrentNaming, Header, Holder, Holding,
    NamingRule, RequestedOrganization, RouteScope, Unresolved, candidates, is_ambiguous, named,
    resolve,
};
pub use change::{
    ChangeOrganization, ChangeOrganizationError, ChangePreview, DistrictChoice, OfficeChange,
    OrganizationAuthor, Precondition, change, preview,
};
pub use eligibility::{Eligibility, Obstacle, eligibility};
pub use event::{EventCursor, EventDistrict, EventFacts, OrganizationEvent};
pub use organization::{
    CampaignSummary, OfficeSummary, OrganizationFilter, OrganizationItem, OrganizationKind,
    OrganizationOwner, OrganizationProblem, OrganizationReference, RequestKey, RequestedEarlier,
};
pub use read::{HistoryEntry, OrganizationError, events, find, find_campaign, history, list, page};
pub use repository::Organizations;
