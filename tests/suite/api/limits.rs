//! Limits on what one user may store. Existing data stays readable.

use std::time::Duration;

use actix_web::rt::{spawn, task::JoinHandle};
use diesel::{PgConnection, connection::SimpleConnection as _};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Custom, Limits, ReadingPace, Response, TestApp};

use crate::{
    binaries::{wait_for_blocked_statements, wait_until},
    fixtures,
};

const MINE: &str = "/v1/campaigns/mine";
const FILTER: &str = "/v1/voters/voter-file/filter";
const FILTERS: &str = "/v1/voters/voter-file/filters";

/// User 7 with the paid campaign 11, and low limits.
async fn candidate(phase: Phase) -> TestApp {
    let limits = Limits {
        json_column_bytes: 10_000,
        campaigns: 2,
        elected_offices: 2,
        saved_filters: 3,
        ..Custom::default().limits
    };
    let app = TestApp::custom(phase, Custom { limits, ..Custom::default() }).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
    app
}

/// Sends this many requests at once, each on its own connection.
async fn at_once<F: Future<Output = Response> + 'static>(
    app: &TestApp,
    count: usize,
    request: impl Fn(Client, usize) -> F,
) -> Vec<Response> {
    let running: Vec<_> = (0..count).map(|number| spawn(request(app.user(7), number))).collect();
    let mut answers = Vec::new();
    for answer in running {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// How many answers have a status. All others must have the other status and its code.
fn count_of(answers: &[Response], done: u16, refused: (u16, &str)) -> usize {
    let (were_done, were_refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status.as_u16() == done);
    for answer in were_refused {
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status.as_u16(), &code), (refused.0, &json!(refused.1)));
    }
    were_done.len()
}

#[actix_web::test]
async fn what_is_merged_into_a_column_has_a_limit_that_parallel_requests_keep() {
    for phase in [Phase::Legacy, Phase::Two] {
        let app = candidate(phase).await;
        for column in ["details", "data", "aiContent", "pathToVictory"] {
            let answers = at_once(&app, 4, |client, number| async move {
                let member = json!({format!("member{number}"): "x".repeat(4000)});
                client.put(MINE, json!({column: member})).await
            })
            .await;
            assert_eq!(count_of(&answers, 200, (413, "too-much-data")), 2, "{column}");
        }
        let small = app.user(7).put(MINE, json!({"details": {"zip": "49286"}})).await;
        assert_eq!(small.status, 200, "what fits is still stored");
    }
}

#[actix_web::test]
async fn what_is_larger_already_is_read_and_may_shrink_but_not_grow() {
    let app = candidate(Phase::One).await;
    let large = json!({"funFact": "x".repeat(20_000), "note": "y".repeat(1000)});
    app.database
        .execute_unmapped(&format!("UPDATE campaign SET details = {}", fixtures::literal(&large)));
    assert_eq!(app.user(7).get(MINE).await.json()["details"], large);
    let put = async |details: Value| app.user(7).put(MINE, json!({"details": details})).await;
    put(json!({"zip": "49286"})).await.assert_error(
        413,
        "Payload Too Large",
        "too-much-data",
        "`details` would exceed the limit of 10000 bytes: remove something from it, then try again",
    );
    assert_eq!(put(json!({"note": "z".repeat(1000)})).await.status, 200, "as large as before");
    assert_eq!(put(json!({"funFact": "", "zip": "49286"})).await.status, 200, "smaller");
    let other = app.user(7).put(MINE, json!({"data": {"step": 1}})).await;
    assert_eq!(other.status, 200, "the limit is per column");
}

#[actix_web::test]
async fn a_user_has_a_number_of_saved_filters_at_most_that_parallel_requests_keep() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let app = candidate(phase).await;
        let save =
            |client: Client, _| async move { client.post(FILTER, json!({"name": "All"})).await };
        let answers = at_once(&app, 6, save).await;
        assert_eq!(count_of(&answers, 201, (409, "limit-reached")), 3, "{phase}");
        let id = answers.iter().find(|answer| answer.status == 201).unwrap().json()["id"].clone();
        assert_eq!(app.user(7).delete(&format!("{FILTER}/{id}")).await.status.as_u16() / 100, 2);
        assert_eq!(app.user(7).post(FILTER, json!({})).await.status, 201, "there is room again");
    }
}

