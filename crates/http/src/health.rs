//! Health: is the process up, and can it serve?

use actix_web::{HttpResponse, web::Data};
use serde_json::json;
use winserve_domain::unit_of_work::StoreError;

use crate::{AppState, error::ApiError};

/// `GET /v1/health`: the process answers. No database is asked, so that an outage of it does not
/// make an orchestrator restart us.
pub(crate) async fn health() -> &'static str {
    "OK"
}

/// `GET /readyz`: the database answers as well.
pub(crate) async fn readyz(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let phase = state
        .database
        .read("readyz", |uow| {
            uow.ping()?;
            Ok::<_, StoreError>(uow.phase())
        })
        .await
        .map_err(|error| ApiError::server(crate::ErrorCode::Unavailable, error))?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready", "phase": phase})))
}
