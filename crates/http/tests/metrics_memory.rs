//! What is observed takes no memory while nobody collects it: in a process of its own, whose memory
//! nothing else changes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn three_hundred_thousand_requests_without_a_scrape_take_less_than_a_megabyte() {
    let _collection = winserve_http::metrics::collect().unwrap();
    let observe = |count: u32| {
        for number in 0..count {
            let took = Duration::from_micros(u64::from(number));
            for name in ["http_request_duration_seconds", "database_unit_of_work_duration_seconds"]
            {
                metrics::histogram!(name, "route" => "/v1/campaigns/mine").record(took);
            }
        }
        // As fast as a process serves at most, rather than as fast as a loop counts.
        thread::sleep(Duration::from_millis(5));
    };
    // What is allocated once.
    for _ in 0..50 {
        observe(1000);
    }
    let before = resident();
    for _ in 0..300 {
        observe(1000);
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while resident() > before + 1_000_000 {
        assert!(Instant::now() < deadline, "{} bytes more", resident() - before);
        thread::sleep(Duration::from_millis(50));
    }
}
