//! What users change in phase 3 before `clean` does not keep it from ending; what another service writes does.

use serde_json::json;
use winserve_migration::{Unobserved, clean, restore};
use winserve_testkit::{TestApp, TestDatabase};

use super::{
    backfill_run::options,
    phase_3::{back, in_phase_3},
};
use crate::fixtures::{COUNCIL, MAYOR};

const WITH_POSITION: &str = "SELECT id FROM campaign WHERE jsonb_typeof(details) = 'object' AND details ? 'positionId' ORDER BY id";

/// User 7 picks another office for campaign 3.
async fn picked() -> TestApp {
    let app = TestApp::on(in_phase_3()).await;
    let pick = json!({"details": {
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
    }});
    let answer = app.user_of_campaign(7, 3).put("/v1/campaigns/mine", pick).await;
    assert_eq!(answer.status, 200);
    let said =
        app.database.row("SELECT details ->> 'positionId' AS position FROM campaign WHERE id = 3");
    assert_ne!(said["position"], MAYOR, "the JSON is kept as it was");
    app
}

fn cleaned(database: &TestDatabase) -> (u8, Vec<(&'static str, Vec<i32>)>) {
    let report = clean(&options(database), &[], &mut Unobserved).unwrap();
    let refused = report.refused.into_iter().map(|(category, rows)| (category, rows.keys));
    (report.exit_code, refused.collect())
}

#[actix_web::test]
async fn a_campaign_whose_office_changed_in_phase_3_is_cleaned_and_the_way_back_shows_the_change() {
    let app = picked().await;
    assert_eq!(cleaned(&app.database), (0, Vec::new()));
    assert!(app.database.rows(WITH_POSITION).is_empty());
    let report = restore(&options(&app.database), &[], &mut Unobserved).unwrap();
    assert_eq!(report.exit_code, 0, "{report:?}");
    back(&mut app.database.connect(), &[]).unwrap();
    let after = app.database.row("SELECT details FROM campaign WHERE id = 3");
    assert_eq!(after["details"]["positionId"], MAYOR);
    assert_eq!(after["details"]["otherOffice"], "Tecumseh City Mayor");
}

#[actix_web::test]
async fn an_office_that_another_service_wrote_in_phase_3_is_refused() {
    let app = picked().await;
    app.database.expect_unmapped_rows();
    app.database.execute_unmapped(&format!(
        "UPDATE campaign SET details = details || '{{\"positionId\": \"{COUNCIL}\"}}' WHERE id IN (3, 5)"
    ));
    let (code, refused) = cleaned(&app.database);
    assert_eq!(code, 70);
    let wrong = refused.iter().find(|(category, _)| *category == "wrong-position");
    assert_eq!(wrong.map(|(_, keys)| keys.as_slice()), Some([3, 5].as_slice()), "{refused:?}");
}
