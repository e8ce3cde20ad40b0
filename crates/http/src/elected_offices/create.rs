//! `POST /v1/elected-office`: "I won".

use actix_web::{HttpResponse, web::Data};
use chrono::NaiveDate;
use serde::Deserialize;
use winserve_domain::{
    elected_office::Term,
    use_cases::{self, Win, WinElectionError},
};

use super::{DAY, ElectedOfficeAnswer, read_day, read_integer};
use crate::{
    AppState,
    auth::Authenticated,
    body::{JsonBody, typed},
    error::{ApiError, ErrorCode},
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

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let now = state.clock.now();
    let win = state
        .database
        .transaction("elected_office.win", move |uow| {
            use_cases::win_election(uow, user.id, body.into(), now)
        })
        .await?;
    Ok(match win {
        Win::Created(office) => HttpResponse::Created().json(ElectedOfficeAnswer::from(office)),
        Win::Repeated(office) => HttpResponse::Ok().json(ElectedOfficeAnswer::from(office)),
    })
}

impl From<WinElectionError> for ApiError {
    fn from(error: WinElectionError) -> Self {
        match error {
            WinElectionError::NoCampaign => {
                Self::client(ErrorCode::Forbidden, "Not allowed to link campaign")
            }
            WinElectionError::Store(error) => error.into(),
        }
    }
}
