//! Session tokens, valid and hostile, and the keys that verify them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use winserve_clerk::{Clerk, ClerkOptions};
use winserve_domain::{
    base::Clock,
    clerk::{ClerkOrganizationId, ClerkUserId, IdentityService, Session, SessionRefused},
};
use winserve_emulators::{ClerkEmulator, Key, Rotation, TokenRequest, hostile_tokens};

/// 2026-02-25T12:00:00Z, in milliseconds.
const START: i64 = 1_772_020_800_000;
const ORIGIN: &str = "https://app.example.org";

/// A clock that is set by hand.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A Clerk emulator, our client, and their shared clock.
struct World {
    emulator: ClerkEmulator,
    clerk: Arc<Clerk>,
    clock: Arc<TestClock>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ClerkOptions)) -> Self {
        let emulator = ClerkEmulator::start().unwrap();
        emulator.set_clock(START);
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let mut options =
            ClerkOptions::new(&emulator.api_url(), emulator.secret_key().into(), emulator.url());
        options.jwks_url = Some(emulator.jwks_url());
        options.authorized_parties = vec![ORIGIN.to_owned()];
        options.timeout = Duration::from_millis(400);
        change(&mut options);
        let clerk = Arc::new(Clerk::new(options, Arc::<TestClock>::clone(&clock)).unwrap());
        Self { emulator, clerk, clock }
    }

    /// Advances the clock of both.
    fn pass(&self, seconds: i64) {
        let now = self.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed) + seconds * 1000;
        self.emulator.set_clock(now);
    }

    async fn check(&self, request: &TokenRequest) -> Result<Session, SessionRefused> {
        self.clerk.session(&self.emulator.mint(request)).await
    }

    async fn assert_good(&self, request: &TokenRequest) -> Session {
        self.check(request).await.unwrap_or_else(|refused| panic!("{refused}: {request:?}"))
    }

    fn keys_asked(&self) -> usize {
        self.emulator.count("/.well-known/jwks.json")
    }
}

fn good() -> TokenRequest {
    TokenRequest { azp: Some(ORIGIN.to_owned()), ..TokenRequest::of("user_1") }
}

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("an object") };
    members
}

fn with_claims(claims: Value) -> TokenRequest {
    TokenRequest { extra_claims: members(claims), ..good() }
}

fn with_header(header: Value) -> TokenRequest {
    TokenRequest { extra_header: members(header), ..good() }
}

#[tokio::test]
async fn both_versions_count_and_hand_on_the_active_organization() {
    let world = World::new();
    let organization = ClerkOrganizationId::parse("org_1");
    for version in [1, 2] {
        let request =
            TokenRequest { version: Some(version), org_id: Some("org_1".to_owned()), ..good() };
        let session = world.assert_good(&request).await;
        assert_eq!(Some(session.user), ClerkUserId::parse("user_1"));
        assert_eq!((session.organization, session.actor), (organization.clone(), None));
        let without = TokenRequest { version: Some(version), ..good() };
        assert_eq!(world.assert_good(&without).await.organization, None);
    }
    // Strictly by version: a custom claim of the other version's name means nothing.
    let custom = with_claims(json!({"org_id": "org_2"}));
    assert_eq!(world.assert_good(&custom).await.organization, None);
    let both = TokenRequest { org_id: Some("org_1".to_owned()), ..custom };
    assert_eq!(world.assert_good(&both).await.organization, organization);
}

#[tokio::test]
async fn who_acts_for_a_user_is_handed_on() {
    let world = World::new();
    let request = TokenRequest { act: Some(json!({"sub": "user_9", "sid": "s"})), ..good() };
    let session = world.assert_good(&request).await;
    assert_eq!(session.actor, ClerkUserId::parse("user_9"));
}

#[tokio::test]
async fn odd_but_harmless_tokens_are_accepted() {
    let world = World::new();
    for request in [
        with_header(json!({"typ": null})),
        with_header(json!({"cat": null})),
        with_header(json!({"cat": "cl_I7d4PD111III"})),
        with_header(json!({"oiat": 1, "anything": {"else": true}})),
        with_claims(json!({"aud": "somebody", "pla": "o:free", "fea": "o:x"})),
        with_claims(json!({"nbf": null, "iat": null})),
        with_claims(json!({"sts": null, "sid": null})),
        with_claims(json!({"exp": 1_772_020_860.5})),
        with_claims(json!({"o": {"rol": "admin"}})),
        with_claims(json!({"org_id": {"custom": 7}})),
        TokenRequest { ttl: Some(-4), ..good() },
        TokenRequest { iat_offset: 5, ..good() },
    ] {
        world.assert_good(&request).await;
    }
}

