//! Events on their way to their endpoints, in Svix's format (the facts about Clerk, §3).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar},
    time::{Duration, Instant},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use fastrand::Rng;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{FIRST_KEY, State};

/// Number of messages and attempts that are kept.
const REMEMBERED: usize = 100_000;
/// Svix's delays before each retry, divided by a thousand, in milliseconds.
const RETRIES: [u64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/// Where events are sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpoint {
    /// Its URL, which identifies it.
    pub url: String,
    /// The signing secret: `whsec_` and base64.
    pub secret: String,
    /// A second signing secret, during a rotation.
    #[serde(default)]
    pub previous_secret: Option<String>,
    /// Types of the events that it receives; none means all.
    #[serde(default)]
    pub types: Vec<String>,
}

/// A webhook secret is not `whsec_` and base64.
#[derive(Debug, thiserror::Error)]
#[error("a webhook's secret is whsec_ and base64")]
pub struct BadWebhookSecret;

/// How events are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Events are held back.
    pub paused: bool,
    /// Which of the waiting events goes first.
    pub order: DeliveryOrder,
    /// How many copies of each new event are delivered, with the same id.
    pub copies: u32,
    /// How many of the next events are never delivered.
    pub lose: u32,
    /// Delay of each new event, in milliseconds.
    pub delay_ms: u64,
    /// Offset of its timestamps.
    pub skew_seconds: i64,
    /// Whether signatures are invalid.
    pub bad_signature: bool,
    /// Delays before each retry in milliseconds; after the last, Svix gives up.
    pub retries_ms: Vec<u64>,
}

/// Which event goes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrder {
    /// The oldest.
    #[default]
    AsHappened,
    /// The newest.
    Reversed,
    /// Random: the same for the same seed.
    Shuffled,
}

/// A delivery attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryAttempt {
    /// `svix-id`: the same for every attempt and copy.
    pub id: String,
    /// For example `organization.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The endpoint.
    pub url: String,
    /// Its answer; none if it did not answer.
    pub status: Option<u16>,
}

#[derive(Debug, Clone)]
struct Endpoint {
    /// The newest first.
    keys: Vec<Vec<u8>>,
    types: Vec<String>,
}

#[derive(Debug)]
struct Message {
    id: String,
    kind: String,
    body: String,
}

#[derive(Debug, Clone)]
struct Waiting {
    message: Arc<Message>,
    url: String,
    retries: usize,
    due: Instant,
}

/// A delivery that is due.
#[derive(Debug)]
pub(crate) struct Due {
    waiting: Waiting,
    pub(crate) headers: [(&'static str, String); 3],
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Deliver(Due),
    WaitUntil(Instant),
    Wait,
}

/// Endpoints, and waiting events.
#[derive(Debug)]
pub(crate) struct Webhooks {
    endpoints: BTreeMap<String, Endpoint>,
    delivery: Delivery,
    messages: VecDeque<Arc<Message>>,
    waiting: VecDeque<Waiting>,
    under_way: usize,
    attempts: VecDeque<DeliveryAttempt>,
    rng: Rng,
    /// Wakes up the sender after a change.
    changed: Arc<Condvar>,
}

impl WebhookEndpoint {
    /// An endpoint that receives every event.
    #[must_use]
    pub fn new(url: &str, secret: &str) -> Self {
        let (url, secret) = (url.to_owned(), secret.to_owned());
        Self { url, secret, previous_secret: None, types: Vec::new() }
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            endpoints: BTreeMap::new(),
            delivery: Delivery::default(),
            messages: VecDeque::new(),
            waiting: VecDeque::new(),
            under_way: 0,
            attempts: VecDeque::new(),
            rng: Rng::with_seed(0),
            changed: Arc::default(),
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            paused: false,
            order: DeliveryOrder::AsHappened,
            copies: 1,
            lose: 0,
            delay_ms: 0,
            skew_seconds: 0,
            bad_signature: false,
            retries_ms: RETRIES.to_vec(),
        }
    }
}

impl Due {
    pub(crate) fn url(&self) -> &str {
        &self.waiting.url
    }

