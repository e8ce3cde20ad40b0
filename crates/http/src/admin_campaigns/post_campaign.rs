//! `POST /v1/admin/campaigns`: a campaign for somebody who has no account yet.

use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use winserve_domain::campaigns::{
    self, StartCampaignError, StartCampaignFor, StartCampaignForError,
};

use crate::{
    AppState,
    auth::Staff,
    body::{JsonBody, typed},
    campaigns::BareCampaignAnswer,
    error::{ApiError, ErrorCode},
    openapi::{Errors, body_schema, refuses},
    users::{EMAIL_LIMIT, NAME_LIMIT},
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &["firstName", "lastName", "phone", "email", "zip", "party", "adminUserEmail"],
    fields: &[
        ("firstName", Rule::TextBetween(2, NAME_LIMIT)),
        ("lastName", Rule::TextBetween(2, NAME_LIMIT)),
        ("phone", Rule::MobilePhone),
        ("email", Rule::Email(EMAIL_LIMIT)),
        ("zip", Rule::ZipCode),
        ("party", Rule::Text),
        ("otherParty", Rule::Text),
        ("adminUserEmail", Rule::Email(EMAIL_LIMIT)),
    ],
    unknown: Unknown::Refuse,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    first_name: String,
    last_name: String,
    phone: String,
    email: String,
    zip: String,
    party: String,
    other_party: Option<String>,
    admin_user_email: String,
}

body_schema!(Body, "CampaignFor", BODY);

impl From<Body> for StartCampaignFor {
    fn from(body: Body) -> Self {
        Self {
            first_name: body.first_name,
            last_name: body.last_name,
            phone: body.phone,
            email: body.email,
            zip: body.zip,
            party: body.party,
            other_party: body.other_party,
            admin_email: body.admin_user_email,
        }
    }
}

/// Creates a campaign for somebody who has no account yet, for staff.
#[utoipa::path(
    post,
    path = "/v1/admin/campaigns",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    request_body = Body,
    responses(
        (status = 201, description = "The campaign", body = BareCampaignAnswer),
        Errors<(Staff, JsonBody, StartCampaignForError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Staff,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let campaign = campaigns::start_for(&state.ports, body.into()).await?;
    Ok(HttpResponse::Created().json(BareCampaignAnswer::from(campaign)))
}

impl From<StartCampaignForError> for ApiError {
    fn from(error: StartCampaignForError) -> Self {
        match error {
            StartCampaignForError::EmailTaken => {
                Self::client(ErrorCode::Conflict, "Duplicate field: email")
            }
            StartCampaignForError::Start(error) => error.into(),
        }
    }
}

refuses!(StartCampaignForError: Conflict; StartCampaignError);
