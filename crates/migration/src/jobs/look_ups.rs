//! Asks election-api: each item once, a few in parallel, never inside a transaction.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{OnceCell, Semaphore},
    task::{JoinError, JoinSet},
    time::timeout,
};
use uuid::Uuid;
use winserve_domain::positions::{
    BallotReadyId, District, DistrictId, ElectionService, ElectionUnavailable, PositionFacts,
    Subject, find_by_spelling,
};

use crate::run::engine::BatchError;

/// Maximum number of concurrent requests, across all workers.
const AT_ONCE: usize = 16;
/// How often to ask again if election-api does not answer; its client tries twice each time.
const TRIES: u32 = 3;
/// Wait before the second attempt; it doubles. Both waits together exceed the two seconds without
/// requests to Clerk after a failed token request.
const PAUSE: Duration = Duration::from_millis(800);
/// How often a job that waits for answers renews its lease.
const RENEWAL: Duration = Duration::from_millis(250);
/// Prefix of names that do not exist.
const MADE_UP: &str = "winserve-probe-";

type Place = (String, District);
type Answer = Arc<OnceCell<Result<Option<DistrictId>, String>>>;

/// election-api, as used by the jobs of one process.
///
/// A single item that it cannot answer never stops a job. A failed request is retried; if that
/// fails too, election-api is asked about a made-up item. If it answers that, only the one item is
/// at fault and is reported as unanswered. Otherwise the whole service is down, and the job stops
/// until it is back.
pub struct LookUps {
    service: Arc<dyn ElectionService>,
    runtime: Runtime,
    permits: Arc<Semaphore>,
    /// Districts requested, by state, type and name. A country has a limited number of them.
    districts: Mutex<HashMap<Place, Answer>>,
    positions_asked: AtomicU64,
}

/// What election-api says about items; unknown items are omitted.
pub(crate) struct Answers<K, V> {
    pub(crate) known: HashMap<K, V>,
    /// Items that election-api did not answer, although it answers other requests, and why.
    pub(crate) unanswered: HashMap<K, String>,
}

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self { known: HashMap::new(), unanswered: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> FromIterator<(K, Result<Option<V>, String>)> for Answers<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, Result<Option<V>, String>)>>(answers: T) -> Self {
        let mut sorted = Self::default();
        for (key, answer) in answers {
            match answer {
                Ok(Some(known)) => drop(sorted.known.insert(key, known)),
                Ok(None) => {}
                Err(reason) => drop(sorted.unanswered.insert(key, reason)),
            }
        }
        sorted
    }
}

impl LookUps {
    /// Lookups at a service, on a separate thread.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(service: Arc<dyn ElectionService>) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self {
            service,
            runtime,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            districts: Mutex::default(),
            positions_asked: AtomicU64::new(0),
        })
    }

    /// Positions and districts requested so far.
    #[must_use]
    pub fn asked(&self) -> (u64, usize) {
        let districts = self.districts.lock().unwrap_or_else(PoisonError::into_inner).len();
        (self.positions_asked.load(Ordering::Relaxed), districts)
    }

    /// What the service says about these positions. Calls `keep` regularly while waiting.
    pub(crate) fn positions(
        &self,
        ids: &[BallotReadyId],
        keep: &mut dyn FnMut() -> Result<(), BatchError>,
    ) -> Result<Answers<BallotReadyId, PositionFacts>, BatchError> {
        let asked = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        self.positions_asked.fetch_add(asked, Ordering::Relaxed);
        self.all(ids.iter().cloned(), keep, |service, id| async move {
            let probe = || probe_position(service.as_ref(), &id);
            let facts = insistently(id.as_str(), || service.position(&id), probe).await?;
            Ok((id, facts))
        })
    }

    /// Ids of districts, given by state, type and clean name. Tries the spellings of upstreams §4.3
    /// in their order. Calls `keep` regularly while waiting.
    pub(crate) fn districts(
        &self,
        wanted: impl IntoIterator<Item = Place>,
        keep: &mut dyn FnMut() -> Result<(), BatchError>,
    ) -> Result<Answers<Place, DistrictId>, BatchError> {
        let answers: Vec<_> = {
            let mut districts = self.districts.lock().unwrap_or_else(PoisonError::into_inner);
            wanted
                .into_iter()
                .map(|key| (Arc::clone(districts.entry(key.clone()).or_default()), key))
                .collect()
        };
        self.all(answers, keep, |service, (answer, place)| async move {
            let find = || find_district(service.as_ref(), &place);
            let id = answer.get_or_try_init(find).await?.clone();
            Ok((place, id))
        })
    }

    fn all<Q, K, V, F>(
        &self,
        questions: impl IntoIterator<Item = Q>,
        keep: &mut dyn FnMut() -> Result<(), BatchError>,
        ask: impl Fn(Arc<dyn ElectionService>, Q) -> F,
    ) -> Result<Answers<K, V>, BatchError>
    where
        K: Eq + Hash + Send + 'static,
        V: Send + 'static,
        F: Future<Output = Result<(K, Result<Option<V>, String>), ElectionUnavailable>>
            + Send
            + 'static,
    {
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for question in questions {
                let asked = ask(Arc::clone(&self.service), question);
                let permits = Arc::clone(&self.permits);
                tasks.spawn(async move {
                    // The semaphore is never closed.
                    let _permit = permits.acquire_owned().await;
                    asked.await
                });
            }
            let mut answers = Vec::with_capacity(tasks.len());
            loop {
                let task = match timeout(RENEWAL, tasks.join_next()).await {
                    Ok(None) => return Ok(answers.into_iter().collect()),
                    Ok(Some(task)) => task,
                    Err(_elapsed) => {
                        keep()?;
                        continue;
                    }
                };
                let failed = |failed: JoinError| ElectionUnavailable::Failed {
                    status: None,
                    source: failed.into(),
                };
                let answer = task.map_err(failed).flatten();
                answers.push(answer.map_err(BatchError::Election)?);
            }
        })
    }
}

