//! Error bodies of election-api and people-api.

use std::fmt;

use actix_web::{HttpResponse, Responder, ResponseError, body::BoxBody, http::StatusCode};
use serde_json::{Value, json};

/// An error, in the shape of the framework of both services (upstreams §2).
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    /// What is wrong with the input, if people-api says so.
    errors: Vec<Value>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// An uncaught error.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }

    /// Input that people-api rejects; the path has dots.
    pub(crate) fn invalid(path: &str, message: &str) -> Self {
        let path: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
        let error = json!({"code": "custom", "path": path, "message": message});
        Self { errors: vec![error], ..Self::bad_request("Validation failed") }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut body = json!({
            "statusCode": self.status.as_u16(),
            "message": self.message,
            "error": self.status.canonical_reason().unwrap_or("Error"),
        });
        if let Some(body) = body.as_object_mut().filter(|_| !self.errors.is_empty()) {
            body.insert("errors".to_owned(), json!(self.errors));
        }
        HttpResponse::build(self.status).json(body)
    }
}

impl Responder for Refusal {
    type Body = BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> HttpResponse {
        self.error_response()
    }
}
