//! Protection against requests that another site makes a visitor's browser send.
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

/// The cookie with the token.
const COOKIE: &str = "winserve_form";
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
        let known = request.cookie(COOKIE).map(|cookie| cookie.value().to_owned());
        match known.filter(|value| Uuid::parse_str(value).is_ok()) {
            Some(value) => Self { value, is_new: false },
            None => Self { value: Uuid::new_v4().to_string(), is_new: true },
        }
    }

    /// The cookie to set, if the visitor does not have it.
    pub(crate) fn cookie(&self, is_secure: bool) -> Option<Cookie<'static>> {
        self.is_new.then(|| {
            Cookie::build(COOKIE, self.value.clone())
                .path(crate::ROOT)
                .http_only(true)
                .secure(is_secure)
                .same_site(SameSite::Strict)
                .finish()
        })
    }
}

/// Whether a form comes from one of our own pages.
pub(crate) fn is_own(request: &HttpRequest, repeated: Option<&str>) -> bool {
    let cookie = request.cookie(COOKIE);
    let repeats = repeated.is_some() && repeated == cookie.as_ref().map(Cookie::value);
    repeats && is_same_origin(request)
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
