//! `GET /v1/health`: whether the process is alive.

/// Reports whether the process is alive.
///
/// Does not ask the database, so that a database outage does not make an orchestrator restart us.
#[utoipa::path(
    get,
    path = "/v1/health",
    tag = "Service",
    responses(
        (status = 200, description = "The process is alive", body = String, content_type = "text/plain")
    )
)]
pub(crate) async fn handler() -> &'static str {
    "OK"
}
