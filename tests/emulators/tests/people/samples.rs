//! Samples.

use serde_json::{Value, json};

use crate::support::*;

async fn sample(client: &Client, district: &str, more: Value) -> Vec<Value> {
    let (status, people) = client.post("/v1/people/sample", with(district, more)).await;
    assert_eq!(status, 201, "{people}");
    people.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_sample_is_another_one_each_time_and_has_nobody_twice() {
    let client = start();
    let first = sample(&client, SCHOOLS, json!({})).await;
    assert_eq!(first.len(), 500, "by default");
    let again = sample(&client, SCHOOLS, json!({})).await;
    let ids = |people: &[Value]| set(texts(people, "id"));
    assert_eq!(ids(&first).len(), 500);
    assert_ne!(ids(&first), ids(&again));
    assert!(first.iter().all(|person| person["cellPhone"].is_string()), "by default");
    let without = sample(&client, SCHOOLS, json!({"hasCellPhone": false, "size": 40})).await;
    assert!(without.iter().all(|person| person["cellPhone"].is_null()));
    let path = format!("/v1/people/{}?districtId={SCHOOLS}", first[7]["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await, (200, first[7].clone()));
}

#[tokio::test]
async fn those_excluded_are_not_in_it_and_leave_a_smaller_pool() {
    let client = start();
    let pool = client.total(TECUMSEH, json!({"hasCellPhone": true})).await;
    let everybody = sample(&client, TECUMSEH, json!({"size": pool})).await;
    assert_eq!(set(texts(&everybody, "id")).len(), everybody.len());
    let mut excluded = texts(&everybody[..100], "id");
    excluded.push("01935a5c-0000-4000-8000-000000000001".to_owned());
    let left = json!({"size": pool - 100, "excludeIds": excluded});
    let rest = sample(&client, TECUMSEH, left).await;
    assert_eq!(set(texts(&rest, "id")), set(texts(&everybody[100..], "id")));
    for short in [json!({"size": pool + 1}), json!({"size": pool - 99, "excludeIds": excluded})] {
        let (status, body) = client.post("/v1/people/sample", with(TECUMSEH, short)).await;
        assert_eq!((status, &body["error"]), (400, &json!("Bad Request")));
        assert!(body["message"].as_str().unwrap().contains("pool"), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_sample_is_refused() {
    let client = start();
    for more in [
        json!({"size": 0}),
        json!({"size": 10_001}),
        json!({"size": 1.5}),
        json!({"excludeIds": "x"}),
        json!({"excludeIds": ["x"]}),
    ] {
        let (status, body) = client.post("/v1/people/sample", with(MICHIGAN, more.clone())).await;
        assert_eq!(status, 400, "{more}");
        assert_eq!(body["message"], "Validation failed");
    }
    assert_eq!(client.post("/v1/people/sample", with(PUERTO_RICO, json!({}))).await.0, 404);
    assert_eq!(sample(&client, MICHIGAN, json!({"size": 10_000})).await.len(), 10_000);
}

#[tokio::test]
async fn the_old_form_is_a_query_in_which_false_is_true() {
    let client = start();
    let path = format!("/v1/people/sample?districtId={WARD_2}&size=3&hasCellPhone=false");
    let (status, people) = client.get(&path).await;
    assert_eq!(status, 200);
    let people = people.as_array().unwrap().clone();
    assert_eq!(people.len(), 3);
    assert!(people.iter().all(|person| person["cellPhone"].is_string()));
    let pool = client.total(WARD_2, json!({"hasCellPhone": true})).await;
    let [a, b, c] = [0, 1, 2].map(|place| people[place]["id"].as_str().unwrap());
    let excluded = format!("excludeIds[]={a}&excludeIds[1]={b}&excludeIds={c}");
    let path = format!("/v1/people/sample?districtId={WARD_2}&size={}&{excluded}", pool - 3);
    let (_, rest) = client.get(&path).await;
    let rest = set(texts(rest.as_array().unwrap(), "id"));
    assert!([a, b, c].iter().all(|id| !rest.contains(*id)));
    let (status, _) = client.get(&format!("/v1/people/sample?districtId={WARD_2}&size=61")).await;
    assert_eq!(status, 400);
}
