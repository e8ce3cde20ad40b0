//! The sign-in page: a click signs in, without a password. Clerk has one with many more steps; what they have in
//! common is the way there (`redirect_url`), and the cookie that one comes back with.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    cookie::{Cookie, SameSite, time::Duration},
    http::{StatusCode, header::LOCATION},
    web::{Data, Path, Query, ServiceConfig, get, resource},
};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use super::{
    state::{Shared, SignIn, SignInPerson, State},
    tokens::TokenRequest,
};

/// Clerk's cookie. Browsers send it to every port of the host.
const SESSION_COOKIE: &str = "__session";
/// How long one stays signed in, in seconds: a day. (A real token lasts a minute, and is renewed by a script.)
const LIFETIME: i64 = 24 * 60 * 60;
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;\
     color-scheme:light dark}li{margin:.75rem 0}small{display:block;opacity:.75}";

/// The address to go back to is elsewhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "The address to go back to is not on this machine. Open the sign-in page again from the console."
)]
struct Elsewhere;

impl ResponseError for Elsewhere {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }

    fn error_response(&self) -> HttpResponse {
        html(self.status_code(), &format!("<p>{self}"))
    }
}

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/sign-in").route(get().to(page)))
        .service(resource("/sign-in/{user}").route(get().to(sign_in)))
        .service(resource("/sign-out").route(get().to(sign_out)));
}

#[derive(Deserialize)]
struct Way {
    redirect_url: Option<String>,
    /// Who acts for the user.
    actor: Option<String>,
}

async fn page(
    shared: Data<Shared>,
    request: HttpRequest,
    way: Query<Way>,
) -> Result<HttpResponse, Elsewhere> {
    let state = shared.lock();
    let back = state.sign_in.way_back(&way)?;
    let base = base(&request, back.as_ref());
    Ok(html(StatusCode::OK, &list(&state.sign_in.people, &base, back.as_ref())))
}

async fn sign_in(
    shared: Data<Shared>,
    user: Path<String>,
    way: Query<Way>,
) -> Result<HttpResponse, Elsewhere> {
    let state = shared.lock();
    let back = state.sign_in.way_back(&way)?;
    let Some(token) = state.session(&user, way.actor.as_deref()) else {
        let text = "<p>Nobody here has this id, or they may not act for others.";
        return Ok(html(StatusCode::NOT_FOUND, text));
    };
    Ok(answer(back.as_ref(), &token, LIFETIME))
}

async fn sign_out(shared: Data<Shared>, way: Query<Way>) -> Result<HttpResponse, Elsewhere> {
    let back = shared.lock().sign_in.way_back(&way)?;
    Ok(answer(back.as_ref(), "", 0))
}

impl SignIn {
    /// Where to go back to, if anywhere: only to the home, or to an address of this machine.
    fn way_back(&self, way: &Way) -> Result<Option<Url>, Elsewhere> {
        let Some(wanted) = way.redirect_url.as_deref().filter(|wanted| !wanted.is_empty()) else {
            return Ok(self.home.clone());
        };
        let is_allowed = |url: &Url| {
            let is_home = self.home.as_ref().is_some_and(|home| home.origin() == url.origin());
            matches!(url.scheme(), "http" | "https") && (is_home || is_of_this_machine(url))
        };
        Url::parse(wanted).ok().filter(is_allowed).map(Some).ok_or(Elsewhere)
    }
}

impl State {
    /// A session token of somebody whom the page offers, for whom another may act who is staff.
    fn session(&self, user: &str, actor: Option<&str>) -> Option<String> {
        let find = |id: &str| self.sign_in.people.iter().find(|person| person.user_id == id);
        let person = find(user)?;
        let act = match actor {
            None => None,
            Some(actor) => Some(json!({"sub": find(actor).filter(|it| it.is_staff)?.user_id})),
        };
        let session_id = Some(format!("sess_{}", actor.unwrap_or(user)));
        let request = TokenRequest {
            ttl: Some(LIFETIME),
            session_id,
            act,
            azp: self.sign_in.home.as_ref().map(|home| home.origin().ascii_serialization()),
            ..TokenRequest::of(&person.user_id)
        };
        Some(self.mint(&request))
    }
}

/// The address that signs somebody in at once.
pub(crate) fn link(base: &str, user: &str, actor: Option<&str>, back: Option<&Url>) -> String {
    let actor = actor.map(|actor| ("actor", actor));
    let back = back.map(|back| ("redirect_url", back.as_str()));
    let Ok(mut url) = Url::parse(&format!("{base}/sign-in/{user}")) else { return base.to_owned() };
    url.query_pairs_mut().extend_pairs(actor.into_iter().chain(back));
    url.as_str().trim_end_matches('?').to_owned()
}

/// Our own address on the host that one goes back to, which is the one that needs the cookie.
pub(crate) fn base_on(own: &str, back: &Url) -> String {
    let on_host = Url::parse(own).ok().filter(|_| is_of_this_machine(back)).and_then(|mut url| {
        url.set_host(back.host_str()).ok()?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    });
    on_host.unwrap_or_else(|| own.to_owned())
}

fn base(request: &HttpRequest, back: Option<&Url>) -> String {
    let own = format!("http://{}", request.connection_info().host());
    back.map_or_else(|| own.clone(), |back| base_on(&own, back))
}

/// `localhost`, or a loopback address of IPv4, which is where this server listens.
fn is_of_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "localhost"
            || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    })
}

/// Sets the cookie and goes back.
fn answer(back: Option<&Url>, token: &str, seconds: i64) -> HttpResponse {
    let cookie = Cookie::build(SESSION_COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .finish();
    match back {
        Some(back) => HttpResponse::SeeOther()
            .cookie(cookie)
            .insert_header((LOCATION, back.as_str()))
            .finish(),
        None => HttpResponse::NoContent().cookie(cookie).finish(),
    }
}

fn list(people: &[SignInPerson], base: &str, back: Option<&Url>) -> String {
    let item = |person: &SignInPerson| {
        let sign_in = anchor(&link(base, &person.user_id, None, back), &person.name);
        let actors = people.iter().filter(|actor| actor.is_staff && !person.is_staff);
        let impersonate = actors.map(|actor| {
            let address = link(base, &person.user_id, Some(&actor.user_id), back);
            anchor(&address, &format!("impersonate as {}", actor.name))
        });
        let below: Vec<_> = std::iter::once(escaped(&person.what)).chain(impersonate).collect();
        format!("<li>{sign_in}<small>{}</small>", below.join(" · "))
    };
    let items: String = people.iter().map(item).collect();
    format!("<h1>Sign in</h1><p>An emulator of Clerk: choose who you are.<ul>{items}</ul>")
}

fn anchor(address: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(address), escaped(text))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

fn html(status: StatusCode, body: &str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>{body}</html>"
    ))
}
