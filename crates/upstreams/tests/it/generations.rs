//! Each kind of election-api, in each of its generations: what one of them omits or does not have.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use chrono::NaiveDate;
use winserve_domain::{
    base::SystemClock,
    positions::{
        BallotLevel, BallotReadyId, District, DistrictId, ElectionService as _,
        ElectionUnavailable, FoundPosition, OfficeLevel, PositionSearch,
    },
};
use winserve_emulators::{Call, ElectionEmulator, Fault, Generation, World};
use winserve_upstreams::{ElectionApi, ElectionApiOptions, ElectionSurface};

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
/// election-api's own id for it, and for its district.
const OWN_ID: &str = "01935a5c-0000-4000-9000-000000220085";
const TECUMSEH: &str = "01935a5c-0000-4000-8000-000000000001";
/// Members of a position that may be absent.
const OPTIONAL: [&str; 9] = [
    "id",
    "brDatabaseId",
    "state",
    "name",
    "level",
    "isWinIcp",
    "isServeIcp",
    "district",
    "L2DistrictName",
];
/// Members of a search result that may be absent.
const OPTIONAL_FOUND: [&str; 9] =
    ["id", "position", "name", "level", "state", "election", "electionDay", "city", "district"];
const GENERATIONS: [Generation; 2] = [Generation::Earlier, Generation::Later];
/// 2026-02-25.
const TODAY: i64 = 1_772_022_896;

fn demo() -> ElectionEmulator {
    let emulator = ElectionEmulator::start(World::demo()).unwrap();
    emulator.set_clock(TODAY);
    emulator
}

/// A client with an empty cache.
fn client(emulator: &ElectionEmulator, surface: ElectionSurface) -> ElectionApi {
    let options = ElectionApiOptions { surface, ..ElectionApiOptions::default() };
    ElectionApi::with_options(emulator.url(), Arc::new(SystemClock), options).unwrap()
}

fn standalone(emulator: &ElectionEmulator) -> ElectionApi {
    client(emulator, ElectionSurface::Standalone)
}