#[actix_web::test]
async fn a_user_has_a_number_of_campaigns_at_most_that_parallel_requests_keep() {
    let app = candidate(Phase::Three).await;
    let start = |client: Client, _| async move {
        let office = json!({"office": "Clerk", "state": "MI", "zip": "49221"});
        client.post("/v1/campaigns", json!({"customOffice": office})).await
    };
    let answers = at_once(&app, 4, start).await;
    assert_eq!(count_of(&answers, 201, (409, "limit-reached")), 1);
    assert_eq!(app.database.rows("SELECT id FROM campaign").len(), 2);
}

#[actix_web::test]
async fn a_user_has_a_number_of_elected_offices_at_most_that_parallel_requests_keep() {
    let app = candidate(Phase::Three).await;
    let take = |client: Client, _| async move {
        let office = json!({"office": "Clerk", "state": "MI", "zip": "49221"});
        let body = json!({"electedDate": "2024-11-05", "isActive": false, "customOffice": office});
        client.post("/v1/elected-office", body).await
    };
    let answers = at_once(&app, 5, take).await;
    assert_eq!(count_of(&answers, 201, (409, "limit-reached")), 2);
}

#[actix_web::test]
async fn a_user_who_reads_slowly_keeps_no_other_with_a_large_row_waiting() {
    let pace = ReadingPace { bytes_per_second: 1, patience: Duration::from_hours(1) };
    let custom = Custom { reading_pace: pace, ..Custom::default() };
    let app = TestApp::custom(Phase::One, custom).await;
    for (user, campaign) in [(7, 11), (8, 12), (9, 13)] {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, campaign, user, &json!({}), None);
    }
    app.database.execute_unmapped(
        "UPDATE campaign SET ai_content = (
             SELECT jsonb_object_agg(n::text, repeat(md5(n::text), 20))
             FROM generate_series(1, 30000) n)",
    );
    let mut unread = Vec::new();
    for user in [7, 8] {
        let answer = app.user(user).request(Method::GET, MINE).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        unread.push(answer);
    }
    for user in [7, 8, 9] {
        assert_eq!(app.user(user).get(MINE).await.status, 200, "user {user}");
    }
}

#[actix_web::test]
async fn several_requests_for_a_large_row_are_all_answered() {
    let app = candidate(Phase::One).await;
    // Incompressible.
    app.database.execute_unmapped(
        "UPDATE campaign SET ai_content = (
             SELECT jsonb_object_agg(n::text, md5(n::text)) FROM generate_series(1, 30000) n)",
    );
    let get = |client: Client, _| async move { client.get(MINE).await };
    let answers = at_once(&app, 8, get).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body.len() > 1_000_000));
}

/// Users with campaigns for the city's mayor and incompressible JSON. The returned requests hold both slots until
/// the connection ends its transaction.
async fn with_both_turns_taken(
    app: &TestApp,
    users: &[i32],
) -> (PgConnection, [JoinHandle<Response>; 2]) {
    let details =
        json!({"office": "Mayor", "otherOffice": "", "state": "MI", "ballotLevel": "CITY"});
    let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
    for user in users {
        fixtures::user(&app.database, *user, "candidate");
        fixtures::campaign(&app.database, *user, *user, &details, Some(&goals));
    }
    for user in [8, 9] {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, user, user, &json!({}), None);
    }
    app.database.execute_unmapped(
        "UPDATE campaign SET ai_content = (
             SELECT jsonb_object_agg(n::text, md5(n::text)) FROM generate_series(1, 8000) n)",
    );
    let mut holder = app.database.connect();
    holder.batch_execute("BEGIN; SELECT FROM campaign WHERE id IN (8, 9) FOR UPDATE").unwrap();
    let writing = [8, 9].map(|user| {
        let client = app.user(user);
        spawn(async move { client.put(MINE, json!({"data": {"step": 1}})).await })
    });
    wait_for_blocked_statements(&app.database, 2).await;
    (holder, writing)
}

#[actix_web::test]
async fn contacts_and_polls_of_a_large_campaign_wait_for_their_turn_and_filters_do_not() {
    for phase in [Phase::Legacy, Phase::One] {
        let app = TestApp::new(phase).await;
        let (mut holder, writing) = with_both_turns_taken(&app, &[5, 6, 7]).await;
        let (page, numbers, poll) = (app.user(5), app.user(6), app.user(7));
        let waiting = [
            spawn(async move { page.get("/v1/contacts").await }),
            spawn(async move { numbers.get("/v1/contacts/stats").await }),
            spawn(async move {
                let question = json!({"message": "More trees?", "swornInDate": "2026-01-05"});
                poll.post("/v1/polls/initial-poll", question).await
            }),
        ];
        for _ in 0..20 {
            assert_eq!(app.user(7).get(FILTERS).await.status, 200, "{phase}");
        }
        let done: Vec<_> = waiting.iter().map(JoinHandle::is_finished).collect();
        assert_eq!(done, [false; 3], "{phase}");
        holder.batch_execute("COMMIT").unwrap();
        let mut statuses = Vec::new();
        for request in writing.into_iter().chain(waiting) {
            statuses.push(request.await.unwrap().status.as_u16());
        }
        assert_eq!(statuses, [200, 200, 200, 200, 201], "{phase}");
    }
}

