//! `GET /v1/elected-office/mine`: all offices of a user, past and upcoming ones too.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::StoreError,
    offices::{self, ElectedOffice, Status},
};

use super::ElectedOfficeAnswer;
use crate::{
    AppState, auth::RequireLogin, error::ApiError, openapi::Errors, organizations::StatusAnswer,
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MyElectedOffices)]
pub(crate) struct Answer {
    elected_offices: Vec<Item>,
}

/// An elected office with its status.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MyElectedOffice)]
struct Item {
    #[serde(flatten)]
    office: ElectedOfficeAnswer,
    is_active: bool,
    status: StatusAnswer,
}

impl From<(ElectedOffice, Status)> for Item {
    fn from((office, status): (ElectedOffice, Status)) -> Self {
        Self { is_active: office.term.is_active, status: status.into(), office: office.into() }
    }
}

/// Lists the user's elected offices, oldest first.
#[utoipa::path(
    get,
    path = "/v1/elected-office/mine",
    tag = "Elected offices",
    security(("session" = []), ("cookie" = [])),
    responses(
        (status = 200, description = "The user's offices, oldest first", body = Answer),
        Errors<(RequireLogin, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
) -> Result<Json<Answer>, ApiError> {
    let offices = offices::mine(&state.ports, user.id).await?;
    let elected_offices = offices.into_iter().map(Item::from).collect();
    Ok(Json(Answer { elected_offices }))
}
