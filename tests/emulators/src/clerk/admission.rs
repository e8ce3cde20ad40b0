//! What comes first: authentication, and the version of the Backend API.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::header::AUTHORIZATION};
use serde_json::Value;

use super::{
    refusal::{Refusal, TRACE_ID},
    state::{Shared, State},
};

/// Existing versions, the oldest first, which is the default.
const VERSIONS: [&str; 5] = ["2021-02-05", "2024-10-01", "2025-04-10", "2025-11-10", "2026-05-12"];
/// From this version on, an organization's metadata has only its own route.
const METADATA_APART: &str = "2026-05-12";

/// An answer, or the refusal that ends the request.
pub(crate) type Answer = Result<HttpResponse, Refusal>;

/// A version of the Backend API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version(&'static str);

/// An extension of a request: it is answered with the state of this many milliseconds ago.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lag(pub(crate) u64);

/// 200 with a body.
pub(crate) fn ok(body: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header(("x-clerk-trace-id", TRACE_ID)).json(body)
}

/// Checks the secret key and the version, which a header or the query may name, but not both.
pub(crate) fn admit(shared: &Shared, request: &HttpRequest) -> Result<Version, Refusal> {
    admit_with(&[&shared.secret_key], request)
}

/// [`admit`], which also accepts the machine's secret key.
pub(crate) fn admit_machine(shared: &Shared, request: &HttpRequest) -> Result<Version, Refusal> {
    let machine = shared.lock().machine.secret.clone();
    admit_with(&[&shared.secret_key, &machine], request)
}

fn admit_with(keys: &[&str], request: &HttpRequest) -> Result<Version, Refusal> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = header.and_then(|header| header.strip_prefix("Bearer "));
    let secret = secret.ok_or_else(|| Refusal::new(401, "authorization_header_format_invalid"))?;
    if !keys.contains(&secret) {
        return Err(Refusal::new(401, "clerk_key_invalid"));
    }
    let in_header = request.headers().get("clerk-api-version").map(|value| value.to_str());
    let in_query = request
        .query_string()
        .split('&')
        .find_map(|pair| pair.strip_prefix("__clerk_api_version="))
        .map(Ok);
    let named = match (in_header, in_query) {
        (Some(_), Some(_)) => None,
        (None, None) => VERSIONS.first().copied(),
        (named, None) | (None, named) => named.and_then(Result::ok),
    };
    let version = VERSIONS.into_iter().find(|version| named == Some(version));
    version.map(Version).ok_or_else(|| Refusal::new(400, "api_version_invalid"))
}

/// The time, in milliseconds since 1970, whose state is answered; none means now.
pub(crate) fn as_of(request: &HttpRequest, state: &State) -> Option<i64> {
    let Lag(ms) = request.extensions().get::<Lag>().copied()?;
    Some(state.now().saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX)))
}

impl Version {
    /// Whether `PATCH /organizations/{id}` ignores metadata.
    pub(crate) fn has_metadata_apart(self) -> bool {
        self.0 >= METADATA_APART
    }
}
