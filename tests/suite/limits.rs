//! How much one user may store, and that what is there already can be read.

use std::time::Duration;

use actix_web::rt::spawn;
use reqwest::Method;
use serde_json::{Value, json};
use winserve_domain::phase::Phase;
use winserve_testkit::{Client, Custom, Limits, ReadingPace, Response, TestApp};

use crate::fixtures;

const MINE: &str = "/v1/campaigns/mine";
const FILTER: &str = "/v1/voters/voter-file/filter";

/// User 7 with the campaign 11, which pays, where little may be stored.
async fn candidate(phase: Phase) -> TestApp {
    let limits =
        Limits { json_column_bytes: 10_000, campaigns: 2, elected_offices: 2, saved_filters: 3 };
    let app = TestApp::custom(phase, Custom { limits, ..Custom::default() }).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
    app
}

/// So many requests at once, each on a connection of its own.
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

/// How many were answered with a status; all others were refused with the other one and its code.
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
        assert_eq!(small.status, 200, "what fits is stored still");
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
        "`details` would be larger than the 10000 bytes that may be stored: remove something from \
         it, then try again",
    );
    assert_eq!(put(json!({"note": "z".repeat(1000)})).await.status, 200, "as large as before");
    assert_eq!(put(json!({"funFact": "", "zip": "49286"})).await.status, 200, "smaller");
    let other = app.user(7).put(MINE, json!({"data": {"step": 1}})).await;
    assert_eq!(other.status, 200, "another column is another matter");
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
    // What does not compress.
    app.database.execute_unmapped(
        "UPDATE campaign SET ai_content = (
             SELECT jsonb_object_agg(n::text, md5(n::text)) FROM generate_series(1, 30000) n)",
    );
    let get = |client: Client, _| async move { client.get(MINE).await };
    let answers = at_once(&app, 8, get).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body.len() > 1_000_000));
}
