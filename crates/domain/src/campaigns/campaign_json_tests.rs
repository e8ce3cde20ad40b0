use proptest::prelude::*;
use serde_json::json;

use super::*;

const BR_ID: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=";

fn decoded(details: &Value, path_to_victory: Option<&Value>) -> Decoded {
    decode(CampaignId(7), details, path_to_victory)
}

fn shown_details(details: &Value) -> Value {
    let mut shown = details.clone();
    show_details(&decoded(details, None).link, &mut shown);
    shown
}

fn shown_goals(data: &Value) -> Value {
    let mut shown = data.clone();
    show_path_to_victory(&decoded(&json!({}), Some(data)).link, &mut shown);
    shown
}

/// The oddities of the details only.
fn oddities_of(details: &Value) -> Vec<&'static str> {
    let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH"});
    decoded(details, Some(&goals)).oddities.into_iter().map(Oddity::code).collect()
}

fn goal_oddities_of(data: &Value) -> Vec<&'static str> {
    decoded(&json!({}), Some(data)).oddities.into_iter().map(Oddity::code).collect()
}

#[test]
fn a_picked_office_is_read_and_shown_as_it_was_written() {
    let details = json!({
        "positionId": BR_ID, "office": "Other", "otherOffice": "Tecumseh City Mayor",
        "ballotLevel": "CITY", "state": "MI", "city": "Tecumseh", "zip": "49286",
    });
    let link = decoded(&details, None).link;
    assert_eq!(link.position.id.to_string(), BR_ID);
    assert_eq!(link.position.office.as_deref(), Some("Tecumseh City Mayor"));
    assert_eq!(link.position.ballot_level, Some(BallotLevel::City));
    assert_eq!(link.position.city, None, "the city is the person's own text");
    assert_eq!(shown_details(&details), details);
    assert!(oddities_of(&details).is_empty());
}

#[test]
fn a_typed_in_office_is_read_and_shown_as_it_was_written() {
    let details = json!({
        "positionId": null, "office": "Town Clerk ", "otherOffice": "", "state": "WI",
        "city": "Green Bay", "district": "2",
    });
    let link = decoded(&details, None).link;
    assert_eq!(link.position.id.to_string(), "custom:campaign:7");
    assert_eq!(link.position.office.as_deref(), Some("Town Clerk "), "kept to the letter");
    assert_eq!(link.position.city.as_deref(), Some("Green Bay"));
    assert_eq!(shown_details(&details), details);
}

#[test]
fn a_fresh_registration_stays_as_it_is() {
    for details in [json!({"zip": "49286"}), json!({})] {
        assert_eq!(decoded(&details, None).link.position.office, None);
        assert_eq!(shown_details(&details), details);
        assert!(oddities_of(&details).is_empty());
    }
}

#[test]
fn details_that_are_no_object_are_shown_untouched_and_named() {
    for (details, code) in [
        (json!([{"office": "Mayor"}]), "details-array"),
        (json!("{\"office\":\"Mayor\"}"), "details-string"),
        (Value::Null, "details-null"),
        (json!(0), "details-scalar"),
        (json!(false), "details-scalar"),
    ] {
        assert_eq!(shown_details(&details), details);
        assert_eq!(oddities_of(&details), [code]);
        assert_eq!(decoded(&details, None).link.position.office, None);
    }
}

#[test]
fn a_malformed_position_becomes_a_custom_one_and_keeps_the_offices_name() {
    for (id, codes) in [
        (json!(46213), &["position-id-number"][..]),
        (json!(""), &["position-id-empty"]),
        (json!(" \t"), &["position-id-blank"]),
        (json!(true), &["position-id-wrong-type"]),
        (json!([BR_ID]), &["position-id-wrong-type"]),
        (json!({"id": BR_ID}), &["position-id-wrong-type"]),
        (Value::Null, &["position-id-null"]),
        (json!("custom:campaign:8"), &["position-id-reserved"]),
    ] {
        let details =
            json!({"positionId": id, "office": "Other", "otherOffice": "Mayor", "state": "MI"});
        let link = decoded(&details, None).link;
        assert_eq!(link.position.id.to_string(), "custom:campaign:7", "{id}");
        assert_eq!(link.position.office.as_deref(), Some("Mayor"), "{id}");
        assert_eq!(oddities_of(&details), codes, "{id}");
    }
}

