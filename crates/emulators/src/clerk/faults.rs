//! Faults of the stand-in for Clerk: ordered rules, each with what it matches and what it does.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
    rt::time::sleep,
    web::Data,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    refusal::Refusal,
    state::{Logged, Shared},
};
use crate::faults::broken;

/// As long as no client waits.
const FOREVER: Duration = Duration::from_hours(1);

/// A rule: the first one that matches a request decides.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests.
    #[serde(rename = "match", default)]
    pub matches: Match,
    /// What happens to them.
    pub action: Action,
    /// How often; without it, always.
    #[serde(default)]
    pub times: Option<u32>,
    /// How often it has happened.
    #[serde(default)]
    pub hits: u32,
}

/// Which requests a rule is for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Such as `POST`; without it, any.
    pub method: Option<String>,
    /// A path in which `*` stands for any text; without it, any.
    pub path_glob: Option<String>,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// An error with this status and Clerk's code.
    Status {
        /// HTTP status.
        status: u16,
        /// Clerk's error code.
        code: String,
    },
    /// 429.
    RateLimit {
        /// Seconds.
        retry_after: u64,
    },
    /// The right answer, late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// No answer.
    Hang,
    /// The connection breaks, and nothing is done.
    ResetBeforeCommit,
    /// It is done, and the connection breaks.
    CommitThenDrop,
    /// It is done, and the answer is an error.
    CommitThenStatus {
        /// HTTP status.
        status: u16,
    },
    /// The answer ends before its announced length.
    TruncateBody,
    /// 200 with a body that is no JSON.
    BadJson,
    /// An error page.
    HtmlError {
        /// HTTP status.
        status: u16,
    },
}

impl Rule {
    fn fits(&self, method: &str, path: &str) -> bool {
        let Match { method: wanted, path_glob } = &self.matches;
        wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path_glob.as_deref().is_none_or(|glob| fits_glob(glob, path))
    }
}

/// Whether a path is what a pattern says.
fn fits_glob(glob: &str, path: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == path };
    let Some(mut left) = path.strip_prefix(start) else { return false };
    loop {
        if fits_glob(rest, left) {
            return true;
        }
        let mut letters = left.chars();
        if letters.next().is_none() {
            return false;
        }
        left = letters.as_str();
    }
}

/// Applies the rules, and writes down every request. The control plane is exempt from both.
pub(crate) async fn befall(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    if path.starts_with("/_emu/") {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let action = due(&shared, &method, &path);
    let response = apply(action, request, next).await?;
    let status = response.status().as_u16();
    shared.lock().note(Logged { method, path, status });
    Ok(response)
}

fn due(shared: &Shared, method: &str, path: &str) -> Option<Action> {
    let mut state = shared.lock();
    let is_left = |rule: &&mut Rule| rule.times.is_none_or(|times| rule.hits < times);
    let rule = state.rules.iter_mut().filter(is_left).find(|rule| rule.fits(method, path))?;
    rule.hits += 1;
    Some(rule.action.clone())
}

async fn apply(
    action: Option<Action>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(action) = action else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let answer = match action {
        Action::Delay { ms } => {
            sleep(Duration::from_millis(ms)).await;
            return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
        }
        Action::CommitThenDrop => {
            let done = next.call(request).await?;
            return Ok(done.into_response(broken(1, b"")));
        }
        Action::CommitThenStatus { status } => {
            let done = next.call(request).await?;
            return Ok(done.into_response(Refusal::new(status, "internal_clerk_error").answer()));
        }
        Action::Hang => {
            sleep(FOREVER).await;
            broken(1, b"")
        }
        Action::Status { status, code } => Refusal::new(status, &code).answer(),
        Action::RateLimit { retry_after } => {
            let mut answer = Refusal::new(429, "too_many_requests").answer();
            let name = actix_web::http::header::RETRY_AFTER;
            answer.headers_mut().insert(name, retry_after.into());
            answer
        }
        Action::ResetBeforeCommit => broken(1, b""),
        Action::TruncateBody => broken(1_000, br#"{"object":"user","id":"user_"#),
        Action::BadJson => HttpResponse::Ok().body("{\"object\":"),
        Action::HtmlError { status } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            HttpResponse::build(status).content_type("text/html").body("<html>error</html>")
        }
    };
    Ok(request.into_response(answer))
}

/// The rules, for the control plane.
pub(crate) fn shown(rules: &[Rule]) -> serde_json::Value {
    json!(rules)
}

#[cfg(test)]
mod tests {
    use super::fits_glob;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, path) in [
            ("/v1/users/*", "/v1/users/user_1"),
            ("*", ""),
            ("/v1/*/verify", "/v1/m2m_tokens/verify"),
            ("/v1/jwks", "/v1/jwks"),
            ("*jwks*", "/.well-known/jwks.json"),
        ] {
            assert!(fits_glob(glob, path), "{glob} {path}");
        }
        assert!(!fits_glob("/v1/users/*", "/v1/jwks") && !fits_glob("/v1/jwks", "/v1/jwks/x"));
    }
}
