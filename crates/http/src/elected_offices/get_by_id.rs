//! `GET /v1/elected-office/:id`.

use actix_web::web::{Data, Json, Path};
use winserve_domain::use_cases;

use super::{ElectedOfficeAnswer, id_of};
use crate::{AppState, auth::Authenticated, error::ApiError};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    path: Path<String>,
) -> Result<Json<ElectedOfficeAnswer>, ApiError> {
    let id = id_of(path.into_inner())?;
    let office = state
        .database
        .read("elected_office.find", move |uow| use_cases::read_elected_office(uow, user.id, &id))
        .await?;
    Ok(Json(office.into()))
}
