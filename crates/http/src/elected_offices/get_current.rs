//! `GET /v1/elected-office/current`.

use actix_web::web::{Data, Json};

use winserve_domain::{base::StoreError, offices};

use super::ElectedOfficeAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseElectedOffice},
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader},
};

/// Returns the office that the request is about.
#[utoipa::path(
    get,
    path = "/v1/elected-office/current",
    tag = "Elected offices",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The office", body = ElectedOfficeAnswer),
        Errors<(RequireLogin, UseElectedOffice, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseElectedOffice(office): UseElectedOffice,
) -> Result<Json<ElectedOfficeAnswer>, ApiError> {
    let none = || ApiError::client(ErrorCode::NoOrganization, "No active elected office found");
    let active = office.ok_or_else(none)?;
    let office = offices::find_active(&state.ports, active).await?;
    office.map(|office| Json(office.into())).ok_or_else(none)
}
