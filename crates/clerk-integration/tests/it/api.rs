//! Users and machine tokens, and how calls fail.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::Write as _,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use winserve_clerk::{Clerk, ClerkApi as _, ClerkClient, ClerkFailure, ClerkOptions};
use winserve_domain::{
    base::{Clock, SystemClock},
    clerk::{ClerkUserId, IdentityService as _, MachineId},
};
use winserve_emulators::{Action, ClerkEmulator, Person, TokenRequest};

fn options(clerk: &ClerkEmulator) -> ClerkOptions {
    ClerkOptions {
        timeout: Duration::from_millis(300),
        ..ClerkOptions::new(&clerk.api_url(), clerk.secret_key().into(), clerk.url())
    }
}

fn start() -> (ClerkEmulator, Clerk, ClerkClient) {
    let emulator = ClerkEmulator::start().unwrap();
    let clerk = Clerk::new(options(&emulator), Arc::new(SystemClock)).unwrap();
    let client = ClerkClient::new(&options(&emulator)).unwrap();
    (emulator, clerk, client)
}

fn user(id: &str) -> ClerkUserId {
    ClerkUserId::parse(id).unwrap()
}

#[tokio::test]
async fn only_a_verified_primary_address_is_used() {
    let (emulator, clerk, _) = start();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    emulator.add(Person { verified: false, ..Person::verified("user_2", "joe@example.org") });
    emulator.add(Person { id: "user_3".to_owned(), ..Person::default() });
    let email = async |id: &str| clerk.person(&user(id)).await.unwrap().unwrap().verified_email;
    assert_eq!(email("user_1").await.as_deref(), Some("jane@example.org"));
    assert_eq!((email("user_2").await, email("user_3").await), (None, None));
    assert_eq!(clerk.person(&user("user_4")).await.unwrap(), None);
}

#[tokio::test]
async fn a_machine_token_is_valid_until_it_is_revoked_or_expires() {
    let (emulator, clerk, _) = start();
    emulator.add_machine_token("mt_good", "mch_1", None);
    emulator.add_machine_token("mt_old", "mch_1", Some(1));
    emulator.add_machine_token("mt_odd", "user_1", None);
    emulator.add_machine_token("mt_gone", "mch_1", None);
    emulator.revoke_machine_token("mt_gone");
    assert_eq!(clerk.machine("mt_good").await.unwrap(), MachineId::parse("mch_1"));
    for token in ["mt_old", "mt_odd", "mt_gone", "mt_unknown", "mt_", &"mt_".repeat(1_000)] {
        assert_eq!(clerk.machine(token).await.unwrap(), None, "{token:.20}");
    }
}

#[tokio::test]
async fn a_machine_token_is_asked_about_once_a_minute() {
    let (emulator, clerk, _) = start();
    emulator.add_machine_token("mt_good", "mch_1", None);
    for _ in 0..20 {
        assert!(clerk.machine("mt_good").await.unwrap().is_some());
    }
    assert_eq!(emulator.count("/v1/m2m_tokens/verify"), 1);
    for _ in 0..20 {
        assert!(clerk.machine("mt_bad").await.unwrap().is_none());
    }
    assert_eq!(emulator.count("/v1/m2m_tokens/verify"), 2, "a refusal is remembered, too");
    for odd in ["mt_", "mt_a b", "mt_ü", "mt_a/b", "mt_%2e"] {
        assert!(clerk.machine(odd).await.unwrap().is_none());
    }
    assert_eq!(emulator.count("/v1/m2m_tokens/verify"), 2, "what cannot be one is not asked about");
}

#[tokio::test]
async fn many_who_ask_about_one_token_are_one_question() {
    let (emulator, clerk, _) = start();
    emulator.add_machine_token("mt_good", "mch_1", None);
    emulator.fail("/v1/m2m_tokens/*", Action::Delay { ms: 100 });
    let clerk = Arc::new(clerk);
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let clerk = Arc::clone(&clerk);
            tokio::spawn(async move { clerk.machine("mt_good").await.unwrap().is_some() })
        })
        .collect();
    for asked in asked {
        assert!(asked.await.unwrap());
    }
    assert_eq!(emulator.count("/v1/m2m_tokens/verify"), 1);
}

