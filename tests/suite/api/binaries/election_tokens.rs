//! `api` with an election-api that wants tokens of our machine.

use std::{
    fs::{self, File},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use winserve_emulators::{ClerkEmulator, ElectionEmulator, World};
use winserve_testkit::Phase;
use winserve_testkit::{TestDatabase, http_client};

use crate::{
    binaries::{Running, api, free_port, token, wait_until_ready},
    fixtures::{self, MAYOR},
};

pub(crate) const SECRET: &str = "ak_test_canary";
const TYPES: &str = "/v1/elections/districts/types?state=MI&electionYear=2028";

/// A Clerk with a machine that has that secret, and an election-api that requires its tokens.
pub(crate) fn guarded() -> (ClerkEmulator, ElectionEmulator) {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.replace_machine_secret(SECRET);
    let election = ElectionEmulator::start(World::demo()).unwrap();
    election.demand_tokens(&clerk);
    (clerk, election)
}

fn database() -> TestDatabase {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database
}

async fn status(base: &str, path: &str) -> u16 {
    let request = http_client().get(format!("{base}{path}")).bearer_auth(token());
    request.send().await.unwrap().status().as_u16()
}

/// Picks an office. If election-api does not answer, the server uses the caller's data.
async fn pick(base: &str) -> u16 {
    let body = json!({"details": {
        "positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI",
    }});
    let request = http_client().put(format!("{base}/v1/campaigns/mine")).bearer_auth(token());
    request.json(&body).send().await.unwrap().status().as_u16()
}

pub(crate) fn is_verified(database: &TestDatabase) -> Value {
    let row = database.row(&format!(
        "SELECT verified_at IS NOT NULL AS verified FROM ballot_position WHERE id = '{MAYOR}'"
    ));
    row["verified"].clone()
}

#[actix_web::test]
async fn without_a_secret_and_without_clerk_the_api_serves_and_heals_and_shows_no_secret() {
    let (mut clerk, election) = guarded();
    clerk.go_away();
    let database = database();
    let folder = tempfile::tempdir().unwrap();
    let (key, log) = (folder.path().join("key"), folder.path().join("log"));
    let bind = format!("127.0.0.1:{}", free_port());
    let server = api(&database, &bind)
        .env("WINSERVE__ELECTION_API__URL", election.url())
        .env("WINSERVE__ELECTION_API__MACHINE_SECRET_KEY_FILE", &key)
        .env("WINSERVE__CLERK__API_URL", clerk.api_url())
        .env("WINSERVE__LOG__FILTER", "trace")
        .stdout(File::create(folder.path().join("out")).unwrap())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    assert_eq!((pick(&base).await, status(&base, TYPES).await), (200, 502));
    assert_eq!(is_verified(&database), false);

    fs::write(&key, SECRET).unwrap();
    clerk.come_back().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match status(&base, TYPES).await {
            200 => break,
            other => assert_eq!(other, 502),
        }
        assert!(Instant::now() < deadline, "it does not recover");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(election.unauthorized(), 0, "without a token no request is sent");
    assert_eq!(pick(&base).await, 200);
    assert_eq!(is_verified(&database), true);

    election.refuse_tokens(true);
    let all_refused = async {
        for _ in 0..10 {
            assert_eq!((pick(&base).await, status(&base, TYPES).await), (200, 502));
        }
    };
    // Twenty requests with a time budget of five seconds each.
    actix_web::rt::time::timeout(Duration::from_secs(100), all_refused).await.unwrap();
    assert!(election.unauthorized() <= 2 * 20, "{}", election.unauthorized());
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for outcome in ["no_token", "not_authorized", "found"] {
        let counted = metrics.lines().any(|line| {
            line.contains(r#"service="election-api""#)
                && line.contains(&format!(r#"outcome="{outcome}""#))
        });
        assert!(counted, "{outcome}: {metrics}");
    }
    assert_eq!(server.terminate(), Some(0));
    let out = fs::read_to_string(folder.path().join("out")).unwrap();
    let said = format!("{out}{}{metrics}", fs::read_to_string(log).unwrap());
    assert!(said.contains("no token of our machine"), "the reason is in the log");
    assert!(!said.contains("canary") && !said.contains("Bearer eyJ"));
}
