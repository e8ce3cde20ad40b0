//! Reads the credentials of a request.

use actix_web::{
    dev::ServiceRequest,
    http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN},
};
use jsonwebtoken::Algorithm;

use crate::proxies::TrustedProxies;

/// Cookie with Clerk's session token, if page and API share an origin.
const SESSION_COOKIE: &str = "__session";
/// Prefix of machine tokens.
const MACHINE: &str = "mt_";

/// The credentials of a request.
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// Something that cannot be a token.
    Unreadable,
    /// A session token of the old service.
    Legacy(String),
    /// A Clerk session token.
    Clerk(String),
    /// A machine token.
    Machine(String),
}

/// Reads the header and, if there is none, Clerk's cookie.
pub(super) fn credentials(request: &ServiceRequest, proxies: &TrustedProxies) -> Credentials {
    match bearer(request.headers()) {
        Bearer::Token(token) if token.starts_with(MACHINE) => {
            Credentials::Machine(token.to_owned())
        }
        Bearer::Token(token) if is_signed_by_clerk(token) => Credentials::Clerk(token.to_owned()),
        Bearer::Token(token) => Credentials::Legacy(token.to_owned()),
        Bearer::Unreadable => Credentials::Unreadable,
        Bearer::Missing => match request.cookie(SESSION_COOKIE) {
            Some(cookie) if is_own_page(request, proxies) => {
                Credentials::Clerk(cookie.value().to_owned())
            }
            _ => Credentials::None,
        },
    }
}

/// Whether a request with cookies comes from a page of our own origin, or can do no harm: any page can make a
/// browser send cookies. Only a trusted proxy may say which host the browser called.
fn is_own_page(request: &ServiceRequest, proxies: &TrustedProxies) -> bool {
    if request.method().is_safe() {
        return true;
    }
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some((_, origin)) = text(ORIGIN).and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    if proxies.trust(request.peer_addr()) {
        request.connection_info().host() == origin
    } else {
        text(HOST) == Some(origin)
    }
}

/// Whether a token claims to be signed with a private key, as Clerk's are; the verifier, which accepts no
/// other algorithm, rejects false claims.
fn is_signed_by_clerk(token: &str) -> bool {
    jsonwebtoken::decode_header(token).is_ok_and(|header| header.alg == Algorithm::RS256)
}

enum Bearer<'a> {
    Missing,
    /// A bearer token that is not valid text.
    Unreadable,
    Token(&'a str),
}

/// The token after the scheme, as passport-jwt reads it: any spelling of "bearer", one or more spaces, and
/// the first word. Another scheme means no token. Of several headers the first is used, as in Node.
fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Bearer::Missing;
    };
    let mut words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case(b"bearer") => {
            std::str::from_utf8(token)
                .ok()
                .filter(|token| token.is_ascii())
                .map_or(Bearer::Unreadable, Bearer::Token)
        }
        _ => Bearer::Missing,
    }
}
