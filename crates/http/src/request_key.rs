//! The header `Idempotency-Key` (design §5).

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde_json::Value;
use uuid::Uuid;
use winserve_domain::organizations::RequestKey;

use crate::error::{ApiError, ErrorCode};

use crate::openapi::refuses;

/// The idempotency key of a creation, and the request that it belongs to.
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    route: String,
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let route = format!("{} {}", request.method(), request.path());
        let header = request.headers().get("Idempotency-Key");
        let key = header.map(|value| value.to_str().map(str::to_owned)).transpose();
        ready(key.map(|key| Self { key, route }).map_err(|_no_text| invalid()))
    }
}

refuses!(IdempotencyKey: InvalidRequest);

impl IdempotencyKey {
    /// The key for this body, if the client sent one. The order of the body's members and whitespace do not
    /// matter.
    pub(crate) fn for_body(self, body: &Value) -> Result<Option<RequestKey>, ApiError> {
        let Some(key) = self.key else { return Ok(None) };
        let asked_for = format!("{} {body}", self.route);
        let digest = Uuid::new_v5(&Uuid::NAMESPACE_URL, asked_for.as_bytes());
        RequestKey::of_client(&key, digest.to_string()).map(Some).ok_or_else(invalid)
    }
}

fn invalid() -> ApiError {
    let message = "Idempotency-Key must have 1 to 64 visible characters and not start with won:";
    ApiError::client(ErrorCode::InvalidRequest, message)
}
