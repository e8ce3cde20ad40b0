//! Answers that a client keeps: it asks with `If-None-Match` whether its copy still holds.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ContentType, ETAG, HeaderName, IF_NONE_MATCH},
};
use serde::Serialize;
use uuid::Uuid;

use crate::error::{ApiError, ErrorCode};

/// Only this client may keep it, and asks each time.
const PRIVATE: (HeaderName, &str) = (CACHE_CONTROL, "private, no-cache");

/// 200 with the answer, or 304 when the client has it.
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
