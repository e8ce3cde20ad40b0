//! What clients can do to the server with raw connections (`docs/security.md`).

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;
use winserve_testkit::Phase;
use winserve_testkit::{Custom, ReadingPace, TestApp};

use crate::fixtures;

/// Timeout for everything that a test waits for.
const DEADLINE: Duration = Duration::from_secs(15);

/// A connection that can send what no client library would.
struct Raw(TcpStream);

impl Raw {
    fn to(app: &TestApp) -> Self {
        let stream = TcpStream::connect(app.base().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    fn send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        // The server may have closed already; the test reads its answer later.
        let _ = self.0.write_all(bytes.as_ref());
        self
    }

    /// Waits for data, and returns it.
    fn some(&mut self) -> String {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.0.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// Everything that the server sends until it closes the connection.
    fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection is still open: {error}"),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a byte now and then until the server has closed the connection.
    fn drip_until_closed(mut self) {
        let since = Instant::now();
        self.0.set_nonblocking(true).unwrap();
        loop {
            let mut bytes = [0; 1024];
            match self.0.read(&mut bytes) {
                Ok(0) => return,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ => {}
            }
            if self.0.write_all(b"a").is_err() {
                return;
            }
            assert!(since.elapsed() < DEADLINE, "the connection is still open");
            sleep(Duration::from_millis(50));
        }
    }
}

fn answers(said: &str) -> usize {
    said.matches("HTTP/1.1 ").count()
}

/// User 7 with the campaign 11.
async fn candidate() -> TestApp {
    candidate_of(TestApp::new(Phase::One).await).await
}

async fn candidate_of(app: TestApp) -> TestApp {
    // Serves one request first, so that the server's threads run: these connections block this
    // thread.
    assert_eq!(app.anonymous().get("/v1/health").await.status, 200);
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app
}

/// The head of a chunked request that changes the campaign, after reading the database.
fn chunked_put(app: &TestApp) -> String {
    format!(
        "PUT /v1/campaigns/mine HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        app.user_token(7)
    )
}

const ZIP: &str = "1d\r\n{\"details\": {\"zip\": \"49286\"}}\r\n0\r\n";

#[actix_web::test]
async fn a_chunked_body_has_the_limits_of_any_other_and_ends_its_connection() {
    let app = candidate().await;
    for end in ["\r\n", "X-Checksum: 1\r\nX-More: 2\r\n\r\n"] {
        let said = Raw::to(&app).send(chunked_put(&app) + ZIP + end).rest();
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
        assert!(said.to_lowercase().contains("\r\nconnection: close\r\n"), "{said}");
        let stored = app.database.row("SELECT details FROM campaign");
        assert_eq!(stored["details"], json!({"zip": "49286"}));
    }
}

#[actix_web::test]
async fn nothing_that_follows_a_chunked_body_is_served() {
    let app = candidate().await;
    let token = app.user_token(7);
    let smuggled =
        format!("DELETE /v1/users/7 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    let at_once = Raw::to(&app).send(chunked_put(&app) + ZIP + "\r\n" + &smuggled).rest();
    assert!(answers(&at_once) == 1 && at_once.starts_with("HTTP/1.1 200"), "{at_once}");
    let soon = Raw::to(&app).send(chunked_put(&app) + ZIP + "\r\n").send(&smuggled).rest();
    assert_eq!(answers(&soon), 1, "{soon}");
    // An answer that needs no database is there immediately.
    let unknown = "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let said = Raw::to(&app).send(unknown.to_owned() + &smuggled).rest();
    assert!(answers(&said) == 1 && said.starts_with("HTTP/1.1 404"), "{said}");
    assert_eq!(app.database.rows(r#"SELECT id FROM "user""#).len(), 1, "nobody was deleted");
}

#[actix_web::test]
async fn a_malformed_chunk_gets_a_status() {
    let app = candidate().await;
    for body in [
        "zz\r\n",
        "\r\n",
        "-1\r\n",
        "0x3\r\nabc\r\n",
        "fffffffffffffffff\r\n",
        "3;a\nb\r\nabc\r\n",
        "3\r\nabcd\r\n",
        "3\nabc\n0\n\n",
        "0\r\n\rX",
    ] {
        let at_once = Raw::to(&app).send(chunked_put(&app) + body).rest();
        assert!(at_once.starts_with("HTTP/1.1 400 "), "{body:?}: {at_once}");
        assert!(at_once.contains("\"code\":\"invalid-request\""), "{body:?}: {at_once}");
        let later = Raw::to(&app).send(chunked_put(&app) + "1\r\n{\r\n").send(body).rest();
        assert!(later.starts_with("HTTP/1.1 400 "), "{body:?}: {later}");
        assert_eq!(answers(&later), 1, "{body:?}: {later}");
    }
}

#[actix_web::test]
async fn trailers_and_extensions_of_chunks_have_bounds() {
    let app = candidate().await;
    let line = format!("X: {}\r\n", "y".repeat(1000));
    for (begins, goes_on) in [("0\r\n", line.as_str()), ("1;", &"y".repeat(1000))] {
        let said = Raw::to(&app).send(chunked_put(&app) + begins + &goes_on.repeat(1000)).rest();
        assert!(said.starts_with("HTTP/1.1 413 "), "{begins:?}: {said}");
    }
}

#[actix_web::test]
async fn a_chunked_body_has_the_limit_of_every_body() {
    let app = candidate().await;
    let chunk = format!("10000\r\n{}\r\n", "y".repeat(0x10000));
    let said = Raw::to(&app).send(chunked_put(&app) + &chunk.repeat(17)).rest();
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    assert!(said.contains("\"code\":\"payload-too-large\""), "{said}");
}

#[actix_web::test]
async fn a_body_of_doubtful_length_is_refused_and_nothing_after_it_served() {
    let app = candidate().await;
    let next = "GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n";
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: +4",
        "Content-Length: 4, 4",
        "Content-Length: 0x4",
        " Content-Length: 4",
        "Content-Length: 4\r\nHost: b",
    ] {
        let request = format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n0\r\n\r\n{next}");
        let said = Raw::to(&app).send(request).rest();
        assert!(said.starts_with("HTTP/1.1 400 "), "{headers}: {said}");
        assert_eq!(answers(&said), 1, "{headers}: {said}");
    }
    for method in ["POST", "PUT"] {
        let old =
            format!("{method} /v1/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{next}");
        let said = Raw::to(&app).send(old).rest();
        assert!(said.starts_with("HTTP/1.1 400 ") || said.starts_with("HTTP/1.0 400 "), "{said}");
        assert_eq!(said.matches("HTTP/1.").count(), 1, "{method}: {said}");
    }
}

#[actix_web::test]
async fn a_body_that_keeps_dripping_after_the_answer_does_not_keep_the_connection() {
    let app = candidate().await;
    let long = "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    let mut refused = Raw::to(&app).send(long);
    assert!(refused.some().starts_with("HTTP/1.1 404 "));
    refused.drip_until_closed();

    let chunk = format!("100000\r\n{}", "y".repeat(0x10_0000));
    let mut too_large = Raw::to(&app).send(chunked_put(&app) + &chunk + "\r\n100000\r\nyyyy");
    assert!(too_large.some().starts_with("HTTP/1.1 413 "));
    too_large.drip_until_closed();
}

/// Clients have half a second to read, at no less than a megabyte per second.
async fn app_with_short_timeouts() -> TestApp {
    let pace = ReadingPace { bytes_per_second: 1_000_000, patience: Duration::from_millis(500) };
    let custom = Custom { reading_pace: pace, ..Custom::default() };
    candidate_of(TestApp::custom(Phase::One, custom).await).await
}

/// Requests more than all buffers on the way can hold.
fn ask_for_much(app: &TestApp) -> Raw {
    let request = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";
    Raw::to(app).send(request.repeat(MUCH))
}

const MUCH: usize = 100;

#[actix_web::test]
async fn a_client_that_does_not_read_its_answers_is_given_up() {
    let app = app_with_short_timeouts().await;
    let mut unread = ask_for_much(&app);
    let since = Instant::now();
    // The server reads while it keeps the connection open.
    while unread.0.write_all(b"G").is_ok() {
        assert!(since.elapsed() < DEADLINE, "the connection is still open");
        sleep(Duration::from_millis(50));
    }
}

#[actix_web::test]
async fn a_client_that_reads_slowly_is_given_up() {
    let app = app_with_short_timeouts().await;
    let mut slow = ask_for_much(&app);
    let since = Instant::now();
    let mut bytes = [0; 1024];
    let mut reads = 0;
    while slow.0.write_all(b"G").is_ok() {
        match slow.0.read(&mut bytes) {
            Ok(0) => break,
            Ok(_) => reads += 1,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("nothing was received: {error}"),
        }
        assert!(since.elapsed() < DEADLINE, "the connection is still open");
        sleep(Duration::from_millis(20));
    }
    assert!(reads > 5, "the client gets some time to read");
}

#[actix_web::test]
async fn a_client_that_keeps_up_gets_everything() {
    let app = app_with_short_timeouts().await;
    let request = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n";
    let last = format!("{request}Connection: close\r\n\r\n");
    let said = ask_for_much(&app).send(last).rest();
    assert_eq!(answers(&said), MUCH + 1);
    let length = said.len() / (MUCH + 1);
    assert!(length > 100_000, "{length} bytes an answer are too few for the tests here");
}

#[actix_web::test]
async fn a_proxy_that_reads_in_bursts_gets_everything() {
    let app = app_with_short_timeouts().await;
    let request = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n";
    let mut proxy = ask_for_much(&app).send(format!("{request}Connection: close\r\n\r\n"));
    let mut bytes = vec![0; 2_000_000];
    for _ in 0..2 {
        proxy.0.read_exact(&mut bytes).unwrap();
        // Longer than the limit for a client that has read nothing yet.
        sleep(Duration::from_secs(1));
    }
    let said = proxy.rest();
    assert!(said.ends_with('}') || said.ends_with("}\n"), "the last answer is complete");
}

/// Sends up to this many unfinished requests, until one is refused for lack of memory. Returns the accepted ones.
fn send_until_there_is_no_room(app: &TestApp, count: usize, request: &str) -> Vec<Raw> {
    let mut unfinished: Vec<_> = (0..count).map(|_| Raw::to(app).send(request)).collect();
    for raw in &unfinished {
        raw.0.set_nonblocking(true).unwrap();
    }
    let since = Instant::now();
    let refused = loop {
        let mut bytes = [0; 4096];
        let said = unfinished.iter_mut().find_map(|raw| {
            let count = raw.0.read(&mut bytes).unwrap_or(0);
            (count > 0).then(|| String::from_utf8_lossy(&bytes[..count]).to_lowercase())
        });
        if let Some(said) = said {
            break said;
        }
        assert!(since.elapsed() < DEADLINE, "no request was refused in time");
        sleep(Duration::from_millis(10));
    };
    assert!(refused.starts_with("http/1.1 503 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: "), "{refused}");
    unfinished
}

/// The head of a request that claims to be from Clerk.
const MESSAGE: &str = "POST /v1/webhooks/clerk HTTP/1.1\r\nHost: a\r\nSvix-Id: 1\r\n\
     Svix-Timestamp: 1\r\nSvix-Signature: v1,AA==\r\nContent-Length: 1048576\r\n\r\n";

/// Most of a body of a megabyte.
fn most_of_a_body() -> String {
    "y".repeat(0xf_fc00)
}

#[actix_web::test]
async fn unfinished_bodies_of_strangers_take_a_bounded_memory() {
    let app = candidate_of(TestApp::with_clerk(Phase::One).await).await;
    let chunk = format!("ffc00\r\n{}\r\n", most_of_a_body());
    let head = "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = head.to_owned() + &chunk;
    for request in [chunked, MESSAGE.to_owned() + &most_of_a_body()] {
        // 64 MiB may be kept in total.
        drop(send_until_there_is_no_room(&app, 70, &request));
        let since = Instant::now();
        loop {
            let said = Raw::to(&app).send(chunked_put(&app) + ZIP + "\r\n").rest();
            if said.starts_with("HTTP/1.1 200 ") {
                break;
            }
            assert!(since.elapsed() < DEADLINE, "the memory was not released: {said}");
        }
    }
}

#[actix_web::test]
async fn neither_strangers_nor_a_caller_take_the_room_of_others() {
    let app = candidate_of(TestApp::with_clerk(Phase::One).await).await;
    fixtures::user(&app.database, 8, "candidate");
    fixtures::campaign(&app.database, 12, 8, &json!({}), None);
    let of_strangers =
        send_until_there_is_no_room(&app, 70, &(MESSAGE.to_owned() + &most_of_a_body()));
    let head = format!(
        "PUT /v1/campaigns/mine HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\nContent-Length: 1048576\r\n\r\n",
        app.user_token(7)
    );
    // There is memory for eight of them.
    let of_one_caller = send_until_there_is_no_room(&app, 12, &(head + &most_of_a_body()));
    let other = app.user(8).put("/v1/campaigns/mine", json!({"details": {"zip": "49286"}})).await;
    assert_eq!(other.status, 200);
    drop((of_strangers, of_one_caller));
}

#[actix_web::test]
async fn a_message_that_cannot_be_clerks_is_refused_before_its_body_is_read() {
    let without_clerk = candidate().await;
    let with_clerk = candidate_of(TestApp::with_clerk(Phase::One).await).await;
    let unsigned = MESSAGE.replace("Svix-Signature", "X-Signature");
    for (app, head, status) in
        [(&without_clerk, MESSAGE, 404), (&with_clerk, unsigned.as_str(), 400)]
    {
        let said = Raw::to(app).send(head).some();
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
}

#[actix_web::test]
#[ignore = "takes half a minute: make chaos"]
async fn chaos_a_slow_client_that_keeps_the_pace_gets_everything() {
    let app = candidate().await;
    let request = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n";
    let last = format!("{request}Connection: close\r\n\r\n");
    let mut slow = Raw::to(&app).send(format!("{request}\r\n").repeat(9) + &last);
    let mut said = Vec::new();
    let mut bytes = vec![0; 32 * 1024];
    loop {
        let count = slow.0.read(&mut bytes).unwrap();
        said.extend_from_slice(&bytes[..count]);
        if count == 0 {
            break;
        }
        // Slower than keep-alive and every idle timer allow.
        sleep(Duration::from_millis(200));
    }
    assert_eq!(answers(&String::from_utf8_lossy(&said)), 10);
    assert!(said.ends_with(b"}") || said.ends_with(b"}\n"), "the last answer is complete");
}

#[actix_web::test]
#[ignore = "takes 15 s: make chaos"]
async fn chaos_the_head_of_a_second_request_may_not_drip_forever() {
    let app = candidate().await;
    let mut kept = Raw::to(&app).send("GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(kept.some().starts_with("HTTP/1.1 200 "));
    kept.send("GET /v1/health HTTP/1.1\r\nHost: a\r\nX-Slow: ").drip_until_closed();
}
