//! `POST /v1/webhooks/clerk`: each event of Clerk is processed once, whenever and however often it arrives.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use diesel::connection::SimpleConnection as _;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_domain::base::Clock as _;
use winserve_emulators::{Person, TokenRequest};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp, TestClock, TestDatabase, WEBHOOK_SECRETS};

use crate::fixtures;

const PATH: &str = "/v1/webhooks/clerk";

fn signature(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let signature =
        crypto::sign(&signed, &EncodingKey::from_secret(&key), Algorithm::HS256).unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    format!("v1,{}", BASE64_STANDARD.encode(signature))
}

fn now() -> String {
    TestClock.now().timestamp().to_string()
}

/// A message, with headers under the given names.
async fn send(app: &TestApp, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let client = app.anonymous();
    let mut request = client.request(Method::POST, PATH).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request).await
}

/// A message as Clerk would send it now.
async fn tell(app: &TestApp, id: &str, kind: &str, data: &Value) -> Response {
    let body = json!({"object": "event", "type": kind, "data": data}).to_string();
    let signed = signature(WEBHOOK_SECRETS[0], id, &now(), body.as_bytes());
    let headers = [
        ("svix-id", id),
        ("svix-timestamp", &*now()),
        ("svix-signature", &*signed),
        ("content-type", "application/json"),
    ];
    send(app, &headers, body.as_bytes()).await
}

/// An app with phase 1b on, a linked user and a campaign that is synced to Clerk as `org_1`.
async fn app() -> (TestApp, String) {
    let app = TestApp::with_clerk_as_server(TestDatabase::with_clerk_outbox(Phase::One)).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app.database.execute(
        "UPDATE \"user\" SET clerk_id = 'user_7';
         UPDATE organization SET clerk_organization_id = 'org_1'; DELETE FROM clerk_outbox",
    );
    let organization = app.organization_of(11).as_str().unwrap().to_owned();
    (app, organization)
}

fn outbox(app: &TestApp) -> Vec<Value> {
    app.database.rows("SELECT organization_id FROM clerk_outbox")
}

fn organization(app: &TestApp, id: &str, reference: &str) -> Value {
    let source = app.database.row("SELECT source FROM clerk_switch")["source"].clone();
    json!({
        "object": "organization", "id": id, "name": "Campaign", "created_at": 1_772_000_000_000_i64,
        "public_metadata": {"type": "campaign"}, "private_metadata": {"ref": reference, "source": source},
    })
}

