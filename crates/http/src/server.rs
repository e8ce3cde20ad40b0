//! Mounts the API on a socket.

use std::{io, net::SocketAddr};

use actix_cors::Cors;
use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    http::header::{self, HeaderName},
    middleware::{DefaultHeaders, from_fn},
};

use crate::{AppState, configure, envelope};

/// How long a stopping server waits for requests under way, in seconds.
const SHUTDOWN_SECONDS: u64 = 10;

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Address to listen on, such as `127.0.0.1:3000`; port 0 takes a free one.
    pub bind: String,
    /// Origins whose pages may call the API from a browser; `*` allows every one.
    pub cors_origins: Vec<String>,
}

/// A server that listens; await `server` to serve.
pub struct Started {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Stops it.
    pub handle: ServerHandle,
    /// Runs until it is stopped.
    pub server: Server,
}

/// Starts to listen. Signals are the caller's.
///
/// # Errors
/// The address cannot be bound.
pub fn start(options: &ServerOptions, state: AppState) -> io::Result<Started> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let origins = options.cors_origins.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(configure(state.clone()))
            .wrap(cors(&origins))
            .wrap(security_headers())
            .wrap(from_fn(envelope::wrap))
    })
    .workers(workers)
    // Who hung up waits for nothing: a file that is on its way to them ends.
    .h1_allow_half_closed(false)
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .disable_signals()
    .bind(&options.bind)?;
    let addresses = server.addrs();
    let server = server.run();
    Ok(Started { addresses, handle: server.handle(), server })
}

/// Serves until Ctrl-C or SIGTERM, then lets requests under way finish; a second signal ends them.
///
/// # Errors
/// Those of the server, or of the signal handlers.
pub async fn run_until_signal(started: Started) -> io::Result<()> {
    let Started { handle, server, .. } = started;
    let mut serving = tokio::spawn(server);
    tokio::select! {
        stopped = &mut serving => {
            stopped.map_err(io::Error::other)??;
            return Err(io::Error::other("the server stopped by itself"));
        }
        asked = signal() => asked?,
    }
    tracing::info!("stopping: requests under way may finish, a second signal ends them");
    tokio::select! {
        () = handle.stop(true) => {}
        again = signal() => {
            again?;
            handle.stop(false).await;
        }
    }
    serving.await.map_err(io::Error::other)?
}

async fn signal() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

/// Origins as configured; request headers are reflected, as the old API did.
fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([
            HeaderName::from_static("x-organization-id"),
            HeaderName::from_static("x-request-id"),
            header::ETAG,
            header::RETRY_AFTER,
        ])
        .max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors.supports_credentials(), |cors, origin| cors.allowed_origin(origin))
}

/// What the old API's helmet sent and an API needs.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Strict-Transport-Security", "max-age=15552000; includeSubDomains"))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "SAMEORIGIN"))
}
