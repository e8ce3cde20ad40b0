//! Mounts the API on a socket.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use actix_cors::Cors;
use actix_http::HttpService;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    App,
    dev::{AppConfig, Server, ServerHandle},
    http::header::{self, HeaderName},
    middleware::{DefaultHeaders, from_fn},
    web::ServiceConfig,
};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

pub use crate::connection::ReadingPace;
use crate::{
    AppState,
    actor::NamesActor,
    chunked, configure,
    connection::{self, Connections, Limited},
    envelope,
    large_rows::ThrottledDatabase,
};

/// How long a stopping server waits for running requests, in seconds.
const SHUTDOWN_SECONDS: u64 = 10;
/// Backlog of connections to accept.
const BACKLOG: u32 = 1024;
/// How long the rest of an unwanted request is read, so that its client gets the answer instead of a reset.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes that the kernel buffers for a client, besides those in flight: more would hide how slowly it reads.
const UNSENT_BYTES: u32 = 64 * 1024;

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Listen address, such as `127.0.0.1:3000`; port 0 means any free port.
    pub bind: String,
    /// Origins whose pages may call the API from a browser; `*` allows all.
    pub cors_origins: Vec<String>,
    /// How long new requests are still accepted after the stop signal.
    pub drain: Duration,
    /// When a client that does not read its answers is disconnected.
    pub reading_pace: ReadingPace,
}

/// A listening server; await `server` to serve.
pub struct Started {
    /// Its address.
    pub addresses: Vec<SocketAddr>,
    /// Stops it.
    pub handle: ServerHandle,
    /// Runs until it is stopped.
    pub server: Server,
    connections: Arc<Connections>,
    drain: Duration,
}

/// Starts to listen. The caller handles signals. `beside` mounts what is served beside the API.
///
/// # Errors
/// The address cannot be bound.
pub fn start(
    options: &ServerOptions,
    state: &AppState,
    beside: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Started> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let connections = Arc::new(Connections::default());
    let ports = state.ports.clone().with_database_in(|database| {
        Arc::new(ThrottledDatabase::new(Arc::new(NamesActor(database))))
    });
    let state = AppState { ports, ..state.clone() };
    let mut addresses = Vec::new();
    let mut builder =
        Server::build().workers(workers).shutdown_timeout(SHUTDOWN_SECONDS).disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    for listener in listeners(&options.bind)? {
        addresses.push(listener.local_addr()?);
        let (origins, pace) = (options.cors_origins.clone(), options.reading_pace);
        let (state, connections, stopping) =
            (state.clone(), Arc::clone(&connections), stopping.clone());
        let beside = beside.clone();
        builder = builder.listen("api", listener, move || {
            let app = App::new()
                .configure(configure(state.clone()))
                .configure(&beside)
                .wrap(from_fn(chunked::read))
                .wrap(cors(&origins))
                .wrap(security_headers())
                .wrap(from_fn(envelope::wrap))
                .wrap(from_fn(connection::serve))
                .into_factory()
                .map_err(|error: actix_web::Error| error.as_response_error().error_response());
            let (connections, stopping) = (Arc::clone(&connections), stopping.clone());
            let limited = move |stream: TcpStream| {
                let peer = stream.peer_addr().ok();
                let limited = Limited::new(stream, Arc::clone(&connections), pace);
                async move { Ok((limited, peer)) }
            };
            let http = HttpService::build()
                // As actix-web does it, so that idle connections close immediately.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .client_disconnect_timeout(LINGER)
                // A client that disconnected waits for nothing, so its running download ends.
                .h1_allow_half_closed(false)
                .on_connect_ext(|limited: &Limited<TcpStream>, data| {
                    data.insert(std::rc::Rc::clone(limited.connection()));
                })
                .h1(map_config(app, |()| AppConfig::default()));
            fn_service(limited).and_then(http)
        })?;
    }
    let server = builder.run();
    let (handle, drain) = (server.handle(), options.drain);
    Ok(Started { addresses, handle, server, connections, drain })
}

/// Listens on every address of a host name.
fn listeners(bind: &str) -> io::Result<Vec<TcpListener>> {
    let listen = |address: SocketAddr| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        // Sockets of accepted connections inherit it.
        SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    let (listening, refused): (Vec<_>, Vec<_>) =
        bind.to_socket_addrs()?.map(listen).partition(Result::is_ok);
    match refused.into_iter().next() {
        Some(refused) if listening.is_empty() => refused.map(|listener| vec![listener]),
        _ => listening.into_iter().collect(),
    }
}

/// Serves until Ctrl-C or SIGTERM. Then every answer is the last of its connection, and `/readyz` answers
/// 503. For a while ([`ServerOptions::drain`]), new requests are still accepted, because a load balancer
/// keeps sending them until it has noticed. After that, no requests are accepted, and running requests may
/// finish. A second signal ends them.
///
/// # Errors
/// Errors of the server, or of the signal handlers.
pub async fn run_until_signal(started: Started) -> io::Result<()> {
    let Started { handle, server, connections, drain, .. } = started;
    let mut serving = tokio::spawn(server);
    tokio::select! {
        stopped = &mut serving => {
            stopped.map_err(io::Error::other)??;
            return Err(io::Error::other("the server stopped unexpectedly"));
        }
        asked = signal() => asked?,
    }
    tracing::info!("stopping: running requests may finish; a second signal ends them");
    connections.drain();
    let stop = async {
        tokio::time::sleep(drain).await;
        handle.stop(true).await;
    };
    tokio::select! {
        () = stop => {}
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

/// The configured origins, for the API: their pages do not read what is served beside it. Request headers are
/// reflected, as in the old API.
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
    let origins = origins.to_vec();
    cors.supports_credentials().allowed_origin_fn(move |origin, request| {
        let path = request.uri.path();
        let is_api = path.starts_with("/v1/") || path == "/openapi.json";
        is_api && origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    })
}

/// The headers of the old API's helmet that matter for an API.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Strict-Transport-Security", "max-age=15552000; includeSubDomains"))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "SAMEORIGIN"))
}
