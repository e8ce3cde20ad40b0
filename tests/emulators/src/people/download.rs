//! A running CSV download: rows are computed only as fast as the reader takes them.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    rt::time::{Sleep, sleep},
    web::Bytes,
};
use serde::Serialize;

use super::{
    csv::{Rows, header, tail},
    faults::CsvFault,
    population::Electorate,
    selection::Selection,
};

/// Rows per page of people-api's database.
const PAGE: u64 = 5_000;
/// Rows computed at a time.
const CHUNK: u64 = 100;

/// Numbers of downloads, current and past.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: AtomicU64,
    closed: AtomicU64,
    last_rows: AtomicU64,
}

/// Numbers of running and finished downloads, complete or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamCounts {
    /// Running downloads.
    pub open: u64,
    /// Downloads that ended, or whose reader disconnected.
    pub closed: u64,
    /// Rows of the one that was closed last.
    pub last_rows: u64,
}

impl Streams {
    pub(crate) fn counts(&self) -> StreamCounts {
        let closed = self.closed.load(Ordering::Acquire);
        StreamCounts {
            open: self.open.load(Ordering::Acquire),
            closed,
            last_rows: self.last_rows.load(Ordering::Acquire),
        }
    }
}

/// The body of a download.
pub(crate) struct Download {
    selection: Selection,
    rows: Arc<Rows>,
    tail: Vec<u8>,
    /// The next row.
    next: u64,
    /// Rows until the end.
    end: u64,
    fault: Option<CsvFault>,
    pause: Option<Pin<Box<Sleep>>>,
    is_breaking: bool,
    buffer: Vec<u8>,
    streams: Arc<Streams>,
}

impl Download {
    pub(crate) fn new(
        district: &Electorate,
        selection: Selection,
        rows: Arc<Rows>,
        fault: Option<CsvFault>,
        streams: Arc<Streams>,
    ) -> Self {
        streams.open.fetch_add(1, Ordering::AcqRel);
        let end = match fault {
            Some(CsvFault::EndEarly { pages }) => selection.count().min(pages * PAGE),
            _ => selection.count(),
        };
        Self {
            selection,
            rows,
            tail: tail(district),
            next: 0,
            end,
            fault,
            pause: None,
            is_breaking: false,
            buffer: Vec::new(),
            streams,
        }
    }

    /// The next rows, up to the next planned fault.
    fn chunk(&mut self) -> Bytes {
        let stop = match self.fault {
            Some(CsvFault::Pause { rows, .. } | CsvFault::Reset { rows }) => rows,
            Some(CsvFault::EndEarly { .. }) | None => u64::MAX,
        };
        self.buffer.clear();
        if self.next == 0 {
            self.buffer.extend_from_slice(header(self.rows.view()).as_bytes());
        }
        let end = self.end.min(self.next + CHUNK).min(stop);
        for voter in (self.next..end).filter_map(|rank| self.selection.at(rank)) {
            self.buffer.push(b'\n');
            self.rows.write(voter, &mut self.buffer);
            self.buffer.extend_from_slice(&self.tail);
        }
        self.next = end;
        Bytes::copy_from_slice(&self.buffer)
    }
}

impl MessageBody for Download {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let file = self.get_mut();
        match file.fault {
            Some(CsvFault::Pause { rows, ms }) if rows == file.next => {
                let pause =
                    file.pause.get_or_insert_with(|| Box::pin(sleep(Duration::from_millis(ms))));
                ready!(pause.as_mut().poll(context));
                file.fault = None;
            }
            Some(CsvFault::Reset { rows }) if rows == file.next => {
                // What was already written must be sent first.
                if file.is_breaking {
                    let broken = io::Error::other("the connection breaks, as planned");
                    return Poll::Ready(Some(Err(broken)));
                }
                file.is_breaking = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            _ => {}
        }
        if file.next >= file.end {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(file.chunk())))
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.streams.last_rows.store(self.next, Ordering::Release);
        self.streams.open.fetch_sub(1, Ordering::AcqRel);
        self.streams.closed.fetch_add(1, Ordering::AcqRel);
    }
}
