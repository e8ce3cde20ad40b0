//! Roles whose sessions would not do what a server has to do (docs/postgresql.md).

use serde_json::json;
use winserve_persistence::connect;
use winserve_testkit::Phase;
use winserve_testkit::{TestApp, TestDatabase};

use crate::fixtures;

/// Only a superuser may change it back.
#[test]
fn a_role_whose_sessions_would_run_no_triggers_is_refused() {
    let database = TestDatabase::new();
    let role = database.role("replica");
    database.execute_unmapped(&format!("ALTER ROLE {role} SET session_replication_role = replica"));
    let refused = format!("{:?}", connect(&database.url_as(&role), "test").err().unwrap());
    assert!(refused.contains("session_replication_role"), "{refused}");
}

#[actix_web::test]
async fn a_server_that_rows_are_hidden_from_does_not_serve() {
    let database = TestDatabase::in_phase(Phase::Two);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"office": "Dog Catcher", "state": "MI"}), None);
    let role = database.server_role();
    database.execute_unmapped("ALTER TABLE campaign ENABLE ROW LEVEL SECURITY");
    let app = TestApp::as_role(database, &role).await;
    assert_eq!(app.anonymous().get("/readyz").await.status, 503);
    assert_ne!(
        app.user(7).get("/v1/campaigns/mine").await.status,
        404,
        "it is not said to be absent"
    );
    app.database.execute_unmapped("ALTER TABLE campaign DISABLE ROW LEVEL SECURITY");
    assert_eq!(app.user(7).get("/v1/campaigns/mine").await.status, 200);
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
}
