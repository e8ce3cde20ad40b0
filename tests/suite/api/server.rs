//! Rules for every route: unknown routes, methods, ids, headers, CORS, health.

use reqwest::Method;

use crate::fixtures;

in_any_phase! {
    async fn an_unknown_route_404(app) {
        for (method, path) in [(Method::GET, "/v1/x"), (Method::POST, "/v1/x"), (Method::GET, "/"), (Method::GET, "/v1")] {
            let request = app.anonymous().request(method.clone(), path);
            app.anonymous().send(request).await.assert_error(
                404,
                "Not Found",
                "route-not-found",
                &format!("Cannot {method} {path}"),
            );
        }
        fixtures::user(&app.database, 7, "candidate");
        // The whole body, except the request id.
        let expected = serde_json::json!({
            "code": "route-not-found",
            "error": "Not Found",
            "message": "Cannot GET /v1/x",
            "statusCode": 404,
        });
        assert_eq!(app.user(7).get("/v1/x").await.error(), expected);
    }

    async fn another_method_405_and_the_right_ones_are_named(app) {
        let request = app.anonymous().request(Method::DELETE, "/v1/users/me");
        let response = app.anonymous().send(request).await;
        response.assert_error(
            405,
            "Method Not Allowed",
            "method-not-allowed",
            "Cannot DELETE /v1/users/me",
        );
        assert_eq!(response.headers["allow"], "GET, PUT, HEAD");
        let trace = app.anonymous().request(Method::TRACE, "/v1/health");
        assert_eq!(app.anonymous().send(trace).await.status, 405);
    }

    async fn head_answers_like_get_without_a_body(app) {
        let request = app.anonymous().request(Method::HEAD, "/v1/health");
        let response = app.anonymous().send(request).await;
        assert_eq!((response.status.as_u16(), response.body.len()), (200, 0));
    }

    async fn health_asks_no_database_not_even_for_a_caller(app) {
        fixtures::user(&app.database, 7, "candidate");
        let before = app.statements();
        assert_eq!(app.user(7).get("/v1/health").await.status, 200);
        assert_eq!(app.statements(), before);
    }

    async fn every_answer_has_an_id_of_its_own_and_the_headers_of_security(app) {
        let first = app.anonymous().get("/v1/health").await;
        let second = app.anonymous().get("/v1/x").await;
        assert_ne!(first.headers["x-request-id"], second.headers["x-request-id"]);
        for response in [first, second] {
            assert_eq!(response.headers["x-content-type-options"], "nosniff");
            assert!(response.headers.contains_key("strict-transport-security"));
        }
    }

    async fn a_page_of_a_configured_origin_may_call_and_read_the_ids(app) {
        let preflight = app
            .anonymous()
            .request(Method::OPTIONS, "/v1/campaigns/mine")
            .header("Origin", "https://app.example.org")
            .header("Access-Control-Request-Method", "PUT")
            .header("Access-Control-Request-Headers", "authorization,content-type,x-organization-id");
        let response = app.anonymous().send(preflight).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.headers["access-control-allow-origin"], "https://app.example.org");
        assert_eq!(response.headers["access-control-allow-credentials"], "true");
        let allowed = response.headers["access-control-allow-headers"].to_str().unwrap();
        assert!(allowed.contains("x-organization-id"), "{allowed}");

        let request = app.anonymous().request(Method::GET, "/v1/x").header("Origin", "https://app.example.org");
        let response = app.anonymous().send(request).await;
        assert_eq!(response.status, 404, "an error is readable by the page too");
        let exposed = response.headers["access-control-expose-headers"].to_str().unwrap().to_lowercase();
        for header in ["x-organization-id", "etag", "x-request-id"] {
            assert!(exposed.contains(header), "{exposed}");
        }
    }

    async fn a_page_of_another_origin_is_given_no_permission(app) {
        let request = app
            .anonymous()
            .request(Method::OPTIONS, "/v1/campaigns/mine")
            .header("Origin", "https://evil.example.org")
            .header("Access-Control-Request-Method", "PUT");
        let response = app.anonymous().send(request).await;
        assert!(!response.headers.contains_key("access-control-allow-origin"));
        assert!(response.status.is_client_error());
    }
}

contract! {
    async fn health_and_readiness(app) {
        let health = app.anonymous().get("/v1/health").await;
        assert_eq!((health.status.as_u16(), health.body.as_slice()), (200, &b"OK"[..]));
        let ready = app.anonymous().get("/readyz").await;
        assert_eq!(ready.json(), serde_json::json!({"status": "ready", "phase": app.database.phase().as_str()}));
    }

    async fn readiness_fails_when_the_tables_are_not_there_and_health_does_not(app) {
        app.database.execute_unmapped(r#"DROP TABLE "user" CASCADE"#);
        app.anonymous().get("/readyz").await.assert_error(
            503,
            "Service Unavailable",
            "unavailable",
            "The service is temporarily unavailable",
        );
        assert_eq!(app.anonymous().get("/v1/health").await.status, 200);
    }
}
