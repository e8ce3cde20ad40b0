//! A server on its own thread, for as long as a value lives.

use std::{io, net::SocketAddr, sync::mpsc, thread::JoinHandle};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System, web::ServiceConfig};

/// Listen address for tests: any free port.
pub(crate) const ANY_PORT: &str = "127.0.0.1:0";

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Running {
    url: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Serves routes at an address, such as `127.0.0.1:4100`.
    pub(crate) fn start(
        bind: &str,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let bind = bind.to_owned();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(configure.clone()))
                    .workers(1)
                    .disable_signals()
                    // Otherwise a disconnected client goes unnoticed while there is nothing to send.
                    .h1_allow_half_closed(false)
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
        let address = addresses.first().map(SocketAddr::to_string).unwrap_or_default();
        Ok(Self { url: format!("http://{address}"), handle, thread: Some(thread) })
    }

    /// Its URL, such as `http://127.0.0.1:4100`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Serves until the process is killed.
    pub(crate) fn wait(mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(io::Error::other("the emulator panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // The command is sent immediately; the future only waits for the end, as `join` does.
            drop(self.handle.stop(false));
            let _ = thread.join();
        }
    }
}
