//! Reads JSON from a service: within a budget, with one retry, and never more than a limit.

use std::time::Duration;

use metrics::{counter, histogram};
use reqwest::{Client, StatusCode, Url, header, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::tls::install_crypto_provider;

const USER_AGENT: &str = concat!("winserve/", env!("CARGO_PKG_VERSION"));
/// How much of an unexpected body the log gets, in characters.
const EXCERPT: usize = 300;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{url:?} is no http:// or https:// URL without query and fragment")]
    BadUrl {
        /// What was given.
        url: String,
    },
    /// TLS is not to be had; most often the machine has no CA certificates.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
}

/// Why there is no answer. What the service said is for logs only.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{route}: no answer in time")]
    Elapsed { route: &'static str },
    #[error("{route}: no whole answer")]
    Transport { route: &'static str, source: reqwest::Error },
    #[error("{route}: status {status}, {excerpt:?}")]
    Status { route: &'static str, status: StatusCode, excerpt: String },
    #[error("{route}: the answer has more than {limit} bytes")]
    TooLarge { route: &'static str, limit: usize },
    #[error("{route}: the answer cannot be read")]
    Unreadable { route: &'static str, source: serde_json::Error },
    #[error("{route}: the answer {what}")]
    Broken { route: &'static str, what: &'static str },
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
            Self::Elapsed { .. } | Self::Transport { .. } => None,
        }
    }

    /// Whether asking again may help.
    fn is_transient(&self) -> bool {
        match self {
            Self::Elapsed { .. } | Self::Transport { .. } => true,
            Self::Status { status, .. } => status.is_server_error(),
            Self::TooLarge { .. } | Self::Unreadable { .. } | Self::Broken { .. } => false,
        }
    }
}

/// A question to a service.
pub(crate) struct Question<'a> {
    /// For logs, such as `GET /v1/districts/{id}`.
    pub(crate) route: &'static str,
    /// Path below `/v1/`, percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// Time for the answer, retry included.
    pub(crate) budget: Duration,
    /// Size of the answer at most, in bytes.
    pub(crate) limit: usize,
}

/// A service that answers JSON.
pub(crate) struct Upstream {
    /// Its name in metrics.
    service: &'static str,
    http: Client,
    base: Url,
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
        let bad_url = || ClientError::BadUrl { url: url.to_owned() };
        let base = Url::parse(url).ok().filter(is_base).ok_or_else(bad_url)?;
        install_crypto_provider();
        let mut builder = Client::builder()
            .connect_timeout(connect_timeout)
            .redirect(redirect::Policy::none())
            // The one retry is ours.
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT);
        if base.host_str().is_some_and(is_loopback) {
            builder = builder.no_proxy();
        }
        if base.scheme() == "http" {
            // No CA certificates are read where none are needed.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self { service, http: builder.build().map_err(ClientError::Client)?, base })
    }

    /// Asks; `None` when the service answers that there is no such thing.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
    ) -> Result<Option<T>, Failure> {
        let body = self.answer(question).await?;
        let unreadable = |source| Failure::Unreadable { route: question.route, source };
        body.map(|body| serde_json::from_slice(&body).map_err(unreadable)).transpose()
    }

    async fn answer(&self, question: &Question<'_>) -> Result<Option<Vec<u8>>, Failure> {
        let url = self.url(question);
        let started = Instant::now();
        let deadline = started + question.budget;
        // A hanging first attempt leaves time for a second one.
        let first = self.attempt(question, url.clone(), started + question.budget * 3 / 5).await;
        match first {
            Err(failure) if failure.is_transient() => {
                tracing::warn!(route = question.route, error = %failure, "asking again");
                sleep_until(deadline.min(Instant::now() + jitter(question.budget))).await;
                self.attempt(question, url, deadline).await
            }
            settled => settled,
        }
    }

    /// One attempt, counted.
    async fn attempt(
        &self,
        question: &Question<'_>,
        url: Url,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let started = Instant::now();
        let answer = self.exchange(question, url, deadline).await;
        let outcome = match &answer {
            Ok(Some(_)) => "found",
            Ok(None) => "not_found",
            Err(Failure::Elapsed { .. }) => "timeout",
            Err(Failure::Transport { .. }) => "transport",
            Err(Failure::Status { .. }) => "status",
            Err(_) => "unreadable",
        };
        let labels = [("service", self.service), ("route", question.route)];
        histogram!("upstream_request_duration_seconds", &labels).record(started.elapsed());
        let labels = [("service", self.service), ("route", question.route), ("outcome", outcome)];
        counter!("upstream_requests_total", &labels).increment(1);
        answer
    }

    async fn exchange(
        &self,
        question: &Question<'_>,
        url: Url,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let &Question { route, limit, .. } = question;
        let transport =
            |source: reqwest::Error| Failure::Transport { route, source: source.without_url() };
        let exchange = async {
            let request = self.http.get(url).header(header::ACCEPT, "application/json");
            let mut response = request.send().await.map_err(transport)?;
            let status = response.status();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(transport)? {
                if body.len() + chunk.len() > limit {
                    return Err(Failure::TooLarge { route, limit });
                }
                body.extend_from_slice(&chunk);
            }
            Ok((status, body))
        };
        let (status, body) = timeout_at(deadline, exchange)
            .await
            .map_err(|_elapsed| Failure::Elapsed { route })??;
        match status {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NOT_FOUND if is_about_the_thing(&body) => Ok(None),
            _ => Err(Failure::Status { route, status, excerpt: excerpt(&body) }),
        }
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

/// A pause before the retry, so that not all callers come back at once.
fn jitter(budget: Duration) -> Duration {
    budget.mul_f64(fastrand::f64() / 20.0)
}

/// Whether a 404 says that the thing is not there. A load balancer's 404, or the framework's for a
/// route that it does not have, says that the address is wrong.
fn is_about_the_thing(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|error: ErrorBody| {
        error.status_code == StatusCode::NOT_FOUND.as_u16()
            && !error.message.starts_with("Cannot GET ")
    })
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(EXCERPT).collect()
}

/// A stand-in on this machine is not reached through a proxy.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