/// Made-up tokens, each of them new; Clerk does not answer about them as long as we wait.
#[tokio::test]
async fn a_storm_of_made_up_tokens_neither_floods_clerk_nor_keeps_a_login_waiting() {
    let (emulator, clerk, _) = start();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    emulator.fail("/v1/m2m_tokens/*", Action::Hang);
    let clerk = Arc::new(clerk);
    let asked: Vec<_> = (0..200)
        .map(|number| {
            let clerk = Arc::clone(&clerk);
            tokio::spawn(async move { clerk.machine(&format!("mt_{number}")).await.is_err() })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(clerk.person(&user("user_1")).await.unwrap().is_some());
    for asked in asked {
        assert!(asked.await.unwrap());
    }
    let calls = emulator.count("/v1/m2m_tokens/verify");
    assert!(calls <= 4, "{calls} calls: four questions, each asked once");
}

#[test]
fn clerks_address_is_looked_up_without_the_runtimes_threads() {
    let emulator = ClerkEmulator::start().unwrap();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    let api_url = emulator.api_url().replace("127.0.0.1", "localhost");
    assert!(api_url.contains("localhost"), "{api_url}");
    let client = ClerkClient::new(&ClerkOptions { api_url, ..options(&emulator) }).unwrap();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
    // The only blocking thread is busy, as if with lookups that hang.
    let (release, taken) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || taken.recv().is_err());
    let found = runtime.block_on(client.user(&user("user_1")));
    drop(release);
    assert!(found.unwrap().is_some());
}

/// A clock that is set by hand.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

#[tokio::test]
async fn tokens_that_never_counted_have_a_small_budget_which_others_do_not_use() {
    let emulator = ClerkEmulator::start().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(1_772_020_800_000)));
    let clerk = Clerk::new(options(&emulator), Arc::<TestClock>::clone(&clock)).unwrap();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    emulator.add_machine_token("mt_known", "mch_1", None);
    emulator.add_machine_token("mt_new", "mch_1", None);
    assert!(clerk.machine("mt_known").await.unwrap().is_some());
    let made_up = async |round: usize| {
        let mut refused = 0;
        for number in 0..150 {
            let asked = clerk.machine(&format!("mt_{round}_{number}")).await;
            refused += usize::from(asked.is_err());
        }
        refused
    };
    assert_eq!(made_up(0).await, 141, "nine were asked about, after the one that counts");
    assert_eq!(emulator.count("/v1/m2m_tokens/verify"), 10);
    assert!(clerk.machine("mt_new").await.is_err(), "nobody knows");
    assert!(clerk.person(&user("user_1")).await.unwrap().is_some());
    // Much later, the valid token is checked again, whatever others do.
    clock.0.fetch_add(61_000, Ordering::Relaxed);
    assert_eq!(made_up(1).await, 140);
    assert!(clerk.machine("mt_known").await.unwrap().is_some());
    assert_eq!(emulator.count("/v1/m2m_tokens/verify"), 21);
    clock.0.fetch_add(1_000, Ordering::Relaxed);
    assert!(clerk.machine("mt_new").await.unwrap().is_some());
    // A token that is no longer valid has no more rights than made-up ones.
    emulator.revoke_machine_token("mt_known");
    clock.0.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(clerk.machine("mt_known").await.unwrap(), None);
    made_up(2).await;
    clock.0.fetch_add(11_000, Ordering::Relaxed);
    made_up(3).await;
    assert!(clerk.machine("mt_known").await.is_err());
}

/// An endless answer, and how much of it was read.
fn endless(status: &'static str) -> (String, Arc<AtomicI64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n");
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
            let mut sent = stream.write_all(head.as_bytes());
            while sent.is_ok() {
                sent = stream.write_all(chunk.as_bytes());
                counter.fetch_add(0x1_0000, Ordering::Relaxed);
            }
        }
    });
    (format!("http://{address}/v1"), taken)
}

#[tokio::test]
async fn an_answer_is_read_up_to_a_limit() {
    for status in ["200 OK", "422 Unprocessable Entity"] {
        let (url, taken) = endless(status);
        let clerk = ClerkOptions {
            timeout: Duration::from_secs(20),
            jwks_url: Some(format!("{url}/keys")),
            ..ClerkOptions::new(&url, "sk_test_x".to_owned().into(), "https://clerk.example.org")
        };
        let client = ClerkClient::new(&clerk).unwrap();
        client.user(&user("user_1")).await.unwrap_err();
        client.delete_user(&user("user_1")).await.unwrap_err();
        client.machine_token("mt_1").await.unwrap_err();
        let clerk = Clerk::new(clerk, Arc::new(SystemClock)).unwrap();
        let session = ClerkEmulator::start().unwrap().mint(&TokenRequest::of("user_1"));
        clerk.session(&session).await.unwrap_err();
        // Each call may be made twice, and socket buffers add some MiB.
        let taken = taken.load(Ordering::Relaxed) >> 20;
        assert!(taken < 80, "{status}: {taken} MiB");
    }
}