    pub(crate) fn body(&self) -> String {
        self.waiting.message.body.clone()
    }
}

impl State {
    /// Queues an event for every interested endpoint.
    pub(crate) fn emit(&mut self, kind: &str, data: &Value) {
        let wants = |endpoint: &Endpoint| {
            endpoint.types.is_empty() || endpoint.types.iter().any(|t| t == kind)
        };
        let urls = self.webhooks.endpoints.iter().filter(|(_, endpoint)| wants(endpoint));
        let urls: Vec<String> = urls.map(|(url, _)| url.clone()).collect();
        if urls.is_empty() {
            return;
        }
        let body = json!({
            "object": "event", "type": kind, "data": data, "timestamp": self.now(),
            "instance_id": FIRST_KEY,
            "event_attributes": {"http_request": {"client_ip": "127.0.0.1", "user_agent": "emulator"}},
        });
        let message =
            Message { id: self.next_id("msg_"), kind: kind.to_owned(), body: body.to_string() };
        self.webhooks.enqueue(&Arc::new(message), &urls);
    }
}

impl Webhooks {
    /// What the sender waits for.
    pub(crate) fn changed(&self) -> Arc<Condvar> {
        Arc::clone(&self.changed)
    }

    pub(crate) fn seed(&mut self, seed: u64) {
        self.rng.seed(seed);
    }

    /// Adds an endpoint, or replaces the one with the same URL.
    pub(crate) fn add(&mut self, endpoint: &WebhookEndpoint) -> Result<(), BadWebhookSecret> {
        let secrets = [Some(&endpoint.secret), endpoint.previous_secret.as_ref()];
        let key = |secret: &String| {
            let encoded = secret.strip_prefix("whsec_").ok_or(BadWebhookSecret)?;
            STANDARD.decode(encoded).map_err(|_not_base64| BadWebhookSecret)
        };
        let keys = secrets.into_iter().flatten().map(key).collect::<Result<_, _>>()?;
        let types = endpoint.types.clone();
        self.endpoints.insert(endpoint.url.clone(), Endpoint { keys, types });
        Ok(())
    }

    pub(crate) fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = delivery;
        self.changed.notify_all();
    }

    pub(crate) fn attempts(&self) -> impl Iterator<Item = &DeliveryAttempt> {
        self.attempts.iter()
    }

    /// Deliveries that are still pending.
    pub(crate) fn outstanding(&self) -> usize {
        self.waiting.len() + self.under_way
    }

    /// Sends an event again to every endpoint; false if the event is no longer known.
    pub(crate) fn replay(&mut self, id: &str) -> bool {
        let message = self.messages.iter().find(|message| message.id == id).cloned();
        if let Some(message) = &message {
            for url in self.endpoints.keys() {
                self.waiting.push_back(Waiting::new(message, url, 0));
            }
            self.changed.notify_all();
        }
        message.is_some()
    }

    fn enqueue(&mut self, message: &Arc<Message>, urls: &[String]) {
        keep(&mut self.messages, Arc::clone(message));
        if self.delivery.lose > 0 {
            self.delivery.lose -= 1;
            return;
        }
        for _copy in 0..self.delivery.copies {
            let delay = self.delivery.delay_ms;
            self.waiting.extend(urls.iter().map(|url| Waiting::new(message, url, delay)));
        }
        self.changed.notify_all();
    }

