//! `DELETE /v1/users/:id`: one's own account, with all that is in it.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use winserve_domain::unit_of_work::StoreError;

use crate::{
    AppState,
    auth::Authenticated,
    error::{ApiError, ErrorCode},
    parameters::numeric_id,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = numeric_id(&path)?;
    if id != i64::from(user.id.0) {
        return Err(ApiError::client(ErrorCode::Forbidden, "Forbidden resource"));
    }
    state
        .database
        .transaction("user.delete", move |uow| {
            // Locked, so that nothing is created for a user that is about to go.
            uow.users().find_for_update(user.id)?;
            uow.users().delete(user.id)?;
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
