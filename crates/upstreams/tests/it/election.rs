//! The client of election-api against its emulator, over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use winserve_domain::{
    base::{Clock, SystemClock},
    positions::{
        BallotLevel, BallotReadyId, District, DistrictId, ElectionService, ElectionUnavailable,
        KnownDistrict, NoElectionService, PositionDistrict, PositionSearch,
    },
};
use winserve_emulators::{Call, District as Row, ElectionEmulator, Fault, Position, World};
use winserve_upstreams::{ClientError, ElectionApi, ElectionApiOptions};

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
const WARD: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=";
const TECUMSEH: &str = "01935a5c-0000-4000-8000-000000000001";
/// Every kind of call that the client makes.
const CALLS: [Call; 7] = [
    Call::PositionsSearch,
    Call::PositionByBallotreadyId,
    Call::District,
    Call::DistrictsList,
    Call::DistrictsTypes,
    Call::DistrictsNames,
    Call::ProjectedTurnout,
];

fn demo() -> (ElectionEmulator, ElectionApi) {
    let emulator = ElectionEmulator::start(World::demo()).unwrap();
    let api = ElectionApi::new(emulator.url(), Arc::new(SystemClock)).unwrap();
    (emulator, api)
}

/// A client with short timeouts: the test is about a service that hangs.
fn impatient(emulator: &ElectionEmulator) -> ElectionApi {
    let budget = Duration::from_millis(200);
    let options = ElectionApiOptions { position_budget: budget, budget, ..Default::default() };
    ElectionApi::with_options(emulator.url(), Arc::new(SystemClock), options).unwrap()
}

