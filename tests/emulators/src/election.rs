//! A running election-api.

use std::io;

use actix_web::{
    middleware::from_fn,
    web::{Data, scope},
};

use crate::{
    ClerkEmulator, Generation, World,
    faults::{Call, Fault, Plan},
    machine_tokens::{self, MachineTokens},
    routes::{self, Shared},
    server::{ANY_PORT, Running},
};

/// A running election-api emulator, on its own threads. Dropping it stops it.
#[derive(Debug)]
pub struct ElectionEmulator {
    shared: Data<Shared>,
    running: Running,
}

impl ElectionEmulator {
    /// Serves a world on a free port of this machine.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(world: World) -> io::Result<Self> {
        Self::start_on(ANY_PORT, world)
    }

    /// Serves a world at an address, such as `127.0.0.1:4100`.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start_on(bind: &str, world: World) -> io::Result<Self> {
        let shared = Data::new(Shared::new(world, MachineTokens::new()?));
        let served = Data::clone(&shared);
        let running = Running::start(bind, move |config| {
            let routes =
                scope("").wrap(from_fn(machine_tokens::admit)).configure(routes::configure);
            config.app_data(Data::clone(&served)).service(routes);
        })?;
        Ok(Self { shared, running })
    }

    /// Its URL, such as `http://127.0.0.1:4100`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// From now on, answers like this generation.
    pub fn speak(&self, generation: Generation) {
        self.shared.dialect.speak(generation);
    }

    /// From now on, omits these members in positions and search results, at any depth.
    pub fn omit(&self, members: &[&str]) {
        self.shared.dialect.omit(members);
    }

    /// From now on, every route except health requires a signed token of an allowed machine, which is
    /// verified with this Clerk's keys.
    pub fn demand_tokens(&self, clerk: &ClerkEmulator) {
        self.shared.machine_tokens.demand(clerk.jwks_url());
    }

    /// Turns the rejection of every token on or off.
    pub fn refuse_tokens(&self, does: bool) {
        self.shared.machine_tokens.refuse_all(does);
    }

    /// Fetches Clerk's keys again before the next request, and notices removed keys.
    pub fn forget_keys(&self) {
        self.shared.machine_tokens.forget_keys();
    }

    /// Stops its clock at this time in seconds since 1970, which decides whether tokens have expired and
    /// elections are past.
    pub fn set_clock(&self, now: i64) {
        self.shared.machine_tokens.set_clock(now);
    }

    /// How many requests were rejected because of their token.
    #[must_use]
    pub fn unauthorized(&self) -> u64 {
        self.shared.machine_tokens.refused()
    }

    /// Makes the next `times` calls of this kind fail.
    pub fn fail(&self, call: Call, fault: Fault, times: u32) {
        self.shared.faults.plan(Plan { call, fault, about: None, times: Some(times) });
    }

    /// Makes all calls of this kind fail, until [`heal`](Self::heal).
    pub fn fail_always(&self, call: Call, fault: Fault) {
        self.shared.faults.plan(Plan { call, fault, about: None, times: None });
    }

    /// Makes all calls about one item fail, until [`heal`](Self::heal): a position by its BallotReady id, or
    /// a district in the list by its name.
    pub fn fail_about(&self, call: Call, about: &str, fault: Fault) {
        self.shared.faults.plan(Plan { call, fault, about: Some(about.to_owned()), times: None });
    }

    /// Removes all planned faults.
    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// How many calls of this kind there were, including failed ones.
    #[must_use]
    pub fn count(&self, call: Call) -> u64 {
        self.shared.faults.counts().get(&call).copied().unwrap_or_default()
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
