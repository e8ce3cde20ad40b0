//! The thread that delivers events, one after the other.

use std::{
    io,
    sync::PoisonError,
    time::{Duration, Instant},
};

use actix_web::web::Data;
use reqwest::{Client, header::CONTENT_TYPE, redirect};
use tokio::runtime::Builder;

use super::{
    state::Shared,
    webhooks::{Due, Next},
};

/// How long Svix waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Delivers events as long as it lives; a delivery in progress is not waited for.
#[derive(Debug)]
pub(crate) struct Sender {
    shared: Data<Shared>,
}

impl Sender {
    pub(crate) fn start(shared: &Data<Shared>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // Another one may already be installed, which is fine. (No endpoint has TLS.)
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .tls_certs_only([])
            .no_proxy()
            .user_agent("Svix-Webhooks/emulator")
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A connection closed between two deliveries would go unnoticed.
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .map_err(io::Error::other)?;
        let served = Data::clone(shared);
        std::thread::spawn(move || {
            while let Some(due) = next(&served) {
                let status = runtime.block_on(attempt(&client, &due));
                served.lock().webhooks.attempted(due, status);
            }
        });
        Ok(Self { shared: Data::clone(shared) })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        state.webhooks.changed().notify_all();
    }
}

/// Waits for the next delivery; none if it has ended.
fn next(shared: &Shared) -> Option<Due> {
    let mut state = shared.lock();
    let changed = state.webhooks.changed();
    while !state.is_over {
        let now = state.now();
        state = match state.webhooks.next(now) {
            Next::Deliver(due) => return Some(due),
            Next::Wait => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Next::WaitUntil(moment) => {
                let pause = moment.saturating_duration_since(Instant::now());
                changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
    None
}

/// The status of the answer; none if there was none in time.
async fn attempt(client: &Client, due: &Due) -> Option<u16> {
    let mut request = client.post(due.url()).header(CONTENT_TYPE, "application/json");
    for (name, value) in &due.headers {
        request = request.header(*name, value);
    }
    let response = request.body(due.body()).send().await.ok()?;
    Some(response.status().as_u16())
}