    /// The next delivery. `now` is in milliseconds since 1970.
    pub(crate) fn next(&mut self, now: i64) -> Next {
        let moment = Instant::now();
        if self.delivery.paused {
            return Next::Wait;
        }
        let due: Vec<usize> = match self.delivery.order {
            // The usual case: the first one is due.
            DeliveryOrder::AsHappened => {
                Vec::from_iter(self.waiting.iter().position(|waiting| waiting.due <= moment))
            }
            _ => (0..self.waiting.len())
                .filter(|place| self.waiting.get(*place).is_some_and(|it| it.due <= moment))
                .collect(),
        };
        let place = match self.delivery.order {
            DeliveryOrder::AsHappened => due.first().copied(),
            DeliveryOrder::Reversed => due.last().copied(),
            DeliveryOrder::Shuffled => self.rng.choice(due),
        };
        let Some(waiting) = place.and_then(|place| self.waiting.remove(place)) else {
            let earliest = self.waiting.iter().map(|waiting| waiting.due).min();
            return earliest.map_or(Next::Wait, Next::WaitUntil);
        };
        self.under_way += 1;
        let headers = self.headers(&waiting, now / 1000 + self.delivery.skew_seconds);
        Next::Deliver(Due { waiting, headers })
    }

    fn headers(&self, waiting: &Waiting, timestamp: i64) -> [(&'static str, String); 3] {
        let Message { id, body, .. } = &*waiting.message;
        let content = format!("{id}.{timestamp}.{body}");
        let keys = self.endpoints.get(&waiting.url).into_iter().flat_map(|endpoint| &endpoint.keys);
        let signatures = keys.map(|key| {
            let mut key = key.clone();
            // (A zero would change nothing: keys are padded with zeros.)
            key.extend(self.delivery.bad_signature.then_some(1));
            format!("v1,{}", signature(&key, &content))
        });
        let signatures: Vec<String> = signatures.collect();
        [
            ("svix-id", id.clone()),
            ("svix-timestamp", timestamp.to_string()),
            ("svix-signature", signatures.join(" ")),
        ]
    }

    /// Records an attempt, and plans the next one unless the answer was 2xx.
    pub(crate) fn attempted(&mut self, due: Due, status: Option<u16>) {
        let Waiting { message, url, retries, .. } = due.waiting;
        let (id, kind) = (message.id.clone(), message.kind.clone());
        keep(&mut self.attempts, DeliveryAttempt { id, kind, url: url.clone(), status });
        self.under_way = self.under_way.saturating_sub(1);
        let pause = self.delivery.retries_ms.get(retries).copied();
        let is_wanted = self.endpoints.contains_key(&url);
        if let (false, Some(pause), true) = (is_success(status), pause, is_wanted) {
            let again = Waiting::new(&message, &url, pause);
            self.waiting.push_back(Waiting { retries: retries + 1, ..again });
        }
    }
}

impl Waiting {
    fn new(message: &Arc<Message>, url: &str, delay_ms: u64) -> Self {
        let due = Instant::now() + Duration::from_millis(delay_ms);
        Self { message: Arc::clone(message), url: url.to_owned(), retries: 0, due }
    }
}

fn is_success(status: Option<u16>) -> bool {
    status.is_some_and(|status| (200..300).contains(&status))
}

fn keep<T>(all: &mut VecDeque<T>, new: T) {
    if all.len() >= REMEMBERED {
        all.pop_front();
    }
    all.push_back(new);
}

/// HMAC with SHA-256, in base64.
fn signature(key: &[u8], content: &str) -> String {
    // A JWT is signed in the same way, but with the other base64 alphabet; signing with a secret cannot fail.
    let key = EncodingKey::from_secret(key);
    let signed = crypto::sign(content.as_bytes(), &key, Algorithm::HS256).unwrap_or_default();
    STANDARD.encode(URL_SAFE_NO_PAD.decode(signed).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{STANDARD, signature};
    use base64::Engine as _;

    #[test]
    fn messages_are_signed_as_svix_signs_them() {
        let key = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let content = concat!(
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk.1649367553.",
            r#"{"email":"test@example.com","username":"test_user"}"#
        );
        assert_eq!(signature(&key, content), "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }
}