#[test]
fn a_padded_position_id_is_the_same_position() {
    let details = json!({"positionId": format!(" {BR_ID}\n"), "office": "Other", "otherOffice": "Mayor", "state": "MI"});
    assert_eq!(decoded(&details, None).link.position.id.to_string(), BR_ID);
    assert_eq!(shown_details(&details)["positionId"], BR_ID);
    assert_eq!(oddities_of(&details), ["position-id-padded"]);
}

#[test]
fn the_offices_name_is_found_in_all_its_spellings() {
    for (office, other, name, codes) in [
        (json!("Other"), json!("Mayor"), Some("Mayor"), &[][..]),
        (json!("other"), json!("Mayor"), Some("Mayor"), &["office-other-spelling"]),
        (json!(null), json!("Mayor"), Some("Mayor"), &[]),
        (json!("Mayor"), json!(""), Some("Mayor"), &[]),
        (json!("Mayor"), json!("Town Mayor"), Some("Mayor"), &["office-names-differ"]),
        (json!("Other"), json!(""), None, &["office-other-unnamed"]),
        (json!(" "), json!(null), None, &["office-empty"]),
        (json!(3), json!("Mayor"), Some("Mayor"), &["office-wrong-type"]),
    ] {
        let details = json!({
            "positionId": BR_ID, "office": office, "otherOffice": other, "state": "MI",
        });
        assert_eq!(decoded(&details, None).link.position.office.as_deref(), name, "{details}");
        let odd: Vec<_> =
            oddities_of(&details).into_iter().filter(|code| *code != "state-missing").collect();
        assert_eq!(odd, codes, "{details}");
        let shown = shown_details(&details);
        assert_eq!(shown["office"], "Other");
        assert_eq!(shown.get("otherOffice").and_then(Value::as_str), name);
    }
}

#[test]
fn an_office_that_is_really_called_other_is_not_lost() {
    let details = json!({"positionId": null, "office": "Other", "otherOffice": "", "state": "MI"});
    assert_eq!(decoded(&details, None).link.position.office.as_deref(), Some("Other"));
    assert_eq!(shown_details(&details), details);
    assert_eq!(oddities_of(&details), ["office-other-unnamed"]);
}

#[test]
fn an_office_without_a_position_id_is_custom_and_its_stale_race_is_named() {
    let details = json!({"office": "Mayor", "otherOffice": "", "state": "MI", "raceId": "Z2lk"});
    assert_eq!(oddities_of(&details), ["position-id-missing", "race-id-stale"]);
    assert_eq!(shown_details(&details)["positionId"], Value::Null);
}

#[test]
fn states_are_shown_in_capitals_and_wrong_ones_kept() {
    for (state, shown, codes) in [
        (json!("MI"), json!("MI"), &[][..]),
        (json!("mi"), json!("MI"), &["state-spelling"]),
        (json!(" Mi"), json!("MI"), &["state-spelling"]),
        (json!("FD"), json!("FD"), &[]),
        (json!("Michigan"), json!("Michigan"), &["state-unknown"]),
        (json!("xx"), json!("XX"), &["state-unknown"]),
    ] {
        let details =
            json!({"positionId": BR_ID, "office": "Other", "otherOffice": "Mayor", "state": state});
        assert_eq!(shown_details(&details)["state"], shown, "{state}");
        assert_eq!(oddities_of(&details), codes, "{state}");
    }
    for state in [json!(""), json!(null)] {
        let details =
            json!({"positionId": BR_ID, "office": "Other", "otherOffice": "Mayor", "state": state});
        assert_eq!(shown_details(&details).get("state"), None);
        assert_eq!(oddities_of(&details), ["state-missing"]);
    }
}

#[test]
fn geography_that_is_no_text_is_named() {
    let custom = json!({"office": "Mayor", "positionId": null, "state": "MI", "district": 2});
    assert_eq!(oddities_of(&custom), ["geography-wrong-type"]);
    let picked = json!({"positionId": BR_ID, "office": "Other", "otherOffice": "Mayor", "state": "MI", "district": 2});
    assert!(oddities_of(&picked).is_empty(), "of a picked office it is the person's own");
    assert_eq!(shown_details(&picked), picked);
}

