//! Clerk session tokens on our routes: which user they identify, and who gets no account (design
//! §6).

use reqwest::Method;
use serde_json::json;
use winserve_emulators::{Action, Person, TokenRequest, hostile_tokens};
use winserve_testkit::Phase;
use winserve_testkit::{Custom, Response, TestApp, TestClock, TestDatabase, TrustedProxies};

use crate::fixtures;

const ME: &str = "/v1/users/me";

async fn app() -> TestApp {
    TestApp::with_clerk(Phase::One).await
}

/// No row was changed, and none was added.
fn assert_nobody_is_linked(app: &TestApp, users: i64) {
    let row =
        app.database.row(r#"SELECT count(*) AS users, count(clerk_id) AS linked FROM "user""#);
    assert_eq!(row, json!({"users": users, "linked": 0}));
}

fn jane() -> Person {
    Person {
        first_name: Some("Jane".to_owned()),
        last_name: Some("Doe".to_owned()),
        ..Person::verified("user_1", "jane@example.org")
    }
}

async fn me(app: &TestApp, clerk_id: &str) -> Response {
    app.clerk_user(&TokenRequest::of(clerk_id)).get(ME).await
}

#[actix_web::test]
async fn the_first_login_links_the_account_with_the_verified_address() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    for _ in 0..2 {
        let response = me(&app, "user_1").await;
        assert_eq!((response.status.as_u16(), &response.json()["id"]), (200, &json!(7)));
    }
    assert_eq!(app.database.row(r#"SELECT clerk_id FROM "user""#)["clerk_id"], "user_1");
    assert_eq!(app.clerk().count("/v1/users/user_1"), 1, "Clerk is asked about a user once");
}

/// The account's previous user may be a different person.
#[actix_web::test]
async fn linking_ends_the_earlier_legacy_tokens_of_the_account_and_no_others() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::user(&app.database, 8, "candidate");
    let without_time = app.sign(&json!({"sub": 7, "exp": 2_000_000_000}));
    let without_time = app.anonymous().authorized(format!("Bearer {without_time}"));
    assert_eq!(without_time.get(ME).await.status, 200);
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    assert_eq!(me(&app, "user_1").await.status, 200);
    for ended in [app.user(7), without_time] {
        let (status, reason, code, message) =
            (498, "Invalid Token", "invalid-token", "Invalid or expired token");
        ended.get(ME).await.assert_error(status, reason, code, message);
    }
    // The old service can sign the user in again.
    let now = winserve_domain::base::Clock::now(&TestClock).timestamp();
    let later = app.sign(&json!({"sub": 7, "iat": now + 1, "exp": now + 60}));
    let later = app.anonymous().authorized(format!("Bearer {later}"));
    assert_eq!(later.get(ME).await.json()["id"], 7);
    assert_eq!(app.user(8).get(ME).await.json()["id"], 8);
    // Unlinking by Clerk restores none of the old tokens.
    app.database.execute(r#"UPDATE "user" SET clerk_id = NULL"#);
    assert_eq!(app.user(7).get(ME).await.status, 498);
}

/// Nor does going back to `legacy`.
#[actix_web::test]
async fn tokens_that_a_link_has_ended_stay_ended_in_legacy() {
    let app = TestApp::on(TestDatabase::legacy_with_tables()).await;
    for id in [7, 8] {
        fixtures::user(&app.database, id, "candidate");
    }
    app.database.execute(r#"UPDATE "user" SET legacy_tokens_after = now() WHERE id = 7"#);
    assert_eq!(app.user(7).get(ME).await.status, 498);
    assert_eq!(app.user(8).get(ME).await.status, 200);
}

#[actix_web::test]
async fn an_address_in_another_case_is_the_same() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "User7@Example.org"));
    assert_eq!(me(&app, "user_1").await.json()["id"], 7);
}

