//! How many session tokens one core verifies per second: cached, and uncached next to the bare signature
//! check.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use winserve_clerk::{Clerk, ClerkOptions};
use winserve_domain::{base::SystemClock, clerk::IdentityService as _};
use winserve_emulators::{ClerkEmulator, TokenRequest};

const FOR: Duration = Duration::from_secs(2);
/// Minimum number of checks per second.
const WANTED: f64 = 50_000.0;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let emulator = ClerkEmulator::start().unwrap();
    let mut options =
        ClerkOptions::new(&emulator.api_url(), emulator.secret_key().into(), emulator.url());
    options.jwks_url = Some(emulator.jwks_url());
    let clerk = Clerk::new(options, Arc::new(SystemClock)).unwrap();
    let mint = |number: usize| {
        emulator
            .mint(&TokenRequest { ttl: Some(3600), ..TokenRequest::of(&format!("user_{number}")) })
    };
    let tokens: Vec<String> = (0..1_000).map(mint).collect();

    let started = Instant::now();
    for token in &tokens {
        clerk.session(token).await.unwrap();
    }
    report("first checks, RSA included", tokens.len(), started.elapsed());

    let (started, mut checks) = (Instant::now(), 0);
    while started.elapsed() < FOR {
        for token in &tokens {
            black_box(clerk.session(token).await.unwrap());
        }
        checks += tokens.len();
    }
    let warm = report("warm checks of 1,000 sessions", checks, started.elapsed());
    assert!(warm >= WANTED, "fewer than {WANTED} per second");
}

fn report(what: &str, checks: usize, elapsed: Duration) -> f64 {
    let checks = u32::try_from(checks).map_or(f64::MAX, f64::from);
    let per_second = checks / elapsed.as_secs_f64();
    println!("{what}: {per_second:.0} checks/s on one core");
    per_second
}
