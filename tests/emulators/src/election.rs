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

/// A running stand-in for election-api, on threads of its own. Dropped, it stops.
#[derive(Debug)]
pub struct ElectionEmulator {
    shared: Data<Shared>,
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
        let shared = Data::new(Shared::new(world, MachineTokens::new()?));
        let served = Data::clone(&shared);
        let running = Running::start(bind, move |config| {
            let routes =
                scope("").wrap(from_fn(machine_tokens::admit)).configure(routes::configure);
            config.app_data(Data::clone(&served)).service(routes);
        })?;
        Ok(Self { shared, running })
    }

    /// Where it is, such as `http://127.0.0.1:4100`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// From now on, it answers as this generation does.
    pub fn speak(&self, generation: Generation) {
        self.shared.dialect.speak(generation);
    }

    /// From now on, answers about positions, and those of the search, are without these members,
    /// however deep they are.
    pub fn omit(&self, members: &[&str]) {
        self.shared.dialect.omit(members);
    }

    /// From now on, every route but its health wants a signed token of a machine that may speak to it,
    /// which it verifies with the keys of this Clerk.
    pub fn demand_tokens(&self, clerk: &ClerkEmulator) {
        self.shared.machine_tokens.demand(clerk.jwks_url());
    }

    /// From now on, it refuses every token, or no longer.
    pub fn refuse_tokens(&self, does: bool) {
        self.shared.machine_tokens.refuse_all(does);
    }

    /// It has to ask Clerk for its keys again, and sees which are gone.
    pub fn forget_keys(&self) {
        self.shared.machine_tokens.forget_keys();
    }

    /// Its clock stands still at these seconds since 1970: tokens expire by it, and elections are past
    /// or to come.
    pub fn set_clock(&self, now: i64) {
        self.shared.machine_tokens.set_clock(now);
    }

    /// How many requests it refused for want of a good token.
    #[must_use]
    pub fn unauthorized(&self) -> u64 {
        self.shared.machine_tokens.refused()
    }

    /// The next `times` calls of this kind fail so.
    pub fn fail(&self, call: Call, fault: Fault, times: u32) {
        self.shared.faults.plan(Plan { call, fault, about: None, times: Some(times) });
    }

    /// All calls of this kind fail so, until [`heal`](Self::heal).
    pub fn fail_always(&self, call: Call, fault: Fault) {
        self.shared.faults.plan(Plan { call, fault, about: None, times: None });
    }

    /// All calls about one thing fail so, until [`heal`](Self::heal): about a position by its
    /// BallotReady id, or in the list of districts about one by its name.
    pub fn fail_about(&self, call: Call, about: &str, fault: Fault) {
        self.shared.faults.plan(Plan { call, fault, about: Some(about.to_owned()), times: None });
    }

    /// Forgets the faults that were planned.
    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// How many calls of this kind there were, failed ones too.
    #[must_use]
    pub fn count(&self, call: Call) -> u64 {
        self.shared.faults.counts().get(&call).copied().unwrap_or_default()
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
