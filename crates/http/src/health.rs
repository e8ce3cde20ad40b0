//! Health: is the process up, and can it serve?

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use serde_json::json;
use winserve_domain::unit_of_work::{Source, StoreError};

use crate::{
    AppState,
    error::{ApiError, ErrorCode},
};

/// How long the database may take to show that it lives.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /v1/health`: the process answers. No database is asked, so that an outage of it does not
/// make an orchestrator restart us.
pub(crate) async fn health() -> &'static str {
    "OK"
}

/// `GET /readyz`: the database answers as well.
pub(crate) async fn readyz(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let asked = state.database.read("readyz", |uow| {
        uow.ping()?;
        Ok::<_, StoreError>(uow.phase())
    });
    let unavailable = |error: Source| ApiError::server(ErrorCode::Unavailable, error);
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    let phase = answered
        .map_err(|late| unavailable(late.into()))?
        .map_err(|error| unavailable(error.into()))?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready", "phase": phase})))
}