/// Each is rejected, however it is signed.
#[tokio::test]
async fn hostile_tokens_are_refused() {
    let world = World::new();
    let hostile = hostile_tokens(&good(), START / 1000);
    assert!(hostile.len() >= 40);
    for request in &hostile {
        match world.check(request).await {
            Err(SessionRefused::Invalid(_)) => {}
            other => panic!("{other:?}: {request:?}"),
        }
    }
    let pending = TokenRequest { sts: Some("pending".to_owned()), ..good() };
    assert!(matches!(world.check(&pending).await, Err(SessionRefused::Pending)));
}

#[tokio::test]
async fn what_is_no_token_at_all_is_refused_without_asking_for_keys() {
    let world = World::new();
    let token = world.emulator.mint(&good());
    let (header, rest) = token.split_once('.').unwrap();
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "mt_1",
        "ak_1",
        "oat_1",
        "null",
        "{}",
        &format!("{header}="),
        &format!("x{token}"),
        &"x".repeat(100_000),
        &"a.".repeat(5_000),
    ] {
        let refused = world.clerk.session(text).await;
        assert!(matches!(refused, Err(SessionRefused::Invalid(_))), "{text:.40}");
    }
    assert_eq!(world.keys_asked(), 0);
    for text in
        [format!("{header}.{rest}.x"), format!("{header}."), format!("{token}x"), rest.to_owned()]
    {
        let refused = world.clerk.session(&text).await;
        assert!(matches!(refused, Err(SessionRefused::Invalid(_))), "{text:.40}");
    }
}

