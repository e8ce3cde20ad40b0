//! `GET /v1/users/me`.

use serde_json::json;

use crate::fixtures;

contract! {
    async fn shows_the_caller_and_no_secret(app) {
        fixtures::user(&app.database, 7, "candidate,sales");
        let response = app.user(7).get("/v1/users/me").await;
        assert_eq!(response.status, 200);
        let shown = json!({
            "avatar": null,
            "email": "user7@example.org",
            "firstName": "Ann",
            "hasPassword": true,
            "id": 7,
            "lastName": "User",
            "metaData": {"sessionCount": 3},
            "name": "Ann User",
            "phone": "5555555555",
            "roles": ["candidate", "sales"],
            "zip": "49286",
        });
        assert_eq!(response.json(), shown);
    }

    async fn answers_where_the_old_service_failed_on_its_own_output(app) {
        app.database.execute(
            r#"INSERT INTO "user" (id, updated_at, first_name, last_name, email, zip, roles)
               VALUES (7, now(), 'A', NULL, 'a@example.org', 'none', NULL)"#,
        );
        let response = app.user(7).get("/v1/users/me").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.json()["firstName"], "A");
        assert_eq!(response.json()["roles"], json!([]));
    }

    async fn costs_one_statement(app) {
        fixtures::user(&app.database, 7, "candidate");
        app.user(7).get("/v1/users/me").await;
        let before = app.statements();
        app.user(7).get("/v1/users/me").await;
        assert_eq!(app.statements() - before, 1, "authentication reads the user, nothing else does");
    }
}
