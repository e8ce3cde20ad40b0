//! How the old session token is rejected (legacy contract §5.0), and the order of the checks.

use serde_json::{Value, json};
use winserve_testkit::{Client, TestApp, legacy_token};

use crate::fixtures;

/// 2026-02-25T12:34:56Z, the fixed time of the test clock.
const NOW: i64 = 1_772_022_896;

fn claims() -> Value {
    json!({"sub": 7, "email": "a@example.org", "iss": "gp-api", "iat": NOW, "exp": NOW + 60})
}

fn client_with_claims(app: &TestApp, claims: &Value) -> Client {
    app.anonymous().authorized(format!("Bearer {}", app.sign(claims)))
}

async fn refusal_of(client: &Client) -> (u16, Value) {
    let response = client.get("/v1/users/me").await;
    (response.status.as_u16(), response.error()["message"].clone())
}

in_any_phase! {
    async fn a_valid_token_is_accepted_whatever_its_issuer(app) {
        fixtures::user(&app.database, 7, "candidate");
        let mut claims = claims();
        assert_eq!(client_with_claims(&app, &claims).get("/v1/users/me").await.status, 200);
        claims["iss"] = "somebody".into();
        claims["aud"] = "somebody".into();
        assert_eq!(client_with_claims(&app, &claims).get("/v1/users/me").await.status, 200);
    }

    async fn the_scheme_is_read_in_any_spelling(app) {
        fixtures::user(&app.database, 7, "candidate");
        let token = app.sign(&claims());
        for header in [format!("bearer {token}"), format!("BEARER   {token}"), format!("Bearer {token} more")] {
            assert_eq!(app.anonymous().authorized(header).get("/v1/users/me").await.status, 200);
        }
    }

    async fn without_a_token_401(app) {
        let anonymous = app.anonymous();
        anonymous
            .get("/v1/users/me")
            .await
            .assert_error(401, "Unauthorized", "unauthorized", "Unauthorized");
        for header in ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"] {
            let refused = refusal_of(&anonymous.authorized(header)).await;
            assert_eq!(refused, (401, json!("Unauthorized")), "{header:?}");
        }
    }

    async fn a_user_that_is_gone_or_never_was_401(app) {
        for subject in [json!(7), json!(-1), json!(0), json!(2_147_483_648_i64), json!(i64::MAX)] {
            let mut claims = claims();
            claims["sub"] = subject.clone();
            let refused = refusal_of(&client_with_claims(&app, &claims)).await;
            assert_eq!(refused, (401, json!("Unauthorized")), "{subject}");
        }
    }

    async fn an_expired_or_malformed_token_498_and_the_cookie_is_cleared(app) {
        fixtures::user(&app.database, 7, "candidate");
        let mut expired = claims();
        expired["exp"] = (NOW).into();
        let response = client_with_claims(&app, &expired).get("/v1/users/me").await;
        response.assert_error(498, "Invalid Token", "invalid-token", "Invalid or expired token");
        let cookie = response.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("token=;") && cookie.contains("Max-Age=0"), "{cookie}");

        let good = app.sign(&claims());
        let (head, signature) = good.rsplit_once('.').unwrap();
        let payload = head.split_once('.').unwrap().1;
        for token in [
            "x".to_owned(),
            "a.b.c".to_owned(),
            head.to_owned(),
            format!("{head}."),
            format!("{head}.{}", signature.chars().rev().collect::<String>()),
            // {"alg":"none"}
            format!("eyJhbGciOiJub25lIn0.{payload}."),
            legacy_token("another secret", 7, chrono::DateTime::from_timestamp(NOW, 0).unwrap()),
        ] {
            let refused = refusal_of(&app.anonymous().authorized(format!("Bearer {token}"))).await;
            assert_eq!(refused, (498, json!("Invalid or expired token")), "{token}");
        }
    }

    async fn wrong_claims_498(app) {
        fixtures::user(&app.database, 7, "candidate");
        for (claim, value) in [
            ("sub", json!("7")), ("sub", Value::Null), ("sub", json!(7.5)), ("exp", json!("later")),
            ("exp", Value::Null), ("exp", json!(NOW - 1)), ("nbf", json!(NOW + 1)),
        ] {
            let mut claims = claims();
            claims[claim] = value.clone();
            assert_eq!(refusal_of(&client_with_claims(&app, &claims)).await.0, 498, "{claim} = {value}");
        }
    }

    async fn other_algorithms_498(app) {
        fixtures::user(&app.database, 7, "candidate");
        for algorithm in [jsonwebtoken::Algorithm::HS384, jsonwebtoken::Algorithm::HS512] {
            let key = jsonwebtoken::EncodingKey::from_secret(b"test secret");
            let header = jsonwebtoken::Header::new(algorithm);
            let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
            let client = app.anonymous().authorized(format!("Bearer {token}"));
            assert_eq!(refusal_of(&client).await.0, 498);
        }
    }

    async fn a_header_that_is_no_text_498(app) {
        for header in [&b"Bearer t\xf6ken"[..], "Bearer tökén".as_bytes()] {
            assert_eq!(refusal_of(&app.anonymous().authorized(header)).await.0, 498);
        }
        assert_eq!(refusal_of(&app.anonymous().authorized(&b"\xff\xfe"[..])).await.0, 401);
    }

    async fn a_machine_token_that_nobody_can_verify_401(app) {
        app.anonymous().authorized("Bearer mt_abc").get("/v1/users/me").await.assert_error(
            401,
            "Unauthorized",
            "machine-token-invalid",
            "M2M token verification failed",
        );
    }

    async fn the_token_is_checked_before_the_body(app) {
        for path in ["/v1/users/me", "/v1/campaigns/mine"] {
            let request = app
                .anonymous()
                .request(reqwest::Method::PUT, path)
                .header("Content-Type", "application/json")
                .body("{");
            assert_eq!(app.anonymous().send(request).await.status, 401);
        }
    }

    async fn anonymous_callers_are_refused_by_every_route_that_needs_a_user(app) {
        for (method, path) in [
            ("GET", "/v1/users/me"), ("PUT", "/v1/users/me"),
            ("GET", "/v1/campaigns/mine"), ("PUT", "/v1/campaigns/mine"),
            ("GET", "/v1/campaigns/mine/status"), ("POST", "/v1/campaigns/launch"),
            ("GET", "/v1/campaigns"), ("GET", "/v1/campaigns/slug/slug-11"),
        ] {
            let request = app.anonymous().request(method.parse().unwrap(), path);
            assert_eq!(app.anonymous().send(request).await.status, 401, "{method} {path}");
        }
    }
}
