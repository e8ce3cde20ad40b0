//! `POST /v1/elected-office`: "I won", or an office that the body names, without a campaign (design §5).

use actix_web::{FromRequest as _, HttpRequest, HttpResponse, web::Data};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;
use winserve_domain::{
    base::StoreError,
    campaigns::campaign_json::keys,
    offices::{self, NewOffice, NewOfficeError, TakeOffice, Term},
};

use super::{DAY, ElectedOfficeAnswer, read_day, read_integer, terms_overlap};
use crate::{
    AppState,
    auth::{NothingForeign, RequireLogin, UseCampaign},
    body::{JsonBody, typed},
    error::{ApiError, ErrorCode},
    office_choice::{self, BALLOT_LEVEL, CUSTOM, CUSTOM_OFFICE, LEVEL},
    openapi::{Errors, IdempotencyHeader, OrganizationHeader, body_schema, refuses},
    request_key::IdempotencyKey,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &["electedDate"],
    fields: &[
        ("electedDate", DAY),
        ("swornInDate", DAY),
        ("termStartDate", DAY),
        ("termEndDate", DAY),
        ("termLengthDays", Rule::PositiveInteger),
        ("isActive", Rule::Boolean),
        (keys::POSITION_ID, Rule::Text),
        (CUSTOM, CUSTOM_OFFICE),
        (keys::OTHER_OFFICE, Rule::Text),
        (keys::STATE, Rule::Text),
        (keys::BALLOT_LEVEL, BALLOT_LEVEL),
        (keys::LEVEL, LEVEL),
    ],
    unknown: Unknown::Strip,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(deserialize_with = "read_day")]
    elected_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "read_day")]
    sworn_in_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "read_day")]
    term_start_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "read_day")]
    term_end_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "read_integer")]
    term_length_days: Option<i32>,
    is_active: Option<bool>,
}

body_schema!(Body, "NewElectedOffice", BODY);

impl From<Body> for Term {
    fn from(body: Body) -> Self {
        Self {
            elected_date: body.elected_date,
            sworn_in_date: body.sworn_in_date,
            term_start_date: body.term_start_date,
            term_end_date: body.term_end_date,
            term_length_days: body.term_length_days,
            is_active: body.is_active.unwrap_or(true),
        }
    }
}

/// Records that the campaign was won, or creates the office in the body.
#[utoipa::path(
    post,
    path = "/v1/elected-office",
    tag = "Elected offices",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, IdempotencyHeader),
    request_body = Body,
    responses(
        (status = 200, description = "A repeat: the existing office", body = ElectedOfficeAnswer),
        (status = 201, description = "The office", body = ElectedOfficeAnswer),
        Errors<(RequireLogin, UseCampaign, IdempotencyKey, JsonBody, NewOfficeError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    _: NothingForeign,
    http: HttpRequest,
    key: IdempotencyKey,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let mut body = check(body, &BODY)?;
    let request = key.for_body(&Value::Object(body.clone()));
    let office = office_choice::take(&mut body)?;
    let term = Term::from(typed::<Body>(body)?);
    let new = if let Some(office) = office {
        let command = TakeOffice { holder: user.id, office, term, request: request? };
        offices::take(&state.ports, command).await?
    } else {
        // Only a request that a campaign was won must name the campaign.
        let UseCampaign(campaign) = UseCampaign::extract(&http).await?;
        let campaign = campaign.ok_or(NewOfficeError::NoCampaign)?;
        offices::win(&state.ports, campaign, term).await?
    };
    Ok(answer(new))
}

fn answer(new: NewOffice) -> HttpResponse {
    match new {
        NewOffice::Created(office) => {
            HttpResponse::Created().json(ElectedOfficeAnswer::from(office))
        }
        NewOffice::Repeated(office) => HttpResponse::Ok().json(ElectedOfficeAnswer::from(office)),
    }
}

impl From<NewOfficeError> for ApiError {
    fn from(error: NewOfficeError) -> Self {
        match error {
            NewOfficeError::NoCampaign => {
                Self::client(ErrorCode::Forbidden, "Not allowed to link campaign")
            }
            NewOfficeError::NoUser(_) => Self::client(ErrorCode::Unauthorized, "Unauthorized"),
            NewOfficeError::KeyReused => Self::key_reused(),
            NewOfficeError::TermsOverlap(term) => terms_overlap(term),
            NewOfficeError::Store(error) => error.into(),
        }
    }
}

refuses!(NewOfficeError: Forbidden, Unauthorized, NotMigrated, IdempotencyKeyReused, TermsOverlap, LimitReached; StoreError);
