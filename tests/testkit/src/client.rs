//! A client that acts as one user, or anonymously.

use std::{fmt, ops::Deref, time::Duration};

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::description;

/// A connection that was idle longer is not reused: the server may be about to close it.
const IDLE: Duration = Duration::from_secs(2);

/// A bare HTTP client, without TLS. (`reqwest::Client::new` would panic: our reqwest has no crypto provider
/// until one is installed.)
#[must_use]
pub fn http_client() -> reqwest::Client {
    winserve_upstreams::install_crypto_provider();
    let builder = reqwest::Client::builder().tls_certs_only([]).pool_idle_timeout(IDLE);
    builder.build().expect("a valid configuration")
}

/// Sends requests, with or without a token.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    authorization: Option<Vec<u8>>,
    organizations: Vec<Vec<u8>>,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            http: http_client(),
            authorization: None,
            organizations: Vec::new(),
        }
    }

    /// The same client with this `Authorization` header, byte for byte.
    #[must_use]
    pub fn authorized(&self, header: impl Into<Vec<u8>>) -> Self {
        Self { authorization: Some(header.into()), ..self.clone() }
    }

    /// The same client with one more `X-Organization-Id` header, byte for byte.
    #[must_use]
    pub fn naming(&self, organization: impl Into<Vec<u8>>) -> Self {
        let mut client = self.clone();
        client.organizations.push(organization.into());
        client
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Response {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Any request, which can be changed before it is [sent](Self::send).
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for organization in &self.organizations {
            request = request.header("X-Organization-Id", organization.as_slice());
        }
        match &self.authorization {
            Some(header) => request.header("Authorization", header.as_slice()),
            None => request,
        }
    }

    /// Sends a request and reads the whole answer, which must match the API description.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        let request = request.build().expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.http.execute(request).await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.expect("the complete answer").to_vec();
        description::check(&method, &path, status, &headers, &body);
        Response { status: Status::new(status, &body), headers, body }
    }
}

/// The status of an answer. If an assertion fails, it also shows the body of a refusal.
#[derive(Clone, PartialEq, Eq)]
pub struct Status {
    code: StatusCode,
    refusal: String,
}

impl Status {
    fn new(code: StatusCode, body: &[u8]) -> Self {
        let is_refusal = code.is_client_error() || code.is_server_error();
        let shown = if is_refusal { body } else { &[] };
        Self { code, refusal: String::from_utf8_lossy(shown).into_owned() }
    }
}

impl Deref for Status {
    type Target = StatusCode;

    fn deref(&self) -> &StatusCode {
        &self.code
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code.as_u16(), self.refusal)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(formatter)
    }
}

impl PartialEq<u16> for Status {
    fn eq(&self, other: &u16) -> bool {
        self.code == *other
    }
}

impl PartialEq<StatusCode> for Status {
    fn eq(&self, other: &StatusCode) -> bool {
        self.code == *other
    }
}

/// A complete answer.
#[derive(Debug)]
pub struct Response {
    /// The status, which shows the body if an assertion about it fails.
    pub status: Status,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| {
            panic!("no JSON in {}: {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    /// The body of an error, without the request id, which is checked against the header.
    #[must_use]
    pub fn error(&self) -> Value {
        let mut body = self.json();
        let id = body.as_object_mut().and_then(|body| body.remove("requestId"));
        let header = self.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        assert_eq!(id, header.map(|id| json!(id)), "requestId and X-Request-Id");
        body
    }

    /// Asserts a plain error: its status, code and message, and nothing else in the body.
    #[track_caller]
    pub fn assert_error(&self, status: u16, error: &str, code: &str, message: &str) {
        let expected =
            json!({"statusCode": status, "error": error, "message": message, "code": code});
        assert_eq!((self.status.as_u16(), self.error()), (status, expected));
    }

    /// Asserts a refused body: status 400 and these issues, by code and path.
    #[track_caller]
    pub fn assert_invalid(&self, issues: &Value) {
        let body = self.error();
        assert_eq!((self.status.as_u16(), &body["code"]), (400, &json!("invalid-request")));
        assert_eq!(body["message"], "Validation failed");
        let listed: Vec<Value> = body["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|issue| json!([issue["code"], issue["path"]]))
            .collect();
        assert_eq!(&Value::from(listed), issues, "{body}");
    }
}
