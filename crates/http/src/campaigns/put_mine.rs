//! `PUT /v1/campaigns/mine` (legacy contract §3.3).

use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use winserve_domain::{
    base::StoreError,
    campaigns::{
        self, Author, CampaignChange, CampaignScalars, FederalDataForbidden, UpdateCampaignError,
        campaign_json::keys,
    },
};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::{NothingForeign, UseCampaign, UserCaller},
    body::{JsonBody, given, typed},
    error::{ApiError, ErrorCode},
    office_choice::{BALLOT_LEVEL, LEVEL},
    openapi::{Errors, JsonWrite, OrganizationHeader, body_schema, refuses},
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &[],
    fields: &[
        ("slug", Rule::Text),
        ("data", Rule::Record),
        ("aiContent", Rule::Record),
        ("pathToVictory", Rule::Record),
        ("formattedAddress", Rule::Nullable(&Rule::Text)),
        ("placeId", Rule::Nullable(&Rule::Text)),
        ("canDownloadFederal", Rule::Boolean),
        ("details", Rule::Object(&DETAILS)),
    ],
    unknown: Unknown::Refuse,
};

/// Keys without a rule pass through.
const DETAILS: Shape = Shape {
    required: &[],
    fields: &[
        (keys::STATE, Rule::Text),
        ("electionDate", Rule::Text),
        ("primaryElectionDate", Rule::Text),
        ("zip", Rule::Text),
        (keys::CITY, Rule::Text),
        (keys::COUNTY, Rule::Text),
        ("normalizedOffice", Rule::Text),
        (keys::OTHER_OFFICE, Rule::Text),
        (keys::OFFICE, Rule::Text),
        ("party", Rule::Text),
        ("otherParty", Rule::Text),
        (keys::DISTRICT, Rule::Text),
        ("raceId", Rule::Text),
        ("website", Rule::Text),
        ("occupation", Rule::Text),
        ("funFact", Rule::Text),
        ("campaignCommittee", Rule::Text),
        ("statementName", Rule::Text),
        ("officeTermLength", Rule::Text),
        ("tier", Rule::Text),
        ("subscriptionId", Rule::Nullable(&Rule::Text)),
        ("filingPeriodsStart", Rule::Nullable(&Rule::Text)),
        ("filingPeriodsEnd", Rule::Nullable(&Rule::Text)),
        ("partisanType", Rule::Nullable(&Rule::Text)),
        (keys::POSITION_ID, Rule::Nullable(&Rule::Text)),
        ("electionId", Rule::Nullable(&Rule::Text)),
        (keys::BALLOT_LEVEL, BALLOT_LEVEL),
        (keys::LEVEL, LEVEL),
        ("knowRun", Rule::Literal("yes")),
        ("runForOffice", Rule::OneOf(&["yes", "no"])),
        ("pledged", Rule::Boolean),
        ("geoLocationFailed", Rule::Boolean),
        ("noNormalizedOffice", Rule::Boolean),
        ("endOfElectionSubscriptionCanceled", Rule::Boolean),
        ("isProUpdatedAt", Rule::Number),
        ("subscriptionCanceledAt", Rule::Number),
        ("subscriptionCancelAt", Rule::Number),
        ("customIssues", Rule::List(&Rule::Object(&CUSTOM_ISSUE))),
        ("runningAgainst", Rule::List(&Rule::Object(&OPPONENT))),
        ("geoLocation", Rule::Object(&GEO_LOCATION)),
        ("priorElectionDates", Rule::List(&Rule::Text)),
        ("pastExperience", Rule::TextOrRecord),
    ],
    unknown: Unknown::Keep,
};

const CUSTOM_ISSUE: Shape = Shape {
    required: &[],
    fields: &[("title", Rule::Text), ("position", Rule::Text)],
    unknown: Unknown::Keep,
};

const OPPONENT: Shape = Shape {
    required: &[],
    fields: &[("name", Rule::Text), ("party", Rule::Text), ("description", Rule::Text)],
    unknown: Unknown::Keep,
};

const GEO_LOCATION: Shape = Shape {
    required: &[],
    fields: &[("geoHash", Rule::Text), ("lng", Rule::Number), ("lat", Rule::Number)],
    unknown: Unknown::Keep,
};

/// Name of the constraint that keeps slugs unique (legacy contract §1).
pub(super) const SLUG_CONSTRAINT: &str = "campaign_slug_key";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    slug: Option<String>,
    data: Option<Map<String, Value>>,
    details: Option<Map<String, Value>>,
    ai_content: Option<Map<String, Value>>,
    path_to_victory: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    formatted_address: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    place_id: Option<Option<String>>,
    can_download_federal: Option<bool>,
}

body_schema!(Body, "CampaignChange", BODY);

impl Body {
    fn into_parts(self) -> (Option<String>, CampaignChange) {
        let change = CampaignChange {
            data: self.data,
            details: self.details,
            ai_content: self.ai_content,
            path_to_victory: self.path_to_victory,
            formatted_address: self.formatted_address,
            place_id: self.place_id,
            can_download_federal: self.can_download_federal,
            scalars: CampaignScalars::default(),
        };
        (self.slug, change)
    }
}

/// Changes the campaign that the request is about; staff may name another by its slug.
#[utoipa::path(
    put,
    path = "/v1/campaigns/mine",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    request_body = Body,
    responses(
        (status = 200, description = "The campaign as changed", body = CampaignAnswer),
        Errors<(UserCaller, UseCampaign, JsonBody, UpdateCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    UserCaller(caller): UserCaller,
    _: NothingForeign,
    own: Result<UseCampaign, ApiError>,
    JsonBody(body): JsonBody,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let (slug, change) = body.into_parts();
    let own = match own {
        // The campaign that staff name is used.
        Err(_) if caller.is_staff && slug.is_some() => None,
        own => own?.0,
    };
    let author = Author::User { caller, own, slug };
    Ok(Json(campaigns::update(&state.ports, author, change).await?.into()))
}

impl From<FederalDataForbidden> for ApiError {
    fn from(_: FederalDataForbidden) -> Self {
        let message = "User does not have permission to download federal data";
        Self::client(ErrorCode::Forbidden, message)
    }
}

impl From<UpdateCampaignError> for ApiError {
    fn from(error: UpdateCampaignError) -> Self {
        match error {
            UpdateCampaignError::FederalDataForbidden(error) => error.into(),
            UpdateCampaignError::NoCampaign => {
                Self::client(ErrorCode::NoOrganization, "Campaign not found")
            }
            UpdateCampaignError::Unknown => Self::record_not_found(),
            UpdateCampaignError::StatewideForbidden => Self::client(
                ErrorCode::Forbidden,
                "User does not have permission to set a statewide district",
            ),
            UpdateCampaignError::UnknownDistrict => Self::client(
                ErrorCode::UnknownDistrict,
                "There is no such district in the state of the office",
            ),
            error @ UpdateCampaignError::AnswerOutdated => {
                Self::server(ErrorCode::Unavailable, error)
            }
            UpdateCampaignError::Store(StoreError::Conflict { ref constraint, .. })
                if constraint == SLUG_CONSTRAINT =>
            {
                Self::client(ErrorCode::Conflict, "Duplicate field: slug")
            }
            UpdateCampaignError::Store(error) => error.into(),
        }
    }
}

refuses!(UpdateCampaignError: Forbidden, NoOrganization, NotFound, UnknownDistrict, Conflict; JsonWrite);
