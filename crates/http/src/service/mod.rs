//! Routes about the service itself.

pub(crate) mod get_health;
pub(crate) mod get_metrics;
pub(crate) mod get_openapi;
pub(crate) mod get_readyz;
