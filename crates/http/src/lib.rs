#![doc = include_str!("../README.md")]

mod admin_campaigns;
mod asking;
pub mod auth;
mod body;
mod campaigns;
mod conditional;
mod elected_offices;
mod elections;
mod envelope;
mod error;
mod health;
mod machine_lists;
pub mod metrics;
mod office_choice;
mod organizations;
mod parameters;
mod path_to_victory;
mod request_key;
mod routes;
mod saved_filters;
pub mod server;
mod users;
mod validation;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use winserve_domain::{
    clock::Clock, election::ElectionService, identity::IdentityService, unit_of_work::Database,
};

pub use error::{ApiError, ErrorCode};
pub use routes::configure;

/// What every request works with.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub database: Arc<dyn Database>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// election-api.
    pub election: Arc<dyn ElectionService>,
    /// Clerk.
    pub identity: Arc<dyn IdentityService>,
    /// Verifies the old service's session tokens.
    pub sessions: auth::LegacySessions,
    /// Counts requests that name none of several organizations.
    pub unnamed_requests: auth::UnnamedRequests,
    /// What Prometheus collects.
    pub metrics: PrometheusHandle,
}
