//! The outermost middleware: gives each request an id, writes every error in the same shape (from handlers,
//! extractors, unknown routes and the framework), and logs one line.

use std::time::{Duration, Instant};

use actix_web::{
    Error, HttpMessage as _, HttpResponse,
    body::{BoxBody, MessageBody},
    cookie::{Cookie, SameSite, time},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
    web::Data,
};
use serde::Serialize;
use tracing::Instrument as _;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    AppState,
    auth::CallerLabel,
    error::{ApiError, ErrorCode},
    metrics,
    validation::Issue,
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// `Retry-After` for temporary errors, in seconds. A failover or a burst is over in a few.
const RETRY_AFTER_SECONDS: u64 = 2;
/// The cookie of the old session; an invalid token clears it, as in the old service.
const SESSION_COOKIE: &str = "token";

/// The body of every error: every key of the old shapes, plus `code` and `requestId`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    status_code: u16,
    /// The status as text.
    error: &'a str,
    /// What went wrong, for people.
    message: &'a str,
    code: ErrorCode,
    /// Identifies the request in logs.
    request_id: &'a str,
    /// The code that the old API had for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error_code: Option<&'a str>,
    /// The faults of the request, one by one.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Issue],
}

pub(crate) async fn wrap(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!("http.request", request.id = %id);
    // The request cannot be kept during the call: actix forbids a second owner before routing. No inner
    // middleware returns `Err`, so every failure comes back with its request.
    let response = next.call(request).instrument(span.clone()).await?;
    let _entered = span.enter();
    let answer = failure(&response).map(|failure| failure.into_response(&id));
    let mut response = match answer {
        Some(answer) => {
            // Headers set by inner middlewares, such as CORS, also apply to errors.
            let headers = response.headers().clone();
            let mut response = response.into_response(answer);
            for (name, value) in headers {
                if !response.headers().contains_key(&name) {
                    response.headers_mut().append(name, value);
                }
            }
            response
        }
        None => response.map_into_boxed_body(),
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    log(&response, started.elapsed());
    if let Some(state) = response.request().app_data::<Data<AppState>>() {
        metrics::count(&response, state.ports.composition_seen(), started.elapsed());
    }
    Ok(response)
}

/// What to write instead of a failed response, whose own body is empty or the framework's.
struct Failure<'a> {
    code: ErrorCode,
    status: StatusCode,
    message: &'a str,
    issues: &'a [Issue],
    allow: Option<&'a str>,
    legacy_code: Option<&'static str>,
}

fn failure<B>(response: &ServiceResponse<B>) -> Option<Failure<'_>> {
    let error = response.response().error()?;
    if let Some(error) = error.as_error::<ApiError>() {
        error.log_source();
        return Some(Failure {
            code: error.code,
            status: error.code.status(),
            message: &error.message,
            issues: &error.issues,
            allow: error.allow.as_deref(),
            legacy_code: error.legacy_code,
        });
    }
    let status = response.status();
    let code = ErrorCode::of_status(status);
    if status.is_server_error() {
        tracing::error!(%error, "request failed in the framework");
    }
    Some(Failure {
        code,
        status,
        message: status.canonical_reason().unwrap_or("Bad Request"),
        issues: &[],
        allow: None,
        legacy_code: None,
    })
}

impl Failure<'_> {
    fn into_response(self, request_id: &str) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status);
        if let Some(allow) = self.allow {
            builder.insert_header((ALLOW, allow));
        }
        if self.code.passes_soon() {
            builder.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if self.code == ErrorCode::InvalidToken {
            let cleared = Cookie::build(SESSION_COOKIE, "")
                .path("/")
                .http_only(true)
                .secure(true)
                .same_site(SameSite::Lax)
                .max_age(time::Duration::ZERO);
            builder.cookie(cleared.finish());
        }
        builder.json(ErrorBody {
            status_code: self.status.as_u16(),
            error: self.status.canonical_reason().unwrap_or("Invalid Token"),
            message: self.message,
            code: self.code,
            request_id,
            error_code: self.legacy_code,
            errors: self.issues,
        })
    }
}

fn log(response: &ServiceResponse<BoxBody>, elapsed: Duration) {
    let request = response.request();
    // The template, never the path: metrics must not contain ids.
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let (method, status) = (request.method(), response.status().as_u16());
    let caller = request.extensions().get::<CallerLabel>().cloned().unwrap_or_default();
    let duration_ms = elapsed.as_secs_f64() * 1000.0;
    macro_rules! answered {
        ($level:ident) => {
            tracing::$level!(
                %method,
                route,
                status,
                user.id = caller.user,
                actor.id = caller.actor,
                machine.id = caller.machine,
                clerk_organization.id = caller.organization,
                duration_ms,
                "answered"
            )
        };
    }
    match status {
        500.. => answered!(error),
        400.. => answered!(debug),
        _ => answered!(info),
    }
}
