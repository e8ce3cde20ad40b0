//! Limits how much campaign JSON is in memory at the same time. The old service let it grow without limit,
//! and we still read it.
//!
//! A unit of work that reads much of it takes a slot: one per caller, a few for the whole process. It keeps
//! the slot as long as the work lasts, even if the client disconnects, and until the answer is serialized. No
//! slot is held while a client sends or reads.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    task_local,
    time::timeout,
};
use winserve_domain::{
    base::{BoxFuture, StoreError},
    database::{Access, Database, Work},
    organizations::Holding,
};

/// What counts as large, in stored bytes. The database compresses: in memory it may be a hundred times as
/// much.
const LARGE: u64 = 128 * 1024;
/// Slots of all callers together.
const AT_ONCE: usize = 2;
/// How long a unit of work waits for a slot.
const SLOT_TIMEOUT: Duration = Duration::from_secs(30);
/// Units of work that read many campaigns: they always take a slot.
const LISTS: [&str; 3] = ["campaign.list", "campaign.page", "path_to_victory.page"];
/// Units of work, or families of them, that read no campaign, or only single members of its JSON.
const WITHOUT_JSON: [&str; 6] = [
    "contacts.remember_district",
    "poll.exist",
    "poll.find",
    "poll.list",
    "saved_filter.",
    "user.",
];
/// Units of work that run before a call to another service: they return a few facts, so the slot need not
/// last until that service has answered.
const RETURNS_FACTS: &str = ".ask_before";

task_local! {
    static CALLER: Caller;
}

/// Who sent the current request.
pub(crate) struct Caller {
    label: String,
    holds_large_rows: bool,
    slot: RefCell<Option<Arc<Slot>>>,
}

impl Caller {
    pub(crate) fn new(label: String, holdings: &[Holding]) -> Self {
        let holds_large_rows = holdings.iter().any(|holding| holding.json_bytes > LARGE);
        Self { label, holds_large_rows, slot: RefCell::default() }
    }

    /// Handles a request of the caller, and releases the slot that it took.
    pub(crate) async fn handle<F: Future>(self, request: F) -> F::Output {
        CALLER.scope(self, request).await
    }

    fn needs_slot(&self, name: &str) -> bool {
        let reads_json = !WITHOUT_JSON.iter().any(|family| name.starts_with(family));
        LISTS.contains(&name) || (self.holds_large_rows && reads_json)
    }
}

/// The caller of the current request, for audit trails.
pub(crate) fn caller() -> Option<String> {
    CALLER.try_with(|caller| caller.label.clone()).ok()
}

/// The right to have large JSON in memory.
struct Slot {
    _of_caller: OwnedSemaphorePermit,
    _of_process: OwnedSemaphorePermit,
}

/// A database whose units of work take slots if they read large JSON.
pub(crate) struct ThrottledDatabase {
    database: Arc<dyn Database>,
    of_process: Arc<Semaphore>,
    of_callers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl ThrottledDatabase {
    pub(crate) fn new(database: Arc<dyn Database>) -> Self {
        let of_process = Arc::new(Semaphore::new(AT_ONCE));
        Self { database, of_process, of_callers: Mutex::default() }
    }

    /// The slot for a unit of work; `None` if it needs none.
    async fn slot(&self, name: &str) -> Result<Option<Arc<Slot>>, StoreError> {
        let needed = CALLER.try_with(|caller| {
            caller.needs_slot(name).then(|| (caller.label.clone(), caller.slot.borrow().clone()))
        });
        let Ok(Some((label, taken))) = needed else { return Ok(None) };
        if taken.is_some() {
            return Ok(taken);
        }
        let slot = timeout(SLOT_TIMEOUT, self.wait_for_slot(label)).await;
        let slot = slot.map_err(|late| StoreError::Unavailable(late.into()))?;
        slot.map(|slot| Some(Arc::new(slot)))
            .map_err(|closed| StoreError::Unavailable(closed.into()))
    }

    async fn wait_for_slot(&self, label: String) -> Result<Slot, AcquireError> {
        let of_caller = {
            let mut of_callers = self.of_callers.lock().unwrap_or_else(PoisonError::into_inner);
            of_callers.retain(|_, slots| Arc::strong_count(slots) > 1);
            Arc::clone(of_callers.entry(label).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        Ok(Slot {
            _of_caller: of_caller.acquire_owned().await?,
            _of_process: Arc::clone(&self.of_process).acquire_owned().await?,
        })
    }
}

impl Database for ThrottledDatabase {
    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let Some(slot) = self.slot(name).await? else {
                return self.database.run(name, access, work).await;
            };
            let of_work = Arc::clone(&slot);
            let work: Work = Box::new(move |uow| {
                let _slot = of_work;
                work(uow)
            });
            let ran = self.database.run(name, access, work).await;
            if !name.contains(RETURNS_FACTS) {
                // There is a caller, because the slot was taken for one.
                let _ = CALLER.try_with(|caller| caller.slot.replace(Some(slot)));
            }
            ran
        })
    }

