//! A contact file as the body of an answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{rt, web::Bytes};
use futures_util::{Stream, stream::unfold};
use tokio::{
    sync::mpsc::{self, Sender},
    time::timeout,
};
use winserve_domain::{
    base::ErrorChain,
    contacts::{Download, Product},
};

use super::downloads::RunningDownload;

/// How long a client may read nothing of a file: only a few can run at the same time.
const PATIENCE: Duration = Duration::from_mins(1);

/// The file is incomplete. This aborts the connection instead of ending the answer, so that the client
/// notices.
#[derive(Debug, thiserror::Error)]
#[error("the file is incomplete")]
pub(super) struct Aborted;

/// The file, as fast as the client reads it. It is dropped when the client disconnects or stops reading. The
/// user's download lasts until the stream is dropped.
pub(super) fn stream<P: Product>(
    file: Download<P>,
    running: RunningDownload,
) -> impl Stream<Item = Result<Bytes, Aborted>> + 'static {
    // One part waits while the next is created.
    let (sender, receiver) = mpsc::channel(1);
    let is_whole = Arc::new(AtomicBool::new(false));
    rt::spawn(send(file, sender, Arc::clone(&is_whole)));
    unfold(Some((receiver, is_whole, running)), async |state| {
        let (mut receiver, is_whole, running) = state?;
        match receiver.recv().await {
            Some(part) => Some((Ok(part), Some((receiver, is_whole, running)))),
            None if is_whole.load(Ordering::Acquire) => None,
            None => Some((Err(Aborted), None)),
        }
    })
}

async fn send<P: Product>(mut file: Download<P>, to: Sender<Bytes>, is_whole: Arc<AtomicBool>) {
    loop {
        let rows = tokio::select! {
            () = to.closed() => return,
            rows = file.next() => rows,
        };
        let part = match rows {
            Ok(Some(rows)) => Bytes::from(rows.into_bytes()),
            Ok(None) => return is_whole.store(true, Ordering::Release),
            Err(error) => {
                return tracing::error!(error = %ErrorChain(&error), "a contact download was aborted");
            }
        };
        match timeout(PATIENCE, to.send(part)).await {
            Ok(Ok(())) => {}
            Ok(Err(_gone)) => return,
            Err(_elapsed) => return tracing::warn!("a client stopped reading a contact download"),
        }
    }
}
