//! `POST /v1/campaigns`: a user's first campaign (legacy contract §3.1), or a new one for an office
//! that the body names (design §5).

use actix_web::{HttpResponse, web::Data};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use winserve_domain::{
    base::{ElectedOfficeId, StoreError, UserId},
    campaigns::{
        self, RunFor, StartCampaign, StartCampaignError, StartedCampaign, campaign_json::keys,
    },
};

use super::{BareCampaignAnswer, CampaignAnswer, put_mine::SLUG_CONSTRAINT};
use crate::{
    AppState,
    auth::RequireLogin,
    body::{JsonBody, require_none},
    error::{ApiError, ErrorCode},
    office_choice::{self, BALLOT_LEVEL, CUSTOM, CUSTOM_OFFICE, LEVEL},
    openapi::{Errors, IdempotencyHeader, JsonWrite, body_schema, refuses},
    organizations::OrganizationAnswer,
    request_key::IdempotencyKey,
    validation::{Rule, Shape, Unknown, check},
};

/// The elected office to hold again.
const FROM_OFFICE: &str = "fromElectedOffice";

/// An office, and what the in-product picker knows about its race (legacy contract §3.2).
const BODY: Shape = Shape {
    required: &[],
    fields: &[
        (keys::POSITION_ID, Rule::Text),
        (FROM_OFFICE, Rule::Text),
        (CUSTOM, CUSTOM_OFFICE),
        (keys::OFFICE, Rule::Text),
        (keys::OTHER_OFFICE, Rule::Text),
        (keys::STATE, Rule::Text),
        (keys::BALLOT_LEVEL, BALLOT_LEVEL),
        (keys::LEVEL, LEVEL),
        ("electionDate", Rule::Text),
        ("electionId", Rule::Nullable(&Rule::Text)),
        ("raceId", Rule::Text),
        ("officeTermLength", Rule::Text),
        ("partisanType", Rule::Nullable(&Rule::Text)),
        ("primaryElectionDate", Rule::Text),
        ("primaryElectionId", Rule::Nullable(&Rule::Text)),
        ("hasPrimary", Rule::Boolean),
        ("filingPeriodsStart", Rule::Nullable(&Rule::Text)),
        ("filingPeriodsEnd", Rule::Nullable(&Rule::Text)),
    ],
    unknown: Unknown::Refuse,
};

/// What describes a body.
enum Body {}

body_schema!(Body, "NewCampaignOffice", BODY);

/// A first campaign, in the shape of the old route, or a further one.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = NewCampaign)]
enum Answer {
    First(Box<BareCampaignAnswer>),
    Further(Box<StartedAnswer>),
}

/// A new campaign with its organization.
#[derive(Serialize, ToSchema)]
#[schema(as = StartedCampaign)]
struct StartedAnswer {
    #[serde(flatten)]
    campaign: CampaignAnswer,
    organization: OrganizationAnswer,
}

/// Creates a campaign: without a body the user's first one, with an office a further one.
#[utoipa::path(
    post,
    path = "/v1/campaigns",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(IdempotencyHeader),
    request_body = Option<Body>,
    responses(
        (status = 201, description = "The first campaign, or a further one with its organization", body = Answer),
        Errors<(RequireLogin, IdempotencyKey, JsonBody, StartCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    key: IdempotencyKey,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let answer = match body {
        Some(Value::Object(members)) if !members.is_empty() => {
            let started = campaigns::start(&state.ports, command(user.id, key, members)?).await?;
            Answer::further(started, state.ports.today())
        }
        body => {
            require_none(body.as_ref())?;
            let campaign = campaigns::start_first(&state.ports, user.id).await?;
            Answer::First(Box::new(campaign.into()))
        }
    };
    Ok(HttpResponse::Created().json(answer))
}

/// The campaign to start, from a body with an office.
fn command(
    owner: UserId,
    key: IdempotencyKey,
    body: Map<String, Value>,
) -> Result<StartCampaign, ApiError> {
    let mut details = check(Some(Value::Object(body.clone())), &BODY)?;
    let request = key.for_body(&Value::Object(body))?;
    let held = details.remove(FROM_OFFICE);
    let chosen = office_choice::take(&mut details)?;
    let office = match (held.as_ref().and_then(Value::as_str), chosen) {
        (Some(held), None) => RunFor::Held(ElectedOfficeId(held.to_owned())),
        (None, Some(office)) => RunFor::Chosen(office),
        (None, None) | (Some(_), Some(_)) => {
            let message = "Name one of positionId, customOffice and fromElectedOffice";
            return Err(ApiError::client(ErrorCode::InvalidRequest, message));
        }
    };
    Ok(StartCampaign { owner, office, details, request })
}

impl Answer {
    fn further(
        StartedCampaign { campaign, organization }: StartedCampaign,
        today: NaiveDate,
    ) -> Self {
        let (campaign, organization) = (campaign.into(), (organization, today).into());
        Self::Further(Box::new(StartedAnswer { campaign, organization }))
    }
}

impl From<StartCampaignError> for ApiError {
    fn from(error: StartCampaignError) -> Self {
        match error {
            StartCampaignError::NoUser(_) => Self::client(ErrorCode::Unauthorized, "Unauthorized"),
            StartCampaignError::AlreadyStarted => {
                Self::client(ErrorCode::Conflict, "User campaign already exists.")
            }
            StartCampaignError::NoSlugLeft => {
                Self::client(ErrorCode::Conflict, "Duplicate field: slug")
            }
            StartCampaignError::NoSuchOffice => {
                Self::client(ErrorCode::NotFound, "Elected office not found")
            }
            StartCampaignError::NoPosition => Self::client(
                ErrorCode::Conflict,
                "The office has no position yet: choose it first, with PATCH /v1/organizations/{id}",
            ),
            StartCampaignError::KeyReused => Self::key_reused(),
            // Somebody with the same name was faster; a retry finds the next slug.
            StartCampaignError::Store(StoreError::Conflict { constraint, source })
                if constraint == SLUG_CONSTRAINT =>
            {
                Self::server(ErrorCode::Unavailable, source)
            }
            StartCampaignError::Store(error) => error.into(),
        }
    }
}

refuses!(StartCampaignError: Unauthorized, NotFound, Conflict, NotMigrated, IdempotencyKeyReused, LimitReached; JsonWrite);
