//! `GET /v1/elected-office/:id`, for its holder and for machines.

use actix_web::web::{Data, Json, Path};
use winserve_domain::offices::{self, ElectedOfficeError, OfficeAuthor};

use super::{OfficeFor, id_of};
use crate::{
    AppState, auth::UserOrMachine, error::ApiError, openapi::Errors, parameters::PathText,
};

/// Returns an office, for its holder and for machines.
#[utoipa::path(
    get,
    path = "/v1/elected-office/{id}",
    tag = "Elected offices",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(("id" = String, Path, description = "The office")),
    responses(
        (status = 200, description = "The office; for machines, the whole row", body = OfficeFor),
        Errors<(UserOrMachine, PathText, ElectedOfficeError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    caller: UserOrMachine,
    path: Path<String>,
) -> Result<Json<OfficeFor>, ApiError> {
    let (id, author) = (id_of(path.into_inner())?, OfficeAuthor::from(&caller));
    let office = offices::find(&state.ports, author, id).await?;
    Ok(Json(OfficeFor::new(&caller, office)))
}
