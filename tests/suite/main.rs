//! Integration tests across crates: HTTP in, rows out, on real PostgreSQL.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::Pin;

use winserve_testkit::{TestApp, TestDatabase};

/// The contract suite: each test runs in every phase, on the production server; in `legacy` with and
/// without the tables that the next phase needs, in phase 3 at its end: after `clean` and `enforce phase-3`.
macro_rules! contract {
    ($(async fn $name:ident($app:ident) $body:block)+) => {
        $(async fn $name($app: winserve_testkit::TestApp) $body)+

        contract!(legacy, winserve_testkit::TestDatabase::new(), $($name)+);
        contract!(legacy_expanded, winserve_testkit::TestDatabase::legacy_with_tables(), $($name)+);
        contract!(phase_1, winserve_testkit::TestDatabase::in_phase(winserve_testkit::Phase::One), $($name)+);
        contract!(phase_2, winserve_testkit::TestDatabase::in_phase(winserve_testkit::Phase::Two), $($name)+);
        contract!(phase_3, winserve_testkit::TestDatabase::at_the_end(), $($name)+);
    };
    ($module:ident, $database:expr, $($name:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    crate::run($database, |app| Box::pin(super::$name(app)));
                }
            )+
        }
    };
}

/// Tests of behavior that no phase changes: tokens, headers, bodies, requests to election-api. They run once.
macro_rules! in_any_phase {
    ($(async fn $name:ident($app:ident) $body:block)+) => {
        $(async fn $name($app: winserve_testkit::TestApp) $body)+

        contract!(any_phase, winserve_testkit::TestDatabase::in_phase(winserve_testkit::Phase::Two), $($name)+);
    };
}

/// Runs a contract test. Boxed, because compiling a runtime for each test takes most of this suite's build time.
fn run(database: TestDatabase, test: fn(TestApp) -> Pin<Box<dyn Future<Output = ()>>>) {
    let running = async move { test(TestApp::on(database).await).await };
    actix_web::rt::System::new().block_on(running);
}

mod api;
mod binaries;
mod console;
mod fixtures;
mod migration;
mod reports;