/// The token and the key that Clerk publishes with its own software, for tests of verifiers: version 1, valid
/// in one minute of 2022.
mod published {
    pub(super) const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc18yR0lvUWhiVXB5MGhYN0IyY1ZrdVRNaW5Yb0QiLCJ0eXAiOiJKV1QifQ.eyJhenAiOiJodHRwczovL2FjY291bnRzLmluc3BpcmVkLnB1bWEtNzQubGNsLmRldiIsImV4cCI6MTY2NjY0ODMxMCwiaWF0IjoxNjY2NjQ4MjUwLCJpc3MiOiJodHRwczovL2NsZXJrLmluc3BpcmVkLnB1bWEtNzQubGNsLmRldiIsIm5iZiI6MTY2NjY0ODI0MCwic2lkIjoic2Vzc18yR2JEQjRlbk5kQ2E1dlMxenBDM1h6Zzl0SzkiLCJzdWIiOiJ1c2VyXzJHSXBYT0VwVnlKdzUxcmtabjlLbW5jNlN4ciJ9.n1Usc-DLDftqA0Xb-_2w8IGs4yjCmwc5RngwbSRvwevuZOIuRoeHmE2sgCdEvjfJEa7ewL6EVGVcM557TWPW--g_J1XQPwBy8tXfz7-S73CEuyRFiR97L2AHRdvRtvGtwR-o6l8aHaFxtlmfWbQXfg4kFJz2UGe9afmh3U9-f_4JOZ5fa3mI98UMy1-bo20vjXeWQ9aGrqaxHQxjnzzC-1Kpi5LdPvhQ16H0dPB8MHRTSM5TAuLKTpPV7wqixmbtcc2-0k6b9FKYZNqRVTaIyV-lifZloBvdzlfOF8nW1VVH_fx-iW5Q3hovHFcJIULHEC1kcAYTubbxzpgeVQepGg";
    /// The same signature under another origin.
    pub(super) const TAMPERED: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc18yR0lvUWhiVXB5MGhYN0IyY1ZrdVRNaW5Yb0QiLCJ0eXAiOiJKV1QifQ.eyJhenAiOiJodHRwczovL2FjY291bnRzLnRhbXBlcmVkLWRvbWFpbi5kZXYiLCJleHAiOjE2NjY2NDgzMTAsImlhdCI6MTY2NjY0ODI1MCwiaXNzIjoiaHR0cHM6Ly9jbGVyay5pbnNwaXJlZC5wdW1hLTc0LmxjbC5kZXYiLCJuYmYiOjE2NjY2NDgyNDAsInNpZCI6InNlc3NfMkdiREI0ZW5OZENhNXZTMXpwQzNYemc5dEs5Iiwic3ViIjoidXNlcl8yR0lwWE9FcFZ5Snc1MXJrWm45S21uYzZTeHIifQ.n1Usc-DLDftqA0Xb-_2w8IGs4yjCmwc5RngwbSRvwevuZOIuRoeHmE2sgCdEvjfJEa7ewL6EVGVcM557TWPW--g_J1XQPwBy8tXfz7-S73CEuyRFiR97L2AHRdvRtvGtwR-o6l8aHaFxtlmfWbQXfg4kFJz2UGe9afmh3U9-f_4JOZ5fa3mI98UMy1-bo20vjXeWQ9aGrqaxHQxjnzzC-1Kpi5LdPvhQ16H0dPB8MHRTSM5TAuLKTpPV7wqixmbtcc2-0k6b9FKYZNqRVTaIyV-lifZloBvdzlfOF8nW1VVH_fx-iW5Q3hovHFcJIULHEC1kcAYTubbxzpgeVQepGg";
    pub(super) const KEY_ID: &str = "ins_2GIoQhbUpy0hX7B2cVkuTMinXoD";
    pub(super) const MODULUS: &str = "u0tNUitBZmcGYMWcqvaRBaJe0XmTQ738RHYoHjhYANyeOkysuu4L_Rqr-fmTXsbebrTp7_OewIqsJXImEWB_WQ3HN9lAkOMCCGDU1udsz_sl1Kwy5JZ7x8Nr4ghXJagQzEF0Ovsj7_TPsBJGkVJ-OiZsTXCe7EAmG5gNGGPBE5Gu14Rwb-eZ5r9RCAaPfhxR1yHYTAvCrku_6i2os7RLpT6UockKtX4QQSH2CMveNwqd6LdwhV8USZrczB2VYkAImngJC745-EWek1sVExYkqheGvC3J8O7D9H4JtaKD2zaq0rJzsIU0zb_wwax5-La-uRuPYvTXlO8B8IK4jjNMCQ";
    pub(super) const ISSUER: &str = "https://clerk.inspired.puma-74.lcl.dev";
    pub(super) const ORIGIN: &str = "https://accounts.inspired.puma-74.lcl.dev";
    /// When it was issued, in seconds.
    pub(super) const ISSUED_AT: i64 = 1_666_648_250;
}

#[tokio::test]
async fn the_published_token_is_valid_with_the_published_key_and_invalid_after_any_change() {
    let world = World::with(|options| {
        options.issuer = published::ISSUER.to_owned();
        options.authorized_parties = vec![published::ORIGIN.to_owned()];
    });
    world.emulator.show_keys(vec![json!({
        "use": "sig", "kty": "RSA", "kid": published::KEY_ID, "alg": "RS256",
        "n": published::MODULUS, "e": "AQAB",
    })]);
    world.pass(published::ISSUED_AT - START / 1000);
    let session = world.clerk.session(published::TOKEN).await.unwrap();
    assert_eq!(Some(session.user), ClerkUserId::parse("user_2GIpXOEpVyJw51rkZn9Kmnc6Sxr"));
    let spoilt = published::TOKEN.replace(".n1Usc", ".n2Usc");
    for token in [published::TAMPERED, &spoilt] {
        let refused = world.clerk.session(token).await;
        assert!(matches!(refused, Err(SessionRefused::Invalid("no key verifies it"))));
    }
    world.pass(66);
    assert!(matches!(
        world.clerk.session(published::TOKEN).await,
        Err(SessionRefused::Invalid("not now"))
    ));
}

#[tokio::test]
async fn without_authorized_parties_any_origin_is_accepted() {
    let world = World::with(|options| options.authorized_parties.clear());
    world.assert_good(&TokenRequest::of("user_1")).await;
    world.assert_good(&good()).await;
}

#[tokio::test]
async fn the_keys_may_come_from_the_backend_api() {
    let world = World::with(|options| options.jwks_url = None);
    world.assert_good(&good()).await;
    assert_eq!(world.emulator.count("/v1/jwks"), 1);
}

