//! `POST /v1/webhooks/clerk`: signed events from Clerk (the facts about Clerk, §3). Clerk resends a message
//! until it gets a 2xx answer, for a day.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, dev::Payload, http::header::HeaderMap, web::Data,
};
use winserve_domain::{
    base::StoreError,
    clerk::{self, ClerkEventError, MessageRefused, SignedMessage},
};

use crate::{
    AppState,
    body::RawBody,
    error::{ApiError, ErrorCode},
    openapi::{Errors, refuses},
};

/// Maximum length of a message id, in bytes; real ones have some thirty.
const LONGEST_ID: usize = 255;

/// Receives a Clerk webhook.
///
/// Only for Clerk: the signature covers the bytes of the body, the id and the timestamp. Each message is
/// processed once, however often it arrives.
#[utoipa::path(
    post,
    path = "/v1/webhooks/clerk",
    tag = "Webhooks",
    params(
        ("svix-id" = String, Header, description = "The id of the message, the same for each attempt; also accepted as `webhook-id`"),
        ("svix-timestamp" = String, Header, description = "When the attempt was signed, in seconds since 1970"),
        ("svix-signature" = String, Header, description = "Signatures `v1,<base64>`, separated by spaces")
    ),
    request_body(content = serde_json::Value, content_type = "application/json", description = "A Clerk event: `{type, data, …}`"),
    responses(
        (status = 204, description = "Processed, now or before, or ignored"),
        Errors<(Attempt, RawBody, MessageRefused, ClerkEventError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    attempt: Attempt,
    RawBody(body): RawBody,
) -> Result<HttpResponse, ApiError> {
    let Attempt { id, timestamp, signatures } = attempt;
    let message =
        SignedMessage { id: &id, timestamp: &timestamp, signatures: &signatures, body: &body };
    let event = state.messages.read(&message)?;
    clerk::take_event(&state.ports, id, event).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The headers of a message. Anybody can call the route: without these headers, or without a configured
/// secret, the body is not read.
pub(crate) struct Attempt {
    id: String,
    timestamp: String,
    signatures: String,
}

impl Attempt {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let state = request.app_data::<Data<AppState>>();
        if !state.is_some_and(|state| state.messages.is_configured()) {
            return Err(MessageRefused::NotConfigured.into());
        }
        let named = |name| header(request.headers(), name).map(str::to_owned);
        let id = named("id")?;
        if id.len() > LONGEST_ID {
            return Err(MessageRefused::Signature.into());
        }
        Ok(Self { id, timestamp: named("timestamp")?, signatures: named("signature")? })
    }
}

impl FromRequest for Attempt {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

refuses!(Attempt: ; MessageRefused);

/// A Svix header, under either of its names.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, ApiError> {
    let named = |prefix: &str| headers.get(format!("{prefix}-{name}"))?.to_str().ok();
    named("svix").or_else(|| named("webhook")).ok_or_else(|| MessageRefused::Signature.into())
}

refuses!(MessageRefused: NotFound, InvalidSignature, InvalidRequest);

impl From<MessageRefused> for ApiError {
    fn from(refused: MessageRefused) -> Self {
        match refused {
            MessageRefused::NotConfigured => Self::not_found(),
            MessageRefused::Signature => {
                Self::client(ErrorCode::InvalidSignature, "Invalid webhook signature")
            }
            MessageRefused::Time => {
                Self::client(ErrorCode::InvalidSignature, "Webhook timestamp outside the tolerance")
            }
            MessageRefused::Unreadable => {
                Self::client(ErrorCode::InvalidRequest, "The webhook cannot be read")
            }
        }
    }
}

refuses!(ClerkEventError: NotMigrated; StoreError);

impl From<ClerkEventError> for ApiError {
    fn from(error: ClerkEventError) -> Self {
        match error {
            ClerkEventError::Store(error) => error.into(),
        }
    }
}
