//! Capabilities while the JSON is authoritative.

use winserve_migration::Phase;
use winserve_migration::{Options, Unobserved, run_organizations, run_positions};
use winserve_testkit::TestApp;

use crate::api::capabilities::{every_capability_is_what_its_route_allows, rows_of_every_kind};

/// Campaigns of an office holder count as paid, as in the old service (legacy contract §5.3).
#[actix_web::test]
async fn in_phase_1_every_capability_is_what_its_route_allows() {
    let app = TestApp::new(Phase::One).await;
    app.database.execute(&rows_of_every_kind());
    let options = Options { nice: 0.0, ..Options::new(&app.database.url()) };
    run_positions(&options, None, &mut Unobserved).unwrap();
    run_organizations(&options, None, &mut Unobserved).unwrap();
    app.database.execute("DELETE FROM legacy_change");
    every_capability_is_what_its_route_allows(&app).await;
}
