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

mod active_organization;
mod admin_campaigns;
mod asking_again;
mod authentication;
mod backfill_contention;
mod backfill_faults;
mod backfill_live_writers;
mod backfill_look_ups;
mod backfill_odd_data;
mod backfill_run;
mod backfill_unanswered;
mod backfill_verify;
mod baseline;
mod beside_each_other;
mod binaries;
mod bodies;
mod cancelled_requests;
mod clerk_backfill;
mod clerk_budget;
mod clerk_damaged_rows;
mod clerk_locks;
mod clerk_organizations;
mod clerk_organizations_faults;
mod clerk_provisioning_chaos;
mod clerk_provisioning_processes;
mod clerk_sessions;
mod clerk_sweep;
mod clerk_webhooks;
mod connections;
mod contacts;
mod database;
mod delete_users;
mod district_doors;
mod elected_office;
mod fixtures;
mod four_outcomes;
mod generated;
mod generic_plans;
mod get_campaigns;
mod get_campaigns_mine;
mod get_campaigns_mine_status;
mod get_campaigns_slug;
mod get_elections_districts_names;
mod get_elections_districts_types;
mod get_elections_positions;
mod get_organizations;
mod get_users_me;
mod hanging_server;
mod legacy_catalog;
mod limits;
mod machines;
mod metrics;
mod next_steps;
mod office_changes_keep_texts;
mod old_service;
mod old_service_followed;
mod openapi;
mod outages;
mod overload;
mod patch_organizations;
mod phase_1_expand;
mod phase_1b_expand;
mod phase_2;
mod phase_3_expand;
mod phase_switch;
mod phases;
mod political_party;
mod polls;
mod poolers;
mod post_campaigns;
mod post_campaigns_launch;
mod put_campaigns_mine;
mod put_campaigns_mine_district;
mod put_race_target_details;
mod put_users_me;
mod read_from_tables;
mod refused_connections;
mod roles;
mod saved_filters;
mod schemathesis;
mod select_office;
mod server;
mod session_defaults;
mod several_hosts;
mod sql_functions;
mod start_campaign;
mod status;
mod synchronous_standby;
mod tenant_matrix;
mod unreadable_json;
mod upstream_generations;
