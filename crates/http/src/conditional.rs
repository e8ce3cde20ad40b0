//! Answers that a client caches: with `If-None-Match` it asks whether its copy is current, and with
//! `If-Match` it changes only what it has seen.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{CACHE_CONTROL, ContentType, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use serde::Serialize;
use uuid::Uuid;

use crate::error::{ApiError, ErrorCode};

/// Only this client may cache it, and must revalidate.
const PRIVATE: (HeaderName, &str) = (CACHE_CONTROL, "private, no-cache");

/// 200 with the answer, or 304 if the client has it.
pub(crate) fn answer<T: Serialize>(
    request: &HttpRequest,
    answer: &T,
) -> Result<HttpResponse, ApiError> {
    let body =
        serde_json::to_vec(answer).map_err(|error| ApiError::server(ErrorCode::Internal, error))?;
    let tag = tag_of(&body);
    if has(request, &tag) {
        let mut unchanged = HttpResponse::NotModified();
        return Ok(unchanged.insert_header((ETAG, tag)).insert_header(PRIVATE).finish());
    }
    let mut found = HttpResponse::Ok();
    found.insert_header((ETAG, tag)).insert_header(PRIVATE).insert_header(ContentType::json());
    Ok(found.body(body))
}

/// 200 with the answer and its tag.
pub(crate) fn tagged<T: Serialize>(answer: &T) -> Result<HttpResponse, ApiError> {
    let body =
        serde_json::to_vec(answer).map_err(|error| ApiError::server(ErrorCode::Internal, error))?;
    let mut found = HttpResponse::Ok();
    found.insert_header((ETAG, tag_of(&body))).insert_header(PRIVATE);
    Ok(found.insert_header(ContentType::json()).body(body))
}

/// The tags of the copies that a change applies to; without the header, any copy.
#[derive(Debug, Clone)]
pub(crate) struct IfMatch(Option<Vec<String>>);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut lines = request.headers().get_all(IF_MATCH).peekable();
        let is_given = lines.peek().is_some();
        // A header that is not text cannot contain our tag.
        let tags = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        let tags = tags.map(|tag| tag.trim().to_owned()).collect();
        ready(Ok(Self(is_given.then_some(tags))))
    }
}

impl IfMatch {
    /// Whether the change applies to this answer.
    pub(crate) fn allows<T: Serialize>(&self, answer: &T) -> bool {
        let Some(tags) = &self.0 else { return true };
        let tag = serde_json::to_vec(answer).map(|body| tag_of(&body));
        tag.is_ok_and(|tag| tags.iter().any(|known| known == "*" || *known == tag))
    }
}

fn tag_of(body: &[u8]) -> String {
    format!("\"{}\"", Uuid::new_v5(&Uuid::NAMESPACE_OID, body).simple())
}

fn has(request: &HttpRequest, tag: &str) -> bool {
    let header = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    header.is_some_and(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    })
}
