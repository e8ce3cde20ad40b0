//! Faults with organizations: planned faults, limits, and lists that lag.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Action, ClerkEmulator, Match, RateLimits, Rule};

use super::{call, client, get, jane};

fn with_jane() -> ClerkEmulator {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    clerk
}

/// A call as the client sees it: status and JSON of the answer, if both arrived.
async fn seen(clerk: &ClerkEmulator, method: Method, path: &str, body: &Value) -> Option<u16> {
    let request = client().request(method, format!("{}{path}", clerk.api_url()));
    let response = request.bearer_auth(clerk.secret_key()).json(body).send().await.ok()?;
    let status = response.status().as_u16();
    response.json::<Value>().await.ok().map(|_read| status)
}

async fn create(clerk: &ClerkEmulator, name: &str) -> Option<u16> {
    seen(clerk, Method::POST, "/organizations", &json!({ "name": name })).await
}

const CREATE: &str = "/v1/organizations";

#[tokio::test]
async fn faults_leave_an_organization_behind_or_not() {
    for (action, seen, is_made) in [
        (Action::CommitThenDrop, None, true),
        (Action::CommitThenStatus { status: 502 }, Some(502), true),
        (Action::CommitThenDelay { ms: 1 }, Some(200), true),
        (Action::TruncateBody, None, true),
        (Action::BadJson, None, true),
        (Action::Delay { ms: 1 }, Some(200), true),
        (Action::ResetBeforeCommit, None, false),
        (Action::HtmlError { status: 503 }, None, false),
        (Action::RateLimit { retry_after: 1 }, Some(429), false),
        (Action::Status { status: 503, code: "service_unavailable".to_owned() }, Some(503), false),
    ] {
        let clerk = with_jane();
        clerk.fail_once(CREATE, action.clone());
        assert_eq!(create(&clerk, "Jane").await, seen, "{action:?}");
        assert_eq!(clerk.organizations().len(), usize::from(is_made), "{action:?}");
        assert_eq!(create(&clerk, "Jane").await, Some(200), "only the next call");
    }
}

#[tokio::test]
async fn an_answer_may_not_say_what_it_is() {
    let clerk = with_jane();
    clerk.fail(CREATE, Action::NoContentType);
    let request = client().get(format!("{}/organizations", clerk.api_url()));
    let response = request.bearer_auth(clerk.secret_key()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("content-type")), (200, None));
}

