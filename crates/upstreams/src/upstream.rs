//! Reads from a service: within a time budget, with one retry, and up to a size limit.

use std::{sync::Arc, time::Duration};

use metrics::{counter, histogram};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::{Instant, error::Elapsed, sleep_until, timeout_at};

use crate::{
    lookups::Lookups,
    tls::install_crypto_provider,
    tokens::{TokenSource, TokenUnavailable},
};

const USER_AGENT: &str = concat!("winserve/", env!("CARGO_PKG_VERSION"));
/// How much of an unexpected body is logged, in characters.
const EXCERPT: usize = 300;
/// Longest pause before a retry: a user is waiting.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Why the client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is invalid. It is not repeated, because it may contain a password.
    #[error("the URL of {service} is not an http:// or https:// URL without query and fragment")]
    BadUrl {
        /// The service, such as `election-api`.
        service: &'static str,
    },
    /// TLS is not available; usually the machine has no CA certificates.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
}

/// Why there is no answer. What the service said is only for logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{route}: no answer in time")]
    Elapsed { route: &'static str },
    #[error("{route}: incomplete answer")]
    Transport { route: &'static str, source: reqwest::Error },
    #[error("{route}: status {status}, {excerpt:?}")]
    Status { route: &'static str, status: StatusCode, excerpt: String },
    #[error("{route}: the answer has more than {limit} bytes")]
    TooLarge { route: &'static str, limit: usize },
    #[error("{route}: the answer cannot be read")]
    Unreadable { route: &'static str, source: serde_json::Error },
    #[error("{route}: the answer {what}")]
    Broken { route: &'static str, what: &'static str },
    #[error("{route}: not called")]
    NoToken { route: &'static str, source: TokenUnavailable },
}

impl Failure {
    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            Self::Elapsed { .. } => true,
            Self::Transport { source, .. } => source.is_timeout(),
            _ => false,
        }
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::TooLarge { .. } | Self::Unreadable { .. } | Self::Broken { .. } => {
                Some(StatusCode::OK)
            }
            Self::Elapsed { .. } | Self::Transport { .. } | Self::NoToken { .. } => None,
        }
    }

    /// Whether the service has a problem, so that a retry may help.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Elapsed { .. } | Self::Transport { .. } => true,
            Self::Status { status, .. } => status.is_server_error(),
            Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::Broken { .. }
            | Self::NoToken { .. } => false,
        }
    }

    fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::UNAUTHORIZED, .. })
    }
}

/// The media type of most answers.
pub(crate) const JSON: &str = "application/json";

/// A request to a service.
pub(crate) struct Question<'a> {
    /// For logs, such as `GET /v1/districts/{id}`.
    pub(crate) route: &'static str,
    /// Path below `/v1/`, percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// The requested media type.
    pub(crate) accept: &'static str,
    /// The body to post; without it, the request is a GET.
    pub(crate) body: Option<&'a Value>,
    /// Time budget for the answer, retry included.
    pub(crate) budget: Duration,
    /// The part of it for the first attempt.
    pub(crate) first_attempt: Duration,
    /// Maximum size of the answer, in bytes.
    pub(crate) limit: usize,
}

/// A service that answers in JSON.
pub(crate) struct Upstream {
    /// Its name in metrics.
    service: &'static str,
    http: Client,
    base: Url,
    /// For a service that requires authentication.
    tokens: Option<Arc<dyn TokenSource>>,
    /// Answers are about people: nothing from them may get into a [`Failure`], and so into a log.
    is_about_people: bool,
}

/// How much of an answer to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All of it, within the budget.
    Whole,
    /// Only the head; the caller reads the body.
    Beginning,
}

enum Answer {
    Whole(Vec<u8>),
    Begun(Response),
}

/// The error body of the services (upstreams §2), as far as we read it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    status_code: u16,
    message: String,
}

impl Upstream {
    pub(crate) fn new(
        service: &'static str,
        url: &str,
        connect_timeout: Duration,
    ) -> Result<Self, ClientError> {
        let bad_url = || ClientError::BadUrl { service };
        let base = Url::parse(url).ok().filter(is_base).ok_or_else(bad_url)?;
        install_crypto_provider();
        let mut builder = Client::builder()
            .connect_timeout(connect_timeout)
            .dns_resolver(Arc::new(Lookups::default()))
            .redirect(redirect::Policy::none())
            // We do the only retry ourselves.
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT);
        if base.host_str().is_some_and(is_loopback) {
            builder = builder.no_proxy();
        }
        if base.scheme() == "http" {
            // Reads no CA certificates if none are needed.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(ClientError::Client)?;
        Ok(Self { service, http, base, tokens: None, is_about_people: false })
    }

    /// The same service, with these tokens.
    pub(crate) fn with_tokens(self, tokens: Arc<dyn TokenSource>) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// The same service, but nothing from its answers may be logged.
    pub(crate) fn about_people(self) -> Self {
        Self { is_about_people: true, ..self }
    }

