//! The suites that cross crates: HTTP in, rows out, on real PostgreSQL.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

/// The contract suite: each test runs in every phase, on the production server; in `legacy` with and
/// without the tables that the next phase needs.
macro_rules! contract {
    ($(async fn $name:ident($app:ident) $body:block)+) => {
        $(async fn $name($app: winserve_testkit::TestApp) $body)+

        contract!(legacy, winserve_testkit::TestDatabase::new(), $($name)+);
        contract!(legacy_expanded, winserve_testkit::TestDatabase::legacy_with_tables(), $($name)+);
        contract!(phase_1, winserve_testkit::TestDatabase::in_phase(winserve_domain::migration::Phase::One), $($name)+);
        contract!(phase_2, winserve_testkit::TestDatabase::in_phase(winserve_domain::migration::Phase::Two), $($name)+);
    };
    ($module:ident, $database:expr, $($name:ident)+) => {
        mod $module {
            use winserve_testkit::TestApp;

            $(
                #[actix_web::test]
                async fn $name() {
                    super::$name(TestApp::on($database).await).await;
                }
            )+
        }
    };
}

mod api;
mod binaries;
mod fixtures;
mod migration;
mod reports;
