//! Authentication for election-api: signed Clerk machine tokens, verified offline.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::AUTHORIZATION,
    middleware::Next,
    web::Data,
};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, JwkSet},
};
use reqwest::Client;
use serde::Deserialize;

use crate::{refusal::Refusal, routes::Shared};

/// election-api's machine in Clerk. Tokens of machines that may talk to it name it.
pub(crate) const ELECTION_MACHINE: &str = "mch_000000000000000000000000002";

/// Decides who may call; everybody, until [`demand`](Self::demand).
#[derive(Debug)]
pub(crate) struct MachineTokens {
    http: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// URL of Clerk's public keys.
    jwks_url: Option<String>,
    /// The last fetched keys.
    keys: HashMap<String, DecodingKey>,
    refuses_all: bool,
    /// Seconds since 1970; without it, the system clock.
    clock: Option<i64>,
    refused: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").field("jwks_url", &self.jwks_url).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default)]
    aud: Vec<String>,
}

impl MachineTokens {
    pub(crate) fn new() -> std::io::Result<Self> {
        // Another one may already be installed, which is fine. (The Clerk emulator has no TLS.)
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().tls_certs_only([]).no_proxy();
        let http = client.build().map_err(std::io::Error::other)?;
        Ok(Self { http, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, callers need a token of this Clerk.
    pub(crate) fn demand(&self, jwks_url: String) {
        self.lock().jwks_url = Some(jwks_url);
    }

    /// Turns the rejection of every token on or off.
    pub(crate) fn refuse_all(&self, does: bool) {
        self.lock().refuses_all = does;
    }

    /// Fetches Clerk's keys before the next token is verified.
    pub(crate) fn forget_keys(&self) {
        self.lock().keys.clear();
    }

    pub(crate) fn set_clock(&self, now: i64) {
        self.lock().clock = Some(now);
    }

    /// How many requests were rejected because of their token.
    pub(crate) fn refused(&self) -> u64 {
        self.lock().refused
    }

    async fn check(&self, header: Option<&str>) -> Result<(), Refusal> {
        let Some(jwks_url) = self.lock().jwks_url.clone() else { return Ok(()) };
        let checked = self.verify(&jwks_url, header).await;
        if checked.is_err() {
            self.lock().refused += 1;
        }
        checked
    }

    async fn verify(&self, jwks_url: &str, header: Option<&str>) -> Result<(), Refusal> {
        let token = header
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Refusal::unauthorized("Missing machine token"))?;
        if self.lock().refuses_all {
            return Err(Refusal::unauthorized("Invalid machine token"));
        }
        // An unknown or replaced key is fetched once.
        let mut verified = self.claims(token);
        if verified.is_none() {
            self.load(jwks_url).await;
            verified = self.claims(token);
        }
        let may_ask = verified.is_some_and(|claims| {
            claims.sub.starts_with("mch_")
                && claims.aud.iter().any(|machine| machine == ELECTION_MACHINE)
                && self.now() < claims.exp
        });
        if may_ask { Ok(()) } else { Err(Refusal::unauthorized("Invalid machine token")) }
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        let id = decode_header(token).ok()?.kid?;
        let key = self.lock().keys.get(&id)?.clone();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_aud = false;
        // The library would use the system clock.
        validation.validate_exp = false;
        decode(token, &key, &validation).ok().map(|token| token.claims)
    }

    async fn load(&self, jwks_url: &str) {
        let Ok(answer) = self.http.get(jwks_url).send().await else { return };
        let Ok(set) = answer.json::<JwkSet>().await else { return };
        let keys = set.keys.into_iter().filter_map(|key| match key.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let decoding = DecodingKey::from_rsa_components(&rsa.n, &rsa.e).ok()?;
                Some((key.common.key_id?, decoding))
            }
            _ => None,
        });
        self.lock().keys = keys.collect();
    }

    /// Seconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "a server of its own has a clock of its own")]
    pub(crate) fn now(&self) -> i64 {
        self.lock().clock.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or_default()
        })
    }
}

/// Rejects unauthorized requests, except for health and the emulator's control routes.
pub(crate) async fn admit(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.path();
    if path.starts_with("/v1/") && path != "/v1/health" {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        shared.machine_tokens.check(header).await?;
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}
