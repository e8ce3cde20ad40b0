//! Tokens of our machine, created by the Clerk emulator and verified by the election-api emulator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::ExposeSecret as _;
use tokio::{task::JoinSet, time::sleep};
use winserve_clerk::{MachineSecret, MachineTokenOptions, MachineTokens};
use winserve_domain::{
    base::Clock,
    positions::{BallotReadyId, ElectionService as _, ElectionUnavailable, PositionFacts},
};
use winserve_emulators::{Action, ClerkEmulator, ElectionEmulator, Rotation, World};
use winserve_upstreams::{ElectionApi, ElectionApiOptions, TokenSource};

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
const TOKENS: &str = "/v1/m2m_tokens";
/// Lifetime of tokens in seconds.
const LIFE: i64 = 60;
const START: i64 = 1_772_022_896;

/// A clock that stands still until it is moved.
#[derive(Default)]
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(START + self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

/// An election-api that requires tokens, a Clerk that creates them, and a client; one clock for all.
struct Scene {
    clerk: ClerkEmulator,
    election: ElectionEmulator,
    hand: Arc<ManualClock>,
    tokens: MachineTokens,
    api: Arc<ElectionApi>,
}

impl Scene {
    fn new() -> Self {
        let clerk = ClerkEmulator::start().unwrap();
        let secret = MachineSecret::Value(clerk.machine_secret().into());
        Self::with(clerk, secret)
    }

    fn with(clerk: ClerkEmulator, secret: MachineSecret) -> Self {
        clerk.limit_machine_tokens(LIFE);
        let election = ElectionEmulator::start(World::demo()).unwrap();
        election.demand_tokens(&clerk);
        let hand = Arc::new(ManualClock::default());
        let clock = || -> Arc<dyn Clock> { Arc::<ManualClock>::clone(&hand) };
        let options = MachineTokenOptions::new(&clerk.api_url(), secret);
        let tokens = MachineTokens::new(options, clock()).unwrap();
        let source: Arc<dyn TokenSource> = Arc::new(tokens.clone());
        let options = ElectionApiOptions { tokens: Some(source), ..ElectionApiOptions::default() };
        let api = Arc::new(ElectionApi::with_options(election.url(), clock(), options).unwrap());
        let scene = Self { clerk, election, hand, tokens, api };
        scene.forward(0);
        scene
    }

    fn forward(&self, seconds: i64) {
        let now = START + self.hand.0.fetch_add(seconds, Ordering::Relaxed) + seconds;
        self.clerk.set_clock(now * 1_000);
        self.election.set_clock(now);
    }

    /// Sends a request whose answer is never cached.
    async fn ask(&self) -> Result<Option<PositionFacts>, ElectionUnavailable> {
        ask(&self.api).await
    }

    /// Sends this many requests at once; all are answered.
    async fn ask_at_once(&self, times: usize) {
        let mut questions = JoinSet::new();
        for _ in 0..times {
            let api = Arc::clone(&self.api);
            questions.spawn(async move { ask(&api).await });
        }
        for answer in questions.join_all().await {
            assert!(answer.unwrap().is_some());
        }
    }

    fn tokens_made(&self) -> usize {
        self.clerk.count(TOKENS)
    }
}

async fn ask(api: &ElectionApi) -> Result<Option<PositionFacts>, ElectionUnavailable> {
    let date: NaiveDate = "2028-11-07".parse().unwrap();
    api.position_with_turnout(&BallotReadyId::parse(MAYOR).unwrap(), date).await
}

/// Everything that a log may contain of an error.
fn error_text(error: &dyn Error) -> String {
    let mut texts = vec![format!("{error:?} {error}")];
    let mut cause = error.source();
    while let Some(source) = cause {
        texts.push(format!("{source:?} {source}"));
        cause = source.source();
    }
    texts.join(" ")
}

#[tokio::test]
async fn two_thousand_look_ups_are_answered_while_tokens_expire_and_keys_rotate() {
    let scene = Scene::new();
    let mut rotations = 0;
    for round in 0..250 {
        scene.ask_at_once(8).await;
        scene.forward(5);
        if round % 25 == 24 {
            scene.clerk.rotate(Rotation::NewKidDropOld);
            scene.election.forget_keys();
            rotations += 1;
        }
    }
    // A one-minute token is renewed after two thirds of its lifetime, and once more for each rotation.
    let made = scene.tokens_made();
    assert!((21..=40 + rotations).contains(&made), "{made} tokens in 1,250 seconds");
    assert!(scene.election.unauthorized() <= 8 * u64::try_from(rotations).unwrap());
}

#[tokio::test]
async fn no_token_is_used_to_its_end_and_none_is_refused() {
    let scene = Scene::new();
    for _ in 0..300 {
        assert!(scene.ask().await.unwrap().is_some());
        scene.forward(1);
    }
    assert_eq!(scene.election.unauthorized(), 0);
    assert!((5..=10).contains(&scene.tokens_made()), "{}", scene.tokens_made());
    // Nobody asked for long: the current token has expired, and is not tried.
    scene.forward(10_000);
    assert!(scene.ask().await.unwrap().is_some());
    assert_eq!(scene.election.unauthorized(), 0);
}

#[tokio::test]
async fn fifty_at_once_get_one_token() {
    let scene = Scene::new();
    scene.clerk.fail(TOKENS, Action::Delay { ms: 100 });
    scene.ask_at_once(50).await;
    assert_eq!(scene.tokens_made(), 1);
    scene.clerk.heal();
    // Rejected at once, because its key is gone: one more token for all of them.
    scene.clerk.rotate(Rotation::NewKidDropOld);
    scene.election.forget_keys();
    scene.ask_at_once(50).await;
    assert_eq!(scene.tokens_made(), 2);
}

#[tokio::test]
async fn a_renewal_in_flight_when_the_keys_changed_does_not_count_as_a_new_token() {
    let scene = Scene::new();
    let before = scene.tokens.current().await.unwrap();
    scene.forward(45);
    // The background renewal brings a token of the same key.
    let deadline = Instant::now() + Duration::from_secs(10);
    while scene.tokens.current().await.unwrap().expose_secret() == before.expose_secret() {
        assert!(Instant::now() < deadline, "no renewal");
        sleep(Duration::from_millis(5)).await;
    }
    scene.clerk.rotate(Rotation::NewKidDropOld);
    scene.election.forget_keys();
    // A request that was sent with the previous token learns about it.
    assert!(scene.tokens.refused(&before));
    scene.ask_at_once(8).await;
    assert_eq!((scene.tokens_made(), scene.election.unauthorized()), (3, 0));
}

#[tokio::test]
async fn while_a_token_lasts_nobody_waits_for_the_next_one() {
    let mut scene = Scene::new();
    scene.ask_at_once(1).await;
    scene.forward(45);
    scene.clerk.fail(TOKENS, Action::Hang);
    scene.ask_at_once(8).await;
    scene.clerk.go_away();
    scene.ask_at_once(8).await;
    scene.forward(10);
    scene.ask_at_once(8).await;
    assert_eq!(scene.election.unauthorized(), 0);
    scene.forward(10);
    assert!(scene.ask().await.is_err(), "the token is over, and there is no Clerk");
}

#[tokio::test]
async fn refused_whatever_the_token_each_call_is_an_outage_after_two_requests_at_most() {
    let scene = Scene::new();
    scene.election.refuse_tokens(true);
    for _ in 0..20 {
        let error = scene.ask().await.unwrap_err();
        assert_eq!(error.status(), Some(401));
        assert_eq!(error.to_string(), "election-api gave no usable answer");
    }
    assert_eq!((scene.election.unauthorized(), scene.tokens_made()), (21, 2));
    scene.election.refuse_tokens(false);
    assert!(scene.ask().await.unwrap().is_some(), "it heals by itself");
    assert_eq!(scene.tokens_made(), 2);
}

#[tokio::test]
async fn a_secret_that_appears_later_and_one_that_changes_are_used_without_a_restart() {
    let folder = std::env::temp_dir().join(format!("winserve-machine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file: PathBuf = folder.join("key");
    let clerk = ClerkEmulator::start().unwrap();
    let scene = Scene::with(clerk, MachineSecret::File(file.clone()));
    let error = scene.ask().await.unwrap_err();
    assert!(
        error_text(&error).contains("winserve-machine-"),
        "it names the file: {}",
        error_text(&error)
    );
    assert_eq!((scene.tokens_made(), scene.election.unauthorized()), (0, 0), "nobody is asked");

    std::fs::write(&file, format!("{}\n", scene.clerk.machine_secret())).unwrap();
    assert!(scene.ask().await.is_err(), "a moment ago there was none");
    scene.forward(2);
    assert!(scene.ask().await.unwrap().is_some());

    scene.clerk.replace_machine_secret("ak_test_next");
    std::fs::write(&file, "ak_test_next").unwrap();
    scene.forward(LIFE);
    assert!(scene.ask().await.unwrap().is_some());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_clerk_that_is_away_at_first_is_asked_again_but_not_by_every_request() {
    let mut scene = Scene::new();
    scene.clerk.go_away();
    assert!(scene.ask().await.is_err());
    scene.clerk.come_back().unwrap();
    for _ in 0..20 {
        assert!(scene.ask().await.is_err());
    }
    assert_eq!(scene.tokens_made(), 0, "the pause is not over");
    scene.forward(2);
    assert!(scene.ask().await.unwrap().is_some());
}

#[tokio::test]
async fn one_failed_request_for_a_token_is_made_again_at_once() {
    let scene = Scene::new();
    for action in [
        Action::Status { status: 500, code: "internal".to_owned() },
        Action::ResetBeforeCommit,
        Action::TruncateBody,
    ] {
        scene.clerk.fail_once(TOKENS, action);
        assert!(scene.ask().await.unwrap().is_some());
        scene.forward(LIFE);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_once_is_used_on_while_clerk_is_away() {
    let mut scene = Scene::new();
    assert!(scene.ask().await.unwrap().is_some());
    scene.clerk.go_away();
    scene.election.refuse_tokens(true);
    for _ in 0..5 {
        assert_eq!(scene.ask().await.unwrap_err().status(), Some(401));
    }
    assert!(scene.election.unauthorized() <= 10, "{}", scene.election.unauthorized());
    scene.election.refuse_tokens(false);
    for _ in 0..20 {
        assert!(scene.ask().await.unwrap().is_some(), "the token is as good as before");
        scene.forward(1);
    }
    scene.clerk.come_back().unwrap();
    scene.forward(2);
    assert!(scene.ask().await.unwrap().is_some());
    assert_eq!(scene.tokens_made(), 2, "the refused one is replaced as soon as Clerk is back");
}

#[tokio::test]
async fn nobody_waits_long_for_the_replacement_of_a_rejected_token() {
    let scene = Scene::new();
    assert!(scene.ask().await.unwrap().is_some());
    scene.clerk.fail(TOKENS, Action::Hang);
    scene.election.refuse_tokens(true);
    let error = scene.ask().await.unwrap_err();
    assert_eq!((error.status(), scene.election.unauthorized()), (Some(401), 2));
    scene.election.refuse_tokens(false);
    assert!(scene.ask().await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_signed_token_is_not_sent() {
    let scene = Scene::new();
    for action in [
        Action::BadJson,
        Action::HtmlError { status: 200 },
        Action::Status { status: 403, code: "machine_not_allowed".to_owned() },
        Action::RateLimit { retry_after: 1 },
    ] {
        scene.clerk.fail(TOKENS, action);
        assert!(scene.ask().await.is_err());
        scene.clerk.heal();
        scene.forward(2);
    }
    assert_eq!(scene.election.unauthorized(), 0);
}

#[tokio::test]
async fn the_secret_and_the_tokens_are_in_no_error_and_in_no_debug_output() {
    const SECRET: &str = "ak_test_canary";
    let clerk = ClerkEmulator::start().unwrap();
    let secret = MachineSecret::Value(SECRET.into());
    let options = MachineTokenOptions::new(&clerk.api_url(), secret.clone());
    assert!(!format!("{options:?}").contains("canary"));
    let scene = Scene::with(clerk, secret);
    let refused = error_text(&scene.ask().await.unwrap_err());
    assert!(refused.contains("clerk_key_invalid"), "the reason is there: {refused}");
    scene.clerk.replace_machine_secret(SECRET);
    scene.forward(2);
    assert!(scene.ask().await.unwrap().is_some());
    scene.election.refuse_tokens(true);
    let unauthorized = error_text(&scene.ask().await.unwrap_err());
    let all = format!("{refused}{unauthorized}{:?}", scene.tokens);
    assert!(!all.contains("canary") && !all.contains("eyJ"), "{all}");
}
