//! Organizations (design §5).

mod change_body;
pub(crate) mod get_admin_by_id;
pub(crate) mod get_admin_list;
pub(crate) mod get_all;
pub(crate) mod get_by_id;
pub(crate) mod get_campaign;
pub(crate) mod get_eligibility;
pub(crate) mod patch_any;
pub(crate) mod patch_own;
pub(crate) mod post_preview_any;
pub(crate) mod post_preview_own;
mod preview_answer;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::StoreError,
    offices::Status,
    organizations::{
        CampaignSummary, OfficeSummary, OrganizationError, OrganizationItem, OrganizationKind,
        OrganizationProblem, OrganizationReference, access::Capabilities,
    },
    positions::{BallotLevel, BallotPosition, DistrictId, PositionId, PositionLink},
};

use crate::{
    campaigns::milliseconds,
    error::{ApiError, ErrorCode},
    openapi::refuses,
};

/// An organization as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Organization)]
pub(crate) struct OrganizationAnswer {
    id: String,
    #[serde(rename = "type")]
    kind: Kind,
    name: String,
    status: StatusAnswer,
    position_name: Option<String>,
    position: Option<PositionAnswer>,
    district: Option<DistrictAnswer>,
    campaign: Option<CampaignOfOrganization>,
    elected_office: Option<OfficeOfOrganization>,
    clerk_organization_id: Option<String>,
    capabilities: CapabilitiesAnswer,
    problem: Option<&'static str>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationType)]
pub(crate) enum Kind {
    Campaign,
    ElectedOffice,
}

impl From<OrganizationKind> for Kind {
    fn from(kind: OrganizationKind) -> Self {
        match kind {
            OrganizationKind::Campaign => Self::Campaign,
            OrganizationKind::ElectedOffice => Self::ElectedOffice,
        }
    }
}

/// Whether it is current: an office by its term, a campaign by its election day.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationStatus)]
pub(crate) enum StatusAnswer {
    Active,
    Upcoming,
    Past,
}

impl From<Status> for StatusAnswer {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Upcoming => Self::Upcoming,
            Status::Past => Self::Past,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Position)]
struct PositionAnswer {
    id: Option<String>,
    is_custom: bool,
    office: Option<String>,
    ballot_level: Option<&'static str>,
    level: Option<String>,
    state: Option<String>,
    county: Option<String>,
    city: Option<String>,
    district: Option<String>,
    zip: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = District)]
struct DistrictAnswer {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    state: Option<String>,
    manually_set: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationCampaign)]
struct CampaignOfOrganization {
    id: i32,
    slug: String,
    is_active: bool,
    is_pro: bool,
    did_win: Option<bool>,
    election_date: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationElectedOffice)]
struct OfficeOfOrganization {
    id: String,
    is_active: bool,
    sworn_in_date: Option<NaiveDate>,
    term_start_date: Option<NaiveDate>,
    term_end_date: Option<NaiveDate>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Capabilities)]
struct CapabilitiesAnswer {
    contacts: bool,
    search: bool,
    download: bool,
    save_segments: bool,
    political_party: bool,
}

