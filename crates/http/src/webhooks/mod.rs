//! Webhooks of other services.

pub(crate) mod post_clerk;
