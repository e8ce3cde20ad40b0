//! Bad input gets the contract's 4xx body, never a 500, and writes nothing.

use reqwest::Method;
use serde_json::json;
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures;

async fn put(
    app: &TestApp,
    content_type: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Response {
    let client = app.user(7);
    let mut request = client.request(Method::PUT, "/v1/campaigns/mine").body(body);
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    client.send(request).await
}

fn with_campaign(app: &TestApp) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
}

const JSON: Option<&str> = Some("application/json");

in_any_phase! {
    async fn malformed_json_400(app) {
        with_campaign(&app);
        let deep = "[".repeat(100_000);
        for body in [
            "{", "{\"details\":", "nonsense", "{\"a\":1}x", "{\"a\":1e999}", "\"\\ud800\"", "{'a':1}", &deep,
        ] {
            put(&app, JSON, body.to_owned()).await.assert_error(
                400,
                "Bad Request",
                "invalid-json",
                "Body is not valid JSON but content-type is set to 'application/json'",
            );
        }
        let not_utf8 = put(&app, JSON, b"{\"details\":{\"city\":\"\xff\"}}".to_vec()).await;
        assert_eq!(not_utf8.error()["code"], "invalid-json");
        put(&app, Some("application/json; charset=utf-8"), "").await.assert_error(
            400,
            "Bad Request",
            "invalid-json",
            "Body cannot be empty when content-type is set to 'application/json'",
        );
    }

    async fn json_of_another_type_is_refused_at_the_root(app) {
        with_campaign(&app);
        for body in ["[]", "null", "5", "\"{}\"", "true"] {
            put(&app, JSON, body).await.assert_invalid(&json!([["invalid_type", []]]));
        }
    }

    async fn a_missing_body_is_a_missing_object(app) {
        with_campaign(&app);
        let response = put(&app, None, "").await;
        response.assert_invalid(&json!([["invalid_type", []]]));
        assert_eq!(response.json()["errors"][0], json!({
            "code": "invalid_type", "path": [], "message": "Required", "expected": "object",
            "received": "undefined",
        }));
    }

    async fn plain_text_is_a_text_and_other_kinds_are_refused(app) {
        with_campaign(&app);
        put(&app, Some("text/plain"), "{}").await.assert_invalid(&json!([["invalid_type", []]]));
        for kind in [Some("application/xml"), Some("\u{e4}"), None] {
            put(&app, kind, "<a/>").await.assert_error(
                415,
                "Unsupported Media Type",
                "unsupported-media-type",
                "Unsupported Media Type",
            );
        }
    }

    async fn the_character_nul_is_refused_wherever_it_stands(app) {
        with_campaign(&app);
        let body = r#"{"details": {"city": "a\u0000b", "list": ["\u0000"], "k\u0000": 1}}"#;
        put(&app, JSON, body).await.assert_invalid(&json!([
            ["custom", ["details", "city"]],
            ["custom", ["details", "k\0"]],
            ["custom", ["details", "list", 0]],
        ]));
        let users = app.user(7).put("/v1/users/me", json!({"name": "a\0"})).await;
        users.assert_invalid(&json!([["custom", ["name"]]]));
        let stored = app.database.row("SELECT details FROM campaign");
        assert_eq!(stored["details"], json!({}), "nothing was written");
    }
}

// Campaigns are read and written differently in each phase.
contract! {
    async fn a_body_of_10_mb_413_and_one_of_nearly_1_mib_is_taken(app) {
        with_campaign(&app);
        let large = json!({"details": {"funFact": "x".repeat(10_000_000)}}).to_string();
        put(&app, JSON, large).await.assert_error(
            413,
            "Payload Too Large",
            "payload-too-large",
            "Request body is too large",
        );
        let most = json!({"details": {"funFact": "x".repeat(1024 * 1024 - 100)}}).to_string();
        assert_eq!(put(&app, JSON, most).await.status, 200);
    }

    async fn a_slug_that_no_text_column_can_hold_is_simply_unknown(app) {
        fixtures::user(&app.database, 20, "admin");
        let client = app.user(20);
        for slug in ["", "\u{1f600}".repeat(1000).as_str(), "'; DROP TABLE campaign; --"] {
            let response = client.put("/v1/campaigns/mine", json!({"slug": slug})).await;
            assert_eq!(response.status, 404, "{slug}");
        }
    }
}

/// A megabyte of errors: the answer names only some of them, and stays small.
#[actix_web::test]
async fn of_half_a_million_faults_a_hundred_are_named() {
    let app = TestApp::new(Phase::One).await;
    with_campaign(&app);
    let list = |item: &str| format!("[{}]", vec![item; 1_000_000 / (item.len() + 1)].join(","));
    let keys: Vec<_> = (0..60_000).map(|number| format!(r#""\u0000{number}": 0"#)).collect();
    let long_key = "k".repeat(500_000);
    for details in [
        format!(r#"{{"runningAgainst": {}}}"#, list("0")),
        format!(r#"{{"customIssues": {}}}"#, list("[]")),
        format!(r#"{{"priorElectionDates": {}}}"#, list("0")),
        format!(r#"{{"any": {}}}"#, list(r#""\u0000""#)),
        format!(r#"{{"any": {{{}}}}}"#, keys.join(",")),
        format!(r#"{{"{long_key}": [{}]}}"#, vec![r#""\u0000""#; 40_000].join(",")),
    ] {
        let shown: String = details.chars().take(30).collect();
        let answer = put(&app, JSON, format!(r#"{{"details": {details}}}"#)).await;
        assert_eq!(answer.status.as_u16(), 400, "{shown}");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        let last = json!({
            "code": "custom", "path": [], "message": "There are more issues; correct these 100 first",
        });
        assert_eq!((errors.len(), &errors[100]), (101, &last), "{shown}");
        assert!(answer.body.len() < 100_000, "{shown}: {} bytes", answer.body.len());
    }
}

#[actix_web::test]
async fn of_a_hundred_thousand_unknown_fields_a_hundred_are_named() {
    let app = TestApp::new(Phase::One).await;
    with_campaign(&app);
    let keys: Vec<_> = (0..70_000).map(|number| format!(r#""k{number}": 0"#)).collect();
    let answer = put(&app, JSON, format!("{{{}}}", keys.join(","))).await;
    answer.assert_invalid(&json!([["unrecognized_keys", []]]));
    let issue = &answer.json()["errors"][0];
    assert_eq!(issue["keys"].as_array().unwrap().len(), 100);
    assert!(issue["message"].as_str().unwrap().ends_with(", and 69900 more"), "{issue}");
}
