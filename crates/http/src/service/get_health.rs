//! `GET /v1/health`: whether the process answers.

/// Whether the process answers.
///
/// No database is asked, so that an outage of it does not make an orchestrator restart us.
#[utoipa::path(
    get,
    path = "/v1/health",
    tag = "Service",
    responses(
        (status = 200, description = "The process answers", body = String, content_type = "text/plain")
    )
)]
pub(crate) async fn handler() -> &'static str {
    "OK"
}
