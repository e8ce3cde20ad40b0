//! A defect that shows with one row is that row's trouble.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

/// Work panicked; what it said is on the standard error output.
pub(super) struct Panicked;

/// Does work that may panic. What the work has changed by then is as it left it.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_panic) => Err(Panicked).into(),
    })
    .await
}
