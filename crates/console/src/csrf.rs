//! Protection against requests that another site makes a visitor's browser send
//! ([ADR 111](../../../docs/adr/0111-a-form-repeats-the-token-of-a-cookie.md)).
//!
//! A form is accepted only if the browser says that it comes from a page of ours, and if it repeats the token
//! of a cookie that no other site can read or set (double submit). The token is in no server's memory, so
//! that every `api` process accepts the forms of every other.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite},
    http::header::{HOST, ORIGIN},
};
use uuid::Uuid;

/// The cookie with the token. The prefix makes browsers refuse it from every other host, also from a
/// neighbour in the same domain.
const COOKIE: &str = "__Host-winserve_form";
/// Its name without TLS, for development: browsers accept the prefix only with TLS.
const COOKIE_WITHOUT_TLS: &str = "winserve_form";
/// The form field that repeats it.
pub(crate) const FIELD: &str = "form_token";

/// The token of a visitor's forms.
#[derive(Debug, Clone)]
pub(crate) struct FormToken {
    /// Its text.
    pub(crate) value: String,
    is_new: bool,
}

impl FormToken {
    /// The token of a request's cookie, or a new one.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let known = sent(request).filter(|value| Uuid::parse_str(value).is_ok());
        match known {
            Some(value) => Self { value, is_new: false },
            None => Self { value: Uuid::new_v4().to_string(), is_new: true },
        }
    }

    /// The cookie to set in the answer to a request, if the visitor does not have it.
    pub(crate) fn cookie(&self, request: &HttpRequest) -> Option<Cookie<'static>> {
        self.is_new.then(|| {
            Cookie::build(name(request), self.value.clone())
                .path("/")
                .http_only(true)
                .secure(is_secure(request))
                .same_site(SameSite::Strict)
                .finish()
        })
    }
}

/// Whether the browser speaks TLS, to us or to the proxy in front of us.
fn is_secure(request: &HttpRequest) -> bool {
    request.connection_info().scheme() == "https"
}

fn name(request: &HttpRequest) -> &'static str {
    if is_secure(request) { COOKIE } else { COOKIE_WITHOUT_TLS }
}

/// The token that a request's cookie has.
fn sent(request: &HttpRequest) -> Option<String> {
    request.cookie(name(request)).map(|cookie| cookie.value().to_owned())
}

/// Whether a form comes from one of our own pages.
pub(crate) fn is_own(request: &HttpRequest, repeated: Option<&str>) -> bool {
    repeated.is_some() && repeated == sent(request).as_deref() && is_same_origin(request)
}

/// Every current browser sends `Sec-Fetch-Site` to trustworthy addresses; the others send `Origin` with a
/// form.
fn is_same_origin(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| text(HOST.as_str()) == Some(host))
}
