//! Applies limits and planned faults to requests.

use std::time::Duration;

use actix_web::{
    Error, HttpMessage as _, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
    rt::time::sleep,
    web::{Bytes, Data},
};

use super::{
    admission::Lag,
    refusal::Refusal,
    rules::{Action, due},
    state::{Logged, Shared},
};
use crate::faults::broken;

/// Longer than any client's timeout.
const FOREVER: Duration = Duration::from_hours(1);

/// Applies limits and rules, and records every request. The control routes are exempt from both.
pub(crate) async fn hit(
    shared: Data<Shared>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    if path.starts_with("/_emu/") {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let body = request.extract::<Bytes>().await;
    let body = body.map_err(|_too_large| Refusal::new(413, "request_body_too_large"))?;
    let action = planned_action(&shared, &method, &path, &body);
    request.set_payload(Payload::from(body));
    let response = apply(action, request, next).await?;
    let status = response.status().as_u16();
    shared.lock().note(Logged { method, path, status });
    Ok(response)
}

fn planned_action(shared: &Shared, method: &str, path: &str, body: &[u8]) -> Option<Action> {
    let mut state = shared.lock();
    let now = state.now();
    if let Err(retry_after) = state.limiter.admit(now, method, path) {
        return Some(Action::RateLimit { retry_after });
    }
    let seed = state.seed;
    due(&mut state.rules, seed, (method, path, &String::from_utf8_lossy(body)))
}

async fn apply(
    action: Option<Action>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = match action {
        None => return done(request, next).await,
        Some(Action::Delay { ms }) => {
            sleep(Duration::from_millis(ms)).await;
            return done(request, next).await;
        }
        Some(Action::StaleList { ms }) => {
            request.extensions_mut().insert(Lag(ms));
            return done(request, next).await;
        }
        Some(Action::Hang) => {
            sleep(FOREVER).await;
            broken(1, b"")
        }
        Some(Action::Status { status, code }) => Refusal::new(status, &code).answer(),
        Some(Action::RateLimit { retry_after }) => retry_later(429, retry_after.into()),
        Some(Action::RetryLater { status, retry_after }) => {
            let header = HeaderValue::from_str(&retry_after);
            retry_later(status, header.unwrap_or(HeaderValue::from_static("")))
        }
        Some(Action::ResetBeforeCommit) => broken(1, b""),
        Some(Action::HtmlError { status }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            HttpResponse::build(status).content_type("text/html").body("<html>error</html>")
        }
        Some(
            after @ (Action::CommitThenDelay { .. }
            | Action::CommitThenDrop
            | Action::CommitThenStatus { .. }
            | Action::TruncateBody
            | Action::BadJson
            | Action::NoContentType),
        ) => return corrupt_answer(after, done(request, next).await?).await,
    };
    Ok(request.into_response(answer))
}

fn retry_later(status: u16, retry_after: HeaderValue) -> HttpResponse {
    let code = if status == 429 { "too_many_requests" } else { "service_unavailable" };
    let mut answer = Refusal::new(status, code).answer();
    answer.headers_mut().insert(RETRY_AFTER, retry_after);
    answer
}

async fn done(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// Corrupts the answer to a request that took effect. (Other actions do not change the answer.)
async fn corrupt_answer(
    action: Action,
    mut done: ServiceResponse<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = match action {
        Action::CommitThenDelay { ms } => {
            sleep(Duration::from_millis(ms)).await;
            return Ok(done);
        }
        Action::NoContentType => {
            done.headers_mut().remove(CONTENT_TYPE);
            return Ok(done);
        }
        Action::CommitThenStatus { status } => {
            Refusal::new(status, "internal_clerk_error").answer()
        }
        Action::TruncateBody => broken(1_000, br#"{"object":"user","id":"user_"#),
        Action::BadJson => HttpResponse::Ok().body("{\"object\":"),
        _ => broken(1, b""),
    };
    Ok(done.into_response(answer))
}