#[tokio::test]
async fn calls_pause_while_clerk_asks_for_it() {
    let (emulator, clerk, client) = start();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    emulator.fail_once("/v1/users/*", Action::RateLimit { retry_after: 1 });
    client.user(&user("user_1")).await.unwrap_err();
    let refused = client.user(&user("user_1")).await.unwrap_err();
    assert!(matches!(refused, ClerkFailure::Refused { status: 429, .. }), "{refused}");
    assert_eq!(emulator.count("/v1/users/user_1"), 1);
    assert!(clerk.person(&user("user_1")).await.is_ok(), "another client knows nothing of it");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(client.user(&user("user_1")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_deleting_twice_is_no_error() {
    let (emulator, clerk, _) = start();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    assert!(clerk.person(&user("user_1")).await.unwrap().is_some());
    for _ in 0..2 {
        clerk.delete_person(&user("user_1")).await.unwrap();
        assert_eq!(clerk.person(&user("user_1")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_failure_says_whether_anything_was_done() {
    let (emulator, _, client) = start();
    let id = user("user_1");
    for (action, is_unknown) in [
        (Action::Hang, true),
        (Action::ResetBeforeCommit, true),
        (Action::TruncateBody, true),
        (Action::BadJson, true),
        (Action::HtmlError { status: 502 }, true),
        (Action::Status { status: 500, code: "internal_clerk_error".to_owned() }, true),
        (Action::Status { status: 403, code: "quota_exceeded".to_owned() }, false),
        (Action::HtmlError { status: 403 }, false),
    ] {
        emulator.heal();
        emulator.fail("/v1/users/*", action.clone());
        match client.user(&id).await {
            Err(ClerkFailure::Unknown { .. }) => assert!(is_unknown, "{action:?}"),
            Err(ClerkFailure::Refused { .. }) => assert!(!is_unknown, "{action:?}"),
            other => panic!("{other:?}: {action:?}"),
        }
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut nobody = options(&emulator);
    nobody.api_url = format!("http://{closed}/v1");
    let client = ClerkClient::new(&nobody).unwrap();
    assert!(matches!(client.user(&id).await, Err(ClerkFailure::NotSent(_))));
}

#[tokio::test]
async fn a_refusal_keeps_its_code_the_wait_and_the_trace() {
    let (emulator, _, client) = start();
    emulator.fail("/v1/users/*", Action::RateLimit { retry_after: 7 });
    let Err(ClerkFailure::Refused { status, codes, retry_after, trace_id }) =
        client.user(&user("user_1")).await
    else {
        panic!("a refusal")
    };
    assert_eq!((status, retry_after), (429, Some(Duration::from_secs(7))));
    assert_eq!(codes, ["too_many_requests"]);
    assert!(trace_id.is_some());
}

#[tokio::test]
async fn a_retry_time_of_an_outage_pauses_calls_to_clerk() {
    let (emulator, _, client) = start();
    emulator
        .fail_once("/v1/users/*", Action::RetryLater { status: 503, retry_after: "7".to_owned() });
    let failure = client.user(&user("user_1")).await.unwrap_err();
    let seven = Some(Duration::from_secs(7));
    assert!(
        matches!(&failure, ClerkFailure::Unknown { retry_after, .. } if *retry_after == seven),
        "{failure:?}"
    );
    let left_alone = client.user(&user("user_1")).await.unwrap_err();
    assert!(matches!(left_alone, ClerkFailure::Refused { status: 429, .. }), "{left_alone:?}");
    assert_eq!(emulator.count("/v1/users/user_1"), 1);
}

/// After a 429, and after an outage.
#[tokio::test]
async fn a_pause_lasts_at_most_an_hour_and_only_whole_seconds_are_understood() {
    let hour = Some(Duration::from_hours(1));
    let usual = Some(Duration::from_secs(10));
    for (said, of_429, of_outage) in [
        (" 7 ", Some(Duration::from_secs(7)), Some(Duration::from_secs(7))),
        ("0", Some(Duration::ZERO), Some(Duration::ZERO)),
        ("3601", hour, hour),
        ("18446744073709551615", hour, hour),
        ("18446744073709551616", usual, None),
        ("-1", usual, None),
        ("1.5", usual, None),
        ("soon", usual, None),
        ("", usual, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", usual, None),
    ] {
        for (status, expected) in [(429, of_429), (503, of_outage)] {
            let (emulator, _, client) = start();
            let action = Action::RetryLater { status, retry_after: said.to_owned() };
            emulator.fail("/v1/users/*", action);
            let wait = match client.user(&user("user_1")).await {
                Err(
                    ClerkFailure::Refused { status: 429, retry_after, .. }
                    | ClerkFailure::Unknown { retry_after, .. },
                ) => retry_after,
                other => panic!("{other:?}"),
            };
            assert_eq!(wait, expected, "{status} {said:?}");
        }
    }
}

#[tokio::test]
async fn a_passing_failure_is_tried_once_more() {
    let (emulator, clerk, _) = start();
    emulator.add(Person::verified("user_1", "jane@example.org"));
    emulator.fail_once("/v1/users/*", Action::ResetBeforeCommit);
    assert!(clerk.person(&user("user_1")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_wrong_secret_key_is_an_outage_and_not_a_refusal_and_does_not_show() {
    let emulator = ClerkEmulator::start().unwrap();
    let mut wrong = options(&emulator);
    wrong.secret_key = "sk_test_s3cret".to_owned().into();
    let clerk = Clerk::new(wrong.clone(), Arc::new(SystemClock)).unwrap();
    let client = ClerkClient::new(&wrong).unwrap();
    let error = clerk.machine("mt_1").await.unwrap_err();
    let text = format!("{error:?} {client:?} {wrong:?}");
    assert!(text.contains("clerk_key_invalid") && !text.contains("s3cret"), "{text}");
}
