//! `GET /readyz`: whether the service can take requests.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::base::{BoxError, StoreError};

use crate::{
    AppState, connection,
    error::{ApiError, ErrorCode},
    openapi::Errors,
};

/// How long the database may take to report that it can serve.
const PATIENCE: Duration = Duration::from_secs(2);

/// The service is ready.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: &'static str,
    phase: &'static str,
}

/// Reports whether the service can take requests: the database can be read and written, and the process is
/// not stopping. Includes the database's phase.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Service",
    responses(
        (status = 200, description = "The database can be read and written", body = Readiness),
        Errors<(StoreError,)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if connection::is_draining(&request) {
        let message = "The service is stopping: send requests elsewhere";
        return Err(ApiError::client(ErrorCode::Unavailable, message));
    }
    let unavailable = |error: BoxError| ApiError::server(ErrorCode::Unavailable, error);
    let answered = tokio::time::timeout(PATIENCE, state.ports.ready()).await;
    let phase = answered
        .map_err(|late| unavailable(late.into()))?
        .map_err(|error| unavailable(error.into()))?;
    Ok(HttpResponse::Ok().json(Readiness { status: "ready", phase }))
}
