//! What Prometheus collects. Labels are templates and codes, never ids or personal data
//! (`docs/observability.md` says what to monitor).

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use actix_web::{body::BoxBody, dev::ServiceResponse};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of every duration, in seconds.
const BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// How often observations are aggregated: until then each takes some fifty bytes, whether or not anybody
/// scrapes them.
const UPKEEP: Duration = Duration::from_millis(250);

/// Installs the recorder for the whole process; a second call returns the first recorder.
///
/// # Errors
/// Another recorder was installed.
pub fn collect() -> Result<PrometheusHandle, BuildError> {
    static COLLECTION: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    // Held until the recorder is installed, because two concurrent callers would both install one.
    let mut collection = COLLECTION.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*collection {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    describe();
    let upkept = handle.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(UPKEEP);
            upkept.run_upkeep();
        }
    });
    Ok(collection.insert(handle).clone())
}

fn describe() {
    describe_counter!("http_requests_total", "Answered requests, by route template");
    describe_histogram!(
        "http_request_duration_seconds",
        Unit::Seconds,
        "Time until a request was answered"
    );
    describe_counter!(
        "organization_missing_total",
        "Requests by users with several organizations that named none"
    );
    describe_gauge!("database_pool_size", "Maximum number of connections");
    describe_gauge!("database_pool_in_use", "Units of work that have a connection");
    describe_gauge!("database_pool_waiting", "Units of work waiting for a connection");
    describe_counter!(
        "database_turned_away_total",
        "Units of work that got no connection: the queue was full, or the wait was too long"
    );
    describe_counter!(
        "database_cancelled_total",
        "Units of work cancelled on the database: the client disconnected, or they took too long"
    );
    describe_histogram!(
        "database_unit_of_work_duration_seconds",
        Unit::Seconds,
        "Duration of a unit of work, without the wait for its connection"
    );
    describe_counter!(
        "double_writes_total",
        "Units of work that may write the JSON and the tables, by outcome"
    );
    describe_gauge!("clerk_outbox_pending", "Organizations waiting to be synced to Clerk");
    describe_gauge!("clerk_outbox_oldest_age_seconds", Unit::Seconds, "Age of the oldest of them");
    describe_gauge!("clerk_outbox_dead_letters", "Organizations whose sync was given up");
    describe_counter!("upstream_requests_total", "Attempts to call a service, by outcome");
    describe_counter!("upstream_rests_total", "Times that calls to a service were paused");
    describe_counter!("contact_downloads_total", "Contact downloads, by outcome");
    describe_histogram!(
        "upstream_request_duration_seconds",
        Unit::Seconds,
        "Duration of such an attempt"
    );
}

/// Counts an answer.
pub(crate) fn count(response: &ServiceResponse<BoxBody>, phase: &'static str, elapsed: Duration) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    // An unknown method is text from the client.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => {
            known.to_owned()
        }
        _ => "other".to_owned(),
    };
    let status = response.status().as_u16().to_string();
    histogram!("http_request_duration_seconds", "method" => method.clone(), "route" => route.clone())
        .record(elapsed);
    counter!(
        "http_requests_total",
        "method" => method, "route" => route, "status" => status, "phase" => phase
    )
    .increment(1);
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    #[test]
    fn callers_at_once_share_one_collection() {
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    super::collect().unwrap();
                });
            }
        });
    }
}
