//! `GET /openapi.json`: the description of the API.

use actix_web::HttpResponse;

use crate::{
    error::{ApiError, ErrorCode},
    openapi::{self, Defect, Errors},
};

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), Errors<(Defect,)>)
)]
pub(crate) async fn handler() -> Result<HttpResponse, ApiError> {
    let document =
        openapi::document().map_err(|error| ApiError::server(ErrorCode::Internal, error))?;
    Ok(HttpResponse::Ok().json(document))
}
