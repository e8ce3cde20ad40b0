//! `POST /v1/polls/initial-poll`: the first poll of an office, which a campaign wins with this request if
//! necessary (legacy contract §3.9).

use actix_web::{HttpResponse, web::Data};
use chrono::{DateTime, NaiveDate, SubsecRound as _, Utc};
use serde::Deserialize;
use winserve_domain::{
    base::StoreError,
    contacts::ContactsError,
    offices::{ElectedOfficeError, NewOfficeError},
    organizations::Unresolved,
    polls::{self, CreateInitialPoll, InitialPollError, PollDraft},
};

use super::PollAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseOfficeOrCampaign},
    body::{JsonBody, typed},
    contacts::{self, get_stats},
    elected_offices::read_day,
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader, body_schema, refuses},
    validation::{Rule, Shape, Unknown, check},
};

/// The message has up to 1,700 characters, the limit for a text message with a picture.
const BODY: Shape = Shape {
    required: &["message", "swornInDate"],
    fields: &[
        (
            "message",
            Rule::TextBetweenOr(
                1,
                "Message is required",
                1_700,
                "Message must be less than 1700 characters",
            ),
        ),
        ("swornInDate", Rule::Day),
        ("imageUrl", Rule::Nullable(&Rule::Url)),
        ("scheduledDate", Rule::UtcInstant),
    ],
    unknown: Unknown::Strip,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    message: String,
    #[serde(deserialize_with = "read_day")]
    sworn_in_date: Option<NaiveDate>,
    image_url: Option<String>,
    scheduled_date: Option<DateTime<Utc>>,
}

body_schema!(Body, "InitialPoll", BODY);

/// Creates the first poll of the office, or of the office that the campaign wins by this.
#[utoipa::path(
    post,
    path = "/v1/polls/initial-poll",
    tag = "Polls",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The poll", body = PollAnswer),
        Errors<(RequireLogin, UseOfficeOrCampaign, JsonBody, ContactsError, InitialPollError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOfficeOrCampaign(active): UseOfficeOrCampaign,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let Body { message, sworn_in_date, image_url, scheduled_date } = typed(check(body, &BODY)?)?;
    // Columns hold milliseconds, so the answer equals the stored value.
    let scheduled_at = scheduled_date.map(|at| at.trunc_subsecs(3));
    let draft = PollDraft { message, image_url, scheduled_at };
    let wish = CreateInitialPoll { draft, sworn_in_date };
    let poll = polls::create_initial(&state.ports, active, wish).await?;
    Ok(HttpResponse::Created().json(PollAnswer::new(poll, state.ports.now())))
}

refuses!(
    InitialPollError: NoOrganization, OfficeInactive, Conflict, TooFewContacts;
    NewOfficeError; ElectedOfficeError; StoreError
);

impl From<InitialPollError> for ApiError {
    fn from(error: InitialPollError) -> Self {
        match error {
            InitialPollError::Gone
            | InitialPollError::Win(NewOfficeError::NoCampaign)
            | InitialPollError::Office(ElectedOfficeError::NotFound) => Self::no_organization(),
            InitialPollError::Inactive => Unresolved::Inactive.into(),
            InitialPollError::HasPolls => {
                let message = "You already have a poll. You cannot create an initial poll.";
                Self::client(ErrorCode::Conflict, message)
            }
            InitialPollError::TooFewCellPhones => {
                let message =
                    "You need at least 500 constituents with cell phones to create a poll.";
                Self::client(ErrorCode::TooFewContacts, message)
            }
            InitialPollError::Contacts(error) => contacts::refusal(error, get_stats::FAILED),
            InitialPollError::Win(error) => error.into(),
            InitialPollError::Office(error) => error.into(),
            InitialPollError::Store(error) => error.into(),
        }
    }
}