fn id(text: &str) -> BallotReadyId {
    BallotReadyId::parse(text).unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn search(from: &str, to: &str) -> PositionSearch {
    PositionSearch {
        zip: Some("49286".to_owned()),
        name: Some("tecumseh city".to_owned()),
        levels: Vec::new(),
        from: date(from),
        to: date(to),
        today: date("2026-02-25"),
    }
}

fn days(found: &[FoundPosition]) -> Vec<String> {
    let mut days: Vec<_> = found.iter().filter_map(|it| it.election_day).collect();
    days.dedup();
    days.iter().map(NaiveDate::to_string).collect()
}

#[tokio::test]
async fn a_position_is_the_same_in_both_generations() {
    let emulator = demo();
    let earlier = standalone(&emulator).position(&id(MAYOR)).await.unwrap();
    emulator.speak(Generation::Later);
    let later = standalone(&emulator).position(&id(MAYOR)).await.unwrap();
    assert!(earlier.is_some());
    assert_eq!(earlier, later);
}

#[tokio::test]
async fn a_position_is_known_without_each_of_its_optional_members_and_without_all() {
    let emulator = demo();
    for generation in GENERATIONS {
        emulator.speak(generation);
        for absent in OPTIONAL.iter().map(std::slice::from_ref).chain([&OPTIONAL[..]]) {
            emulator.omit(absent);
            let facts = standalone(&emulator).position(&id(MAYOR)).await.unwrap().unwrap();
            let is_there = |member| !absent.contains(&member);
            let name = is_there("name").then_some("Tecumseh City Mayor");
            assert_eq!(facts.name.as_deref(), name, "{absent:?}");
            assert_eq!(facts.state.as_deref(), is_there("state").then_some("MI"), "{absent:?}");
            let level = is_there("level").then_some(BallotLevel::City);
            assert_eq!(facts.level, level, "{absent:?}");
            let has_district = ["district", "id", "L2DistrictName"].into_iter().all(is_there);
            assert_eq!(facts.district.is_some(), has_district, "{absent:?}");
            let is_partial = is_there("district") && !has_district;
            assert_eq!(facts.is_district_partial, is_partial, "{absent:?}");
            let is_complete = is_there("name") && is_there("state") && !is_partial;
            assert_eq!(facts.is_complete(), is_complete, "{absent:?}");
        }
    }
}

#[tokio::test]
async fn a_search_finds_the_same_elections_in_both_generations() {
    let emulator = demo();
    for (from, to, expected) in [
        ("2026-02-25", "2028-12-31", &["2028-11-07"][..]),
        ("2026-02-25", "2027-12-31", &[]),
        ("2024-01-01", "2024-12-31", &["2024-11-05"]),
        ("2020-01-01", "2030-12-31", &["2022-11-08", "2024-11-05", "2028-11-07"]),
        ("2023-01-01", "2030-12-31", &["2024-11-05", "2028-11-07"]),
        ("2028-11-07", "2028-11-07", &["2028-11-07"]),
        ("2029-01-01", "2020-01-01", &[]),
    ] {
        for generation in GENERATIONS {
            emulator.speak(generation);
            let found = standalone(&emulator).search_positions(&search(from, to)).await.unwrap();
            assert_eq!(days(&found), expected, "{generation:?} {from} {to}");
            assert_eq!(found.len(), 2 * expected.len(), "mayor and council, each day");
        }
    }
}

#[tokio::test]
async fn a_range_that_was_not_understood_is_an_outage_and_not_an_empty_list() {
    let emulator = demo();
    emulator.speak(Generation::Unknown);
    let api = standalone(&emulator);
    for (from, to) in [("2022-01-01", "2024-12-31"), ("2022-01-01", "2030-12-31")] {
        let error = api.search_positions(&search(from, to)).await.unwrap_err();
        assert!(matches!(error, ElectionUnavailable::Failed { .. }), "{error:?}");
    }
    // Whatever it finds matches the request.
    let found = api.search_positions(&search("2026-02-25", "2030-12-31")).await.unwrap();
    assert_eq!(days(&found), ["2028-11-07"]);
}

#[tokio::test]
async fn a_search_is_complete_without_each_optional_member_and_without_all() {
    let emulator = demo();
    for generation in GENERATIONS {
        emulator.speak(generation);
        for absent in OPTIONAL_FOUND.iter().map(std::slice::from_ref).chain([&OPTIONAL_FOUND[..]]) {
            emulator.omit(absent);
            // The elections of 2028 are in the half after today, those of 2022 and 2024 in the other half.
            for (from, to) in [
                ("2026-02-25", "2030-12-31"),
                ("2025-01-01", "2030-12-31"),
                ("2020-01-01", "2030-12-31"),
            ] {
                let wanted = search(from, to);
                let found = standalone(&emulator).search_positions(&wanted).await.unwrap();
                assert_both_are_found(&found, absent);
            }
        }
    }
}

fn assert_both_are_found(found: &[FoundPosition], absent: &[&str]) {
    let mut ids: Vec<_> = found.iter().map(|it| it.id.as_str()).collect();
    // Without its day, an election cannot be identified.
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2, "{absent:?}");
    let is_nameless = absent.iter().any(|it| matches!(*it, "name" | "position"));
    assert_eq!(found.iter().all(|it| it.name.is_none()), is_nameless, "{absent:?}");
}

