//! Session tokens, good and hostile, and the keys that vouch for them.

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
    clock::Clock,
    identity::{ClerkOrganizationId, ClerkUserId, IdentityService, Session, SessionRefused},
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

/// A Clerk, its stand-in, and the one clock of both.
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

    /// Lets seconds pass, for both.
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
async fn what_is_odd_and_harmless_counts() {
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
        TokenRequest { ttl: Some(-4), ..good() },
        TokenRequest { iat_offset: 5, ..good() },
    ] {
        world.assert_good(&request).await;
    }
}

/// Each is refused, whatever it is signed with.
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

/// A token signed by other software: header, claims and key as in RFC 7515, appendix A.2.
#[tokio::test]
async fn the_published_vector_is_read_and_refused_for_what_it_lacks() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                 cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOi\
                 Zj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZ\
                 LgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-e\
                 OkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
                 p0igcN_IoypGlUPQGe77Rw";
    let world = World::new();
    let refused = world.clerk.session(token).await;
    assert!(matches!(refused, Err(SessionRefused::Invalid("no key named"))));
}

#[tokio::test]
async fn without_authorized_parties_any_origin_counts() {
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

#[tokio::test]
async fn a_rotation_in_the_midst_of_many_requests_refuses_no_good_token() {
    let world = World::new();
    world.assert_good(&good()).await;
    world.pass(11);
    world.emulator.rotate(Rotation::NewKidKeepOld);
    let checks: Vec<_> = (0..100)
        .map(|number| {
            let key = if number % 2 == 0 { Key::Current } else { Key::Previous };
            let token = world.emulator.mint(&TokenRequest { key, ..good() });
            let clerk = Arc::clone(&world.clerk);
            tokio::spawn(async move { clerk.session(&token).await.is_ok() })
        })
        .collect();
    for check in checks {
        assert!(check.await.unwrap());
    }
    assert_eq!(world.keys_asked(), 2);
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
async fn without_any_key_nobody_is_told_that_a_token_is_bad() {
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
async fn keys_that_hang_keep_nobody_waiting_who_has_a_key() {
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
