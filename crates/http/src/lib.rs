#![doc = include_str!("../README.md")]

mod actor;
mod admin_accounts;
mod admin_campaigns;
pub mod auth;
mod body;
mod body_room;
mod campaigns;
mod chunked;
mod conditional;
mod connection;
mod contacts;
mod elected_offices;
mod elections;
mod envelope;
mod error;
mod large_rows;
mod machine_lists;
pub mod metrics;
mod office_choice;
pub mod openapi;
mod organization_events;
mod organizations;
mod parameters;
mod path_to_victory;
mod polls;
mod proxies;
mod request_key;
mod routes;
mod saved_filters;
pub mod server;
mod service;
mod users;
mod validation;
mod webhooks;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use winserve_domain::{Ports, clerk::MessageReader};

pub use contacts::{Downloads, download_contacts};
pub use error::{ApiError, ErrorCode};
pub use proxies::TrustedProxies;
pub use routes::configure;

/// What every request needs.
#[derive(Clone)]
pub struct AppState {
    /// What operations work with.
    pub ports: Ports,
    /// Reads Clerk's webhooks.
    pub messages: Arc<dyn MessageReader>,
    /// Verifies the old service's session tokens.
    pub sessions: auth::LegacySessions,
    /// Counts requests by users with several organizations that name none.
    pub unnamed_requests: auth::UnnamedRequests,
    /// Metrics for Prometheus.
    pub metrics: PrometheusHandle,
    /// Proxies whose forwarded headers are trusted.
    pub trusted_proxies: TrustedProxies,
    /// Running downloads.
    pub downloads: Downloads,
}