#[tokio::test]
async fn a_remembered_token_ends_when_it_ends() {
    let world = World::new();
    let token = world.emulator.mint(&good());
    for _ in 0..64 {
        world.clerk.session(&token).await.unwrap();
        world.pass(1);
    }
    world.pass(1);
    assert!(matches!(world.clerk.session(&token).await, Err(SessionRefused::Invalid(_))));
    assert_eq!(world.keys_asked(), 1);
}

#[tokio::test]
async fn many_first_tokens_ask_for_the_keys_once() {
    let world = World::new();
    world.emulator.fail_keys(None, Duration::from_millis(150));
    let checks: Vec<_> = (0..50)
        .map(|_| {
            let (clerk, token) = (Arc::clone(&world.clerk), world.emulator.mint(&good()));
            tokio::spawn(async move { clerk.session(&token).await.is_ok() })
        })
        .collect();
    for check in checks {
        assert!(check.await.unwrap());
    }
    assert_eq!(world.keys_asked(), 1);
}

#[tokio::test]
async fn storms_of_unknown_keys_ask_for_the_keys_once_in_ten_seconds() {
    let world = World::new();
    world.assert_good(&good()).await;
    world.pass(11);
    for number in 0..200 {
        let request = TokenRequest { kid: Some(format!("ins_storm_{number}")), ..good() };
        assert!(matches!(world.check(&request).await, Err(SessionRefused::Invalid(_))));
    }
    assert_eq!(world.keys_asked(), 2);
    world.pass(11);
    world.check(&TokenRequest { kid: Some("ins_storm".to_owned()), ..good() }).await.unwrap_err();
    assert_eq!(world.keys_asked(), 3);
    world.assert_good(&good()).await;
}

#[tokio::test]
async fn each_kind_of_rotation_is_noticed_by_the_first_token() {
    for mode in [Rotation::NewKidKeepOld, Rotation::NewKidDropOld, Rotation::SameKidNewKey] {
        let world = World::new();
        world.assert_good(&good()).await;
        world.pass(11);
        world.emulator.rotate(mode);
        world.assert_good(&good()).await;
        assert_eq!(world.keys_asked(), 2, "{mode:?}");
        let previous = TokenRequest { key: Key::Previous, ..good() };
        let old_counts = world.check(&previous).await.is_ok();
        assert_eq!(old_counts, mode == Rotation::NewKidKeepOld, "{mode:?}");
    }
}

#[tokio::test]
async fn a_remembered_token_does_not_outlive_its_key() {
    let world = World::new();
    let token = world.emulator.mint(&good());
    world.clerk.session(&token).await.unwrap();
    world.pass(11);
    world.emulator.rotate(Rotation::NewKidDropOld);
    world.assert_good(&good()).await;
    assert!(matches!(world.clerk.session(&token).await, Err(SessionRefused::Invalid(_))));
}

/// Keys are rotated while many tasks verify tokens on several threads, and the list of keys is slow: no token
/// of a published key is rejected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_in_the_midst_of_many_requests_refuses_no_good_token() {
    for mode in [Rotation::NewKidKeepOld, Rotation::NewKidDropOld, Rotation::SameKidNewKey] {
        let world = Arc::new(World::new());
        world.assert_good(&good()).await;
        world.pass(11);
        world.emulator.fail_keys(None, Duration::from_millis(100));
        let checks: Vec<_> = (0..100)
            .map(|number| {
                let world = Arc::clone(&world);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(number)).await;
                    // A new token each time, so that none is cached.
                    let request = with_claims(json!({"jti": number}));
                    world.check(&request).await.map_err(|refused| refused.to_string())
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.emulator.rotate(mode);
        for check in checks {
            check.await.unwrap().unwrap();
        }
        assert_eq!(world.keys_asked(), 2, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_at_once_asks_for_the_keys_once() {
    let world = Arc::new(World::new());
    world.assert_good(&good()).await;
    world.pass(11);
    world.emulator.fail_keys(None, Duration::from_millis(50));
    // Signing takes long enough to delay the answer with the keys, and is not under test.
    let tokens: Vec<_> = (0..200)
        .map(|number| {
            let kid = Some(format!("ins_storm_{number}"));
            world.emulator.mint(&TokenRequest { kid, ..good() })
        })
        .collect();
    let checks: Vec<_> = tokens
        .into_iter()
        .map(|token| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.clerk.session(&token).await })
        })
        .collect();
    for check in checks {
        assert!(matches!(check.await.unwrap(), Err(SessionRefused::Invalid(_))));
    }
    assert_eq!(world.keys_asked(), 2);
}

