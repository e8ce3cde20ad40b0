//! What the stand-in for people-api remembers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::web::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    csv::Rows,
    download::Streams,
    faults::{PeopleCall, PeopleFault},
    person::View,
    population::{Electorate, Population},
    statistics,
};
use crate::faults::Faults;

/// Requests that are written down.
const REQUESTS: usize = 10_000;
/// The longest body that is, in bytes.
const BODY: usize = 64 * 1024;

/// What every worker shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) population: Population,
    pub(crate) secret: String,
    pub(crate) faults: Faults<PeopleCall, PeopleFault>,
    pub(crate) streams: Arc<Streams>,
    samples: AtomicU64,
    inner: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) view: View,
    /// Seconds since 1970; without it, the machine's clock.
    pub(crate) clock: Option<i64>,
    pub(crate) requests: VecDeque<PeopleRequest>,
    rows: HashMap<View, Arc<Rows>>,
    /// By district.
    statistics: HashMap<(String, View), Bytes>,
}

/// A request that came in, refused ones and failed ones too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeopleRequest {
    /// Such as `POST`.
    pub method: String,
    /// Such as `/v1/people`.
    pub path: String,
    /// Without the question mark, as it was encoded.
    pub query: String,
    /// The body, as JSON, or as a text when it is none; null when it is empty or longer than 64 KiB.
    pub body: Value,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `X-Request-Id`.
    pub request_id: Option<String>,
}

impl PeopleRequest {
    /// Reads the body.
    pub(crate) fn body_of(body: &[u8]) -> Value {
        if body.is_empty() || body.len() > BODY {
            return Value::Null;
        }
        serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
    }
}

impl Shared {
    pub(crate) fn new(population: Population, secret: &str) -> Self {
        Self {
            population,
            secret: secret.to_owned(),
            faults: Faults::default(),
            streams: Arc::default(),
            samples: AtomicU64::default(),
            inner: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(&self) -> View {
        self.lock().view
    }

    /// A new number at each call: no two samples are the same.
    pub(crate) fn sample(&self) -> u64 {
        self.samples.fetch_add(1, Ordering::Relaxed)
    }
}

impl State {
    /// Seconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "a server of its own has a clock of its own")]
    pub(crate) fn now(&self) -> i64 {
        self.clock.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or_default()
        })
    }

    /// Writes a request down; the oldest are forgotten.
    pub(crate) fn note(&mut self, request: PeopleRequest) {
        if self.requests.len() >= REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// The rows of the world that is shown.
    pub(crate) fn rows(&mut self) -> Arc<Rows> {
        let view = self.view;
        Arc::clone(self.rows.entry(view).or_insert_with(|| Arc::new(Rows::new(view))))
    }

    /// The statistics of a district, computed once in each world.
    pub(crate) fn statistics(&mut self, district: &Electorate, counted: u64) -> Bytes {
        let view = self.view;
        let known = self.statistics.entry((district.id.clone(), view));
        let compute = || statistics::of(district, counted, view).to_string().into();
        known.or_insert_with(compute).clone()
    }
}
