//! `DELETE /v1/users/:id`: the caller's own account.

use reqwest::Method;
use serde_json::json;
use winserve_testkit::{Response, TestApp};

use crate::fixtures;

async fn delete(app: &TestApp, user: i32, id: &str) -> Response {
    let client = app.user(user);
    client.send(client.request(Method::DELETE, &format!("/v1/users/{id}"))).await
}

contract! {
    async fn ones_own_account_goes_with_all_that_is_in_it(app) {
        for (user, campaign) in [(7, 11), (8, 12)] {
            fixtures::user(&app.database, user, "candidate");
            fixtures::campaign(&app.database, campaign, user, &json!({}), Some(&json!({})));
            let won = json!({"electedDate": "2024-11-05"});
            let client = app.user(user);
            client.send(client.request(Method::POST, "/v1/elected-office").json(&won)).await;
        }
        assert_eq!(delete(&app, 7, "7").await.status, 204);
        assert_eq!(app.user(7).get("/v1/users/me").await.status, 401);
        for table in ["campaign", "elected_office", "path_to_victory"] {
            assert_eq!(app.database.rows(&format!("SELECT FROM {table}")).len(), 1, "{table}");
        }
        assert_eq!(app.user(8).get("/v1/campaigns/mine").await.status, 200);
    }

    async fn no_other_account_is_deleted(app) {
        fixtures::user(&app.database, 7, "admin");
        fixtures::user(&app.database, 8, "candidate");
        for id in ["8", "-7", "9999999999", "2147483648"] {
            delete(&app, 7, id).await.assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
        }
        for id in ["x", "7.0", "%00", "me%20"] {
            delete(&app, 7, id).await.assert_error(
                400,
                "Bad Request",
                "invalid-request",
                "Validation failed (numeric string is expected)",
            );
        }
        assert_eq!(app.database.row(r#"SELECT count(*) FROM "user""#)["count"], 2);
    }
}
