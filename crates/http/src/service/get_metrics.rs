//! `GET /metrics`, for Prometheus.

use actix_web::{HttpResponse, http::header, web::Data};

use crate::AppState;

/// Metrics for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Service",
    responses(
        (status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain; version=0.0.4")
    )
)]
pub(crate) async fn handler(state: Data<AppState>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(state.metrics.render())
}
