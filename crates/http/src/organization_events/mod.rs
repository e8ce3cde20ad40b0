//! Events of organizations, for systems that follow them (design §12).

pub(crate) mod get_all;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    organizations::{EventDistrict, EventFacts, OrganizationEvent},
    positions::{BallotReadyId, PositionId},
};

use crate::{campaigns::milliseconds, organizations::Kind};

/// An event. Later versions may add kinds: ignore those that you do not know.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationEvent)]
pub(crate) struct EventAnswer {
    /// The value for `after`.
    id: String,
    /// `organization.created`, `organization.changed`, `organization.deleted`, `office.won` or `district.wanted`.
    kind: String,
    organization_id: String,
    owner_id: i32,
    /// `user:<id>`, `machine:<id>`, `winserve`, or `other:<database role>`.
    actor: String,
    is_demo: bool,
    before: Option<FactsAnswer>,
    /// Null also in an `organization.changed` of a typed-in office that was reworded: no id differs.
    after: Option<FactsAnswer>,
    /// The campaign that an office was won with; only in `office.won`.
    campaign_organization_id: Option<String>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
}

/// A campaign or an office, by ids; what an earlier version did not record is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationFacts)]
struct FactsAnswer {
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Null for a typed-in office, and if none is chosen.
    position_id: Option<String>,
    /// The district of its own; if null, that of the position applies.
    district: Option<DistrictFacts>,
    district_manually_set: bool,
    can_download_federal: bool,
    is_demo: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DistrictFacts {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

impl From<OrganizationEvent> for EventAnswer {
    fn from(event: OrganizationEvent) -> Self {
        let is_demo = event.is_demo();
        let won_with = |facts: &EventFacts| facts.campaign_organization_id.clone();
        let campaign_organization_id = event.after.as_ref().and_then(won_with);
        let shown = |facts: Option<EventFacts>| {
            facts.filter(|facts| facts.position_id.is_some()).map(FactsAnswer::from)
        };
        Self {
            id: event.cursor.to_string(),
            kind: event.kind,
            organization_id: event.organization.to_string(),
            owner_id: event.owner.0,
            actor: event.actor,
            is_demo,
            before: shown(event.before),
            after: shown(event.after),
            campaign_organization_id,
            created_at: event.created_at,
        }
    }
}

impl From<EventFacts> for FactsAnswer {
    fn from(facts: EventFacts) -> Self {
        let position = facts.position_id.as_deref().and_then(PositionId::parse);
        let ballot_ready = position.as_ref().and_then(PositionId::ballot_ready);
        Self {
            kind: facts.kind.map(Kind::from),
            position_id: ballot_ready.map(BallotReadyId::as_str).map(str::to_owned),
            district: facts.district.map(DistrictFacts::from),
            district_manually_set: facts.is_manual.unwrap_or(false),
            can_download_federal: facts.can_download_federal.unwrap_or(false),
            is_demo: facts.is_demo.unwrap_or(false),
        }
    }
}

impl From<EventDistrict> for DistrictFacts {
    fn from(EventDistrict { id, kind, name }: EventDistrict) -> Self {
        Self { id, kind, name }
    }
}