#[test]
fn ballot_levels_are_shown_in_capitals() {
    for (level, shown, codes) in [
        (json!("STATE"), Some("STATE"), &[][..]),
        (json!("State"), Some("STATE"), &["ballot-level-spelling"]),
        (json!("Galaxy"), None, &["ballot-level-unknown"]),
        (json!(4), None, &["ballot-level-unknown"]),
        (json!(null), None, &[]),
    ] {
        let details = json!({"ballotLevel": level});
        assert_eq!(shown_details(&details).get("ballotLevel").and_then(Value::as_str), shown);
        assert_eq!(oddities_of(&details), codes, "{level}");
    }
}

#[test]
fn a_district_is_shown_with_its_cleaned_name() {
    for (name, clean, codes) in [
        ("CHEYENNE CITY WARD 1", "CHEYENNE CITY WARD 1", &[][..]),
        ("SC##COLUMBIA CITY##", "COLUMBIA CITY", &["district-name-raw"]),
        ("NV##017", "017", &["district-name-raw", "district-name-leading-zero"]),
        ("CA##05", "CA", &["district-name-raw", "district-name-state-code"]),
        (
            "FL##GULFPORT CITY (EST.)##",
            "GULFPORT CITY (EST.)",
            &["district-name-raw", "district-name-estimated"],
        ),
        ("\"WARD 1\"", "\"WARD 1\"", &["district-name-quoted"]),
    ] {
        let data = json!({"electionType": "City", "electionLocation": name, "districtManuallySet": true, "winNumber": -1});
        let expected = json!({"electionType": "City", "electionLocation": clean, "districtManuallySet": true, "winNumber": -1});
        assert_eq!(shown_goals(&data), expected);
        assert_eq!(goal_oddities_of(&data), codes, "{name}");
    }
}

#[test]
fn the_district_of_a_whole_state_is_rightly_called_by_its_code() {
    let data = json!({"electionType": "State", "electionLocation": "ID##ID##"});
    assert_eq!(shown_goals(&data)["electionLocation"], "ID");
    assert_eq!(goal_oddities_of(&data), ["district-name-raw"]);
}

#[test]
fn a_district_needs_type_and_name() {
    for (data, codes) in [
        (json!({"electionType": "City"}), &["district-type-only"][..]),
        (json!({"electionType": "City", "electionLocation": ""}), &["district-type-only"]),
        (
            json!({"electionType": "City", "electionLocation": 17}),
            &["district-wrong-type", "district-type-only"],
        ),
        (json!({"electionLocation": "TECUMSEH"}), &["district-name-only"]),
        (json!({}), &[]),
    ] {
        assert_eq!(shown_goals(&data), json!({}), "{data}");
        assert_eq!(goal_oddities_of(&data), codes, "{data}");
    }
    let alone = json!({"districtId": "b7c5"});
    assert_eq!(shown_goals(&alone), alone, "nobody reads the id, and it stays");
    assert_eq!(goal_oddities_of(&alone), ["district-id-only"]);
}

#[test]
fn nothing_is_manual_where_there_is_no_district() {
    let data = json!({"districtManuallySet": true});
    assert_eq!(shown_goals(&data), json!({}));
    assert_eq!(goal_oddities_of(&data), ["manual-without-district"]);
    let odd = json!({"districtManuallySet": "yes", "officeContextFingerprint": null});
    assert_eq!(goal_oddities_of(&odd), ["fingerprint-null", "manual-wrong-type"]);
}

#[test]
fn voter_goals_that_are_no_object_are_shown_untouched() {
    for data in [json!(null), json!([]), json!("Waiting"), json!(0)] {
        assert_eq!(shown_goals(&data), data);
        assert_eq!(goal_oddities_of(&data), ["path-to-victory-not-object"]);
    }
}

#[test]
fn showing_touches_moved_keys_only() {
    let kept =
        json!({"raceId": "Z2lk", "electionDate": "2026-11-03", "customIssues": [1], "zip": 4});
    let mut details = kept.clone();
    details["positionId"] = BR_ID.into();
    details["state"] = "mi".into();
    let shown = shown_details(&details);
    for (key, value) in kept.as_object().into_iter().flatten() {
        assert_eq!(&shown[key], value);
    }
}

