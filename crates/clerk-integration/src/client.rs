//! Calls Clerk's Backend API: clerk-rs's configuration and models over our own transport.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use clerk_rs::{
    apis::configuration::Configuration,
    clerk::{CLERK_API_VERSION, USER_AGENT},
    models::{ClerkErrors, VerifyM2MTokenRequest},
    validators::jwks::JwksKey,
};
use metrics::{counter, histogram};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Semaphore;
use winserve_domain::clerk::ClerkUserId;
use winserve_upstreams::Lookups;

use crate::{
    ClerkOptions,
    api::{Called, ClerkApi, ClerkFailure, ClerkUser, MachineToken},
};

/// Attempts for a read call that a user waits for.
pub(crate) const ATTEMPTS: u32 = 2;

/// Why the client cannot be created: usually the machine has no CA certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for Clerk cannot be built")]
pub struct ClientError(#[source] reqwest::Error);

/// Maximum size of an answer about one item, in bytes: Clerk limits an item's metadata to 8 kB.
const ANSWER: usize = 1 << 20;
/// Maximum size of a list, in bytes.
const LIST: usize = 16 << 20;

/// Maximum number of calls in flight: nobody can make us hold more connections, or flood Clerk.
const CALLS: usize = 16;

/// Clerk's Backend API over HTTP.
pub struct ClerkClient {
    /// The derived Debug would print the secret key.
    configuration: Configuration,
    jwks_url: Option<String>,
    timeout: Duration,
    calls: Semaphore,
    /// Until when calls to Clerk are paused.
    pause: Mutex<Option<Instant>>,
}

impl fmt::Debug for ClerkClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClerkClient")
            .field("base_path", &self.configuration.base_path)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct JwksAnswer {
    keys: Vec<Value>,
}

impl ClerkClient {
    /// A client of the instance in the options.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(options: &ClerkOptions) -> Result<Self, ClientError> {
        Self::with_key(options, Some(options.secret_key.expose_secret().to_owned()))
    }

    /// A client for requests that bring their own keys, with the usual timeouts.
    pub(crate) fn without_key(api_url: &str) -> Result<Self, ClientError> {
        Self::with_key(&ClerkOptions::new(api_url, SecretString::default(), ""), None)
    }

    fn with_key(options: &ClerkOptions, key: Option<String>) -> Result<Self, ClientError> {
        // Another one may already be installed, which is fine.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        headers.insert("Clerk-API-Version", HeaderValue::from_static(CLERK_API_VERSION));
        let mut builder = Client::builder()
            .default_headers(headers)
            .user_agent(USER_AGENT)
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .dns_resolver(Arc::new(Lookups::default()))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never());
        let urls = [Some(&options.api_url), options.jwks_url.as_ref()];
        if urls.into_iter().flatten().all(|url| url.starts_with("http://")) {
            // Reads no CA certificates if none are needed, and then uses no proxy.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let configuration = Configuration {
            base_path: options.api_url.clone(),
            user_agent: Some(USER_AGENT.to_owned()),
            client: builder.build().map_err(ClientError)?,
            basic_auth: None,
            oauth_access_token: None,
            bearer_access_token: key,
            api_key: None,
            api_version: Some(CLERK_API_VERSION.to_owned()),
        };
        Ok(Self {
            configuration,
            jwks_url: options.jwks_url.clone(),
            timeout: options.timeout,
            calls: Semaphore::new(CALLS),
            pause: Mutex::default(),
        })
    }

    /// The public keys that sign session tokens; unknown kinds of keys are skipped.
    pub(crate) async fn keys(&self) -> Result<Vec<JwksKey>, ClerkFailure> {
        let request = match &self.jwks_url {
            Some(url) => self.configuration.client.get(url),
            None => self.get("jwks"),
        };
        let answer: JwksAnswer = parsed(checked(send(request).await?).await?, ANSWER).await?;
        let read = |key: Value| serde_json::from_value::<JwksKey>(key).ok();
        Ok(answer.keys.into_iter().filter_map(read).collect())
    }

    /// Makes an idempotent call, and retries it once if that may help. Makes no call during a pause requested
    /// by Clerk. For calls that a user waits for: calls about organizations have a budget, which counts one
    /// request per call.
    pub(crate) async fn with_retry<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, ClerkFailure> {
        self.up_to(ATTEMPTS, request).await
    }

    /// [`with_retry`](Self::with_retry), with a different number of attempts.
    async fn up_to<T: DeserializeOwned>(
        &self,
        attempts: u32,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, ClerkFailure> {
        let mut attempt = 1;
        loop {
            match self.once(request()).await {
                Err(ClerkFailure::NotSent(_) | ClerkFailure::Unknown { retry_after: None, .. })
                    if attempt < attempts =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Makes a call once.
    pub(crate) async fn once<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClerkFailure> {
        self.once_within(ANSWER, request).await
    }

    /// [`once`](Self::once), for a list.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClerkFailure> {
        self.once_within(LIST, request).await
    }

    async fn once_within<T: DeserializeOwned>(
        &self,
        limit: usize,
        request: RequestBuilder,
    ) -> Result<T, ClerkFailure> {
        let waited = tokio::time::timeout(self.timeout, self.calls.acquire()).await;
        let _permit = waited.map_err(|elapsed| ClerkFailure::NotSent(elapsed.into()))?;
        let left_alone = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = left_alone
            && let Some(rest) = until.checked_duration_since(Instant::now())
        {
            return Err(ClerkFailure::paused(rest));
        }
        let answer = async { parsed(checked(send(request).await?).await?, limit).await }.await;
        if let Some(rest) = answer.as_ref().err().and_then(ClerkFailure::retry_after) {
            let until = Instant::now().checked_add(rest);
            let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
            *pause = until.max(*pause);
        }
        answer
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{path}", self.configuration.base_path);
        self.authorized(self.configuration.client.request(method, url))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.configuration.bearer_access_token {
            Some(secret) => request.bearer_auth(secret),
            None => request,
        }
    }

    async fn find_user(&self, id: &ClerkUserId) -> Result<Option<ClerkUser>, ClerkFailure> {
        found(self.with_retry(|| self.get(&format!("users/{id}"))).await)
    }

    /// What Clerk says about a machine token, with this many attempts.
    pub(crate) async fn find_machine_token(
        &self,
        token: &str,
        attempts: u32,
    ) -> Result<Option<MachineToken>, ClerkFailure> {
        let body = VerifyM2MTokenRequest::new(token.to_owned());
        // Verifying changes nothing, though it is a POST.
        let ask = || self.post("m2m_tokens/verify").json(&body);
        match self.up_to(attempts, ask).await {
            Err(ClerkFailure::Refused { status: 400, .. }) => Ok(None),
            answer => found(answer),
        }
    }
}

impl ClerkClient {
    async fn remove_user(&self, id: &ClerkUserId) -> Result<(), ClerkFailure> {
        let path = format!("users/{id}");
        // A repeated deletion finds nothing, which is fine.
        found::<Value>(self.with_retry(|| self.delete(&path)).await).map(drop)
    }
}

impl ClerkApi for ClerkClient {
    fn delete_user<'a>(&'a self, id: &'a ClerkUserId) -> Called<'a, ()> {
        Box::pin(self.remove_user(id))
    }

    fn user<'a>(&'a self, id: &'a ClerkUserId) -> Called<'a, Option<ClerkUser>> {
        Box::pin(self.find_user(id))
    }

    fn machine_token<'a>(&'a self, token: &'a str) -> Called<'a, Option<MachineToken>> {
        Box::pin(self.find_machine_token(token, ATTEMPTS))
    }
}

fn found<T>(answer: Result<T, ClerkFailure>) -> Result<Option<T>, ClerkFailure> {
    match answer {
        Err(ClerkFailure::Refused { status: 404, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Sends a request and counts its outcome.
async fn send(request: RequestBuilder) -> Result<Response, ClerkFailure> {
    let started = Instant::now();
    let answer = sent(request).await;
    let outcome = match &answer {
        Ok(response) if response.status().is_success() => "found",
        Ok(response) if response.status() == StatusCode::NOT_FOUND => "not_found",
        Ok(_) => "status",
        Err(ClerkFailure::NotSent(_)) => "not_sent",
        Err(_) => "transport",
    };
    histogram!("upstream_request_duration_seconds", "service" => "clerk").record(started.elapsed());
    counter!("upstream_requests_total", "service" => "clerk", "outcome" => outcome).increment(1);
    answer
}

async fn sent(request: RequestBuilder) -> Result<Response, ClerkFailure> {
    request.send().await.map_err(|error| {
        // The URL may contain a user id.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            ClerkFailure::NotSent(error.into())
        } else {
            ClerkFailure::unknown(error)
        }
    })
}

/// The answer, unless it is an error. Reads the headers before the body.
async fn checked(response: Response) -> Result<Response, ClerkFailure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let retry_after = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let retry_after =
        retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    if status.is_server_error() {
        let source = format!("Clerk answered {status}").into();
        return Err(ClerkFailure::Unknown { retry_after, source });
    }
    let trace_id = header("x-clerk-trace-id").or_else(|| header("clerk-trace-id"));
    let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
    Err(ClerkFailure::Refused {
        status: status.as_u16(),
        retry_after: retry_after.or_else(|| is_busy.then_some(DEFAULT_RETRY_AFTER)),
        codes: codes(response).await,
        trace_id,
    })
}

/// How long to pause if Clerk does not say, or not in seconds.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(10);
/// Longest pause, whatever Clerk says.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Clerk's error codes; empty if the body has none.
async fn codes(response: Response) -> Vec<String> {
    let body = whole(response, ANSWER).await.unwrap_or_default();
    let errors = serde_json::from_slice::<ClerkErrors>(&body).map(|answer| answer.errors);
    errors.unwrap_or_default().into_iter().map(|error| error.code).collect()
}

async fn parsed<T: DeserializeOwned>(response: Response, limit: usize) -> Result<T, ClerkFailure> {
    let body = whole(response, limit).await?;
    serde_json::from_slice(&body).map_err(ClerkFailure::unknown)
}

/// The body, unless it is longer than `limit` bytes: then the rest is not read.
async fn whole(mut response: Response, limit: usize) -> Result<Vec<u8>, ClerkFailure> {
    let broken = |error: reqwest::Error| ClerkFailure::unknown(error.without_url());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > limit {
            let why = format!("Clerk's answer is larger than {limit} bytes");
            return Err(ClerkFailure::unknown(why));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
