//! The state of the people-api emulator.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// Maximum number of recorded requests.
const REQUESTS: usize = 10_000;
/// Maximum size of a recorded body, in bytes.
const BODY: usize = 64 * 1024;

/// State shared by all workers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) population: Population,
    pub(crate) secret: String,
    pub(crate) faults: Faults<PeopleCall, PeopleFault>,
    pub(crate) streams: Arc<Streams>,
    inner: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) view: View,
    /// Seconds since 1970; without it, the system clock.
    pub(crate) clock: Option<i64>,
    pub(crate) requests: VecDeque<PeopleRequest>,
    rows: HashMap<View, Arc<Rows>>,
    /// By district.
    statistics: HashMap<(String, View), Bytes>,
}

/// A received request, including rejected and failed ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeopleRequest {
    /// For example `POST`.
    pub method: String,
    /// For example `/v1/people`.
    pub path: String,
    /// Without the question mark, still encoded.
    pub query: String,
    /// The body as JSON, or as text if it is not JSON; null if it is empty or longer than 64 KiB.
    pub body: Value,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `X-Request-Id`.
    pub request_id: Option<String>,
}

impl PeopleRequest {
    /// Parses the body.
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
            inner: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(&self) -> View {
        self.lock().view
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

    /// Records a request; the oldest are dropped.
    pub(crate) fn note(&mut self, request: PeopleRequest) {
        if self.requests.len() >= REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// The rows of the current world.
    pub(crate) fn rows(&mut self) -> Arc<Rows> {
        let view = self.view;
        Arc::clone(self.rows.entry(view).or_insert_with(|| Arc::new(Rows::new(view))))
    }

    /// The statistics of a district, computed once per world.
    pub(crate) fn statistics(&mut self, district: &Electorate, counted: u64) -> Bytes {
        let view = self.view;
        let known = self.statistics.entry((district.id.clone(), view));
        let compute = || statistics::of(district, counted, view).to_string().into();
        known.or_insert_with(compute).clone()
    }
}
