//! `GET /v1/campaigns/mine/status`.

use serde_json::{Value, json};
use winserve_testkit::TestApp;

use crate::fixtures;

/// 2026-02-25T12:34:56.789Z, the fixed time of the test clock.
const NOW_MS: i64 = 1_772_022_896_789;

fn candidate_with(app: &TestApp, details: &Value) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, details, None);
}

fn set(app: &TestApp, column: &str, value: &Value) {
    let value = fixtures::literal(value);
    app.database.execute(&format!("UPDATE campaign SET {column} = {value} WHERE id = 11"));
}

async fn status(app: &TestApp) -> Value {
    let response = app.user(7).get("/v1/campaigns/mine/status").await;
    assert_eq!(response.status, 200);
    response.json()
}

contract! {
    async fn without_a_campaign_there_is_no_status(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &json!({}), None);
        assert_eq!(status(&app).await, json!({"status": false}));
        let theirs = app.database.row("SELECT data FROM campaign WHERE id = 12");
        assert_eq!(theirs["data"], json!({"slug": "slug-12"}), "no visit is recorded");
    }

    async fn the_step_is_the_furthest_thing_done(app) {
        candidate_with(&app, &json!({}));
        for (details, step) in [
            (json!({"zip": "49286", "party": "", "otherParty": null, "pledged": false}), 1),
            (json!({"office": "Dog Catcher"}), 2),
            (json!({"office": "Other", "otherOffice": "Mayor"}), 2),
            (json!({"positionId": "Z2lkOi8v", "office": "Other"}), 2),
            (json!({"office": "Mayor", "party": "Independent"}), 3),
            (json!({"otherParty": "Green"}), 3),
            (json!({"office": "Mayor", "party": "Independent", "pledged": true}), 4),
            (json!({"pledged": true}), 4),
        ] {
            set(&app, "details", &details);
            let expected = json!({"status": "onboarding", "slug": "slug-11", "step": step});
            assert_eq!(status(&app).await, expected, "{details}");
        }
    }

    async fn odd_details_are_the_first_step(app) {
        candidate_with(&app, &json!({}));
        for details in [json!([1]), json!("pledged"), Value::Null, json!({"office": " ", "party": 0})] {
            set(&app, "details", &details);
            assert_eq!(status(&app).await["step"], 1, "{details}");
        }
    }

    async fn an_active_campaign_is_a_candidates(app) {
        candidate_with(&app, &json!({}));
        for (verified, data, expected) in [
            ("NULL", json!({}), false),
            ("false", json!({"hubSpotUpdates": {"verified_candidates": "No"}}), false),
            ("false", json!({"hubSpotUpdates": {"verified_candidates": "Yes"}}), true),
            ("NULL", json!({"hubSpotUpdates": {"verified_candidates": 1}}), false),
            ("true", json!({}), true),
        ] {
            app.database.execute(&format!("UPDATE campaign SET is_active = true, is_verified = {verified}"));
            set(&app, "data", &data);
            let answer = json!({"status": "candidate", "slug": "slug-11", "isVerified": expected});
            assert_eq!(status(&app).await, answer, "{verified} {data}");
        }
    }

    async fn the_visit_is_noted_and_nothing_else_changes(app) {
        app.database.expect_unmapped_rows();
        candidate_with(&app, &json!({"office": "Mayor", "odd": [1.5]}));
        let mut expected = app.database.row("SELECT * FROM campaign");
        for data in [json!({"slug": "s", "lastVisited": 5}), json!({"slug": "s", "lastVisited": [1]})] {
            set(&app, "data", &data);
            status(&app).await;
            expected["data"] = json!({"slug": "s", "lastVisited": NOW_MS});
            expected["updated_at"] = json!("2026-02-25T12:34:56.789");
            assert_eq!(app.database.row("SELECT * FROM campaign"), expected);
        }
        set(&app, "data", &json!(["odd"]));
        status(&app).await;
        assert_eq!(app.database.row("SELECT data FROM campaign")["data"], json!({"lastVisited": NOW_MS}));
    }

    async fn the_named_campaign_is_used_or_the_oldest(app) {
        candidate_with(&app, &json!({"pledged": true}));
        fixtures::campaign(&app.database, 9, 7, &json!({}), None);
        let expected = json!({"status": "onboarding", "slug": "slug-9", "step": 1});
        let named = app.user_of_campaign(7, 9).get("/v1/campaigns/mine/status").await;
        assert_eq!(named.json(), expected);
    }
}
