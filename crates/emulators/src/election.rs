//! A running election-api.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System, web::Data};

use crate::{
    World,
    faults::{Call, Fault, Faults, Plan},
    routes::{self, Shared},
};

/// Where tests listen: any free port.
const ANY_PORT: &str = "127.0.0.1:0";

/// A running stand-in for election-api, on threads of its own. Dropped, it stops.
#[derive(Debug)]
pub struct ElectionEmulator {
    url: String,
    faults: Arc<Faults>,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
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
        let (sender, receiver) = mpsc::channel();
        let bind = bind.to_owned();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new().app_data(Data::clone(&shared)).configure(routes::configure)
                })
                .workers(1)
                .disable_signals()
                .shutdown_timeout(0)
                .bind(bind)?;
                let addresses = server.addrs();
                let server = server.run();
                // The other end waits for it, unless it has panicked.
                let _ = sender.send((addresses, server.handle()));
                server.await
            })
        });
        let Ok((addresses, handle)) = receiver.recv() else {
            return Err(match thread.join() {
                Ok(Err(error)) => error,
                _ => io::Error::other("the emulator did not start"),
            });
        };
        let url = addresses.first().map(SocketAddr::to_string).unwrap_or_default();
        Ok(Self { url: format!("http://{url}"), faults, handle, thread: Some(thread) })
    }

    /// Where it is, such as `http://127.0.0.1:4100`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next `times` calls of this kind fail so.
    pub fn fail(&self, call: Call, fault: Fault, times: u32) {
        self.faults.plan(Plan { call, fault, times: Some(times) });
    }

    /// All calls of this kind fail so, until [`heal`](Self::heal).
    pub fn fail_always(&self, call: Call, fault: Fault) {
        self.faults.plan(Plan { call, fault, times: None });
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
    pub fn stop(mut self) {
        self.end();
    }

    /// Serves until the process is killed.
    ///
    /// # Errors
    /// Those of the server.
    pub fn wait(mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(io::Error::other("the emulator panicked")),
            None => Ok(()),
        }
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            // The command is sent at once; the future only waits for its end, as `join` does.
            drop(self.handle.stop(false));
            let _ = thread.join();
        }
    }
}

impl Drop for ElectionEmulator {
    fn drop(&mut self) {
        self.end();
    }
}
