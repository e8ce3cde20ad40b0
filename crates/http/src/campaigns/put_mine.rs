//! `PUT /v1/campaigns/mine` (legacy contract §3.3).

use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use winserve_domain::{
    campaign::CampaignChange,
    election::ElectionService,
    legacy_view::{self, keys},
    position::Facts,
    use_cases::{self, Caller, UpdateCampaign, UpdateCampaignError},
};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::Authenticated,
    body::{JsonBody, given, typed},
    error::{ApiError, Chain, ErrorCode},
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
        (
            keys::BALLOT_LEVEL,
            Rule::OneOf(&["CITY", "COUNTY", "FEDERAL", "LOCAL", "REGIONAL", "STATE", "TOWNSHIP"]),
        ),
        (keys::LEVEL, Rule::OneOf(&["state", "county", "federal", "city"])),
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

impl Body {
    fn into_command(self, caller: Caller, facts: Facts) -> UpdateCampaign {
        UpdateCampaign {
            caller,
            slug: self.slug,
            change: CampaignChange {
                data: self.data,
                details: self.details,
                ai_content: self.ai_content,
                path_to_victory: self.path_to_victory,
                formatted_address: self.formatted_address,
                place_id: self.place_id,
                can_download_federal: self.can_download_federal,
            },
            facts,
        }
    }
}

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    JsonBody(body): JsonBody,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let facts = facts_of_pick(state.election.as_ref(), body.details.as_ref()).await;
    let command = body.into_command(Caller::from(&user), facts);
    let now = state.clock.now();
    let campaign = state
        .database
        .transaction("campaign.update", move |uow| use_cases::update_campaign(uow, command, now))
        .await?;
    Ok(Json(campaign.into()))
}

/// What election-api knows of the position that a body picks. Without an answer the client's word
/// counts: this route never fails for it (design D6).
async fn facts_of_pick(
    election: &dyn ElectionService,
    details: Option<&Map<String, Value>>,
) -> Facts {
    let Some(picked) = details.and_then(legacy_view::picked) else { return Facts::Unverified };
    match election.position(&picked).await {
        Ok(Some(facts)) => Facts::Verified(Box::new(facts)),
        Ok(None) => Facts::Unverified,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a picked position could not be verified");
            Facts::Unverified
        }
    }
}

impl From<UpdateCampaignError> for ApiError {
    fn from(error: UpdateCampaignError) -> Self {
        match error {
            UpdateCampaignError::FederalDataForbidden => Self::client(
                ErrorCode::Forbidden,
                "User does not have permission to download federal data",
            ),
            UpdateCampaignError::NoCampaign => {
                Self::client(ErrorCode::NotFound, "Campaign not found")
            }
            UpdateCampaignError::UnknownSlug => {
                Self::client(ErrorCode::NotFound, "Record not found")
            }
            UpdateCampaignError::Store(error) => error.into(),
        }
    }
}
