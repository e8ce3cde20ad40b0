//! Error bodies of Clerk.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::json;

/// Names the call to Clerk's support.
pub(crate) const TRACE_ID: &str = "5f1c0d3e9b7a4c2f8e6d1b3a5c7e9f01";

/// An error in Clerk's body.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code: code.to_owned() }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "resource_not_found")
    }

    pub(crate) fn answer(&self) -> HttpResponse {
        let text = self.code.replace('_', " ");
        HttpResponse::build(self.status).insert_header(("x-clerk-trace-id", TRACE_ID)).json(json!({
            "errors": [{"message": text, "long_message": text, "code": self.code}],
            "clerk_trace_id": TRACE_ID,
        }))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.code)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.answer()
    }
}