/// An organization as it is on a day.
impl From<(OrganizationItem, NaiveDate)> for OrganizationAnswer {
    fn from((item, today): (OrganizationItem, NaiveDate)) -> Self {
        let status = item.status(today).into();
        let (name, capabilities) = (item.name(), Capabilities::of(&item).into());
        let position_name = item.position_name().map(str::to_owned);
        let district = item.link.as_ref().and_then(|it| district(it, item.can_download_federal));
        let position = item.link.map(|link| link.position);
        Self {
            id: item.id.to_string(),
            kind: item.kind.into(),
            name,
            status,
            position_name,
            position: position.filter(BallotPosition::is_chosen).map(PositionAnswer::from),
            district,
            campaign: item.campaign.map(CampaignOfOrganization::from),
            elected_office: item.elected_office.map(OfficeOfOrganization::from),
            clerk_organization_id: item.clerk_organization_id,
            capabilities,
            problem: item.problem.map(OrganizationProblem::as_str),
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

/// An organization as staff and machines see it: with its owner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminOrganization)]
pub(crate) struct AdminOrganizationAnswer {
    #[serde(flatten)]
    organization: OrganizationAnswer,
    owner: OwnerAnswer,
}

/// As in the old list of campaigns for staff.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationOwner)]
struct OwnerAnswer {
    id: i32,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    email: String,
}

impl From<(OrganizationItem, NaiveDate)> for AdminOrganizationAnswer {
    fn from((item, today): (OrganizationItem, NaiveDate)) -> Self {
        let owner = item.owner.clone();
        let owner = OwnerAnswer {
            id: owner.id.0,
            first_name: owner.first_name,
            last_name: owner.last_name,
            phone: owner.phone,
            email: owner.email,
        };
        Self { organization: (item, today).into(), owner }
    }
}

impl From<CampaignSummary> for CampaignOfOrganization {
    fn from(campaign: CampaignSummary) -> Self {
        Self {
            id: campaign.id.0,
            slug: campaign.slug,
            is_active: campaign.is_active,
            is_pro: campaign.is_pro,
            did_win: campaign.did_win,
            election_date: campaign.election_date,
        }
    }
}

impl From<OfficeSummary> for OfficeOfOrganization {
    fn from(office: OfficeSummary) -> Self {
        Self {
            id: office.id.0,
            is_active: office.term.is_active,
            sworn_in_date: office.term.sworn_in_date,
            term_start_date: office.term.term_start_date,
            term_end_date: office.term.term_end_date,
        }
    }
}

impl From<OrganizationError> for ApiError {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::NotFound => organization_not_found(),
            OrganizationError::Store(error) => error.into(),
        }
    }
}

refuses!(OrganizationError: NotMigrated, OrganizationNotFound; StoreError);

/// The same body whether it does not exist or is somebody else's.
fn organization_not_found() -> ApiError {
    ApiError::client(ErrorCode::OrganizationNotFound, "Organization not found")
}

/// The organization in a path: our id, or Clerk's.
fn reference(path: &str) -> Result<OrganizationReference, ApiError> {
    OrganizationReference::parse(path).ok_or_else(organization_not_found)
}

impl From<BallotPosition> for PositionAnswer {
    fn from(position: BallotPosition) -> Self {
        // A custom position has an id of ours, which means nothing to clients.
        let id = match &position.id {
            PositionId::BallotReady(id) => Some(id.as_str().to_owned()),
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => None,
        };
        Self {
            is_custom: id.is_none(),
            id,
            office: position.office,
            ballot_level: position.ballot_level.map(BallotLevel::as_str),
            level: position.level,
            state: position.state,
            county: position.county,
            city: position.city,
            district: position.district,
            zip: position.zip,
        }
    }
}

/// With permission, a holder's own district may be in any state: then its state is unknown.
fn district(link: &PositionLink, may_reach_further: bool) -> Option<DistrictAnswer> {
    let may_be_elsewhere = may_reach_further && link.own_district().is_some();
    link.effective_district().map(|effective| DistrictAnswer {
        id: effective.id.as_ref().map(DistrictId::as_str).map(str::to_owned),
        kind: effective.district.kind.clone(),
        name: effective.district.name.clone(),
        state: if effective.district.is_statewide() {
            Some(effective.district.name.clone())
        } else {
            // election-api omits it within a position: there it is the position's state.
            link.position.state.clone().filter(|_| !may_be_elsewhere)
        },
        manually_set: link.district_manually_set,
    })
}

impl From<Capabilities> for CapabilitiesAnswer {
    fn from(may: Capabilities) -> Self {
        Self {
            contacts: may.contacts,
            search: may.search,
            download: may.download,
            save_segments: may.save_segments,
            political_party: may.political_party,
        }
    }
}
