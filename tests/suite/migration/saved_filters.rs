//! Saved filters before phase 2, and once it is enforced.

use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_migration::sql::enforce_phase_2;
use winserve_migration::verify;
use winserve_testkit::TestApp;

use crate::api::saved_filters::{FILTER, FILTERS, names, official, path, save};

#[actix_web::test]
async fn before_phase_2_an_office_has_no_filters_yet() {
    let app = TestApp::new(Phase::One).await;
    let office = app.user(7).naming(official(&app).await);
    assert_eq!(names(&office.get(FILTERS).await), Vec::<Value>::new());
    assert_eq!(office.post(FILTER, json!({})).await.error()["code"], "not-migrated");
    // An office holder may save filters of an unpaid campaign, as in the old service.
    app.database.execute("UPDATE campaign SET is_pro = false");
    save(&app.user(7), json!({"name": "Win"})).await;
    let stored = app.database.row(
        "SELECT count(*) AS rows FROM voter_file_filter JOIN campaign USING (organization_id)
         WHERE voter_file_filter.campaign_id = campaign.id",
    );
    assert_eq!(stored["rows"], 1, "both keys from phase 1 on");
}

#[actix_web::test]
async fn filters_are_served_the_same_once_phase_2_is_enforced() {
    let app = TestApp::new(Phase::Two).await;
    let organization = official(&app).await;
    let (office, campaign) =
        (app.user(7).naming(organization.clone()), app.user_of_campaign(7, 11));
    let before = save(&campaign, json!({"name": "Before", "partyDemocrat": true})).await;
    let mut connection = app.database.connect();
    verify(&mut connection).unwrap();
    enforce_phase_2(&mut connection).unwrap();
    assert_eq!(campaign.get(&path(&before)).await.json(), before);
    assert_eq!(before["campaignId"], 11);
    let after = save(&campaign, json!({"name": "After"})).await;
    let renamed = campaign.put(&path(&after), json!({"name": "Later"})).await.json();
    assert_eq!((&renamed["name"], &renamed["campaignId"]), (&json!("Later"), &json!(11)));
    let copy = format!("{}/copy", path(&before));
    let copied = campaign.post(&copy, json!({"organizationId": organization})).await.json();
    assert_eq!(
        (&copied["campaignId"], names(&office.get(FILTERS).await)),
        (&Value::Null, vec![json!("Before")])
    );
    assert_eq!(names(&campaign.get(FILTERS).await), ["Before", "Later"]);
    assert_eq!(campaign.delete(&path(&after)).await.status, 204);
    assert_eq!(names(&campaign.get(FILTERS).await), ["Before"]);
}