#[tokio::test]
async fn an_unknown_key_during_an_outage_is_not_a_bad_token() {
    let world = World::new();
    world.assert_good(&good()).await;
    world.pass(11);
    world.emulator.rotate(Rotation::NewKidDropOld);
    world.emulator.fail_keys(Some(503), Duration::ZERO);
    for _ in 0..3 {
        let refused = world.check(&good()).await;
        assert!(matches!(refused, Err(SessionRefused::Unavailable(_))));
    }
    assert_eq!(world.keys_asked(), 2, "not asked again at once");
    world.emulator.heal();
    world.pass(11);
    world.assert_good(&good()).await;
}

#[tokio::test]
async fn a_list_without_a_usable_key_does_not_replace_the_cached_keys() {
    for keys in [json!([]), json!([{"kty": "RSA", "kid": "ins_1", "n": "AA", "e": "AQAB"}])] {
        let world = World::new();
        world.assert_good(&good()).await;
        world.pass(6 * 60);
        world.emulator.replace_keys(keys.clone());
        world.assert_good(&good()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.assert_good(&good()).await;

        let cold = World::new();
        cold.emulator.replace_keys(keys);
        let refused = cold.check(&good()).await;
        assert!(matches!(refused, Err(SessionRefused::Unavailable(_))));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_what_others_wait_for() {
    let world = World::new();
    world.emulator.fail_keys(None, Duration::from_millis(150));
    let (clerk, token) = (Arc::clone(&world.clerk), world.emulator.mint(&good()));
    let first = tokio::spawn(async move { clerk.session(&token).await.is_ok() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    world.assert_good(&good()).await;
    assert_eq!(world.keys_asked(), 1);
}

#[tokio::test]
async fn without_any_key_no_token_is_called_invalid() {
    let world = World::new();
    for (status, delay) in [(Some(500), 0), (None, 2_000), (Some(404), 0)] {
        world.emulator.fail_keys(status, Duration::from_millis(delay));
        let refused = world.check(&good()).await;
        assert!(matches!(refused, Err(SessionRefused::Unavailable(_))), "{status:?} {delay}");
    }
    world.emulator.heal();
    world.assert_good(&good()).await;
}

#[tokio::test]
async fn known_keys_count_for_an_hour_while_clerk_is_down() {
    let world = World::new();
    world.assert_good(&good()).await;
    world.emulator.fail_keys(Some(503), Duration::ZERO);
    for _ in 0..5 {
        world.pass(10 * 60);
        world.assert_good(&good()).await;
    }
    world.pass(11 * 60);
    let refused = world.check(&good()).await;
    assert!(matches!(refused, Err(SessionRefused::Unavailable(_))));
    world.emulator.heal();
    world.assert_good(&good()).await;
}

#[tokio::test]
async fn a_hanging_key_list_delays_nobody_whose_key_is_cached() {
    let world = World::new();
    world.assert_good(&good()).await;
    world.pass(6 * 60);
    world.emulator.fail_keys(None, Duration::from_secs(30));
    let checked = tokio::time::timeout(Duration::from_millis(200), world.check(&good())).await;
    assert!(checked.unwrap().is_ok(), "answered with the keys at hand");
}

#[tokio::test]
async fn keys_of_other_kinds_are_left_out() {
    let world = World::new();
    world.emulator.show_keys(vec![
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AA", "use": "sig", "alg": "EdDSA"}),
        json!({"kty": "future", "kid": "f"}),
        json!({"kid": "nothing"}),
        json!("text"),
    ]);
    world.assert_good(&good()).await;
}

#[tokio::test]
async fn secrets_are_not_debugged() {
    let world = World::new();
    let mut options = ClerkOptions::new("http://c/v1", "sk_test_s3cret".to_owned().into(), "i");
    options.jwks_url = Some("http://c/keys".to_owned());
    assert!(!format!("{options:?}").contains("s3cret"));
    drop(world);
}
