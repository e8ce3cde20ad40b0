//! Limits what one connection may consume: time, bytes and requests (`docs/security.md`, "HTTP framing and
//! slow clients", and ADR 50).
//!
//! actix-http reads and writes through [`Limited`], which closes a connection that keeps us waiting. The
//! state of its requests is in [`Connection`], which [`serve`] gives to each of them.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    io,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error, HttpRequest,
    body::{BodySize, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{ConnectionType, header::TRANSFER_ENCODING},
    middleware::Next,
    web::Bytes,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::body_room::{Bodies, Room};

/// How long a connection may take to send the complete head of its next request. Longer than keep-alive (5
/// s), which closes a connection that sends nothing.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Bytes of a chunked body that need not be data: sizes, extensions, trailers, and what was read ahead.
const CHUNKED_OVERHEAD: u64 = 256 * 1024;
/// Bytes that may be received per byte of data: a chunk of one byte takes six.
const CHUNKED_BYTES_PER_BYTE: u64 = 8;

/// What a proxy may buffer of an answer before it reads more.
const PROXY_BUFFER: u32 = 2 * 1024 * 1024;
/// Longest time without reading, however much was read before.
const LONGEST_PATIENCE: Duration = Duration::from_mins(10);

/// When a client that does not read its answers is disconnected.
#[derive(Debug, Clone, Copy)]
pub struct ReadingPace {
    /// Bytes per second that a client must read while there is something to read.
    pub bytes_per_second: u32,
    /// How long it may read more slowly.
    pub patience: Duration,
}

/// The connections of a server, and whether it is stopping.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    is_draining: AtomicBool,
    bodies: Bodies,
}

impl Connections {
    /// From now on, every answer is the last of its connection.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }
}

/// The state of a connection; its requests find it in their connection data.
pub(crate) struct Connection {
    server: Arc<Connections>,
    /// Requests that are not completely answered.
    in_flight: Cell<u32>,
    /// When the client last read bytes of an answer.
    idle_since: Cell<Instant>,
    /// Bytes received.
    received: Cell<u64>,
    /// Limit on the bytes received; beyond it, the connection is closed.
    receives_at_most: Cell<u64>,
    /// The body of a request with `Transfer-Encoding`, kept until the connection ends: actix-http keeps
    /// reading a chunked body that was dropped, until its end.
    chunked: RefCell<Option<Payload>>,
    is_last_request: Cell<bool>,
    is_over: Cell<bool>,
}

impl Connection {
    fn new(server: Arc<Connections>) -> Self {
        Self {
            server,
            in_flight: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            received: Cell::new(0),
            receives_at_most: Cell::new(u64::MAX),
            chunked: RefCell::new(None),
            is_last_request: Cell::new(false),
            is_over: Cell::new(false),
        }
    }

    /// Starts reading a chunked body.
    pub(crate) fn begin_chunked(&self) {
        self.receives_at_most.set(self.received.get().saturating_add(CHUNKED_OVERHEAD));
    }

    /// Some data of the body arrived.
    pub(crate) fn record_data(&self, bytes: usize) {
        let more = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(CHUNKED_BYTES_PER_BYTE);
        self.receives_at_most.set(self.receives_at_most.get().saturating_add(more));
    }

    /// The body was read, or will not be read.
    pub(crate) fn end_chunked(&self, payload: Payload) {
        self.chunked.replace(Some(payload));
    }

    /// Reserves memory for a body of a caller, or of a stranger.
    pub(crate) fn room(&self, caller: Option<String>) -> Room {
        self.server.bodies.room(caller)
    }

    /// Whether the server is stopping.
    pub(crate) fn is_draining(&self) -> bool {
        self.server.is_draining.load(Ordering::Relaxed)
    }

    /// Whether a chunked body took more bytes than allowed.
    pub(crate) fn has_received_too_much(&self) -> bool {
        self.received.get() > self.receives_at_most.get()
    }
}

/// A request that is not completely answered.
struct InFlight(Option<Rc<Connection>>);

impl InFlight {
    fn new(connection: Option<Rc<Connection>>) -> Self {
        if let Some(connection) = &connection {
            connection.in_flight.set(connection.in_flight.get() + 1);
        }
        Self(connection)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.in_flight.set(connection.in_flight.get() - 1);
            connection.idle_since.set(Instant::now());
        }
    }
}

/// The connection of a request; `None` if there is no socket.
pub(crate) fn of(request: &HttpRequest) -> Option<Rc<Connection>> {
    request.conn_data::<Rc<Connection>>().cloned()
}

