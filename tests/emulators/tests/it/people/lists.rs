//! Lists, persons and statistics.

use serde_json::{Value, json};

use super::support::*;

#[tokio::test]
async fn a_person_is_the_same_in_the_list_alone_and_in_every_district_it_lives_in() {
    let client = start();
    let people = client.people(TECUMSEH, json!({"page": 2, "resultsPerPage": 10})).await;
    assert_eq!(people.len(), 10);
    let one = &people[3];
    let path = format!("/v1/people/{}?districtId=", one["id"].as_str().unwrap());
    for district in [TECUMSEH, SCHOOLS, MICHIGAN] {
        assert_eq!(client.get(&format!("{path}{district}")).await, (200, one.clone()));
    }
    assert_eq!(client.get(&format!("{path}{CHEYENNE}")).await.0, 404, "lives elsewhere");
    assert_eq!(client.get(&format!("{path}17")).await.0, 400);
    let unknown = format!("/v1/people/01935a5c-0000-4000-8000-000000000001?districtId={TECUMSEH}");
    assert_eq!(client.get(&unknown).await.1["message"], "Person not found");
    let ids = texts(&client.people(TECUMSEH, json!({"resultsPerPage": 2000})).await, "id");
    assert!(ids.is_sorted() && ids.len() == 1_250);
}

#[tokio::test]
async fn a_person_has_all_members_and_those_that_may_be_null_are() {
    let client = start();
    let people = client.people(TECUMSEH, json!({"resultsPerPage": 200})).await;
    let (complete, blank) = (people[0].as_object().unwrap(), people[1].as_object().unwrap());
    assert_eq!(complete.len(), 24);
    assert_eq!(complete["address"].as_object().unwrap().len(), 8);
    let nulls = |person: &serde_json::Map<String, Value>| {
        let names = person.iter().filter(|(_, value)| value.is_null());
        set(names.map(|(name, _)| name.clone()))
    };
    assert_eq!(nulls(complete), set([]));
    let kept =
        ["address", "id", "lalVoterId", "language", "politicalParty", "registeredVoter", "state"];
    let kept = set(kept.map(str::to_owned));
    assert_eq!(nulls(blank), &set(complete.keys().cloned()) - &kept);
    assert!(blank["address"].as_object().unwrap().values().all(Value::is_null));
    assert_eq!(blank["language"], "Other");
    // Each alone is null, and each alone is present.
    for name in nulls(blank) {
        let is_null = |person: &&Value| person[&name].is_null();
        let lone = people[2..32].iter().filter(is_null).count();
        // Either column of the age is enough; a status of `Unknown` is shown as null.
        match name.as_str() {
            "age" => assert_eq!(lone, 0),
            "voterStatus" => assert!(lone >= 1),
            _ => assert_eq!(lone, 1, "{name}"),
        }
        assert!(people[32..62].iter().any(|person| !person[&name].is_null()), "{name}");
    }
}

#[tokio::test]
async fn pages_have_their_quirks() {
    let client = start();
    let page = async |page: i64, size: i64| {
        let more = json!({"page": page, "resultsPerPage": size});
        let list = client.list(TECUMSEH, more).await;
        let found = list["people"].as_array().unwrap().len();
        (list["pagination"].clone(), found)
    };
    let envelope = |current: i64, size: i64, pages: Option<i64>, next: bool, previous: bool| {
        json!({
            "totalResults": 1_250, "currentPage": current, "pageSize": size, "totalPages": pages,
            "hasNextPage": next, "hasPreviousPage": previous,
        })
    };
    assert_eq!(page(1, 50).await, (envelope(1, 50, Some(25), true, false), 50));
    assert_eq!(page(25, 50).await, (envelope(25, 50, Some(25), false, true), 50));
    assert_eq!(page(5, 300).await, (envelope(5, 300, Some(5), false, true), 50));
    let beyond = page(9_999, 50).await;
    assert_eq!(beyond, (envelope(25, 50, Some(25), false, true), 0), "clamped, but empty");
    assert_eq!(page(1, 0).await, (envelope(1, 0, None, true, false), 0));
    assert_eq!(page(1, 100_000).await.1, 1_250, "no bound");
    for bad in [json!({"page": 0}), json!({"page": -1}), json!({"resultsPerPage": -1})] {
        let (status, body) = client.post("/v1/people", with(TECUMSEH, bad)).await;
        assert_eq!((status, &body["message"]), (500, &json!("Internal server error")));
    }
    assert_eq!(client.people(TECUMSEH, json!({})).await.len(), 50);
    let empty = client.list(EMPTY, json!({})).await;
    assert_eq!((&empty["pagination"]["totalPages"], &empty["people"]), (&json!(1), &json!([])));
}

#[tokio::test]
async fn the_total_of_everybody_is_precomputed_and_all_others_are_counted() {
    let client = start();
    let everybody = json!({});
    assert_eq!(client.total(RAISIN, everybody.clone()).await, 3_903);
    let any = json!({"ageInt": {"gte": 0, "_includeNull": true}});
    assert_eq!(client.total(RAISIN, any.clone()).await, 3_900);
    assert_eq!(client.total(MICHIGAN, everybody).await, 1_200_000);
    let (status, body) = client.post("/v1/people", with(UNCOUNTED, json!({}))).await;
    assert_eq!((status, &body["message"]), (404, &json!("District statistics not found")));
    assert_eq!(client.total(UNCOUNTED, any).await, 2_500);
    for district in [PUERTO_RICO, "01935a5c-0000-4000-8000-00000000ffff"] {
        let (status, body) = client.post("/v1/people", with(district, json!({}))).await;
        assert_eq!((status, &body["message"]), (404, &json!("District not found")));
    }
}

#[tokio::test]
async fn statistics_are_flat_buckets_that_add_up() {
    let client = start();
    let (code, stats) = client.get(&format!("/v1/people/stats?districtId={CHEYENNE}")).await;
    assert_eq!((code, &stats["totalConstituents"]), (200, &json!(10_000)));
    assert!(stats["updatedAt"].is_string());
    let members = set(stats.as_object().unwrap().keys().map(String::as_str));
    assert!(!members.contains("computedAt"));
    let with_phone = client.total(CHEYENNE, json!({"hasCellPhone": true})).await;
    assert_eq!(stats["totalConstituentsWithCellPhone"], with_phone);
    let buckets = stats["buckets"].as_object().unwrap();
    let names = set(buckets.keys().map(String::as_str));
    let five = ["age", "education", "estimatedIncomeRange", "homeowner", "presenceOfChildren"];
    assert_eq!(names, set(five));
    for (name, list) in buckets {
        let list = list.as_array().unwrap();
        let count: u64 = list.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum();
        let percent: f64 = list.iter().map(|bucket| bucket["percent"].as_f64().unwrap()).sum();
        assert_eq!((count, percent.round()), (10_000, 100.0), "{name}");
        assert!(texts(list, "label").contains(&"Unknown".to_owned()), "{name}");
    }
    let unknown = client.total(CHEYENNE, json!({"homeowner": {"eq": "Unknown"}})).await;
    let bucket = buckets["homeowner"].as_array().unwrap().iter();
    let bucket = bucket.clone().find(|bucket| bucket["label"] == "Unknown").unwrap();
    assert_eq!(bucket["count"], unknown);
    assert!(stats["buckets"]["estimatedIncomeRange"].to_string().contains("$25k–$35k"));
    for district in [UNCOUNTED, PUERTO_RICO] {
        assert_eq!(client.get(&format!("/v1/people/stats?districtId={district}")).await.0, 404);
    }
    assert_eq!(client.get("/v1/people/stats").await.0, 400);
}
