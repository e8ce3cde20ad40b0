//! Asks election-api: each thing once, a few at a time, and never within a transaction.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{OnceCell, Semaphore},
    task::JoinSet,
};
use winserve_domain::{
    district::{District, spellings},
    election::{DistrictId, ElectionService, ElectionUnavailable, PositionFacts},
    position::BallotReadyId,
};

/// Questions under way at most, of all workers together.
const AT_ONCE: usize = 16;
/// How often a question is put while election-api gives no answer; its client tries twice each time.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

type Answer = Arc<OnceCell<Option<DistrictId>>>;

/// election-api, as the jobs of one process use it.
pub struct LookUps {
    service: Arc<dyn ElectionService>,
    runtime: Runtime,
    permits: Arc<Semaphore>,
    /// Districts asked for, by state, type and name. A country has a bounded number of them.
    districts: Mutex<HashMap<(String, District), Answer>>,
    positions_asked: AtomicU64,
}

impl LookUps {
    /// Look-ups at a service, on a thread of their own.
    ///
    /// # Errors
    /// The system has no thread.
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

    /// Positions and districts asked for so far.
    #[must_use]
    pub fn asked(&self) -> (u64, usize) {
        let districts = self.districts.lock().unwrap_or_else(PoisonError::into_inner).len();
        (self.positions_asked.load(Ordering::Relaxed), districts)
    }

    /// What the service says of these positions; those that it does not know are left out.
    pub(crate) fn positions(
        &self,
        ids: &[BallotReadyId],
    ) -> Result<HashMap<BallotReadyId, PositionFacts>, ElectionUnavailable> {
        let asked = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        self.positions_asked.fetch_add(asked, Ordering::Relaxed);
        self.all(ids.iter().cloned(), |service, id| async move {
            let facts = insistently(|| service.position(&id)).await?;
            Ok(facts.map(|facts| (id, facts)))
        })
        .map(|known| known.into_iter().flatten().collect())
    }

    /// Ids of districts, named by state, type and clean name; those without an exact hit are left
    /// out. The spellings of upstreams §4.3 are tried in their order.
    pub(crate) fn districts(
        &self,
        wanted: impl IntoIterator<Item = (String, District)>,
    ) -> Result<HashMap<(String, District), DistrictId>, ElectionUnavailable> {
        let answers: Vec<_> = {
            let mut districts = self.districts.lock().unwrap_or_else(PoisonError::into_inner);
            wanted
                .into_iter()
                .map(|key| (Arc::clone(districts.entry(key.clone()).or_default()), key))
                .collect()
        };
        self.all(answers, |service, (answer, (state, district))| async move {
            let find = || async {
                for name in spellings(&district.name) {
                    let spelt = District { name, ..district.clone() };
                    if let Some(known) =
                        insistently(|| service.find_district(&state, &spelt)).await?
                    {
                        return Ok::<_, ElectionUnavailable>(Some(known.id));
                    }
                }
                Ok(None)
            };
            let id = answer.get_or_try_init(find).await?.clone();
            Ok(id.map(|id| ((state, district), id)))
        })
        .map(|known| known.into_iter().flatten().collect())
    }

    fn all<Q, A, F>(
        &self,
        questions: impl IntoIterator<Item = Q>,
        ask: impl Fn(Arc<dyn ElectionService>, Q) -> F,
    ) -> Result<Vec<A>, ElectionUnavailable>
    where
        A: Send + 'static,
        F: Future<Output = Result<A, ElectionUnavailable>> + Send + 'static,
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
            while let Some(task) = tasks.join_next().await {
                let answer = task.map_err(|failed| ElectionUnavailable::Failed {
                    status: None,
                    source: failed.into(),
                })?;
                answers.push(answer?);
            }
            Ok(answers)
        })
    }
}

async fn insistently<T, F>(ask: impl Fn() -> F) -> Result<T, ElectionUnavailable>
where
    F: Future<Output = Result<T, ElectionUnavailable>>,
{
    let mut tries = 1;
    loop {
        match ask().await {
            Err(error) if tries < TRIES => {
                tracing::warn!(%error, tries, "election-api gave no answer; asking again");
                tokio::time::sleep(PAUSE * tries).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}
