//! `DELETE /v1/users/:id`: the caller's own account, with everything in it.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use winserve_domain::{base::StoreError, users};

use crate::{
    AppState,
    auth::RequireLogin,
    error::{ApiError, ErrorCode},
    openapi::{Errors, refuses},
    parameters::{PathText, numeric_id},
};

/// The account is somebody else's.
enum Foreign {}

refuses!(Foreign: Forbidden);

/// Deletes the calling user's account, with everything in it.
#[utoipa::path(
    delete,
    path = "/v1/users/{id}",
    tag = "Users",
    security(("session" = []), ("cookie" = [])),
    params(("id" = i32, Path, description = "The calling user")),
    responses(
        (status = 204, description = "Deleted"),
        Errors<(RequireLogin, PathText, Foreign, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = numeric_id(&path)?;
    if id != i64::from(user.id.0) {
        return Err(ApiError::client(ErrorCode::Forbidden, "Forbidden resource"));
    }
    users::delete(&state.ports, user.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