    /// Sends the request; `None` if the service answers that the item does not exist.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
    ) -> Result<Option<T>, Failure> {
        let route = question.route;
        let Some(Answer::Whole(body)) = self.answer(question, Wanted::Whole).await? else {
            return Ok(None);
        };
        serde_json::from_slice(&body).map(Some).map_err(|source| {
            if self.is_about_people {
                // serde's messages quote the text that they are about.
                Failure::Broken { route, what: "cannot be read" }
            } else {
                Failure::Unreadable { route, source }
            }
        })
    }

    /// Sends the request, and leaves the body to the caller; the budget covers the head.
    pub(crate) async fn open(&self, question: &Question<'_>) -> Result<Option<Response>, Failure> {
        Ok(match self.answer(question, Wanted::Beginning).await? {
            Some(Answer::Begun(response)) => Some(response),
            Some(Answer::Whole(_)) | None => None,
        })
    }

    async fn answer(
        &self,
        question: &Question<'_>,
        wanted: Wanted,
    ) -> Result<Option<Answer>, Failure> {
        let started = Instant::now();
        let deadline = started + question.budget;
        let mut until = started + question.first_attempt;
        let (mut may_repeat, mut may_renew) = (true, true);
        loop {
            let token = self.token(question, deadline).await?;
            let answer = self.attempt(question, wanted, token.as_ref(), until).await;
            until = deadline;
            match answer {
                // If an attempt used up the budget, there is no second one.
                Err(failure) if may_repeat && failure.is_outage() && Instant::now() < deadline => {
                    may_repeat = false;
                    tracing::warn!(route = question.route, error = %failure, "asking again");
                    sleep_until(deadline.min(Instant::now() + jitter(question.budget))).await;
                }
                Err(failure)
                    if may_renew && failure.is_unauthorized() && self.may_renew(token.as_ref()) =>
                {
                    may_renew = false;
                    tracing::warn!(route = question.route, "the token was rejected; renewing it");
                }
                settled => return settled,
            }
        }
    }

    /// The token for the request; `None` for a service that requires none.
    async fn token(
        &self,
        question: &Question<'_>,
        deadline: Instant,
    ) -> Result<Option<SecretString>, Failure> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        let late = |elapsed: Elapsed| Err(TokenUnavailable(elapsed.into()));
        let token = timeout_at(deadline, tokens.current()).await.unwrap_or_else(late);
        token.map(Some).map_err(|source| {
            self.count(question, "no_token");
            Failure::NoToken { route: question.route, source }
        })
    }

    fn may_renew(&self, refused: Option<&SecretString>) -> bool {
        self.tokens.as_ref().zip(refused).is_some_and(|(tokens, token)| tokens.refused(token))
    }

    /// One attempt, counted.
    async fn attempt(
        &self,
        question: &Question<'_>,
        wanted: Wanted,
        token: Option<&SecretString>,
        deadline: Instant,
    ) -> Result<Option<Answer>, Failure> {
        let started = Instant::now();
        let elapsed = |_| Err(Failure::Elapsed { route: question.route });
        let answer = timeout_at(deadline, self.exchange(question, wanted, token)).await;
        let answer = answer.unwrap_or_else(elapsed);
        let outcome = match &answer {
            Ok(Some(_)) => "found",
            Ok(None) => "not_found",
            Err(Failure::Elapsed { .. }) => "timeout",
            Err(Failure::Transport { .. }) => "transport",
            Err(Failure::Status { status, .. }) if is_not_authorized(*status) => "not_authorized",
            Err(Failure::Status { .. }) => "status",
            Err(_) => "unreadable",
        };
        let labels = [("service", self.service), ("route", question.route)];
        histogram!("upstream_request_duration_seconds", &labels).record(started.elapsed());
        self.count(question, outcome);
        answer
    }

    fn count(&self, question: &Question<'_>, outcome: &'static str) {
        let labels = [("service", self.service), ("route", question.route), ("outcome", outcome)];
        counter!("upstream_requests_total", &labels).increment(1);
    }

    async fn exchange(
        &self,
        question: &Question<'_>,
        wanted: Wanted,
        token: Option<&SecretString>,
    ) -> Result<Option<Answer>, Failure> {
        let route = question.route;
        let request = self.request(question, token);
        let response = request.send().await.map_err(transport(route))?;
        let status = response.status();
        if status.is_success() && wanted == Wanted::Beginning {
            return Ok(Some(Answer::Begun(response)));
        }
        let body = read_body(response, question).await?;
        match status {
            _ if status.is_success() => Ok(Some(Answer::Whole(body))),
            StatusCode::NOT_FOUND if is_about_the_thing(&body) => Ok(None),
            _ => Err(Failure::Status { route, status, excerpt: self.excerpt(&body) }),
        }
    }

    fn request(&self, question: &Question<'_>, token: Option<&SecretString>) -> RequestBuilder {
        let url = self.url(question);
        let request = match question.body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let request = request.header(header::ACCEPT, question.accept);
        match token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    fn excerpt(&self, body: &[u8]) -> String {
        if self.is_about_people {
            return format!("[{} bytes]", body.len());
        }
        String::from_utf8_lossy(body).chars().take(EXCERPT).collect()
    }

    fn url(&self, question: &Question<'_>) -> Url {
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v1/{}", question.path));
        if !question.query.is_empty() {
            url.query_pairs_mut().extend_pairs(question.query);
        }
        url
    }
}

fn is_base(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
}

/// Jitter before the retry, so that callers do not all come back at the same time.
fn jitter(budget: Duration) -> Duration {
    (budget / 20).min(LONGEST_PAUSE).mul_f64(fastrand::f64())
}

/// Whether a 404 means that the item does not exist. A 404 from a load balancer, or from the framework for an
/// unknown route, means that the URL is wrong.
fn is_about_the_thing(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|error: ErrorBody| {
        error.status_code == StatusCode::NOT_FOUND.as_u16() && !error.message.starts_with("Cannot ")
    })
}

/// Whether the service is up, but rejects us.
fn is_not_authorized(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

fn transport(route: &'static str) -> impl Fn(reqwest::Error) -> Failure {
    move |source| Failure::Transport { route, source: source.without_url() }
}

async fn read_body(mut response: Response, question: &Question<'_>) -> Result<Vec<u8>, Failure> {
    let &Question { route, limit, .. } = question;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport(route))? {
        if body.len() + chunk.len() > limit {
            return Err(Failure::TooLarge { route, limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An emulator on this machine is not reached through a proxy.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
