//! Parties.

use serde_json::{Value, json};
use winserve_emulators::Parties;

use super::support::*;

#[tokio::test]
async fn every_party_is_there_and_reads_as_one_of_four() {
    let client = start();
    for parties in [Parties::A, Parties::B] {
        client.people.set_parties(parties);
        let file = records(&client.csv(TECUMSEH, json!({})).await);
        let column = file[0].iter().position(|name| name == "Parties_Description").unwrap();
        let texts = set(file[1..].iter().map(|row| row[column].clone()));
        assert_eq!(texts.len(), 62);
        let people = client.people(TECUMSEH, json!({"resultsPerPage": 1250})).await;
        let readings = set(self::texts(&people, "politicalParty"));
        assert_eq!(Vec::from_iter(readings), ["Democratic", "Independent", "Other", "Republican"]);
    }
}

#[tokio::test]
async fn worlds_differ_in_party_and_nothing_else() {
    let client = start();
    let mut rows = Vec::new();
    let mut persons = Vec::new();
    for parties in [Parties::A, Parties::B, Parties::Canary, Parties::None] {
        client.people.set_parties(parties);
        rows.push(records(&client.csv(TECUMSEH, json!({})).await));
        persons.push(client.people(TECUMSEH, json!({"resultsPerPage": 1250})).await);
    }
    let header = rows[0][0].clone();
    let tells = |column: usize| {
        header[column] == "Parties_Description" || header[column].contains("Primary_")
    };
    for world in &rows[1..] {
        for (here, there) in rows[0].iter().zip(world).skip(1) {
            for column in 0..67 {
                assert!(tells(column) || here[column] == there[column], "{}", header[column]);
            }
        }
    }
    let (a, b) = (&rows[0][1..], &rows[1][1..]);
    for column in (0..67).filter(|column| tells(*column)) {
        let differs = a.iter().zip(b).all(|(a, b)| a[column] != b[column]);
        assert!(differs, "{} is the same for somebody", header[column]);
    }
    let without_party = |persons: &[Value]| {
        let mut persons = persons.to_vec();
        for person in &mut persons {
            person.as_object_mut().unwrap().remove("politicalParty");
        }
        persons
    };
    for world in &persons[1..] {
        assert_eq!(without_party(&persons[0]), without_party(world));
    }
    let differing = persons[0].iter().zip(&persons[1]);
    let differing = differing.filter(|(a, b)| a["politicalParty"] != b["politicalParty"]).count();
    assert!(differing > 700, "{differing} of 1250 read otherwise");
    let canaries = set(rows[2][1..]
        .iter()
        .flat_map(|row| row.iter().filter(|text| text.starts_with("CANARY-"))));
    assert_eq!(canaries.len(), 1_250 * 10, "each has its own");
    let same = set(texts(&persons[3], "politicalParty"));
    assert_eq!(Vec::from_iter(same), ["Independent"]);
}

#[tokio::test]
async fn some_neighbours_are_identical_in_all_but_party() {
    let client = start();
    let mut people = client.people(TECUMSEH, json!({"resultsPerPage": 1250})).await;
    let parties = texts(&people, "politicalParty");
    for person in &mut people {
        for member in ["id", "lalVoterId", "politicalParty"] {
            person.as_object_mut().unwrap().remove(member);
        }
    }
    let twins = (1..1_250).filter(|one| {
        let is_named = people[*one]["firstName"].is_string();
        is_named && people[*one] == people[one - 1] && parties[*one] != parties[one - 1]
    });
    assert_eq!(twins.count(), 60);
}

#[tokio::test]
async fn what_upstream_may_add_one_day_tells_a_party_and_is_there_when_asked_for() {
    let client = start();
    let before = client.people(TECUMSEH, json!({})).await;
    client.people.set_parties(Parties::Canary);
    client.people.set_future(true);
    let people = client.people(TECUMSEH, json!({})).await;
    for person in &people {
        let id = person["lalVoterId"].as_str().unwrap();
        for member in ["politicalParty", "householdParty", "movedFromParty", "partyChange"] {
            assert_eq!(person[member], format!("CANARY-{member}-{id}"));
        }
        let history = texts_of(&person["primaryHistory"]);
        assert!(history.len() == 9 && history.iter().all(|text| text.starts_with("CANARY-")));
    }
    assert_eq!(people[0].as_object().unwrap().len(), before[0].as_object().unwrap().len() + 4);
    let file = records(&client.csv(TECUMSEH, json!({})).await);
    let added = [
        "Residence_HHParties_Description",
        "MovedFrom_Party_Description",
        "VoterParties_Change_Changed_Party",
    ];
    assert!(file.iter().all(|row| row.len() == 70));
    for name in added {
        let column = file[0].iter().position(|column| column == name).unwrap();
        assert!(file[1..].iter().all(|row| row[column] == format!("CANARY-{name}-{}", row[1])));
    }
    let path = format!("/v1/people/stats?districtId={TECUMSEH}");
    let (_, stats) = client.get(&path).await;
    assert_eq!(stats["buckets"]["party"][0]["label"], "CANARY-party");
    let party = json!({"politicalParty": {"in": ["Democratic", "Republican", "Unknown"]}});
    assert_eq!(client.total(TECUMSEH, party).await, 0, "a canary is not a party");

    client.people.set_parties(Parties::A);
    let (_, a) = client.get(&path).await;
    client.people.set_parties(Parties::B);
    let (_, b) = client.get(&path).await;
    assert_ne!(a["buckets"]["party"], b["buckets"]["party"]);
    assert_eq!(a["buckets"]["age"], b["buckets"]["age"]);
    client.people.set_parties(Parties::A);
    client.people.set_future(false);
    assert_eq!(client.people(TECUMSEH, json!({})).await, before);
}

#[tokio::test]
async fn the_party_filter_finds_others_in_the_other_world() {
    let client = start();
    let democrats = json!({"filters": {"politicalParty": {"eq": "Democratic"}}});
    let a = client.people(TECUMSEH, democrats.clone()).await;
    client.people.set_parties(Parties::B);
    let b = client.people(TECUMSEH, democrats.clone()).await;
    assert!(set(texts(&a, "id")).is_disjoint(&set(texts(&b, "id"))) && !b.is_empty());
    client.people.set_parties(Parties::None);
    assert_eq!(client.people(TECUMSEH, democrats).await, [Value::Null; 0]);
    let everybody = json!({"politicalParty": {"eq": "Independent"}});
    assert_eq!(client.total(TECUMSEH, everybody).await, 1_250);
}

fn texts_of(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}
