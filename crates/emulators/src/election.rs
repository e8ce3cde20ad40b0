//! A running election-api.

use std::{io, sync::Arc};

use actix_web::web::Data;

use crate::{
    World,
    faults::{Call, Fault, Faults, Plan},
    routes::{self, Shared},
    server::{ANY_PORT, Running},
};

/// A running stand-in for election-api, on threads of its own. Dropped, it stops.
#[derive(Debug)]
pub struct ElectionEmulator {
    faults: Arc<Faults<Call, Fault>>,
    running: Running,
}

impl ElectionEmulator {
    /// Serves a world on a free port of this machine.
    ///
    /// # Errors
    /// There is none.
    pub fn start(world: World) -> io::Result<Self> {
        Self::start_on(ANY_PORT, world)
    }

    /// Serves a world at an address, such as `127.0.0.1:4100`.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start_on(bind: &str, world: World) -> io::Result<Self> {
        let faults = Arc::new(Faults::default());
        let shared = Data::new(Shared { world, faults: Arc::clone(&faults) });
        let running = Running::start(bind, move |config| {
            config.app_data(Data::clone(&shared)).configure(routes::configure);
        })?;
        Ok(Self { faults, running })
    }

    /// Where it is, such as `http://127.0.0.1:4100`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// The next `times` calls of this kind fail so.
    pub fn fail(&self, call: Call, fault: Fault, times: u32) {
        self.faults.plan(Plan { call, fault, about: None, times: Some(times) });
    }

    /// All calls of this kind fail so, until [`heal`](Self::heal).
    pub fn fail_always(&self, call: Call, fault: Fault) {
        self.faults.plan(Plan { call, fault, about: None, times: None });
    }

    /// All calls about one thing fail so, until [`heal`](Self::heal): about a position by its
    /// BallotReady id, or in the list of districts about one by its name.
    pub fn fail_about(&self, call: Call, about: &str, fault: Fault) {
        self.faults.plan(Plan { call, fault, about: Some(about.to_owned()), times: None });
    }

    /// Forgets the faults that were planned.
    pub fn heal(&self) {
        self.faults.clear();
    }

    /// How many calls of this kind there were, failed ones too.
    #[must_use]
    pub fn count(&self, call: Call) -> u64 {
        self.faults.counts().get(&call).copied().unwrap_or_default()
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
