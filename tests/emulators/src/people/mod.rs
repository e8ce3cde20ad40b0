//! A running people-api: voters that are computed, never stored (upstreams §5–§9).

mod control;
mod csv;
mod download;
mod faults;
mod filters;
mod input;
mod kinds;
mod parties;
mod person;
mod population;
mod routes;
mod search;
mod selection;
mod state;
mod statistics;
mod token;
mod voter;
mod words;

use std::io;

use actix_web::web::Data;

pub use download::StreamCounts;
pub use faults::{CsvFault, PeopleCall, PeopleFault};
pub use parties::Parties;
pub use population::Population;
pub use state::PeopleRequest;
use state::Shared;

use crate::{
    faults::Plan,
    server::{ANY_PORT, Running},
};

/// The secret of its tokens.
const SECRET: &str = "people-api-emulator-secret";

/// A running stand-in for people-api, on threads of its own. Dropped, it stops.
#[derive(Debug)]
pub struct PeopleEmulator {
    shared: Data<Shared>,
    running: Running,
}

impl PeopleEmulator {
    /// Serves voters on a free port of this machine, with the parties of world A.
    ///
    /// # Errors
    /// There is none.
    pub fn start(population: Population) -> io::Result<Self> {
        Self::start_on(ANY_PORT, population)
    }

    /// Serves voters at an address, such as `127.0.0.1:4300`.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start_on(bind: &str, population: Population) -> io::Result<Self> {
        let shared = Data::new(Shared::new(population, SECRET));
        let served = Data::clone(&shared);
        let running = Running::start(bind, move |config| {
            let served = Data::clone(&served);
            config.app_data(served).configure(control::configure).configure(routes::configure);
        })?;
        Ok(Self { shared, running })
    }

    /// Where it is, such as `http://127.0.0.1:4300`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// The secret that its callers sign their tokens with.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.shared.secret
    }

    /// A token that counts for five minutes.
    #[must_use]
    pub fn token(&self) -> String {
        let now = self.shared.lock().now();
        token::mint(&self.shared.secret, now)
    }

    /// From now on, everybody's party is that of another world.
    pub fn set_parties(&self, parties: Parties) {
        self.shared.lock().view.parties = parties;
    }

    /// From now on, answers have what upstream may add one day, or have it no more: the members
    /// `householdParty`, `movedFromParty`, `partyChange` and `primaryHistory` of a person, three
    /// columns, and the buckets `party` of the statistics.
    pub fn set_future(&self, is_shown: bool) {
        self.shared.lock().view.future = is_shown;
    }

    /// Its clock stands still at these seconds since 1970.
    pub fn set_clock(&self, now: i64) {
        self.shared.lock().clock = Some(now);
    }

    /// The next `times` calls of this kind fail so.
    pub fn fail(&self, call: PeopleCall, fault: impl Into<PeopleFault>, times: u32) {
        self.shared.faults.plan(Plan {
            call,
            fault: fault.into(),
            about: None,
            times: Some(times),
        });
    }

    /// All calls of this kind fail so, until [`heal`](Self::heal).
    pub fn fail_always(&self, call: PeopleCall, fault: impl Into<PeopleFault>) {
        self.shared.faults.plan(Plan { call, fault: fault.into(), about: None, times: None });
    }

    /// Forgets the faults that were planned.
    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// How many calls of this kind there were, failed ones too.
    #[must_use]
    pub fn count(&self, call: PeopleCall) -> u64 {
        self.shared.faults.counts().get(&call).copied().unwrap_or_default()
    }

    /// The requests that came in, the latest last; the latest 10,000 at most.
    #[must_use]
    pub fn requests(&self) -> Vec<PeopleRequest> {
        self.shared.lock().requests.iter().cloned().collect()
    }

    /// Forgets the requests that came in.
    pub fn forget_requests(&self) {
        self.shared.lock().requests.clear();
    }

    /// How many files are under way and were.
    #[must_use]
    pub fn streams(&self) -> StreamCounts {
        self.shared.streams.counts()
    }

    /// Stops it; afterwards connections are refused.
    pub fn stop(self) {
        drop(self);
    }

    /// Serves until the process is killed.
    ///
    /// # Errors
    /// Those of the server.
    pub fn wait(self) -> io::Result<()> {
        self.running.wait()
    }
}
