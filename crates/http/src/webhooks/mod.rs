//! What other services send.

pub(crate) mod post_clerk;
