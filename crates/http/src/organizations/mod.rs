//! Organizations (design §5).

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use winserve_domain::{
    election::DistrictId,
    organization::{Capabilities, Holder, OrganizationItem},
    position::{BallotLevel, BallotPosition, PositionId, PositionLink},
};

use crate::campaigns::milliseconds;

/// An organization as a list shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationAnswer {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DistrictAnswer {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    state: Option<String>,
    manually_set: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CampaignOfOrganization {
    id: i32,
    slug: String,
    is_active: bool,
    is_pro: bool,
    election_date: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfficeOfOrganization {
    id: String,
    is_active: bool,
    sworn_in_date: Option<NaiveDate>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CapabilitiesAnswer {
    contacts: bool,
    search: bool,
    download: bool,
    save_segments: bool,
    political_party: bool,
}

impl From<OrganizationItem> for OrganizationAnswer {
    fn from(item: OrganizationItem) -> Self {
        let (name, capabilities) = (item.name(), item.capabilities().into());
        let position_name = item.position_name().map(str::to_owned);
        let district = district(&item.link);
        let (kind, campaign, elected_office) = match item.holder {
            Holder::Campaign(campaign) => {
                let campaign = CampaignOfOrganization {
                    id: campaign.id.0,
                    slug: campaign.slug,
                    is_active: campaign.is_active,
                    is_pro: campaign.is_pro,
                    election_date: campaign.election_date,
                };
                ("campaign", Some(campaign), None)
            }
            Holder::ElectedOffice(office) => {
                let office = OfficeOfOrganization {
                    id: office.id.0,
                    is_active: office.is_active,
                    sworn_in_date: office.sworn_in_date,
                };
                ("electedOffice", None, Some(office))
            }
        };
        let has_position = item.link.position.is_chosen();
        Self {
            id: item.id.to_string(),
            kind,
            name,
            position_name,
            position: has_position.then(|| item.link.position.into()),
            district,
            campaign,
            elected_office,
            clerk_organization_id: item.clerk_organization_id,
            capabilities,
            problem: None,
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

impl From<BallotPosition> for PositionAnswer {
    fn from(position: BallotPosition) -> Self {
        // A position of our own making has an id of ours, which means nothing to clients.
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

fn district(link: &PositionLink) -> Option<DistrictAnswer> {
    link.effective_district().map(|effective| DistrictAnswer {
        id: effective.id.as_ref().map(DistrictId::as_str).map(str::to_owned),
        kind: effective.district.kind.clone(),
        name: effective.district.name.clone(),
        // election-api leaves it out within a position: there it is the position's.
        state: link.position.state.clone(),
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