fn id(text: &str) -> BallotReadyId {
    BallotReadyId::parse(text).unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn city(name: &str) -> District {
    District { kind: "City".to_owned(), name: name.to_owned() }
}

fn tecumseh() -> KnownDistrict {
    KnownDistrict {
        id: DistrictId::parse(TECUMSEH).unwrap(),
        state: "MI".to_owned(),
        district: city("TECUMSEH CITY"),
    }
}

fn of_tecumseh() -> PositionDistrict {
    PositionDistrict { id: tecumseh().id, district: tecumseh().district }
}

fn position(br_position_id: &str) -> Position {
    Position {
        id: "01935a5c-0000-4000-9000-000000000001".to_owned(),
        br_position_id: br_position_id.to_owned(),
        br_database_id: "1".to_owned(),
        state: "mi".to_owned(),
        name: "Judge".to_owned(),
        level: None,
        district_id: None,
    }
}

fn world_of(position: Position) -> World {
    let district = Row::new(TECUMSEH, "MI", "City", "TECUMSEH CITY", None);
    World::new(vec![district], vec![position]).unwrap()
}

fn mayors() -> PositionSearch {
    PositionSearch {
        zip: None,
        name: Some("Mayor".to_owned()),
        levels: Vec::new(),
        from: date("2026-02-25"),
        to: date("2028-11-07"),
        today: date("2026-02-25"),
    }
}

/// Sends every kind of request once; returns the errors.
async fn errors(service: &dyn ElectionService) -> Vec<Option<ElectionUnavailable>> {
    let (place, day) = (city("TECUMSEH CITY"), date("2028-11-07"));
    vec![
        service.position(&id(MAYOR)).await.err(),
        service.position_with_turnout(&id(MAYOR), day).await.err(),
        service.district(&tecumseh().id).await.err(),
        service.find_district("MI", &place).await.err(),
        service.district_types("MI", Some(2028), true).await.err(),
        service.district_names("MI", "City", None, false).await.err(),
        service.projected_turnout("MI", &place, day).await.err(),
        service.search_positions(&mayors()).await.err(),
    ]
}

#[tokio::test]
async fn a_position_comes_with_its_district() {
    let (_emulator, api) = demo();
    let facts = api.position(&id(MAYOR)).await.unwrap().unwrap();
    assert_eq!((facts.id, facts.name.as_deref()), (id(MAYOR), Some("Tecumseh City Mayor")));
    assert_eq!((facts.state.as_deref(), facts.level), (Some("MI"), Some(BallotLevel::City)));
    assert_eq!((facts.district, facts.projected_turnout), (Some(of_tecumseh()), None));

    let facts = api.position(&id(WARD)).await.unwrap().unwrap();
    let district = facts.district.unwrap().district;
    assert_eq!((facts.state.as_deref(), district.kind.as_str()), (Some("WY"), "City_Ward"));
    assert_eq!(district.name, "CHEYENNE CITY WARD 1");
}

#[tokio::test]
async fn turnout_comes_for_the_day_that_is_asked_for() {
    let (_emulator, api) = demo();
    for (day, turnout) in
        [("2028-11-07", Some(3100)), ("2027-11-02", Some(1240)), ("1999-11-02", None)]
    {
        let facts = api.position_with_turnout(&id(MAYOR), date(day)).await.unwrap().unwrap();
        assert_eq!((facts.projected_turnout, facts.district), (turnout, Some(of_tecumseh())));
        let found = api.projected_turnout("mi", &city("TECUMSEH CITY"), date(day)).await.unwrap();
        assert_eq!(found, turnout, "{day}");
    }
    assert_eq!(
        api.projected_turnout("MI", &city("TECUMSEH"), date("2028-11-07")).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn what_is_unknown_is_none() {
    let (_emulator, api) = demo();
    assert_eq!(api.position(&id("unknown")).await.unwrap(), None);
    assert_eq!(api.position_with_turnout(&id("unknown"), date("2028-11-07")).await.unwrap(), None);
    let unknown = DistrictId::parse("01935a5c-0000-4000-8000-ffffffffffff").unwrap();
    assert_eq!(api.district(&unknown).await.unwrap(), None);
    assert_eq!(api.find_district("MI", &city("tecumseh city")).await.unwrap(), None);
    assert_eq!(api.district_types("FM", None, false).await.unwrap(), []);
    assert_eq!(api.district_names("MI", "Village", None, false).await.unwrap(), []);
}

#[tokio::test]
async fn an_id_with_slashes_and_plus_signs_is_one_segment() {
    let (_emulator, api) = demo();
    let facts = api.position(&id("Z2lk+Oi8v/YmFs+bG90/NTIzOTA=")).await.unwrap().unwrap();
    assert_eq!(facts.name.as_deref(), Some("Tecumseh Library Board"));

    let odd = "a b?c#d%2Fe&f=é;\\x/../..";
    let emulator = ElectionEmulator::start(world_of(position(odd))).unwrap();
    let api = ElectionApi::new(emulator.url(), Arc::new(SystemClock)).unwrap();
    assert_eq!(api.position(&id(odd)).await.unwrap().unwrap().name.as_deref(), Some("Judge"));
}

#[tokio::test]
async fn what_election_api_cannot_have_is_not_asked_for() {
    let (emulator, api) = demo();
    for text in [".", "..", "a\u{0}b", &"x".repeat(300)] {
        if let Some(id) = BallotReadyId::parse(text) {
            assert_eq!(api.position(&id).await.unwrap(), None, "{text:?}");
        }
        assert_eq!(api.find_district("MI", &city(text)).await.unwrap(), None, "{text:?}");
    }
    assert_eq!(api.find_district("Michigan", &city("TECUMSEH CITY")).await.unwrap(), None);
    assert_eq!(api.find_district("ZZ", &city("TECUMSEH CITY")).await.unwrap(), None);
    assert_eq!(api.find_district("MI", &city("")).await.unwrap(), None);
    assert_eq!(api.district_types("ZZ", None, false).await.unwrap(), []);
    assert!(CALLS.iter().all(|call| emulator.count(*call) == 0));
}

#[tokio::test]
async fn a_position_may_lack_a_district_and_a_level_and_have_a_strange_one() {
    for level in [None, Some("JUDICIAL"), Some("")] {
        let old = Position { level: level.map(str::to_owned), ..position("a") };
        let emulator = ElectionEmulator::start(world_of(old)).unwrap();
        let api = ElectionApi::new(emulator.url(), Arc::new(SystemClock)).unwrap();
        let facts = api.position(&id("a")).await.unwrap().unwrap();
        assert_eq!((facts.level, facts.district, facts.state.as_deref()), (None, None, Some("MI")));
    }
}

#[tokio::test]
async fn districts_are_found_by_id_and_by_exact_name() {
    let (_emulator, api) = demo();
    assert_eq!(api.district(&tecumseh().id).await.unwrap(), Some(tecumseh()));
    let found = api.find_district("mi", &city("TECUMSEH CITY")).await.unwrap();
    assert_eq!(found, Some(tecumseh()));
    let gulfport = api.find_district("FL", &city("GULFPORT CITY (EST.)")).await.unwrap();
    assert_eq!(gulfport.unwrap().state, "FL");
    assert_eq!(api.find_district("WY", &city("TECUMSEH CITY")).await.unwrap(), None);
}

#[tokio::test]
async fn a_row_that_only_resembles_the_name_is_not_taken() {
    let (emulator, api) = demo();
    let row = format!(
        r#"[{{"id":"{TECUMSEH}","state":"MI","L2DistrictType":"City","L2DistrictName":"TECUMSEH"}}]"#
    );
    emulator.fail(Call::DistrictsList, Fault::Text { status: 200, body: row }, 1);
    assert_eq!(api.find_district("MI", &city("TECUMSEH CITY")).await.unwrap(), None);
}

#[tokio::test]
async fn lists_keep_their_order_and_can_leave_out_what_is_invalid() {
    let (_emulator, api) = demo();
    let texts = |options: Vec<winserve_domain::positions::DistrictOption>| {
        options.into_iter().map(|option| option.text).collect::<Vec<_>>()
    };
    let wards = api.district_names("WY", "City_Ward", None, false).await.unwrap();
    assert_eq!(wards.first().unwrap().id.as_str(), "01935a5c-0000-4000-8000-000000000002");
    assert_eq!(texts(wards), ["CHEYENNE CITY WARD 1", "CHEYENNE CITY WARD 2"]);
    let kinds = texts(api.district_types("WY", None, false).await.unwrap());
    assert!(kinds.contains(&"State_House_District".to_owned()), "{kinds:?}");
    let valid = texts(api.district_types("WY", Some(2028), true).await.unwrap());
    assert_eq!(valid, ["City", "City_Ward", "County", "State"]);
    let ward = api.district_names("MI", "City_Ward", Some(2028), true).await.unwrap();
    assert_eq!(ward, []);
}

#[tokio::test]
async fn one_failure_of_the_service_or_the_connection_is_made_up_for() {
    for fault in [
        Fault::Status { status: 503, message: "busy".to_owned() },
        Fault::Down,
        Fault::Truncated,
        Fault::Hang { ms: 60_000 },
    ] {
        let (emulator, api) = demo();
        emulator.fail(Call::PositionByBallotreadyId, fault.clone(), 1);
        let facts = api.position(&id(MAYOR)).await;
        assert_eq!(
            facts.unwrap().unwrap().name.as_deref(),
            Some("Tecumseh City Mayor"),
            "{fault:?}"
        );
        assert_eq!(emulator.count(Call::PositionByBallotreadyId), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn two_failures_are_an_error_and_there_is_no_third_attempt() {
    let (emulator, api) = demo();
    let fault = Fault::Status { status: 502, message: "busy".to_owned() };
    emulator.fail(Call::PositionByBallotreadyId, fault, 2);
    let error = api.position(&id(MAYOR)).await.unwrap_err();
    assert_eq!(error.status(), Some(502));
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), 2);
}

#[tokio::test]
async fn what_would_fail_again_is_not_asked_again() {
    for fault in [
        Fault::Garbage,
        Fault::Status { status: 400, message: "bad".to_owned() },
        Fault::Text { status: 302, body: String::new() },
        Fault::Text { status: 200, body: "x".repeat(2 << 20) },
    ] {
        let (emulator, api) = demo();
        emulator.fail(Call::PositionByBallotreadyId, fault.clone(), 1);
        let error = api.position(&id(MAYOR)).await.unwrap_err();
        assert!(matches!(error, ElectionUnavailable::Failed { .. }), "{fault:?}: {error:?}");
        assert_eq!(emulator.count(Call::PositionByBallotreadyId), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_hanging_service_is_a_time_out() {
    let (emulator, _) = demo();
    let api = impatient(&emulator);
    for call in CALLS {
        emulator.fail_always(call, Fault::Hang { ms: 60_000 });
    }
    for error in errors(&api).await {
        let error = error.unwrap();
        assert!(matches!(error, ElectionUnavailable::TimedOut(_)), "{error:?}");
        assert_eq!(error.to_string(), "election-api did not answer in time");
    }
}

#[tokio::test]
async fn what_the_service_says_when_it_fails_is_in_the_source_only() {
    let message = "column \"Position.level\" does not exist";
    for fault in [
        Fault::Status { status: 500, message: message.to_owned() },
        Fault::Status { status: 400, message: message.to_owned() },
        Fault::Text { status: 200, body: format!("{{\"id\": {message}") },
        Fault::Text { status: 200, body: format!("[\"{message}") },
        Fault::Garbage,
        Fault::Truncated,
        Fault::Down,
    ] {
        let (emulator, api) = demo();
        for call in CALLS {
            emulator.fail_always(call, fault.clone());
        }
        for error in errors(&api).await {
            let error = error.unwrap();
            assert!(matches!(error, ElectionUnavailable::Failed { .. }), "{fault:?}: {error:?}");
            assert_eq!(error.to_string(), "election-api gave no usable answer", "{fault:?}");
            let source = error.source().unwrap().to_string();
            assert!(source.starts_with("GET /v1/"), "{source}");
            if let Fault::Status { status, .. } = fault {
                assert_eq!(error.status(), Some(status));
                assert!(source.contains("does not exist"), "for logs: {source}");
            }
        }
    }
}

#[tokio::test]
async fn answers_that_break_the_contract_are_errors() {
    let bodies = [
        r#"{"brPositionId":"other","state":"MI","name":"Mayor"}"#.to_owned(),
        format!(r#"{{"brPositionId":"{MAYOR}","state":"Michigan","name":"Mayor"}}"#),
        format!(r#"{{"brPositionId":"{MAYOR}","state":"MI","name":" "}}"#),
        r#"{"state":"MI","name":"Mayor"}"#.to_owned(),
        format!(
            r#"{{"brPositionId":"{MAYOR}","state":"MI","name":"Mayor",
                "district":{{"id":"17","L2DistrictType":"City","L2DistrictName":"X"}}}}"#
        ),
        format!(
            r#"{{"brPositionId":"{MAYOR}","state":"MI","name":"Mayor",
                "district":{{"id":"{TECUMSEH}","L2DistrictType":"","L2DistrictName":"X"}}}}"#
        ),
        "null".to_owned(),
        "[".repeat(10_000),
    ];
    for body in bodies {
        let (emulator, api) = demo();
        let fault = Fault::Text { status: 200, body: body.clone() };
        emulator.fail_always(Call::PositionByBallotreadyId, fault);
        let error = api.position(&id(MAYOR)).await.unwrap_err();
        assert!(matches!(error, ElectionUnavailable::Failed { status: Some(200), .. }), "{body}");
    }
    let (emulator, api) = demo();
    let row = r#"{"id":"01935a5c-0000-4000-8000-000000000002","state":"MI","L2DistrictType":"City",
        "L2DistrictName":"X"}"#;
    emulator.fail(Call::District, Fault::Text { status: 200, body: row.to_owned() }, 1);
    assert!(api.district(&tecumseh().id).await.is_err(), "another district");
}

#[tokio::test]
async fn a_404_of_anything_but_the_service_is_an_error() {
    let (emulator, api) = demo();
    for body in ["<html>Not Found</html>", r#"{"message":"Cannot GET /v1/x","statusCode":404}"#] {
        let fault = Fault::Text { status: 404, body: body.to_owned() };
        emulator.fail(Call::PositionByBallotreadyId, fault, 1);
        let error = api.position(&id(MAYOR)).await.unwrap_err();
        assert_eq!(error.status(), Some(404), "{body}");
    }
    let elsewhere = format!("{}/elsewhere", emulator.url());
    let api = ElectionApi::new(&elsewhere, Arc::new(SystemClock)).unwrap();
    assert!(api.position(&id(MAYOR)).await.is_err(), "a wrong address is no unknown position");
}

#[tokio::test]
async fn a_refused_connection_is_an_error() {
    let (emulator, api) = demo();
    emulator.stop();
    for error in errors(&api).await {
        assert_eq!(error.unwrap().to_string(), "election-api gave no usable answer");
    }
}

/// A clock that stands still until it is moved.
#[derive(Default)]
struct ManualClock(AtomicI64);

impl ManualClock {
    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_022_896 + self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

fn demo_with_clock() -> (ElectionEmulator, Arc<ManualClock>, ElectionApi) {
    let (emulator, hand) =
        (ElectionEmulator::start(World::demo()).unwrap(), Arc::new(ManualClock::default()));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&hand);
    let api = ElectionApi::new(emulator.url(), clock).unwrap();
    (emulator, hand, api)
}

#[tokio::test]
async fn what_was_found_is_remembered_for_a_minute() {
    let (emulator, clock, api) = demo_with_clock();
    let ask = async || {
        assert!(api.position(&id(MAYOR)).await.unwrap().is_some());
        assert!(api.district(&tecumseh().id).await.unwrap().is_some());
        assert!(api.find_district("MI", &city("TECUMSEH CITY")).await.unwrap().is_some());
    };
    let calls = [Call::PositionByBallotreadyId, Call::District, Call::DistrictsList];
    for (seconds, asked) in [(0, 1), (0, 1), (59, 1), (1, 2), (0, 2), (-3_600, 3)] {
        clock.forward(seconds);
        ask().await;
        assert_eq!(calls.map(|call| emulator.count(call)), [asked; 3], "{seconds} s later");
    }
}

#[tokio::test]
async fn what_was_not_found_is_remembered_for_ten_seconds() {
    let (emulator, clock, api) = demo_with_clock();
    for (seconds, asked) in [(0, 1), (9, 1), (1, 2)] {
        clock.forward(seconds);
        assert_eq!(api.position(&id("unknown")).await.unwrap(), None);
        assert_eq!(emulator.count(Call::PositionByBallotreadyId), asked, "{seconds} s later");
    }
}

#[tokio::test]
async fn errors_and_turnout_are_never_remembered() {
    let (emulator, api) = demo();
    emulator.fail(Call::PositionByBallotreadyId, Fault::Garbage, 1);
    assert!(api.position(&id(MAYOR)).await.is_err());
    assert!(api.position(&id(MAYOR)).await.unwrap().is_some());
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), 2);
    for asked in [3, 4] {
        api.position_with_turnout(&id(MAYOR), date("2028-11-07")).await.unwrap();
        assert_eq!(emulator.count(Call::PositionByBallotreadyId), asked);
    }
}

#[tokio::test]
async fn without_a_service_every_question_is_refused_as_not_configured() {
    for error in errors(&NoElectionService).await {
        assert!(matches!(error, Some(ElectionUnavailable::NotConfigured)), "{error:?}");
    }
}

#[tokio::test]
async fn an_address_may_have_a_path_and_tls_and_must_be_one() {
    let (emulator, _) = demo();
    let slash = format!("{}/", emulator.url());
    let api = ElectionApi::new(&slash, Arc::new(SystemClock)).unwrap();
    assert!(api.position(&id(MAYOR)).await.unwrap().is_some());

    let https = emulator.url().replace("http:", "https:");
    let api = ElectionApi::new(&https, Arc::new(SystemClock)).unwrap();
    assert!(api.position(&id(MAYOR)).await.is_err(), "the emulator has no TLS");

    for url in [
        "",
        "election-api",
        "ftp://host",
        "http://host/?x=1",
        "http://host/#x",
        "https://u:sekret@host/?a=sekret",
    ] {
        let refused = ElectionApi::new(url, Arc::new(SystemClock)).map(|_| ()).unwrap_err();
        assert!(matches!(refused, ClientError::BadUrl { .. }), "{url}: {refused}");
        assert!(!format!("{refused} {refused:?}").contains("sekret"), "{refused}");
    }
}
