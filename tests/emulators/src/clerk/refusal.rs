//! Clerk's error bodies.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::{Value, json};

/// Identifies the call for Clerk's support.
pub(crate) const TRACE_ID: &str = "5f1c0d3e9b7a4c2f8e6d1b3a5c7e9f01";

/// An error in Clerk's body.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: String,
    parameter: Option<String>,
    /// Instead of the usual text of the code.
    text: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code: code.to_owned(), parameter: None, text: None }
    }

    /// Names the wrong parameter.
    pub(crate) fn about(self, parameter: &str) -> Self {
        Self { parameter: Some(parameter.to_owned()), ..self }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "resource_not_found")
    }

    pub(crate) fn no_organization() -> Self {
        Self { text: Some("Given organization not found."), ..Self::not_found() }
    }

    pub(crate) fn answer(&self) -> HttpResponse {
        let usual =
            || usual_text(&self.code).map_or_else(|| self.code.replace('_', " "), str::to_owned);
        let text = self.text.map_or_else(usual, str::to_owned);
        let mut error = json!({"message": text, "long_message": text, "code": self.code});
        if let (Some(parameter), Some(members)) = (&self.parameter, error.as_object_mut()) {
            members.insert("meta".to_owned(), json!({ "param_name": parameter }));
        }
        let body: Value = json!({"errors": [error], "clerk_trace_id": TRACE_ID});
        HttpResponse::build(self.status).insert_header(("x-clerk-trace-id", TRACE_ID)).json(body)
    }
}

/// Clerk's text for a code, if we know it.
fn usual_text(code: &str) -> Option<&'static str> {
    match code {
        "authorization_header_format_invalid" => Some("Invalid Authorization header format"),
        "form_identifier_exists" => Some("That slug is taken. Please try another."),
        "too_many_requests" => Some("Too many requests, retry later"),
        _ => None,
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
