//! A server without a database connection reports why.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use winserve_testkit::TestDatabase;

use crate::{
    binaries::{Running, api, free_port, token, wait_until_ready},
    fixtures,
};

#[actix_web::test]
async fn a_server_that_is_refused_connections_says_why_and_serves_when_that_ends() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let role = database.server_role();
    database.execute(&format!("ALTER ROLE {role} CONNECTION LIMIT 0"));
    let bind = format!("127.0.0.1:{}", free_port());
    let mut process = api(&database, &bind)
        .env("WINSERVE__DATABASE__URL", format!("{}&password=s3cret", database.url_as(&role)))
        .stderr(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut stderr = process.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    let base = format!("http://{bind}");
    let client = winserve_testkit::http_client();
    let deadline = Instant::now() + Duration::from_secs(30);
    let ready = loop {
        if let Ok(answer) = client.get(format!("{base}/readyz")).send().await {
            break answer.status();
        }
        assert!(Instant::now() < deadline, "no server listens on the port");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(ready, 503);
    database.execute(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"));
    wait_until_ready(&base).await;
    let me = client.get(format!("{base}/v1/users/me")).bearer_auth(token()).send().await.unwrap();
    assert_eq!(me.status(), 200);
    process.terminate();
    let log = reading.join().unwrap();
    assert!(log.contains("raise its limit with ALTER ROLE … CONNECTION LIMIT"), "{log}");
    assert!(log.contains("the database can be reached again"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