#[tokio::test]
async fn one_odd_entry_leaves_a_list_of_districts_as_it_is_otherwise() {
    let emulator = demo();
    let answer = |items: serde_json::Value| Fault::Text { status: 200, body: items.to_string() };
    let api = standalone(&emulator);
    let items = |member: &str| {
        serde_json::json!([
            {"id": "17", member: "A"}, {member: "B"}, {"id": null, member: "C"},
            {"id": TECUMSEH, member: "D"},
        ])
    };
    emulator.fail_always(Call::DistrictsTypes, answer(items("L2DistrictType")));
    emulator.fail_always(Call::DistrictsNames, answer(items("L2DistrictName")));
    let lists = [
        api.district_types("MI", None, false).await.unwrap(),
        api.district_names("MI", "City", None, false).await.unwrap(),
    ];
    for list in lists {
        assert_eq!(list.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["D"]);
    }

    let row = |id: &str, name: &str| serde_json::json!({"id": id, "state": "MI", "L2DistrictType": "City", "L2DistrictName": name});
    let rows = serde_json::json!([row("17", "ADRIAN CITY"), row(TECUMSEH, "TECUMSEH CITY")]);
    emulator.fail_always(Call::DistrictsList, answer(rows));
    let city = |name: &str| District { kind: "City".to_owned(), name: name.to_owned() };
    let found = api.find_district("MI", &city("TECUMSEH CITY")).await.unwrap();
    assert_eq!(found.unwrap().id.as_str(), TECUMSEH);
    let error = api.find_district("MI", &city("ADRIAN CITY")).await.unwrap_err();
    assert!(matches!(error, ElectionUnavailable::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_search_is_narrowed_to_levels() {
    let emulator = demo();
    let api = standalone(&emulator);
    let of = async |group: &str| {
        let levels = OfficeLevel::of_group(group).to_vec();
        let wanted = PositionSearch { name: None, levels, ..search("2026-02-25", "2030-12-31") };
        let found = api.search_positions(&wanted).await.unwrap();
        found.iter().filter_map(|it| it.level.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(Vec::from_iter(of("LOCAL").await), ["City", "Local", "Township"]);
    assert_eq!(Vec::from_iter(of("COUNTY").await), ["County", "Regional"]);
    assert_eq!(Vec::from_iter(of("FEDERAL").await), ["Federal"]);
    assert!(of("JUDICIAL").await.is_empty());
}

#[tokio::test]
async fn an_empty_search_calls_no_upstream() {
    let emulator = demo();
    let nothing = PositionSearch { zip: None, name: None, ..search("2026-02-25", "2030-12-31") };
    assert_eq!(standalone(&emulator).search_positions(&nothing).await.unwrap(), []);
    assert_eq!(emulator.count(Call::PositionsSearch), 0);
}

#[tokio::test]
async fn the_folded_surface_knows_positions_by_their_own_id_with_the_districts_state() {
    let emulator = demo();
    let folded = || client(&emulator, ElectionSurface::Folded);
    let facts = folded().position(&id(OWN_ID)).await.unwrap().unwrap();
    assert_eq!((facts.id, facts.name.as_deref()), (id(OWN_ID), Some("Tecumseh City Mayor")));
    assert_eq!(facts.district.unwrap().id.as_str(), TECUMSEH);
    let unknown = id("01935a5c-0000-4000-9000-ffffffffffff");
    assert_eq!(folded().position(&unknown).await.unwrap(), None);
    for absent in OPTIONAL.iter().filter(|it| **it != "id") {
        emulator.omit(&[absent]);
        let facts = folded().position(&id(OWN_ID)).await.unwrap().unwrap();
        assert_eq!(facts.name.is_none(), *absent == "name", "{absent}");
    }
}

#[tokio::test]
async fn what_the_folded_surface_does_not_offer_is_not_asked_for_and_is_an_outage() {
    let emulator = demo();
    let api = client(&emulator, ElectionSurface::Folded);
    let (place, day) = (
        District { kind: "City".to_owned(), name: "TECUMSEH CITY".to_owned() },
        date("2028-11-07"),
    );
    let errors = [
        api.position(&id(MAYOR)).await.err(),
        api.position_with_turnout(&id(OWN_ID), day).await.err(),
        api.district(&DistrictId::parse(TECUMSEH).unwrap()).await.err(),
        api.find_district("MI", &place).await.err(),
        api.district_types("MI", None, false).await.err(),
        api.district_names("MI", "City", None, false).await.err(),
        api.projected_turnout("MI", &place, day).await.err(),
        api.search_positions(&search("2026-02-25", "2030-12-31")).await.err(),
    ];
    let said = ElectionSurface::Folded.cannot_answer();
    for error in errors {
        match error {
            Some(ElectionUnavailable::NotOffered { what }) => assert!(said.contains(&what)),
            other => panic!("{other:?}"),
        }
    }
    assert!(ElectionSurface::Standalone.cannot_answer().is_empty());
    assert_eq!(emulator.count(Call::FoldedPosition), 0);
}
