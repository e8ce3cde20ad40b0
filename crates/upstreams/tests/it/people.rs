//! The client of people-api against its emulator, over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use winserve_domain::{
    base::{Clock, SystemClock},
    contacts::{
        ContactPage, ContactsOf, CsvRewriter, PageQuery, PeopleService, PeopleUnavailable, Serve,
        Win,
    },
    positions::DistrictId,
    saved_filters::{Criteria, Segment, ServeFilter, WinFilter},
};
use winserve_emulators::{CsvFault, Fault, PeopleCall, PeopleEmulator, Population};
use winserve_upstreams::{ClientError, PeopleApi, PeopleApiOptions};

const TECUMSEH: &str = "01935a5c-0000-4000-8000-000000000001";

fn district() -> DistrictId {
    DistrictId::parse(TECUMSEH).unwrap()
}

fn with_options(options: PeopleApiOptions) -> (PeopleEmulator, PeopleApi) {
    let emulator = PeopleEmulator::start(Population::demo()).unwrap();
    let secret = emulator.secret().into();
    let api =
        PeopleApi::with_options(emulator.url(), &secret, Arc::new(SystemClock), options).unwrap();
    (emulator, api)
}

fn demo() -> (PeopleEmulator, PeopleApi) {
    with_options(PeopleApiOptions::DEFAULT)
}

/// A client with short timeouts: the test is about a service that hangs.
fn impatient() -> (PeopleEmulator, PeopleApi) {
    let short = Duration::from_millis(300);
    with_options(PeopleApiOptions {
        budget: short,
        page_budget: short,
        idle_timeout: short,
        patience: short,
        questions_at_once: 2,
        downloads_at_once: 1,
        ..PeopleApiOptions::DEFAULT
    })
}

async fn page(api: &PeopleApi) -> Result<ContactPage<Win>, PeopleUnavailable> {
    let (district, filter) = (district(), WinFilter::default());
    let query =
        PageQuery { district: &district, filter: &filter, search: None, page: 1, page_size: 10 };
    api.page(query).await
}

/// Rows of the complete file.
async fn file(api: &PeopleApi) -> Result<u64, PeopleUnavailable> {
    let mut file = ContactsOf::<Serve>::download(api, &district(), ServeFilter::default()).await?;
    let mut rows = CsvRewriter::<Serve>::new();
    while let Some(part) = file.next().await? {
        rows.push(&part.into_bytes()).unwrap();
    }
    rows.finish().unwrap();
    Ok(rows.rows())
}

#[tokio::test]
async fn a_contact_comes_for_each_product_with_what_it_may_know() {
    let (_emulator, api) = demo();
    let listed = page(&api).await.unwrap().people.remove(3);
    let id = listed.facts.id.clone();
    let win = ContactsOf::<Win>::contact(&api, &district(), &id).await.unwrap().unwrap();
    assert_eq!(win, listed);
    let serve = ContactsOf::<Serve>::contact(&api, &district(), &id).await.unwrap().unwrap();
    assert_eq!(serve.facts, listed.facts);
    let nobody = "0193f6a4-0000-7000-8000-00000000000a";
    assert_eq!(ContactsOf::<Win>::contact(&api, &district(), nobody).await.unwrap(), None);
}

#[tokio::test]
async fn a_filter_selects_and_a_page_beyond_the_end_is_the_last() {
    let (_emulator, api) = demo();
    let everybody = page(&api).await.unwrap();
    let criteria = Criteria::built_in(Segment::CellPhone).unwrap();
    let (district, filter) = (district(), ServeFilter { criteria });
    let query =
        PageQuery { district: &district, filter: &filter, search: None, page: 999, page_size: 100 };
    let last: ContactPage<Serve> = api.page(query).await.unwrap();
    assert!(last.total_results < everybody.total_results);
    assert_eq!(last.current_page, last.total_pages);
    assert!(!last.people.is_empty());
    assert!(last.people.iter().all(|contact| contact.facts.cell_phone.is_some()));
}

#[tokio::test]
async fn a_hanging_service_is_a_time_out_and_is_asked_once() {
    let (emulator, api) = impatient();
    emulator.fail_always(PeopleCall::List, Fault::Hang { ms: 60_000 });
    assert!(matches!(page(&api).await, Err(PeopleUnavailable::TimedOut(_))));
    assert_eq!(emulator.count(PeopleCall::List), 1);
    emulator.fail_always(PeopleCall::Download, CsvFault::Pause { rows: 100, ms: 60_000 });
    assert!(matches!(file(&api).await, Err(PeopleUnavailable::TimedOut(_))));
}

