//! `POST /v1/campaigns`: a user's first campaign.

use reqwest::Method;
use serde_json::json;
use winserve_testkit::{Response, TestApp};

use crate::fixtures;

async fn post(app: &TestApp, user: i32, body: Option<(&str, &str)>) -> Response {
    let client = app.user(user);
    let mut request = client.request(Method::POST, "/v1/campaigns");
    if let Some((kind, body)) = body {
        request = request.header("Content-Type", kind).body(body.to_owned());
    }
    client.send(request).await
}

contract! {
    async fn a_first_campaign_is_a_fresh_registration(app) {
        fixtures::user(&app.database, 7, "candidate");
        let response = post(&app, 7, None).await;
        assert_eq!(response.status, 201);
        let answer = response.json();
        assert_eq!(answer["slug"], "ann-user");
        assert_eq!(answer["data"], json!({"slug": "ann-user", "currentStep": "registration"}));
        assert_eq!(answer["details"], json!({"zip": "49286"}));
        assert_eq!((&answer["isActive"], answer.get("pathToVictory")), (&json!(false), None));
        assert_eq!(answer["createdAt"], "2026-02-25T12:34:56.789Z");
        let id = i32::try_from(answer["id"].as_i64().unwrap()).unwrap();
        assert_eq!(answer["organizationId"], app.organization_of(id));
        let mine = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!((&mine["id"], &mine["organizationId"]), (&answer["id"], &answer["organizationId"]));
    }

    async fn bodies_without_content_are_taken_and_others_refused(app) {
        for (user, body) in [
            (7, ("application/json", "{}")),
            (8, ("text/plain", "{}")),
            (9, ("text/plain;charset=UTF-8", "")),
        ] {
            fixtures::user(&app.database, user, "candidate");
            assert_eq!(post(&app, user, Some(body)).await.status, 201, "{body:?}");
        }
        fixtures::user(&app.database, 10, "candidate");
        let refused = post(&app, 10, Some(("application/json", "{\"slug\":\"mine\"}"))).await;
        assert_eq!((refused.status.as_u16(), &refused.error()["code"]), (400, &json!("invalid-request")));
    }

    async fn a_second_one_is_a_conflict(app) {
        fixtures::user(&app.database, 7, "candidate");
        post(&app, 7, None).await;
        post(&app, 7, None).await.assert_error(
            409,
            "Conflict",
            "conflict",
            "User campaign already exists.",
        );
    }

    async fn parallel_requests_start_one_campaign(app) {
        fixtures::user(&app.database, 7, "candidate");
        let posts: Vec<_> = (0..8)
            .map(|_| {
                let client = app.user(7);
                actix_web::rt::spawn(async move {
                    let request = client.request(Method::POST, "/v1/campaigns");
                    client.send(request).await.status.as_u16()
                })
            })
            .collect();
        let mut statuses = Vec::new();
        for post in posts {
            statuses.push(post.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
        assert_eq!(app.database.row("SELECT count(*) FROM campaign")["count"], 1);
    }

    async fn people_of_one_name_get_numbers(app) {
        for (user, slug) in [(7, "ann-user"), (8, "ann-user1"), (9, "ann-user2")] {
            fixtures::user(&app.database, user, "candidate");
            assert_eq!(post(&app, user, None).await.json()["slug"], slug);
        }
    }
}
