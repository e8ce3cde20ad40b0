//! `POST /v1/campaigns/launch`.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures;

const LAUNCH: &str = "/v1/campaigns/launch";

fn candidate_with(app: &TestApp, details: &Value) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, details, None);
}

async fn launch(app: &TestApp) -> Response {
    let client = app.user(7);
    client.send(client.request(Method::POST, LAUNCH)).await
}

fn stored(app: &TestApp) -> Value {
    app.database.row("SELECT * FROM campaign WHERE id = 11")
}

contract! {
    async fn a_campaign_with_an_office_is_launched_and_nothing_else_changes(app) {
        for (number, details) in (11..).zip([
            json!({"office": "Other", "otherOffice": "Mayor", "positionId": "Z2lkOi8v"}),
            json!({"office": "Dog Catcher", "otherOffice": "", "positionId": null}),
            json!({"otherOffice": "Mayor"}),
        ]) {
            fixtures::user(&app.database, number, "candidate");
            fixtures::campaign(&app.database, number, number, &details, None);
            let query = format!("SELECT * FROM campaign WHERE id = {number}");
            let mut expected = app.database.row(&query);
            let client = app.user(number);
            let response = client.send(client.request(Method::POST, LAUNCH)).await;
            assert_eq!((response.status.as_u16(), response.json()), (200, json!(true)));
            expected["is_active"] = json!(true);
            expected["data"] = json!({
                "slug": format!("slug-{number}"), "launchStatus": "launched",
                "currentStep": "onboarding-complete",
            });
            expected["updated_at"] = json!("2026-02-25T12:34:56.789");
            if app.database.phase() == Phase::One && number == 11 {
                // As the old service wrote the campaign: only the JSON has its position.
                expected["position_id"] = json!("Z2lkOi8v");
            }
            assert_eq!(app.database.row(&query), expected);
        }
    }

    async fn a_launched_campaign_stays_as_it_is(app) {
        candidate_with(&app, &json!({}));
        for (active, data) in [("true", json!({})), ("false", json!({"launchStatus": "launched"}))] {
            app.database.execute(&format!(
                "UPDATE campaign SET is_active = {active}, data = {}", fixtures::literal(&data)
            ));
            let before = stored(&app);
            let response = launch(&app).await;
            assert_eq!((response.status.as_u16(), response.json()), (200, json!(true)));
            assert_eq!(stored(&app), before);
        }
    }

    async fn without_an_office_400(app) {
        candidate_with(&app, &json!({}));
        for details in [json!({}), json!({"office": "", "otherOffice": null}), json!([]), Value::Null] {
            let details = fixtures::literal(&details);
            app.database.execute(&format!("UPDATE campaign SET details = {details}"));
            let before = stored(&app);
            launch(&app).await.assert_error(
                400,
                "Bad Request",
                "invalid-request",
                "Cannot launch campaign, Office not set",
            );
            assert_eq!(stored(&app), before);
        }
    }

    async fn without_a_campaign_404(app) {
        fixtures::user(&app.database, 7, "candidate");
        launch(&app).await.assert_error(404, "Not Found", "no-organization", "Not Found");
    }

    async fn the_body_does_not_matter(app) {
        app.database.expect_unmapped_rows();
        candidate_with(&app, &json!({"office": "Mayor"}));
        for (kind, body) in [
            (None, ""), (Some("text/plain"), ""), (Some("text/plain;charset=UTF-8"), "{}"),
            (Some("application/json"), "{}"), (Some("application/json"), "[1]"),
        ] {
            app.database.execute("UPDATE campaign SET is_active = false, data = '{}'");
            let client = app.user(7);
            let mut request = client.request(Method::POST, LAUNCH).body(body);
            if let Some(kind) = kind {
                request = request.header("Content-Type", kind);
            }
            assert_eq!(client.send(request).await.status, 200, "{kind:?} {body}");
            assert_eq!(stored(&app)["is_active"], true);
        }
    }

    async fn the_campaign_named_is_launched_or_the_oldest(app) {
        app.database.expect_unmapped_rows();
        candidate_with(&app, &json!({"office": "Mayor"}));
        fixtures::campaign(&app.database, 9, 7, &json!({"office": "Mayor"}), None);
        let client = app.user_of_campaign(7, 9);
        assert_eq!(client.post("/v1/campaigns/launch", json!({})).await.status, 200);
        let rows = app.database.rows("SELECT id, is_active FROM campaign ORDER BY id");
        assert_eq!(rows, [json!({"id": 9, "is_active": true}), json!({"id": 11, "is_active": false})]);
    }
}
