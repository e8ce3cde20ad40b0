//! A running people-api: voters that are computed, never stored (upstreams §5–§9).

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

/// The secret that signs its tokens.
const SECRET: &str = "people-api-emulator-secret";

/// A running people-api emulator, on its own threads. Dropping it stops it.
#[derive(Debug)]
pub struct PeopleEmulator {
    shared: Data<Shared>,
    running: Running,
}

impl PeopleEmulator {
    /// Serves voters on a free port of this machine, with the parties of world A.
    ///
    /// # Errors
    /// There is no free port.
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
            config.app_data(served).configure(routes::configure);
        })?;
        Ok(Self { shared, running })
    }

    /// Its URL, such as `http://127.0.0.1:4300`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// The secret with which callers sign their tokens.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.shared.secret
    }

    /// A token that is valid for five minutes.
    #[must_use]
    pub fn token(&self) -> String {
        let now = self.shared.lock().now();
        token::mint(&self.shared.secret, now)
    }

    /// From now on, shows the parties of another world.
    pub fn set_parties(&self, parties: Parties) {
        self.shared.lock().view.parties = parties;
    }

    /// Turns possible future additions on or off: the members `householdParty`, `movedFromParty`,
    /// `partyChange` and `primaryHistory` of a person, three columns, and the buckets `party` of the
    /// statistics.
    pub fn set_future(&self, is_shown: bool) {
        self.shared.lock().view.future = is_shown;
    }

    /// Stops its clock at this time in seconds since 1970.
    pub fn set_clock(&self, now: i64) {
        self.shared.lock().clock = Some(now);
    }

    /// Makes the next `times` calls of this kind fail.
    pub fn fail(&self, call: PeopleCall, fault: impl Into<PeopleFault>, times: u32) {
        self.shared.faults.plan(Plan {
            call,
            fault: fault.into(),
            about: None,
            times: Some(times),
        });
    }

    /// Makes all calls of this kind fail, until [`heal`](Self::heal).
    pub fn fail_always(&self, call: PeopleCall, fault: impl Into<PeopleFault>) {
        self.shared.faults.plan(Plan { call, fault: fault.into(), about: None, times: None });
    }

    /// Removes all planned faults.
    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// How many calls of this kind there were, including failed ones.
    #[must_use]
    pub fn count(&self, call: PeopleCall) -> u64 {
        self.shared.faults.counts().get(&call).copied().unwrap_or_default()
    }

    /// The received requests, oldest first; at most the last 10,000.
    #[must_use]
    pub fn requests(&self) -> Vec<PeopleRequest> {
        self.shared.lock().requests.iter().cloned().collect()
    }

    /// Clears the received requests.
    pub fn forget_requests(&self) {
        self.shared.lock().requests.clear();
    }

    /// Numbers of running and finished downloads.
    #[must_use]
    pub fn streams(&self) -> StreamCounts {
        self.shared.streams.counts()
    }

    /// Stops it; connections are refused afterwards.
    pub fn stop(self) {
        drop(self);
    }

    /// Serves until the process is killed.
    ///
    /// # Errors
    /// Errors of the server.
    pub fn wait(self) -> io::Result<()> {
        self.running.wait()
    }
}
