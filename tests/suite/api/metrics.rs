//! `GET /metrics`.

use serde_json::json;
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{TestApp, ran_alone};

use crate::fixtures::{self, COUNCIL, MAYOR};

/// The value of the only line with this name and these labels.
fn value(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let lines: Vec<_> = metrics
        .lines()
        .filter(|line| {
            line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} "))
        })
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .collect();
    let [line] = lines[..] else { panic!("{name} {labels:?}: {lines:?}\n{metrics}") };
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn metrics_count_routes_pool_upstreams_double_writes_and_unnamed_requests() {
    if ran_alone() {
        return;
    }
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 4711, 7, &json!({}), None);
    fixtures::campaign(&app.database, 4712, 7, &json!({}), None);
    let pick = |id: &str| json!({"details": {"positionId": id, "office": "Other", "state": "MI"}});
    let client = app.user_of_campaign(7, 4712);
    assert_eq!(client.put("/v1/campaigns/mine", pick(MAYOR)).await.status, 200);
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    assert_eq!(client.put("/v1/campaigns/mine", pick(COUNCIL)).await.status, 200);
    assert_eq!(
        client.get("/v1/organizations/0193f6a4-0000-7000-8000-000000004713").await.status,
        404
    );
    assert_eq!(app.user(7).get("/v1/voters/voter-file/filters").await.status, 200);
    // A request that names its organization, in the header or otherwise, is not counted.
    assert_eq!(client.get("/v1/voters/voter-file/filters").await.status, 200);
    let won = json!({"electedDate": "2024-11-05"});
    assert_eq!(client.post("/v1/elected-office", won).await.status, 201);
    assert_eq!(app.anonymous().get("/v1/nothing/4714").await.status, 404);

    let answer = app.anonymous().get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let metrics = String::from_utf8(answer.body.clone()).unwrap();
    let mine =
        ["route=\"/v1/campaigns/mine\"", "method=\"PUT\"", "status=\"200\"", "phase=\"phase-1\""];
    assert!(value(&metrics, "http_requests_total", &mine) >= 2.0);
    assert!(
        value(
            &metrics,
            "http_requests_total",
            &["route=\"/v1/organizations/{id}\"", "status=\"404\""]
        ) >= 1.0
    );
    assert!(value(&metrics, "http_requests_total", &["route=\"unmatched\""]) >= 1.0);
    assert!(value(&metrics, "http_request_duration_seconds_count", &mine[..2]) >= 2.0);
    assert!(value(&metrics, "double_writes_total", &["outcome=\"committed\""]) >= 2.0);
    let position = "route=\"GET /v1/positions/by-ballotready-id/{id}\"";
    assert!(value(&metrics, "upstream_requests_total", &[position, "outcome=\"found\""]) >= 1.0);
    assert!(
        value(&metrics, "upstream_requests_total", &[position, "outcome=\"transport\""]) >= 1.0
    );
    let unnamed = ["route=\"/v1/voters/voter-file/filters\""];
    assert!(value(&metrics, "organization_missing_total", &unnamed) >= 1.0);
    assert!(!metrics.contains("organization_missing_total{route=\"/v1/elected-office\"}"));
    assert!(value(&metrics, "database_pool_size", &[]) >= 1.0);
    for private in ["4711", "4712", "4713", "4714", "example.org", "Ann", MAYOR] {
        assert!(!metrics.contains(private), "{private} is in {metrics}");
    }
}