#[test]
fn only_the_moved_keys_are_removed() {
    let kept = json!({"raceId": "Z2lk", "zip": "49286"});
    let places = json!({"city": "Tecumseh", "county": "Lenawee", "district": "2"});
    let with = |parts: &[&Value]| {
        let members = parts.iter().flat_map(|part| part.as_object().unwrap().clone());
        Value::Object(members.collect())
    };
    let picked =
        json!({"positionId": BR_ID, "office": "Other", "otherOffice": "Mayor", "state": "MI"});
    let stored = without_moved_details(&with(&[&kept, &places, &picked]));
    assert_eq!(stored, with(&[&kept, &places]), "the places are the person's own text");
    let typed_in =
        json!({"positionId": null, "office": "Clerk", "otherOffice": "", "level": "local"});
    assert_eq!(without_moved_details(&with(&[&kept, &places, &typed_in])), kept);
    let goals = json!({
        "electionType": "City", "electionLocation": "TECUMSEH", "districtManuallySet": true,
        "districtId": "b7c5", "winNumber": 3,
    });
    let rest = json!({"districtId": "b7c5", "winNumber": 3});
    assert_eq!(without_moved_path_to_victory(&goals), rest);
    for odd in [json!(null), json!([1]), json!("text")] {
        assert_eq!(without_moved_details(&odd), odd);
        assert_eq!(without_moved_path_to_victory(&odd), odd);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        "(Other|other|OTHER|MI|mi| |CITY|City|custom:x|NV##017|##| # A# ##B)".prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!([1])),
        Just(json!({"a": 1})),
    ]
}

fn any_object(keys: Vec<&'static str>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(keys), any_value(), 0..9).prop_map(|map| {
        Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    })
}

proptest! {
    /// The shown JSON reads back as the same link: a client that returns an answer unchanged
    /// changes nothing, and both parts of an answer have the same form.
    #[test]
    fn what_is_shown_decodes_to_the_same_link(
        details in any_object([&MOVED_DETAILS[..], &MOVED_DETAILS_OF_CUSTOM, &["zip", "raceId"]].concat()),
        goals in any_object([&MOVED_PATH_TO_VICTORY[..], &["districtId", "winNumber"]].concat()),
    ) {
        let first = decoded(&details, Some(&goals)).link;
        let (mut shown_details, mut shown_goals) = (details, goals);
        show_details(&first, &mut shown_details);
        show_path_to_victory(&first, &mut shown_goals);
        let second = decoded(&shown_details, Some(&shown_goals)).link;
        prop_assert_eq!(&second, &first);
        let (mut again_details, mut again_goals) = (shown_details.clone(), shown_goals.clone());
        show_details(&second, &mut again_details);
        show_path_to_victory(&second, &mut again_goals);
        prop_assert_eq!(again_details, shown_details);
        prop_assert_eq!(again_goals, shown_goals);
    }

    /// The tables alone say what the removed keys said.
    #[test]
    fn without_the_moved_keys_the_same_is_shown(
        details in any_object([&MOVED_DETAILS[..], &MOVED_DETAILS_OF_CUSTOM, &["zip", "raceId"]].concat()),
        goals in any_object([&MOVED_PATH_TO_VICTORY[..], &["districtId", "winNumber"]].concat()),
    ) {
        let link = decoded(&details, Some(&goals)).link;
        let (mut shown_details, mut shown_goals) = (details, goals);
        show_details(&link, &mut shown_details);
        show_path_to_victory(&link, &mut shown_goals);
        let mut kept_details = without_moved_details(&shown_details);
        let mut kept_goals = without_moved_path_to_victory(&shown_goals);
        let is_custom = matches!(link.position.id, PositionId::CustomOfCampaign(_));
        prop_assert!(moved_details(is_custom).all(|key| kept_details.get(key).is_none()));
        prop_assert!(MOVED_PATH_TO_VICTORY.iter().all(|key| kept_goals.get(key).is_none()));
        show_details(&link, &mut kept_details);
        show_path_to_victory(&link, &mut kept_goals);
        prop_assert_eq!(kept_details, shown_details);
        prop_assert_eq!(kept_goals, shown_goals);
    }

    #[test]
    fn any_json_at_all_is_decoded(details in any_value(), goals in prop::option::of(any_value())) {
        let before = (details.clone(), goals.clone());
        let _ = decoded(&details, goals.as_ref());
        prop_assert_eq!(before, (details, goals));
    }
}
