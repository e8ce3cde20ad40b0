//! Shared by all ports: the error behind an error, and a future that a trait object can return.

use std::{error::Error, pin::Pin};

/// The cause behind a [`StoreError`](crate::base::StoreError), for logs only.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