    fn composition_seen(&self) -> &'static str {
        self.database.composition_seen()
    }

    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
        self.database.ready()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt as _;
    use winserve_domain::{base::CampaignId, database::TransactionEnd, organizations::Holder};

    use super::*;

    /// Starts work, and ends it when a test says so.
    #[derive(Default)]
    struct Busy(Mutex<Vec<Work>>);

    impl Busy {
        fn in_flight(&self) -> usize {
            self.0.lock().unwrap().len()
        }

        fn finish(&self) {
            self.0.lock().unwrap().clear();
        }
    }

    impl Database for Busy {
        fn run(
            &self,
            _: &'static str,
            _: Access,
            work: Work,
        ) -> BoxFuture<'_, Result<(), StoreError>> {
            self.0.lock().unwrap().push(work);
            Box::pin(pending())
        }

        fn composition_seen(&self) -> &'static str {
            "phase-1"
        }

        fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
            Box::pin(pending())
        }
    }

    fn setup() -> (Arc<Busy>, ThrottledDatabase) {
        let busy = Arc::new(Busy::default());
        let database: Arc<dyn Database> = Arc::<Busy>::clone(&busy);
        (busy, ThrottledDatabase::new(database))
    }

    fn large() -> Holding {
        Holding {
            holder: Holder::Campaign(CampaignId(11)),
            organization: None,
            clerk_organization: None,
            is_live: true,
            is_paid_for: false,
            json_bytes: LARGE + 1,
        }
    }

    async fn read(database: &ThrottledDatabase, user: &str, name: &'static str) {
        let work: Work = Box::new(|_| TransactionEnd::Commit);
        let caller = Caller::new(user.to_owned(), &[large()]);
        let _ = caller.handle(database.run(name, Access::Read, work)).await;
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_its_work_even_if_the_client_hangs_up() {
        let (busy, database) = setup();
        for _ in 0..8 {
            assert!(read(&database, "user:7", "campaign.find_mine").now_or_never().is_none());
            assert_eq!(busy.in_flight(), 1, "who hung up still has the slot");
        }
        busy.finish();
        assert!(read(&database, "user:7", "campaign.find_mine").now_or_never().is_none());
        assert_eq!(busy.in_flight(), 1, "it is free again");
    }

    #[tokio::test]
    async fn one_caller_does_not_take_the_turn_of_another_and_all_share_a_few() {
        let (busy, database) = setup();
        for user in ["user:1", "user:1", "user:2", "user:3"] {
            assert!(read(&database, user, "campaign.find_mine").now_or_never().is_none());
        }
        assert_eq!(busy.in_flight(), AT_ONCE);
    }

    #[tokio::test]
    async fn work_that_reads_no_large_json_takes_no_turn() {
        let (busy, database) = setup();
        for name in ["saved_filter.list", "user.update", "poll.list", "contacts.remember_district"]
        {
            assert!(read(&database, "user:7", name).now_or_never().is_none());
        }
        assert_eq!(busy.in_flight(), 4);
    }

    #[tokio::test]
    async fn contacts_and_polls_take_a_turn_where_they_read_the_campaign() {
        let (busy, database) = setup();
        for name in ["contacts.ask_before", "poll.ask_before", "poll.create"] {
            assert!(read(&database, "user:7", name).now_or_never().is_none());
        }
        assert_eq!(busy.in_flight(), 1);
    }
}