/// Three campaigns with four kilobytes of JSON each, where a list may hold ten.
#[actix_web::test]
async fn a_list_for_staff_or_machines_holds_so_much_and_a_narrower_one_is_answered() {
    for phase in [Phase::Legacy, Phase::Two] {
        let limits = Limits { list_json_bytes: 10_000, ..Custom::default().limits };
        let custom = Custom { limits, ..Custom::default() };
        let app = TestApp::custom_with_clerk(phase, custom).await;
        app.clerk().add_machine_token("mt_good", "mch_1", None);
        let machine = app.anonymous().authorized("Bearer mt_good");
        fixtures::user(&app.database, 20, "admin");
        fixtures::user(&app.database, 7, "candidate");
        let goals = json!({"note": "y".repeat(2000)});
        for id in [11, 12, 13] {
            let details = json!({"funFact": "x".repeat(2000)});
            fixtures::campaign(&app.database, id, 7, &details, Some(&goals));
        }
        app.database.execute_unmapped(
            "UPDATE campaign SET data = jsonb_build_object('note', repeat('z', 2000))",
        );
        let staff = app.user(20);
        for (client, all, fewer) in [
            (&staff, "/v1/campaigns", "/v1/campaigns?id=12"),
            (&machine, "/v1/campaigns/list", "/v1/campaigns/list?limit=1"),
            (&machine, "/v1/path-to-victory/list", "/v1/path-to-victory/list?limit=1"),
        ] {
            client.get(all).await.assert_error(
                413,
                "Payload Too Large",
                "too-much-data",
                "The list would exceed the limit of 10000 bytes of campaign data: narrow the filter, or \
                 request a shorter page",
            );
            assert_eq!(client.get(fewer).await.status, 200, "{phase} {fewer}");
        }
    }
}

/// A database connection that transferred a large value is closed.
#[actix_web::test]
async fn what_takes_no_turn_reads_no_large_value() {
    for phase in [Phase::Legacy, Phase::Two] {
        let app = TestApp::new(phase).await;
        let details =
            json!({"office": "Mayor", "otherOffice": "", "state": "MI", "ballotLevel": "CITY"});
        let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
        for id in [7, 8] {
            fixtures::user(&app.database, id, "candidate");
            fixtures::campaign(&app.database, id, id, &details, Some(&goals));
        }
        let (user, official) = (app.user(7), app.user(8));
        let won = official.post("/v1/elected-office", json!({"electedDate": "2025-11-04"})).await;
        assert_eq!(won.status, 201);
        app.database.execute_unmapped(
            "UPDATE campaign SET is_pro = true,
                 ai_content = jsonb_build_object('large', repeat('x', 5000000))",
        );
        let connections = || -> Vec<Value> {
            app.database.rows(
                "SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'winserve-test'",
            )
        };
        let are_kept = |before: &[Value]| {
            let now = connections();
            before.iter().all(|connection| now.contains(connection))
        };
        assert_eq!(user.get(FILTERS).await.status, 200);
        let before = connections();

        let saved = user.post(FILTER, json!({"name": "All"})).await;
        assert_eq!(saved.status, 201);
        let filter = format!("{FILTER}/{}", saved.json()["id"]);
        for answer in [
            user.get(&filter).await,
            user.put(&filter, json!({"name": "Each"})).await,
            user.delete(&filter).await,
            user.put("/v1/users/me", json!({"firstName": "Ann"})).await,
            official.get("/v1/polls").await,
            official.get("/v1/polls/has-polls").await,
        ] {
            assert!(answer.status.is_success(), "{phase}: {:?}", answer.status);
        }
        assert_eq!(official.get("/v1/polls/none").await.status, 404);
        assert_eq!(user.get(FILTERS).await.status, 200);
        assert!(are_kept(&before), "{phase}");

        assert_eq!(user.get(MINE).await.status, 200);
        wait_until("a large value ends its connection", || !are_kept(&before));
    }
}