#[actix_web::test]
async fn if_several_accounts_have_an_address_none_is_linked_and_staff_see_why() {
    let app = app().await;
    fixtures::user(&app.database, 20, "sales");
    for id in [8, 9] {
        fixtures::user(&app.database, id, "candidate");
    }
    // The old service lets anyone do this.
    app.database.execute(r#"UPDATE "user" SET email = 'USER9@example.org' WHERE id = 8"#);
    app.clerk().add(Person::verified("user_2", "User9@example.org"));
    app.clerk().add(Person::verified("user_3", "user9@example.org"));
    for clerk_id in ["user_2", "user_3"] {
        me(&app, clerk_id).await.assert_error(
            403,
            "Forbidden",
            "several-accounts",
            "Several accounts have your e-mail address: ask support which one is yours",
        );
    }
    assert_nobody_is_linked(&app, 3);
    let found = app.user(20).get("/v1/admin/accounts?email=User9@Example.org").await.json();
    let seen: Vec<_> = found["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["id"], it["email"], it["provenEmail"], it["clerkId"], it["signIn"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!([8, "USER9@example.org", "user8@example.org", null, "several-accounts"]),
            json!([9, "user9@example.org", null, null, "several-accounts"]),
        ]
    );
    let nobody = app.user(20).get("/v1/admin/accounts?email=nobody@example.org").await.json();
    assert_eq!(nobody, json!({"accounts": []}));
    let refused = app.user(8).get("/v1/admin/accounts?email=user9@example.org").await;
    refused.assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
    let unnamed = app.user(20).get("/v1/admin/accounts").await;
    unnamed.assert_invalid(&json!([["invalid_type", ["email"]]]));
    // One of them gets another address, so the other one can be linked.
    app.database.execute(r#"UPDATE "user" SET email = 'user8@example.org' WHERE id = 8"#);
    app.clerk().add(Person::verified("user_4", "user9@EXAMPLE.org"));
    assert_eq!(me(&app, "user_4").await.json()["id"], 9);
}

/// The takeover that the rule prevents: a user with a password changes their address to that of a person who has
/// not signed in yet.
#[actix_web::test]
async fn an_address_that_was_changed_without_verification_links_no_account() {
    let app = app().await;
    fixtures::user(&app.database, 20, "admin");
    fixtures::user(&app.database, 7, "candidate");
    fixtures::user(&app.database, 8, "candidate");
    let change = json!({"email": "Victim@example.org"});
    assert_eq!(app.user(7).put(ME, change).await.status, 200);
    // Changes by the old service are recorded too.
    let as_the_old_service = r#"UPDATE "user" SET email = 'other@example.org' WHERE id = 8"#;
    app.database.execute(as_the_old_service);
    app.clerk().add(Person::verified("user_1", "victim@example.org"));
    app.clerk().add(Person::verified("user_2", "other@example.org"));
    for clerk_id in ["user_1", "user_2"] {
        me(&app, clerk_id).await.assert_error(
            403,
            "Forbidden",
            "email-unproven",
            "An account has changed to your e-mail address without verification: ask support to check it",
        );
    }
    assert_nobody_is_linked(&app, 3);
    let found = app.user(20).get("/v1/admin/accounts?email=victim@example.org").await.json();
    let account = &found["accounts"][0];
    assert_eq!(
        json!([account["id"], account["provenEmail"], account["signIn"]]),
        json!([7, "user7@example.org", "email-unproven"])
    );
    // Also through intermediate changes. The account's original address needs no verification.
    for (email, proven) in [
        ("victim2@example.org", json!("user7@example.org")),
        ("USER7@example.org", json!(null)),
        ("User7@example.org", json!(null)),
    ] {
        assert_eq!(app.user(7).put(ME, json!({"email": email})).await.status, 200);
        let row = app.database.row(r#"SELECT proven_email FROM "user" WHERE id = 7"#);
        assert_eq!(row["proven_email"], proven, "{email}");
    }
    app.clerk().add(Person::verified("user_3", "user7@example.org"));
    assert_eq!(me(&app, "user_3").await.json()["id"], 7);
}

#[actix_web::test]
async fn a_link_proves_the_address_until_the_old_service_changes_it() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    assert_eq!(me(&app, "user_1").await.status, 200);
    app.database.execute(
        r#"UPDATE "user" SET email = 'victim@example.org'; UPDATE "user" SET clerk_id = NULL"#,
    );
    app.clerk().add(Person::verified("user_2", "victim@example.org"));
    assert_eq!(me(&app, "user_2").await.error()["code"], "email-unproven");
}

/// A user changes to an address at the moment when its owner signs in for the first time.
#[actix_web::test]
async fn a_change_and_a_first_login_at_once_leave_one_account_with_the_address() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    for round in 0..10 {
        let (email, clerk_id) = (format!("owner{round}@example.org"), format!("user_{round}"));
        app.clerk().add(Person::verified(&clerk_id, &email));
        let change = json!({"email": email.to_uppercase()});
        let attacker = app.user(7);
        let taking = actix_web::rt::spawn(async move { attacker.put(ME, change).await.status });
        let login = me(&app, &clerk_id).await;
        let taken = taking.await.unwrap().as_u16();
        match login.status.as_u16() {
            200 => assert!(taken == 409 && login.json()["id"] != 7, "{}", login.json()),
            status => assert_eq!((status, taken), (403, 200)),
        }
        let query = format!(r#"SELECT count(*) FROM "user" WHERE lower(email) = '{email}'"#);
        assert_eq!(app.database.row(&query)["count"], 1);
    }
}

#[actix_web::test]
async fn the_first_login_of_somebody_new_makes_an_account() {
    let app = app().await;
    app.clerk().add(jane());
    let answer = me(&app, "user_1").await.json();
    assert_eq!(
        (&answer["firstName"], &answer["email"]),
        (&json!("Jane"), &json!("jane@example.org"))
    );
    assert_eq!((&answer["roles"], &answer["hasPassword"]), (&json!(["candidate"]), &json!(false)));
    assert_eq!(me(&app, "user_1").await.json(), answer);
}

#[actix_web::test]
async fn twenty_first_logins_at_once_make_one_account() {
    for is_known in [false, true] {
        let app = app().await;
        if is_known {
            fixtures::user(&app.database, 7, "candidate");
        }
        let email = if is_known { "user7@example.org" } else { "jane@example.org" };
        app.clerk().add(Person::verified("user_1", email));
        let logins: Vec<_> = (0..20)
            .map(|_| {
                let client = app.clerk_user(&TokenRequest::of("user_1"));
                actix_web::rt::spawn(async move { client.get(ME).await.json()["id"].clone() })
            })
            .collect();
        let mut ids = Vec::new();
        for login in logins {
            ids.push(login.await.unwrap());
        }
        assert!(ids.iter().all(|id| *id == ids[0] && id.is_number()), "{ids:?}");
        assert_eq!(app.database.row(r#"SELECT count(*) FROM "user""#)["count"], 1);
    }
}

#[actix_web::test]
async fn an_account_that_is_linked_is_never_bound_to_somebody_else() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    me(&app, "user_1").await;
    app.clerk().add(Person::verified("user_2", "user7@example.org"));
    me(&app, "user_2").await.assert_error(
        403,
        "Forbidden",
        "account-taken",
        "The account with your e-mail address belongs to another sign-in",
    );
    assert_eq!(app.database.row(r#"SELECT clerk_id FROM "user""#)["clerk_id"], "user_1");
}

#[actix_web::test]
async fn an_address_that_clerk_has_not_verified_identifies_no_account() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person { verified: false, ..Person::verified("user_1", "user7@example.org") });
    app.clerk().add(Person { id: "user_2".to_owned(), ..Person::default() });
    for id in ["user_1", "user_2"] {
        me(&app, id).await.assert_error(
            403,
            "Forbidden",
            "email-not-verified",
            "Verify your e-mail address first",
        );
    }
    assert_nobody_is_linked(&app, 1);
}

#[actix_web::test]
async fn an_unknown_clerk_user_gets_no_account_and_without_clerk_there_is_no_first_login() {
    let app = app().await;
    me(&app, "user_9").await.assert_error(401, "Unauthorized", "unauthorized", "Unauthorized");
    app.clerk().fail("/v1/users/*", Action::Hang);
    app.clerk().add(jane());
    let response = me(&app, "user_1").await;
    response.assert_error(
        503,
        "Service Unavailable",
        "unavailable",
        "The service is temporarily unavailable",
    );
    assert_nobody_is_linked(&app, 0);
    app.clerk().heal();
    assert_eq!(me(&app, "user_1").await.status, 200);
    app.clerk().fail("/v1/users/*", Action::Hang);
    assert_eq!(me(&app, "user_1").await.status, 200, "a known user needs no answer of Clerk");
}

#[actix_web::test]
async fn hostile_tokens_are_refused_with_their_code_and_leave_no_row() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    let now = winserve_domain::base::Clock::now(&TestClock).timestamp();
    let good = TokenRequest {
        azp: Some("https://app.example.org".to_owned()),
        ..TokenRequest::of("user_1")
    };
    let hostile = hostile_tokens(&good, now);
    assert!(hostile.len() >= 40);
    for request in &hostile {
        let token = app.clerk().mint(request);
        let response = app.anonymous().authorized(format!("Bearer {token}")).get(ME).await;
        let body = response.error();
        assert_eq!(
            (response.status.as_u16(), &body["code"]),
            (498, &json!("invalid-token")),
            "{request:?}"
        );
        assert_eq!(body["message"], "Invalid or expired token");
    }
    let pending = TokenRequest { sts: Some("pending".to_owned()), ..good };
    app.clerk_user(&pending).get(ME).await.assert_error(
        401,
        "Unauthorized",
        "session-pending",
        "Finish signing in first",
    );
    for token in ["mt_unknown", "mt_"] {
        let response = app.anonymous().authorized(format!("Bearer {token}")).get(ME).await;
        response.assert_error(
            401,
            "Unauthorized",
            "machine-token-invalid",
            "M2M token verification failed",
        );
    }
    for token in [&b"ak_1"[..], b"oat_1", b"\xff\xfe", "Bearer \u{fc}".as_bytes(), b"a.b.c"] {
        let header = [&b"Bearer "[..], token].concat();
        assert_eq!(app.anonymous().authorized(header).get(ME).await.status, 498);
    }
    assert_nobody_is_linked(&app, 1);
}

#[actix_web::test]
async fn without_any_key_the_answer_is_503_and_never_401() {
    let app = app().await;
    app.clerk().add(jane());
    app.clerk().fail_keys(Some(500), std::time::Duration::ZERO);
    let response = me(&app, "user_1").await;
    response.assert_error(
        503,
        "Service Unavailable",
        "unavailable",
        "The service is temporarily unavailable",
    );
    assert_nobody_is_linked(&app, 0);
    app.clerk().heal();
    assert_eq!(me(&app, "user_1").await.status, 200);
    // A known key stays valid.
    app.clerk().fail_keys(Some(500), std::time::Duration::ZERO);
    assert_eq!(me(&app, "user_1").await.status, 200);
}

#[actix_web::test]
async fn the_cookie_is_used_if_there_is_no_header() {
    let app = app().await;
    app.clerk().add(jane());
    let azp = Some("https://app.example.org".to_owned());
    let token = app.clerk().mint(&TokenRequest { azp, ..TokenRequest::of("user_1") });
    let client = app.anonymous();
    let with_cookie = |cookie: String| client.request(Method::GET, ME).header("Cookie", cookie);
    let response = client.send(with_cookie(format!("other=1; __session={token}"))).await;
    assert_eq!((response.status.as_u16(), &response.json()["firstName"]), (200, &json!("Jane")));
    // A cookie does not replace an invalid header.
    let both = with_cookie(format!("__session={token}")).header("Authorization", "Bearer x");
    assert_eq!(client.send(both).await.status, 498);
    // The old service never read cookies.
    let legacy = winserve_testkit::legacy_token(
        "test secret",
        7,
        winserve_domain::base::Clock::now(&TestClock),
    );
    assert_eq!(client.send(with_cookie(format!("__session={legacy}"))).await.status, 498);
    assert_eq!(client.send(with_cookie(format!("token={token}"))).await.status, 401);
}

#[actix_web::test]
async fn a_page_of_another_origin_cannot_make_a_browser_write() {
    let app = app().await;
    app.clerk().add(jane());
    let azp = Some("https://app.example.org".to_owned());
    let token = app.clerk().mint(&TokenRequest { azp, ..TokenRequest::of("user_1") });
    let client = app.anonymous();
    let post = |origin: Option<&str>| {
        let request = client.request(Method::POST, "/v1/campaigns");
        let request = request.header("Cookie", format!("__session={token}"));
        match origin {
            Some(origin) => request.header("Origin", origin),
            None => request,
        }
    };
    for origin in [None, Some("https://evil.example.org"), Some("null")] {
        assert_eq!(client.send(post(origin)).await.status, 401, "{origin:?}");
    }
    assert_eq!(client.send(post(Some(app.base()))).await.status, 201);
}

#[actix_web::test]
async fn only_a_trusted_proxy_may_say_which_host_a_browser_called() {
    for is_trusted in [false, true] {
        let networks = if is_trusted { vec!["127.0.0.0/8".parse().unwrap()] } else { vec![] };
        let custom =
            Custom { trusted_proxies: TrustedProxies::new(&networks), ..Custom::default() };
        let app = TestApp::custom_with_clerk(Phase::One, custom).await;
        app.clerk().add(jane());
        let azp = Some("https://app.example.org".to_owned());
        let token = app.clerk().mint(&TokenRequest { azp, ..TokenRequest::of("user_1") });
        let client = app.anonymous();
        for (name, value) in
            [("X-Forwarded-Host", "app.example.org"), ("Forwarded", "host=app.example.org")]
        {
            let request = client.request(Method::PUT, ME).json(&json!({"zip": "49286"}));
            let request = request.header("Cookie", format!("__session={token}"));
            let request = request.header("Origin", "https://app.example.org").header(name, value);
            let expected = if is_trusted { 200 } else { 401 };
            assert_eq!(client.send(request).await.status, expected, "{name}");
        }
    }
}

#[actix_web::test]
async fn who_deletes_their_account_is_gone_for_clerk_too() {
    let app = app().await;
    app.clerk().add(jane());
    let id = me(&app, "user_1").await.json()["id"].clone();
    let client = app.clerk_user(&TokenRequest::of("user_1"));
    let deleted = client.send(client.request(Method::DELETE, &format!("/v1/users/{id}"))).await;
    assert_eq!(deleted.status, 204);
    // The session stays valid for a minute: it must not create a new account.
    client.get(ME).await.assert_error(401, "Unauthorized", "unauthorized", "Unauthorized");
    assert!(app.database.rows(r#"SELECT id FROM "user""#).is_empty());
}

#[actix_web::test]
async fn the_address_of_a_linked_account_is_changed_at_clerk() {
    let app = app().await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    me(&app, "user_1").await;
    let client = app.clerk_user(&TokenRequest::of("user_1"));
    let same = json!({"email": "user7@example.org", "firstName": "Joan"});
    assert_eq!(client.put(ME, same).await.status, 200);
    client.put(ME, json!({"email": "victim@example.org"})).await.assert_error(
        403,
        "Forbidden",
        "email-managed",
        "Change your e-mail address where you sign in",
    );
}

#[actix_web::test]
async fn a_first_login_that_is_refused_asks_clerk_once() {
    let app = app().await;
    app.clerk().add(Person { verified: false, ..Person::verified("user_1", "x@example.org") });
    for _ in 0..10 {
        assert_eq!(me(&app, "user_1").await.status, 403);
    }
    assert_eq!(app.clerk().count("/v1/users/user_1"), 1);
}

#[actix_web::test]
async fn who_acts_for_a_user_owns_what_the_user_owns_and_may_what_they_may_themselves() {
    let app = app().await;
    for (id, roles) in [(7, "candidate"), (8, "admin"), (20, "admin"), (21, "sales")] {
        fixtures::user(&app.database, id, roles);
        let (clerk_id, email) = (format!("user_{id}"), format!("user{id}@example.org"));
        app.clerk().add(Person::verified(&clerk_id, &email));
        me(&app, &clerk_id).await;
    }
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    fixtures::campaign(&app.database, 12, 8, &json!({}), None);
    let acting = |actor: &str, user: &str| {
        app.clerk_user(&TokenRequest { act: Some(json!({"sub": actor})), ..TokenRequest::of(user) })
    };
    let list = async |actor: &str, user: &str| {
        acting(actor, user).get("/v1/campaigns").await.status.as_u16()
    };

    let admin = acting("user_20", "user_7");
    assert_eq!(admin.get(ME).await.json()["id"], 7);
    assert_eq!(admin.get("/v1/campaigns/mine").await.json()["id"], 11);
    let open = json!({"canDownloadFederal": true});
    let opened = admin.put("/v1/campaigns/mine", open.clone()).await;
    assert_eq!((opened.status.as_u16(), &opened.json()["id"]), (200, &json!(11)));
    assert_eq!(list("user_20", "user_7").await, 200, "the actor's role");

    assert_eq!(list("user_21", "user_8").await, 403, "not those of the admin for whom sales act");
    assert_eq!(acting("user_21", "user_8").put("/v1/campaigns/mine", open).await.status, 403);
    assert_eq!(list("user_99", "user_8").await, 403, "the actor is unknown");
}

#[actix_web::test]
async fn before_phase_1_clerk_sessions_are_rejected() {
    let app = TestApp::with_clerk(Phase::Legacy).await;
    app.clerk().add(jane());
    me(&app, "user_1").await.assert_error(
        503,
        "Service Unavailable",
        "not-migrated",
        "This needs a later phase of the migration",
    );
}

#[actix_web::test]
async fn a_session_costs_one_statement_and_no_question() {
    let app = app().await;
    app.clerk().add(jane());
    me(&app, "user_1").await;
    let client = app.clerk_user(&TokenRequest::of("user_1"));
    client.get(ME).await;
    let before = (app.statements(), app.clerk().count("/.well-known/jwks.json"));
    client.get(ME).await;
    assert_eq!(
        (app.statements() - before.0, app.clerk().count("/.well-known/jwks.json") - before.1),
        (1, 0)
    );
}
