//! `PUT /v1/elected-office/:id`, for its holder and for machines.

use actix_web::web::{Data, Json, Path};
use chrono::NaiveDate;
use serde::Deserialize;
use winserve_domain::offices::{self, ElectedOfficeError, OfficeAuthor, TermChange};

use super::{NULLABLE_DAY, OfficeFor, given_day, given_integer, id_of};
use crate::{
    AppState,
    auth::UserOrMachine,
    body::{JsonBody, typed},
    error::ApiError,
    openapi::{Errors, body_schema},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &[],
    fields: &[
        ("electedDate", NULLABLE_DAY),
        ("swornInDate", NULLABLE_DAY),
        ("termStartDate", NULLABLE_DAY),
        ("termEndDate", NULLABLE_DAY),
        ("termLengthDays", Rule::Nullable(&Rule::PositiveInteger)),
        ("isActive", Rule::Boolean),
    ],
    unknown: Unknown::Strip,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "given_day")]
    elected_date: Option<Option<NaiveDate>>,
    #[serde(default, deserialize_with = "given_day")]
    sworn_in_date: Option<Option<NaiveDate>>,
    #[serde(default, deserialize_with = "given_day")]
    term_start_date: Option<Option<NaiveDate>>,
    #[serde(default, deserialize_with = "given_day")]
    term_end_date: Option<Option<NaiveDate>>,
    #[serde(default, deserialize_with = "given_integer")]
    term_length_days: Option<Option<i32>>,
    is_active: Option<bool>,
}

body_schema!(Body, "TermChange", BODY);

impl From<Body> for TermChange {
    fn from(body: Body) -> Self {
        Self {
            elected_date: body.elected_date,
            sworn_in_date: body.sworn_in_date,
            term_start_date: body.term_start_date,
            term_end_date: body.term_end_date,
            term_length_days: body.term_length_days,
            is_active: body.is_active,
        }
    }
}

/// Changes the term of an office, for its holder and for machines.
#[utoipa::path(
    put,
    path = "/v1/elected-office/{id}",
    tag = "Elected offices",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(("id" = String, Path, description = "The office")),
    request_body = Body,
    responses(
        (status = 200, description = "The office as changed", body = OfficeFor),
        Errors<(UserOrMachine, PathText, JsonBody, ElectedOfficeError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    caller: UserOrMachine,
    path: Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<OfficeFor>, ApiError> {
    let id = id_of(path.into_inner())?;
    let body: Body = typed(check(body, &BODY)?)?;
    let author = OfficeAuthor::from(&caller);
    let office = offices::update(&state.ports, author, id, body.into()).await?;
    Ok(Json(OfficeFor::new(&caller, office)))
}
