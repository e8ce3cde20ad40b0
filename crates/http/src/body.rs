//! Reads JSON bodies like the old service (legacy contract §5.0).

use std::{pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    auth::CallerLabel,
    body_room::Room,
    connection,
    error::{ApiError, ErrorCode},
    openapi::refuses,
    validation::{Issue, PathItem, are_enough},
};

/// Maximum size of a body, in bytes (legacy contract §5.0).
pub(crate) const LIMIT: usize = 1024 * 1024;

/// How long a client may take to send a body.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The body: absent, a JSON value, or plain text as a JSON string. Contains no NUL character, which the
/// database cannot store.
pub(crate) struct JsonBody(pub(crate) Option<Value>);

/// The body, byte for byte.
pub(crate) struct RawBody(pub(crate) Bytes);

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for RawBody {
    type Error = ApiError;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if announced_length(request.headers()).is_some_and(|length| length > LIMIT) {
                return Err(too_large());
            }
            let mut room = room(&request);
            let bytes = collect(&mut payload, room.as_mut(), |_| {});
            let bytes =
                tokio::time::timeout(PATIENCE, bytes).await.map_err(|_late| too_slow())??;
            if let Some(room) = room {
                // The body may be in memory until the request is answered.
                request.extensions_mut().insert(room);
            }
            Ok(Self(bytes))
        })
    }
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Memory for the body of a request; `None` for a chunked one, which was already read and has its memory.
fn room(request: &HttpRequest) -> Option<Room> {
    if connection::is_chunked(request) {
        return None;
    }
    let connection = connection::of(request)?;
    let caller = request.extensions().get::<CallerLabel>().and_then(CallerLabel::principal);
    Some(connection.room(caller))
}

/// Reads a whole body, within its limits and if there is memory for it.
pub(crate) async fn collect(
    payload: &mut Payload,
    mut room: Option<&mut Room>,
    record_data: impl Fn(usize),
) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| malformed())?;
        record_data(chunk.len());
        if body.len() + chunk.len() > LIMIT {
            return Err(too_large());
        }
        if let Some(room) = &mut room {
            room.take(chunk.len())?;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl FromRequest for JsonBody {
    type Error = ApiError;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = kind_of(request.headers());
        let bytes = RawBody::from_request(request, payload);
        Box::pin(async move {
            let RawBody(bytes) = bytes.await?;
            let value = match kind {
                Kind::Json => Some(parse(&bytes)?),
                Kind::Text => Some(String::from_utf8_lossy(&bytes).into_owned().into()),
                Kind::Absent | Kind::Other if bytes.is_empty() => None,
                Kind::Absent | Kind::Other => {
                    let message = "Unsupported Media Type";
                    return Err(ApiError::client(ErrorCode::UnsupportedMediaType, message));
                }
            };
            let mut issues = Vec::new();
            if let Some(value) = &value {
                refuse_nul(value, &mut Vec::new(), &mut issues);
            }
            if issues.is_empty() { Ok(Self(value)) } else { Err(ApiError::invalid(issues)) }
        })
    }
}

refuses!(RawBody: InvalidRequest, RequestTimeout, PayloadTooLarge, Unavailable);
refuses!(JsonBody: InvalidJson, UnsupportedMediaType; RawBody);

enum Kind {
    Absent,
    Json,
    Text,
    Other,
}

fn kind_of(headers: &HeaderMap) -> Kind {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Kind::Absent;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Kind::Json
    } else if essence.eq_ignore_ascii_case("text/plain") {
        Kind::Text
    } else {
        Kind::Other
    }
}

pub(crate) fn too_slow() -> ApiError {
    ApiError::client(ErrorCode::RequestTimeout, "The body did not arrive in time")
}

pub(crate) fn too_large() -> ApiError {
    ApiError::client(ErrorCode::PayloadTooLarge, "Request body is too large")
}

fn malformed() -> ApiError {
    ApiError::client(ErrorCode::InvalidRequest, "The body could not be read")
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let refused = |message| ApiError::client(ErrorCode::InvalidJson, message);
    if bytes.is_empty() {
        return Err(refused("Body cannot be empty when content-type is set to 'application/json'"));
    }
    serde_json::from_slice(bytes).map_err(|_malformed| {
        refused("Body is not valid JSON but content-type is set to 'application/json'")
    })
}

fn refuse_nul(value: &Value, path: &mut Vec<PathItem>, issues: &mut Vec<Issue>) {
    match value {
        Value::String(text) if text.contains('\0') => issues.push(Issue::nul(path)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if are_enough(issues) {
                    break;
                }
                path.push(PathItem::Index(index));
                refuse_nul(item, path, issues);
                path.pop();
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                if are_enough(issues) {
                    break;
                }
                path.push(PathItem::Key(key.clone()));
                if key.contains('\0') {
                    issues.push(Issue::nul(path));
                }
                refuse_nul(member, path, issues);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Deserializes a checked body. A mismatch is a gap in the route's [shape](crate::validation).
pub(crate) fn typed<T: DeserializeOwned>(body: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(body))
        .map_err(|error| ApiError::server(ErrorCode::Internal, error))
}

/// For fields where `null` clears and absence keeps: `Some(None)` is an explicit null.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// For routes without a body: absent, empty, or the `{}` that clients send without data, in any text media
/// type (legacy contract §5.0).
pub(crate) fn require_none(body: Option<&Value>) -> Result<(), ApiError> {
    let is_empty = match body {
        None => true,
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::String(text)) => matches!(text.trim(), "" | "{}"),
        Some(_) => false,
    };
    if is_empty {
        return Ok(());
    }
    Err(ApiError::client(ErrorCode::InvalidRequest, "This route takes no body"))
}