/// Whether the server of a request is stopping.
pub(crate) fn is_draining(request: &HttpRequest) -> bool {
    of(request).is_some_and(|connection| connection.is_draining())
}

/// Whether a request's body is chunked.
pub(crate) fn is_chunked(request: &HttpRequest) -> bool {
    request.headers().contains_key(TRANSFER_ENCODING)
}

/// The outermost middleware. A request with `Transfer-Encoding` is the last of its connection: actix-http up
/// to 3.20.1 may find the end of such a body elsewhere than a proxy in front of it, and take a part of the
/// body for the next request.
pub(crate) async fn serve(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Answer<impl MessageBody>>, Error> {
    let connection = of(request.request());
    let mut is_last = is_chunked(request.request());
    if let Some(connection) = &connection {
        if connection.is_last_request.get() {
            // actix-http serves what it has read, whatever the previous answer said. The connection ends as
            // soon as that answer is sent.
            connection.is_over.set(true);
            return pending().await;
        }
        connection.is_last_request.set(is_last);
    }
    let in_flight = InFlight::new(connection.clone());
    let mut response = next.call(request).await?;
    is_last |= connection.is_some_and(|connection| connection.is_draining());
    if is_last {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| Answer { body: Box::pin(body), _in_flight: in_flight }))
}

/// The body of an answer; the request is in progress until it is sent.
pub(crate) struct Answer<B> {
    body: Pin<Box<B>>,
    _in_flight: InFlight,
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_mut().poll_next(context)
    }
}

/// A stream whose client must keep up.
pub(crate) struct Limited<S> {
    stream: S,
    connection: Rc<Connection>,
    head_timer: Pin<Box<Sleep>>,
    writing: Writing,
}

impl<S> Limited<S> {
    pub(crate) fn new(stream: S, server: Arc<Connections>, pace: ReadingPace) -> Self {
        Self {
            stream,
            connection: Rc::new(Connection::new(server)),
            head_timer: Box::pin(sleep_until(Instant::now() + HEAD_TIME)),
            writing: Writing::new(pace),
        }
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Ready when the client takes too long to send the head of a request.
    fn poll_head_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.connection.in_flight.get() > 0 || self.writing.is_waiting() {
            return Poll::Pending;
        }
        let deadline = self.connection.idle_since.get() + HEAD_TIME;
        if self.head_timer.deadline() != deadline {
            self.head_timer.as_mut().reset(deadline);
        }
        self.head_timer.as_mut().poll(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Reading nothing more means the end of the stream.
        if this.connection.has_received_too_much() {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Pending => this.poll_head_timer(context).map(Ok),
            Poll::Ready(outcome) => {
                let bytes = u64::try_from(buffer.filled().len() - before).unwrap_or(u64::MAX);
                let received = &this.connection.received;
                received.set(received.get().saturating_add(bytes));
                Poll::Ready(outcome)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Pending => {
                ready!(this.writing.poll_given_up(context));
                tracing::info!("a client did not read its answer: closing the connection");
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(bytes)) => {
                this.writing.taken(bytes);
                this.connection.idle_since.set(Instant::now());
                Poll::Ready(Ok(bytes))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    /// actix-http calls it when everything is written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.is_over.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// How long the client may still keep us waiting: each second of waiting uses up one second, and the bytes
/// that it reads restore time at the minimum rate. A proxy's buffer can be earned in advance: a proxy reads
/// that much at once, and then nothing until its client has read it.
struct Writing {
    pace: ReadingPace,
    patience_left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Writing {
    fn new(pace: ReadingPace) -> Self {
        Self { pace, patience_left: pace.patience, waiting: None }
    }

    /// Whether the client has not yet read everything that is written.
    fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn taken(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.patience_left = self.patience_left.saturating_sub(since.elapsed());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bought = Duration::from_secs_f64(
            f64::from(bytes) / f64::from(self.pace.bytes_per_second.max(1)),
        );
        self.patience_left = (self.patience_left + bought).min(self.most());
    }

    /// The most time that a client can have.
    fn most(&self) -> Duration {
        let proxy = Duration::from_secs_f64(
            f64::from(PROXY_BUFFER) / f64::from(self.pace.bytes_per_second.max(1)),
        );
        proxy.min(LONGEST_PATIENCE).max(self.pace.patience)
    }

    fn poll_given_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.patience_left;
        let (_, timer) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        timer.as_mut().poll(context)
    }
}