#[tokio::test]
async fn rules_choose_by_method_path_body_and_turn() {
    let clerk = with_jane();
    let broken = || Action::Status { status: 500, code: "internal_clerk_error".to_owned() };
    let of_body = Match { body_contains: Some("Unlucky".to_owned()), ..Match::of("POST", CREATE) };
    clerk.plan(Rule::always(of_body, broken()));
    let third = Match { nth: Some(3), ..Match::of("GET", "/v1/organizations/*") };
    clerk.plan(Rule::always(third, broken()));
    assert_eq!(create(&clerk, "Lucky").await, Some(200));
    assert_eq!(create(&clerk, "Unlucky").await, Some(500));
    let path = format!("/organizations/{}", clerk.organizations()[0].id);
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(seen(&clerk, Method::GET, &path, &json!(null)).await);
    }
    assert_eq!(answers, [Some(200), Some(200), Some(500), Some(200)]);
    assert_eq!(seen(&clerk, Method::PATCH, &path, &json!({"name": "Joe"})).await, Some(200));
    assert_eq!(clerk.count_of("POST", CREATE), 2);
    assert_eq!(clerk.count_of("GET", "/v1/organizations/*"), 4);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_choices() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let clerk = with_jane();
        clerk.set_seed(seed);
        for probability in [0.3, 0.5] {
            let matches = Match { probability: Some(probability), ..Match::of("POST", CREATE) };
            clerk.plan(Rule::always(matches, Action::CommitThenDrop));
        }
        let mut run = Vec::new();
        for number in 0..40 {
            run.push(create(&clerk, &format!("Number {number}")).await);
        }
        assert!(run.contains(&None) && run.contains(&Some(200)));
        assert_eq!(clerk.organizations().len(), 40);
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn stale_lists_and_reads_show_what_was() {
    let clerk = with_jane();
    clerk.set_clock(1_000);
    for name in ["Changed", "Deleted"] {
        create(&clerk, name).await;
    }
    clerk.set_clock(5_000);
    let [changed, deleted] = [0, 1].map(|place| clerk.organizations()[place].id.clone());
    let path = format!("/organizations/{changed}");
    call(&clerk, Method::PATCH, &path, json!({"name": "New name"})).await;
    let member = json!({"user_id": "user_1", "role": "org:admin"});
    call(&clerk, Method::POST, &format!("{path}/memberships"), member).await;
    assert!(clerk.delete_organization(&deleted));
    create(&clerk, "Added").await;
    clerk.set_clock(6_000);
    let secret = Some(clerk.secret_key());
    let names = |query: &'static str| {
        let clerk = &clerk;
        async move {
            let path = format!("/v1/organizations?order_by=%2Bcreated_at{query}");
            let (_, body) = get(clerk, &path, Some(clerk.secret_key())).await;
            let data = body["data"].as_array().unwrap().clone();
            data.iter().map(|shown| shown["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("").await, ["New name", "Added"]);
    assert_eq!(names("&user_id=user_1").await, ["New name"]);
    clerk.fail("/v1/*", Action::StaleList { ms: 2_000 });
    assert_eq!(names("").await, ["Changed", "Deleted"]);
    assert!(names("&user_id=user_1").await.is_empty());
    let path = format!("/v1/organizations/{deleted}");
    assert_eq!(get(&clerk, &path, secret).await.1["name"], "Deleted");
    assert_eq!(clerk.organizations().len(), 2, "the control plane never lags");
    clerk.set_clock(7_001);
    assert_eq!(names("").await, ["New name", "Added"]);
}

#[tokio::test]
async fn too_many_requests_are_refused_until_the_named_second() {
    let clerk = with_jane();
    clerk.set_clock(0);
    clerk.limit(RateLimits { instance: Some(2), ..RateLimits::default() });
    let status_and_pause = || async {
        let request = client().get(format!("{}/users/user_1", clerk.api_url()));
        let response = request.bearer_auth(clerk.secret_key()).send().await.unwrap();
        let pause = response.headers().get("retry-after").cloned();
        (response.status().as_u16(), pause.map(|pause| pause.to_str().unwrap().to_owned()))
    };
    assert_eq!(status_and_pause().await, (200, None));
    clerk.set_clock(4_500);
    assert_eq!(status_and_pause().await, (200, None));
    assert_eq!(status_and_pause().await, (429, Some("6".to_owned())));
    assert_eq!(get(&clerk, "/v1/jwks", Some(clerk.secret_key())).await.0, 200);
    clerk.set_clock(10_400);
    assert_eq!(status_and_pause().await, (429, Some("1".to_owned())), "although there is room");
    clerk.set_clock(10_500);
    assert_eq!(status_and_pause().await, (200, None));
}

#[tokio::test]
async fn each_organization_may_be_changed_so_often() {
    let clerk = with_jane();
    clerk.set_clock(0);
    for name in ["One", "Other"] {
        create(&clerk, name).await;
    }
    clerk.limit(RateLimits { organization: Some(2), ..RateLimits::production() });
    let [one, other] =
        [0, 1].map(|place| format!("/organizations/{}", clerk.organizations()[place].id));
    let change = |path: String| {
        let clerk = &clerk;
        async move { seen(clerk, Method::PATCH, &path, &json!({})).await }
    };
    assert_eq!(change(one.clone()).await, Some(200));
    assert_eq!(change(format!("{one}/metadata")).await, Some(200));
    assert_eq!(change(format!("{one}/metadata")).await, Some(429));
    assert_eq!(change(format!("{other}/metadata")).await, Some(200));
    assert_eq!(seen(&clerk, Method::GET, &one, &json!(null)).await, Some(200));
}

/// A careful worker: it checks first before it repeats a call that may have taken effect.
async fn provision(clerk: &ClerkEmulator, reference: &str) {
    let body = json!({
        "name": "Jane", "created_by": "user_1", "private_metadata": {"ref": reference},
    });
    loop {
        if let Some(200) = seen(clerk, Method::POST, "/organizations", &body).await {
            return;
        }
        let known = clerk
            .organizations()
            .into_iter()
            .any(|organization| organization.private_metadata["ref"].as_str() == Some(reference));
        if known {
            return;
        }
    }
}

#[tokio::test]
async fn three_workers_under_all_faults_leave_every_organization_exactly_once() {
    let clerk = std::sync::Arc::new(with_jane());
    clerk.set(winserve_emulators::InstanceSettings { creation_limit: 0, ..clerk.settings() });
    clerk.set_seed(3);
    for action in [
        Action::CommitThenDrop,
        Action::CommitThenStatus { status: 504 },
        Action::TruncateBody,
        Action::ResetBeforeCommit,
        Action::RateLimit { retry_after: 1 },
        Action::CommitThenDelay { ms: 2 },
    ] {
        let matches = Match { probability: Some(0.1), ..Match::of("POST", CREATE) };
        clerk.plan(Rule::always(matches, action));
    }
    let worker = |worker: usize| {
        let clerk = std::sync::Arc::clone(&clerk);
        async move {
            for number in (0..300).filter(|number| number % 3 == worker) {
                provision(&clerk, &format!("campaign:{number}")).await;
            }
        }
    };
    tokio::join!(worker(0), worker(1), worker(2));
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for organization in clerk.organizations() {
        let reference = organization.private_metadata["ref"].as_str().unwrap().to_owned();
        assert!(organization.memberships.contains_key("user_1"));
        *made.entry(reference).or_default() += 1;
    }
    assert_eq!(made.len(), 300);
    assert!(made.values().all(|count| *count == 1));
}