#[actix_web::test]
async fn the_example_of_svix_is_accepted() {
    let app = TestApp::with_clerk_as_server(TestDatabase::with_clerk_outbox(Phase::One)).await;
    let headers = [
        ("svix-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
        ("svix-timestamp", "1649367553"),
        ("svix-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
    ];
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    let answer = send(&app, &headers, body).await;
    answer.assert_error(
        400,
        "Bad Request",
        "invalid-signature",
        "Webhook timestamp outside the tolerance",
    );
}

#[actix_web::test]
async fn a_message_is_accepted_with_either_secret_either_set_of_headers_and_among_other_signatures()
{
    let (app, _) = app().await;
    let body = br#"{"type": "session.created", "data": {}}"#;
    for (number, secret) in WEBHOOK_SECRETS.iter().enumerate() {
        for prefix in ["svix", "webhook"] {
            let id = format!("msg_{prefix}{number}");
            let good = signature(secret, &id, &now(), body);
            let signatures = format!("v1a,AAAA v1,AAAA {good} nonsense");
            let (a, b, c) = (
                format!("{prefix}-id"),
                format!("{prefix}-timestamp"),
                format!("{prefix}-signature"),
            );
            let headers = [(&*a, &*id), (&*b, &*now()), (&*c, &*signatures)];
            assert_eq!(send(&app, &headers, body).await.status, 204, "{id}");
        }
    }
}

/// Anyone can send as many as fit into a header.
#[actix_web::test]
async fn of_very_many_signatures_only_the_first_are_looked_at() {
    let (app, _) = app().await;
    let body = br#"{"type": "session.created", "data": {}}"#;
    for (others, status) in [(15, 204), (16, 400), (2_000, 400)] {
        let id = format!("msg_{others}");
        let good = signature(WEBHOOK_SECRETS[0], &id, &now(), body);
        let signatures = "v1,AAAA ".repeat(others) + &good;
        let headers =
            [("svix-id", &*id), ("svix-timestamp", &*now()), ("svix-signature", &*signatures)];
        assert_eq!(send(&app, &headers, body).await.status, status, "{others}");
    }
}

#[actix_web::test]
async fn messages_that_clerk_has_not_signed_now_are_rejected() {
    let (app, _) = app().await;
    let body = br#"{"type": "user.deleted", "data": {"id": "user_7"}}"#;
    let secret = WEBHOOK_SECRETS[0];
    let at = |seconds: i64| (TestClock.now().timestamp() + seconds).to_string();
    let good = |timestamp: &str| signature(secret, "msg_1", timestamp, body);
    let refused: [(&str, String, String); 9] = [
        ("msg_1", at(0), "v1,AAAA".into()),
        ("msg_2", at(0), good(&at(0))),
        ("msg_1", at(1), good(&at(0))),
        ("msg_1", at(0), signature("whsec_AAAA", "msg_1", &at(0), body)),
        ("msg_1", at(0), good(&at(0)).replace("v1,", "v2,")),
        ("msg_1", at(-301), good(&at(-301))),
        ("msg_1", at(301), good(&at(301))),
        ("msg_1", "soon".into(), good("soon")),
        ("msg_1", "99999999999999999999".into(), good("99999999999999999999")),
    ];
    for (id, timestamp, signature) in &refused {
        let headers =
            [("svix-id", *id), ("svix-timestamp", timestamp), ("svix-signature", signature)];
        let answer = send(&app, &headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.error()["code"]),
            (400, &json!("invalid-signature"))
        );
    }
    let other_body = br#"{"type": "user.deleted", "data": {"id": "user_8"}}"#;
    let headers =
        [("svix-id", "msg_1"), ("svix-timestamp", &*at(0)), ("svix-signature", &*good(&at(0)))];
    assert_eq!(send(&app, &headers, other_body).await.status, 400);
    assert_eq!(send(&app, &[], body).await.status, 400);
    for left_out in 0..3 {
        let mut few = headers.to_vec();
        few.remove(left_out);
        assert_eq!(send(&app, &few, body).await.status, 400);
    }
    for seconds in [-300, 300] {
        let headers = [
            ("svix-id", "msg_1"),
            ("svix-timestamp", &*at(seconds)),
            ("svix-signature", &*good(&at(seconds))),
        ];
        assert_eq!(send(&app, &headers, body).await.status, 204, "within the tolerance");
    }
    assert_eq!(app.database.row("SELECT clerk_id FROM \"user\"")["clerk_id"], Value::Null);
}

#[actix_web::test]
async fn signed_nonsense_is_refused_and_never_a_server_error() {
    let (app, _) = app().await;
    let large = format!("{{\"type\": \"{}\"}}", "x".repeat(1024 * 1024));
    for (number, body, status) in [
        (1, "", 400),
        (2, "{", 400),
        (3, "[]", 400),
        (4, "null", 400),
        (5, "{\"type\": 5}", 400),
        (6, "{\"type\": \"organization.created\"}", 400),
        (7, "{\"type\": \"organization.deleted\", \"data\": {\"id\": \"17\"}}", 400),
        (8, "{\"type\": \"user.deleted\", \"data\": {\"id\": \"user_\\u0000\"}}", 400),
        (
            9,
            "{\"type\": \"organizationMembership.deleted\", \"data\": {\"organization\": null}}",
            400,
        ),
        (10, "{\"type\": \"of the future\", \"data\": null}", 204),
        (11, large.as_str(), 413),
    ] {
        let id = format!("msg_{number}");
        let signed = signature(WEBHOOK_SECRETS[0], &id, &now(), body.as_bytes());
        let headers =
            [("svix-id", &*id), ("svix-timestamp", &*now()), ("svix-signature", &*signed)];
        assert_eq!(send(&app, &headers, body.as_bytes()).await.status, status, "{body:.60}");
    }
    let long = "m".repeat(300);
    let signed = signature(WEBHOOK_SECRETS[0], &long, &now(), b"{}");
    let headers = [("svix-id", &*long), ("svix-timestamp", &*now()), ("svix-signature", &*signed)];
    assert_eq!(send(&app, &headers, b"{}").await.status, 400);
}

#[actix_web::test]
async fn a_message_that_comes_again_does_nothing_again() {
    let (app, organization_id) = app().await;
    let gone = json!({"object": "organization", "id": "org_1", "deleted": true});
    assert_eq!(tell(&app, "msg_1", "organization.deleted", &gone).await.status, 204);
    assert_eq!(outbox(&app), [json!({"organization_id": organization_id})]);
    app.database.execute("DELETE FROM clerk_outbox");
    assert_eq!(tell(&app, "msg_1", "organization.deleted", &gone).await.status, 204);
    assert!(outbox(&app).is_empty());
    app.database
        .execute("UPDATE clerk_webhook_message SET received_at = now() - interval '31 days'");
    assert_eq!(tell(&app, "msg_2", "session.ended", &json!({})).await.status, 204);
    let kept = app.database.rows("SELECT id FROM clerk_webhook_message");
    assert_eq!(kept, [json!({"id": "msg_2"})], "forgotten after a month");
}

#[actix_web::test]
async fn what_was_deleted_or_changed_there_is_looked_at_and_all_else_is_not() {
    let (app, ours) = app().await;
    let unchanged = organization(&app, "org_1", &ours);
    let mut changed = unchanged.clone();
    changed["public_metadata"]["type"] = json!("electedOffice");
    let mut foreign = organization(&app, "org_2", "0193f6a4-0000-7000-8000-00000000000a");
    foreign["private_metadata"] = json!({});
    for (number, kind, data, is_noted) in [
        (1, "organization.updated", unchanged.clone(), false),
        (2, "organization.updated", changed.clone(), true),
        (3, "organization.deleted", json!({"id": "org_1", "deleted": true}), true),
        (4, "organization.deleted", json!({"id": "org_2", "deleted": true}), false),
        (5, "organization.created", foreign, false),
        (
            6,
            "organization.created",
            organization(&app, "org_2", "0193f6a4-0000-7000-8000-00000000000a"),
            false,
        ),
        (7, "organizationMembership.deleted", json!({"organization": unchanged}), true),
        // A duplicate of ours: a sweep reports it.
        (8, "organization.created", organization(&app, "org_2", &ours), false),
        (9, "organizationMembership.created", json!({"organization": changed}), false),
    ] {
        assert_eq!(tell(&app, &format!("msg_{number}"), kind, &data).await.status, 204);
        assert_eq!(!outbox(&app).is_empty(), is_noted, "{number} {kind}");
        app.database.execute("DELETE FROM clerk_outbox");
    }
    assert_eq!(
        app.database.row("SELECT clerk_organization_id AS id FROM organization")["id"],
        "org_1"
    );
}

/// A person whom an admin in Clerk adds, as member or as admin, and removes again.
#[actix_web::test]
async fn members_added_and_removed_in_clerk_change_nothing_here() {
    let (app, ours) = app().await;
    let state = || {
        app.database.rows(
            "SELECT organization.*, campaign.user_id FROM organization
             JOIN campaign ON organization_id = organization.id",
        )
    };
    let before = state();
    for (number, kind) in ["created", "updated", "deleted"].into_iter().cycle().take(6).enumerate()
    {
        let role = if number < 3 { "org:member" } else { "org:admin" };
        let data = json!({
            "organization": organization(&app, "org_1", &ours), "role": role,
            "public_user_data": {"user_id": "user_8"},
        });
        let kind = format!("organizationMembership.{kind}");
        assert_eq!(tell(&app, &format!("msg_{number}"), &kind, &data).await.status, 204);
        assert_eq!(state(), before, "{kind} of {role}");
    }
}

#[actix_web::test]
async fn a_creation_whose_answer_was_lost_is_looked_at_under_the_id_that_clerk_says() {
    let (app, ours) = app().await;
    app.database.execute("UPDATE organization SET clerk_organization_id = NULL");
    let created = organization(&app, "org_9", &ours);
    assert_eq!(tell(&app, "msg_1", "organization.created", &created).await.status, 204);
    let row = app.database.row("SELECT organization_id, clerk_organization_id FROM clerk_outbox");
    assert_eq!(row, json!({"organization_id": ours, "clerk_organization_id": "org_9"}));
    // Deleted before the worker ran: it is deleted in Clerk too.
    app.database.execute("DELETE FROM campaign");
    let row = app.database.row("SELECT is_deletion, clerk_organization_id FROM clerk_outbox");
    assert_eq!(row, json!({"is_deletion": true, "clerk_organization_id": "org_9"}));
}

#[actix_web::test]
async fn a_user_deleted_there_is_unlinked_whatever_comes_late() {
    let (app, _) = app().await;
    fixtures::user(&app.database, 8, "candidate");
    app.database.execute("UPDATE \"user\" SET clerk_id = 'user_8' WHERE id = 8");
    let gone = json!({"object": "user", "id": "user_7", "deleted": true});
    assert_eq!(tell(&app, "msg_2", "user.deleted", &gone).await.status, 204);
    assert_eq!(tell(&app, "msg_1", "user.updated", &json!({"id": "user_7"})).await.status, 204);
    let linked = app.database.rows("SELECT id, clerk_id FROM \"user\" ORDER BY id");
    assert_eq!(
        linked,
        [json!({"id": 7, "clerk_id": null}), json!({"id": 8, "clerk_id": "user_8"})]
    );
}

/// An app with a user who is in Clerk as `user_1`, linked or not yet.
async fn app_of_jane(is_linked: bool) -> TestApp {
    let app = TestApp::with_clerk_as_server(TestDatabase::with_clerk_outbox(Phase::One)).await;
    fixtures::user(&app.database, 7, "candidate");
    app.clerk().add(Person::verified("user_1", "user7@example.org"));
    if is_linked {
        assert_eq!(me(&app, "user_1").await.json()["id"], 7);
    }
    app
}

async fn me(app: &TestApp, clerk_id: &str) -> Response {
    app.clerk_user(&TokenRequest::of(clerk_id)).get("/v1/users/me").await
}

fn links(app: &TestApp) -> Vec<Value> {
    app.database.rows("SELECT id, clerk_id FROM \"user\"")
}

#[actix_web::test]
async fn a_session_of_a_deleted_user_links_no_account() {
    for is_linked in [false, true] {
        let app = app_of_jane(is_linked).await;
        let gone = json!({"object": "user", "id": "user_1", "deleted": true});
        for message in ["msg_1", "msg_2"] {
            assert_eq!(tell(&app, message, "user.deleted", &gone).await.status, 204);
            // Clerk's earlier answer may be cached.
            me(&app, "user_1").await.assert_error(
                401,
                "Unauthorized",
                "unauthorized",
                "Unauthorized",
            );
            assert_eq!(links(&app), [json!({"id": 7, "clerk_id": null})]);
        }
        app.clerk().add(Person::verified("user_2", "user7@example.org"));
        assert_eq!(me(&app, "user_2").await.json()["id"], 7);
        assert_eq!(links(&app), [json!({"id": 7, "clerk_id": "user_2"})]);
    }
}

#[actix_web::test]
async fn a_first_login_in_progress_when_the_user_is_deleted_leaves_no_link() {
    let app = Rc::new(app_of_jane(false).await);
    let waiting = || {
        let query = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        app.database.row(query)["count"].as_u64().unwrap()
    };
    let until = async |is_so: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so() {
            assert!(Instant::now() < deadline, "the condition was not reached in time");
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut busy = app.database.connect();
    busy.batch_execute("BEGIN; SELECT FROM \"user\" FOR UPDATE").unwrap();
    let session = app.clerk_user(&TokenRequest::of("user_1"));
    let login = actix_web::rt::spawn(async move { session.get("/v1/users/me").await.status });
    until(&|| waiting() == 1).await;
    let message = actix_web::rt::spawn({
        let app = Rc::clone(&app);
        let gone = json!({"object": "user", "id": "user_1", "deleted": true});
        async move { tell(&app, "msg_1", "user.deleted", &gone).await.status }
    });
    // The webhook waits for the login; otherwise it would have been processed by now.
    until(&|| waiting() == 2 || message.is_finished()).await;
    busy.batch_execute("COMMIT").unwrap();
    assert_eq!(message.await.unwrap(), 204);
    assert_eq!(login.await.unwrap(), 200);
    assert_eq!(links(&app), [json!({"id": 7, "clerk_id": null})]);
}

#[actix_web::test]
async fn before_the_outbox_exists_webhooks_get_503() {
    for phase in [Phase::Legacy, Phase::One] {
        let app = TestApp::with_clerk(phase).await;
        let gone = json!({"object": "user", "id": "user_7", "deleted": true});
        tell(&app, "msg_1", "user.deleted", &gone).await.assert_error(
            503,
            "Service Unavailable",
            "not-migrated",
            "This needs a later phase of the migration",
        );
    }
}

#[actix_web::test]
async fn without_a_secret_webhooks_are_rejected() {
    let app = TestApp::new(Phase::One).await;
    let gone = json!({"object": "user", "id": "user_7", "deleted": true});
    tell(&app, "msg_1", "user.deleted", &gone).await.assert_error(
        404,
        "Not Found",
        "not-found",
        "Not Found",
    );
}