#[tokio::test]
async fn an_early_failure_is_made_up_for_and_two_are_an_error() {
    let (emulator, api) = demo();
    let id = page(&api).await.unwrap().people.remove(0).facts.id;
    for fault in [Fault::Down, Fault::Status { status: 503, message: "x".to_owned() }] {
        for call in
            [PeopleCall::List, PeopleCall::Person, PeopleCall::Statistics, PeopleCall::Download]
        {
            emulator.fail(call, fault.clone(), 1);
        }
        assert!(page(&api).await.is_ok());
        assert!(ContactsOf::<Win>::contact(&api, &district(), &id).await.unwrap().is_some());
        assert!(api.statistics(&district()).await.unwrap().is_some());
        assert_eq!(file(&api).await.unwrap(), 1_250);
        emulator.fail(PeopleCall::List, fault, 2);
        assert!(page(&api).await.is_err());
    }
}

#[tokio::test]
async fn what_the_service_says_of_people_is_in_no_error() {
    let (emulator, api) = demo();
    for fault in [
        Fault::Status { status: 400, message: "Karen Young".to_owned() },
        Fault::Text { status: 200, body: r#"{"people": "Karen Young"}"#.to_owned() },
        Fault::Text { status: 404, body: "Karen Young".to_owned() },
    ] {
        emulator.fail(PeopleCall::List, fault, 1);
        let error = page(&api).await.unwrap_err();
        let mut said = format!("{error:?} {error}");
        let mut cause = error.source();
        while let Some(source) = cause {
            said += &source.to_string();
            cause = source.source();
        }
        assert!(!said.contains("Karen"), "{said}");
    }
}

#[tokio::test]
async fn no_more_run_in_parallel_than_allowed() {
    let (emulator, api) = impatient();
    emulator.fail_always(PeopleCall::List, Fault::Hang { ms: 60_000 });
    let three = tokio::join!(page(&api), page(&api), page(&api));
    let outcomes = [three.0, three.1, three.2];
    let timed_out =
        outcomes.iter().filter(|one| matches!(one, Err(PeopleUnavailable::TimedOut(_)))).count();
    assert!(timed_out >= 2);
    // The third waited for its turn, until it gave up or one of the others did.
    assert!(emulator.count(PeopleCall::List) <= 3);
    emulator.heal();
    let first = ContactsOf::<Win>::download(&api, &district(), WinFilter::default()).await.unwrap();
    let second = ContactsOf::<Win>::download(&api, &district(), WinFilter::default()).await;
    assert!(matches!(second, Err(PeopleUnavailable::Overloaded)));
    drop(first);
    assert_eq!(file(&api).await.unwrap(), 1_250);
}

/// A clock that is set by hand.
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let began = 1_772_022_896;
    let emulator = PeopleEmulator::start(Population::demo()).unwrap();
    let clock = Arc::new(ManualClock(AtomicI64::new(began)));
    let secret = emulator.secret().into();
    let clock_of_client: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let api = PeopleApi::new(emulator.url(), &secret, clock_of_client).unwrap();
    for seconds in [0, 239, 241, 100] {
        emulator.set_clock(began + seconds);
        clock.0.store(began + seconds, Ordering::Relaxed);
        assert!(page(&api).await.is_ok(), "after {seconds} seconds");
    }
    let tokens: Vec<_> =
        emulator.requests().into_iter().map(|request| request.authorization.unwrap()).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
    // A clock that is set back makes a token expire.
    assert_ne!(tokens[2], tokens[3]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let (emulator, api) = demo();
    let refusal = Fault::Status { status: 401, message: "expired".to_owned() };
    emulator.fail(PeopleCall::List, refusal.clone(), 1);
    assert!(page(&api).await.is_ok());
    emulator.fail(PeopleCall::List, refusal, 2);
    assert!(page(&api).await.is_err());
}

#[test]
fn a_malformed_address_is_refused() {
    let made = PeopleApi::new("people-api", &"secret".into(), Arc::new(SystemClock));
    assert!(matches!(made, Err(ClientError::BadUrl { .. })));
}