async fn find_district(
    service: &dyn ElectionService,
    (state, district): &Place,
) -> Result<Result<Option<DistrictId>, String>, ElectionUnavailable> {
    let about = format!("{} / {} in {state}", district.kind, district.name);
    let probe = || probe_district(service, state, &district.kind);
    let found = insistently(&about, || find_by_spelling(service, state, district), probe).await?;
    Ok(match found {
        Ok(known) => Ok(known.map(|known| known.id)),
        Err(reason) => Err(format!("{about}: {reason}")),
    })
}

/// Retries a few times. `Ok(Err(…))`: this item gets no answer, but `probe` does.
async fn insistently<T, F, P>(
    about: impl fmt::Display,
    ask: impl Fn() -> F,
    probe: impl Fn() -> P,
) -> Result<Result<T, String>, ElectionUnavailable>
where
    F: Future<Output = Result<T, ElectionUnavailable>>,
    P: Future<Output = Result<(), ElectionUnavailable>>,
{
    let mut tries = 1;
    let error = loop {
        match ask().await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(ElectionUnavailable::NotConfigured) => {
                return Err(ElectionUnavailable::NotConfigured);
            }
            // No request was made: this election-api cannot answer requests about this item.
            Err(error @ ElectionUnavailable::NotOffered { .. }) => return Ok(Err(reason(&error))),
            Err(error) if tries < TRIES => {
                tracing::warn!(%about, error = %reason(&error), tries, "election-api did not answer; retrying");
                tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
                tries += 1;
            }
            Err(error) => break error,
        }
    };
    let reason = reason(&error);
    if let Err(down) = probe().await {
        tracing::error!(%about, error = %reason, "election-api does not answer any request");
        return Err(down);
    }
    tracing::error!(%about, error = %reason, "election-api answers other requests, but not this one");
    Ok(Err(reason))
}

/// Asks about a made-up item of the same kind as the unanswered one; fails if election-api answers
/// nothing at all.
pub(crate) async fn probe(
    service: &dyn ElectionService,
    subject: &Subject,
) -> Result<(), ElectionUnavailable> {
    match subject {
        Subject::Position(id) => probe_position(service, id).await,
        Subject::District { state, district } => {
            probe_district(service, state, &district.kind).await
        }
        Subject::Campaign(_) => Ok(()),
    }
}

/// Some versions of election-api know positions by UUID only.
async fn probe_position(
    service: &dyn ElectionService,
    like: &BallotReadyId,
) -> Result<(), ElectionUnavailable> {
    let is_uuid = DistrictId::parse(like.as_str()).is_some();
    let made_up = if is_uuid { Uuid::now_v7().to_string() } else { made_up() };
    match BallotReadyId::parse(&made_up) {
        Some(id) => is_there(service.position(&id).await),
        None => Ok(()),
    }
}

/// Whether the service answered, or would have if it supported the request.
fn is_there<T>(answer: Result<T, ElectionUnavailable>) -> Result<(), ElectionUnavailable> {
    match answer {
        Ok(_) | Err(ElectionUnavailable::NotOffered { .. }) => Ok(()),
        Err(down) => Err(down),
    }
}

async fn probe_district(
    service: &dyn ElectionService,
    state: &str,
    kind: &str,
) -> Result<(), ElectionUnavailable> {
    let district = District { kind: kind.to_owned(), name: made_up() };
    is_there(service.find_district(state, &district).await)
}

/// A new one each time, because answers are cached.
fn made_up() -> String {
    format!("{MADE_UP}{}", Uuid::now_v7())
}

/// Why there is no answer, without election-api's own text, which may contain anything.
fn reason(error: &ElectionUnavailable) -> String {
    match error {
        ElectionUnavailable::Failed { status: Some(200), source } => source.to_string(),
        ElectionUnavailable::Failed { status: Some(status), .. } => format!("status {status}"),
        ElectionUnavailable::Failed { status: None, .. } => "incomplete answer".to_owned(),
        ElectionUnavailable::TimedOut(_)
        | ElectionUnavailable::NotConfigured
        | ElectionUnavailable::NotOffered { .. } => error.to_string(),
    }
}
