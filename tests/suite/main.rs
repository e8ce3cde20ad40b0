//! The suites that cross crates: HTTP in, rows out, on real PostgreSQL.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

/// The contract suite: each test runs in every phase, on the production server.
macro_rules! contract {
    ($(async fn $name:ident($app:ident) $body:block)+) => {
        $(async fn $name($app: winserve_testkit::TestApp) $body)+

        mod legacy {
            use winserve_domain::phase::Phase;
            use winserve_testkit::TestApp;

            $(
                #[actix_web::test]
                async fn $name() {
                    super::$name(TestApp::new(Phase::Legacy).await).await;
                }
            )+
        }

        mod phase_1 {
            use winserve_domain::phase::Phase;
            use winserve_testkit::TestApp;

            $(
                #[actix_web::test]
                async fn $name() {
                    super::$name(TestApp::new(Phase::One).await).await;
                }
            )+
        }
    };
}

mod authentication;
mod backfill_faults;
mod backfill_live_writers;
mod backfill_look_ups;
mod backfill_odd_data;
mod backfill_run;
mod backfill_verify;
mod baseline;
mod binaries;
mod bodies;
mod database;
mod delete_users;
mod elected_office;
mod fixtures;
mod generated;
mod get_campaigns;
mod get_campaigns_mine;
mod get_campaigns_mine_status;
mod get_campaigns_slug;
mod get_elections_districts_names;
mod get_elections_districts_types;
mod get_users_me;
mod legacy_catalog;
mod phase_1_expand;
mod phases;
mod post_campaigns;
mod post_campaigns_launch;
mod put_campaigns_mine;
mod put_users_me;
mod select_office;
mod server;
mod status;
