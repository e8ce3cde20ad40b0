//! CSV files.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use winserve_emulators::{CsvFault, PeopleCall};

use super::support::*;

#[tokio::test]
async fn a_file_has_67_columns_and_no_type_and_no_last_newline() {
    let client = start();
    let body = with(WARD_2, json!({}));
    let answer = client.send(Method::POST, "/v1/people/download", Some(&body)).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers().get("content-type"), None);
    assert_eq!(answer.headers().get("content-disposition"), None);
    assert_eq!(answer.headers()["transfer-encoding"], "chunked");
    let text = answer.text().await.unwrap();
    assert!(!text.ends_with('\n') && !text.starts_with('\u{feff}'));
    let file = records(&text);
    assert_eq!(file.len(), 61);
    assert!(file.iter().all(|row| row.len() == 67));
    assert_eq!(&file[0][..3], ["id", "LALVOTERID", "State"]);
    assert_eq!(&file[0][64..], ["Primary_2026", "electionLocation", "electionType"]);
    assert!(file[1..].iter().all(|row| row[65..] == ["CHEYENNE CITY WARD 2", "City_Ward"]));
    assert_eq!(set(&file[0]).len(), 67);
}

#[tokio::test]
async fn a_file_quotes_only_what_needs_it_and_neutralises_nothing() {
    let client = start();
    let text = client.csv(TECUMSEH, json!({})).await;
    for part in [
        ",\"=HYPERLINK(\"\"http://example.org\"\",\"\"click\"\")\",",
        ",\"Baker, Jr.\",",
        ",\"Two\nLines\",",
        ",\"Two\r\nLines\",",
        ",+15551234567,",
        ",-2+3,",
        ",@SUM(1),",
        ",\t=1+1,",
        ", Leading,",
        ",Ünïcødé 李 🗳,",
    ] {
        assert!(text.contains(part), "{part}");
    }
    let names = texts(&client.people(TECUMSEH, json!({"resultsPerPage": 1250})).await, "lastName");
    let file = records(&text);
    let column = file[0].iter().position(|name| name == "LastName").unwrap();
    let listed = names.iter().map(|name| if name == "null" { "" } else { name });
    assert!(file[1..].iter().map(|row| row[column].as_str()).eq(listed));
}

#[tokio::test]
async fn an_empty_file_has_no_byte_at_all() {
    let client = start();
    assert_eq!(client.csv(EMPTY, json!({})).await, "");
    let nobody = json!({"ageInt": {"gte": 200}});
    assert_eq!(client.csv(TECUMSEH, nobody).await, "");
}

#[tokio::test]
async fn files_hold_exactly_a_page_or_two_and_go_by_their_filter() {
    let client = start();
    assert_eq!(records(&client.csv(SCHOOLS, json!({})).await).len(), 5_001);
    assert_eq!(records(&client.csv(CHEYENNE, json!({})).await).len(), 10_001);
    let filter = json!({"gender": {"eq": "F"}});
    let total = client.total(CHEYENNE, filter.clone()).await;
    let rows = u64::try_from(records(&client.csv(CHEYENNE, filter).await).len()).unwrap();
    assert_eq!(rows, total + 1);
}

#[tokio::test]
async fn a_file_whose_reader_goes_away_is_closed_long_before_its_end() {
    let client = start();
    let body = with(MICHIGAN, json!({}));
    let mut answer = client.send(Method::POST, "/v1/people/download", Some(&body)).await;
    assert!(answer.chunk().await.unwrap().is_some());
    assert_eq!(client.people.streams().open, 1);
    // The client stops reading; others are still served.
    for _ in 0..10 {
        client.people(TECUMSEH, json!({})).await;
    }
    drop(answer);
    closed(&client).await;
    let rows = client.people.streams().last_rows;
    assert!((1..300_000).contains(&rows), "{rows}");
}

#[tokio::test]
async fn a_file_that_pauses_is_closed_with_its_reader_too() {
    let client = start();
    client.people.fail(PeopleCall::Download, CsvFault::Pause { rows: 100, ms: 600_000 }, 1);
    let body = with(MICHIGAN, json!({}));
    let mut answer = client.send(Method::POST, "/v1/people/download", Some(&body)).await;
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    closed(&client).await;
    assert_eq!(client.people.streams().last_rows, 100);
}

/// Waits until no download is running.
async fn closed(client: &Client) {
    let all_closed = async {
        while client.people.streams().open > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_closed).await.unwrap();
}
