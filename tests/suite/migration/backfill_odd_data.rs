//! How the backfill handles odd data: one test for each oddity of the old service's rows.

use serde_json::{Value, json};
use winserve_migration::{Unobserved, run_organizations, run_positions, verify};
use winserve_testkit::TestDatabase;

use super::{
    backfill_faults::CAMPAIGNS,
    backfill_run::{options, undisturbed},
    generated,
};
use crate::fixtures;

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";

/// A database with one campaign per case, numbered from 1, backfilled and verified.
fn backfilled(cases: &[(Value, Option<Value>)]) -> TestDatabase {
    let database = generated::with_old_rows(|database| {
        for (id, (details, goals)) in (1..).zip(cases) {
            fixtures::campaign(database, id, 7, details, goals.as_ref());
        }
    });
    run(&database);
    database
}

fn run(database: &TestDatabase) {
    let options = options(database);
    run_positions(&options, None, &mut Unobserved).unwrap();
    let report = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert!(matches!(report.exit_code, 0 | 41), "{report:?}");
    let verified = verify(&mut database.connect()).unwrap();
    assert_eq!(verified.defects(), 0, "{verified:?}");
}

/// The result for each campaign: position, its office and state, effective district, whether that is an
/// override, manual flag, codes in quarantine.
fn rows(database: &TestDatabase) -> Vec<Value> {
    let rows = database.rows(
        "SELECT json_build_array(replace(position_id, 'custom:campaign:' || campaign.id, 'custom'), office, state,
             coalesce(campaign.l2_district_type, held.l2_district_type),
             coalesce(campaign.l2_district_name, held.l2_district_name),
             campaign.l2_district_name IS NOT NULL, district_manually_set,
             coalesce((SELECT string_agg(code, ' ' ORDER BY code) FROM backfill_quarantine WHERE source_key = campaign.id::text), ''))
             AS row
         FROM campaign JOIN organization ON organization.id = organization_id AND owner_id = user_id
         JOIN ballot_position AS held ON held.id = position_id ORDER BY campaign.id",
    );
    rows.into_iter().map(|row| row["row"].clone()).collect()
}

fn picked() -> Value {
    json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI"})
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

fn without(mut object: Value, key: &str) -> Value {
    object.as_object_mut().unwrap().remove(key);
    object
}

fn district(kind: &str, name: &str) -> Value {
    json!({"electionType": kind, "electionLocation": name})
}

#[test]
fn details_that_are_array_string_null_or_number_give_an_empty_position_and_a_code() {
    let cases = [json!([picked()]), json!(picked().to_string()), Value::Null, json!(0)];
    let cases = cases.map(|details| (details, Some(district("City", "TECUMSEH"))));
    let empty = |code: &str| json!(["custom", null, null, "City", "TECUMSEH", true, false, code]);
    let expected = ["details-array", "details-string", "details-null", "details-scalar"].map(empty);
    assert_eq!(rows(&backfilled(&cases)), expected);
}

#[test]
fn a_position_id_that_is_number_empty_blank_missing_or_null_keeps_the_offices_name() {
    let cases = [
        (with(picked(), "positionId", json!(46213)), "position-id-number"),
        (with(picked(), "positionId", json!("")), "position-id-empty"),
        (with(picked(), "positionId", json!(" \t")), "position-id-blank"),
        (with(picked(), "positionId", json!([MAYOR])), "position-id-wrong-type"),
        (with(picked(), "positionId", json!("custom:campaign:1")), "position-id-reserved"),
        (with(picked(), "positionId", Value::Null), "position-id-null"),
        // Rows from before positions were linked are not errors.
        (without(picked(), "positionId"), ""),
    ];
    let expected = cases
        .clone()
        .map(|(_, code)| json!(["custom", "Mayor", "MI", null, null, false, false, code]));
    assert_eq!(rows(&backfilled(&cases.map(|(details, _)| (details, None)))), expected);
}

#[test]
fn a_padded_or_unusual_position_id_is_a_position_like_any_other() {
    let long = format!("{}{MAYOR}", " ".repeat(2_000));
    let cases = [format!(" {MAYOR}\n"), format!("\u{3000}{MAYOR}"), long]
        .map(|id| (with(picked(), "positionId", json!(id)), None));
    let expected = json!([MAYOR, "Mayor", "MI", null, null, false, false, ""]);
    assert_eq!(rows(&backfilled(&cases)), [&expected; 3].map(Clone::clone));
    // Only such ids, so that the index contains none of them.
    let only_far =
        [(with(picked(), "positionId", json!(format!("{}46213", " ".repeat(2_000)))), None)];
    assert_eq!(rows(&backfilled(&only_far))[0][0], "46213");
}

#[test]
fn an_office_called_other_takes_the_name_beside_it() {
    let mut cases = vec![];
    for office in [json!("Other"), json!("other"), json!("OTHER"), Value::Null] {
        cases.push((with(picked(), "office", office.clone()), None));
        let typed_in =
            json!({"positionId": null, "office": office, "otherOffice": "", "state": "MI"});
        cases.push((typed_in, None));
    }
    let names: Vec<_> = rows(&backfilled(&cases)).iter().map(|row| row[1].clone()).collect();
    let expected = json!(["Mayor", "Other", "Mayor", "other", "Mayor", "OTHER", "Mayor", null]);
    assert_eq!(json!(names), expected);
}

#[test]
fn a_position_whose_campaigns_all_leave_the_office_empty_has_no_name() {
    let empty = with(with(picked(), "office", json!("Other")), "otherOffice", json!(""));
    let found = rows(&backfilled(&[(empty, None)]));
    assert_eq!(found, [json!([MAYOR, null, "MI", null, null, false, false, ""])]);
}

#[test]
fn the_raw_form_of_a_district_is_cleaned_and_odd_names_are_kept() {
    let names = [
        ("SC##COLUMBIA CITY##", "COLUMBIA CITY"),
        ("IN##CLARK##CLARK CNTY COMM DIST 1", "CLARK CNTY COMM DIST 1"),
        ("NV##017", "017"),
        ("CA##05", "CA"),
        ("FL##GULFPORT CITY (EST.)##", "GULFPORT CITY (EST.)"),
        (" tecumseh city ", "tecumseh city"),
        ("##", "##"),
    ];
    let typed_in = json!({"positionId": null, "office": "Clerk", "otherOffice": "", "state": "MI"});
    let cases = names.map(|(raw, _)| (typed_in.clone(), Some(district("City", raw))));
    let found: Vec<_> = rows(&backfilled(&cases)).iter().map(|row| row[4].clone()).collect();
    assert_eq!(found, names.map(|(_, clean)| json!(clean)));
}

#[test]
fn voter_goals_that_are_missing_or_no_object_give_no_district() {
    let code = "path-to-victory-not-object";
    let goals = [
        (None, ""),
        (Some(json!({})), ""),
        (Some(json!([])), code),
        (Some(json!("Waiting")), code),
        (Some(Value::Null), code),
    ];
    let expected = goals
        .clone()
        .map(|(_, code)| json!([MAYOR, "Mayor", "MI", null, null, false, false, code]));
    assert_eq!(rows(&backfilled(&goals.map(|(goals, _)| (picked(), goals)))), expected);
}

#[test]
fn a_district_type_or_name_alone_is_no_district_and_has_a_code() {
    let goals = [
        (json!({"electionType": "City"}), "district-type-only"),
        (json!({"electionType": "City", "electionLocation": ""}), "district-type-only"),
        (json!({"electionLocation": "TECUMSEH"}), "district-name-only"),
        (
            json!({"electionType": "City", "electionLocation": 4}),
            "district-type-only district-wrong-type",
        ),
        (json!({"districtManuallySet": true}), "manual-without-district"),
    ];
    let expected = goals
        .clone()
        .map(|(_, code)| json!([MAYOR, "Mayor", "MI", null, null, false, false, code]));
    assert_eq!(rows(&backfilled(&goals.map(|(goals, _)| (picked(), Some(goals))))), expected);
}

#[test]
fn a_state_in_small_letters_is_read_and_a_wrong_one_is_kept() {
    let typed_in = |state: Value| json!({"positionId": null, "office": "Clerk", "otherOffice": "", "state": state});
    let states = [("mi", "MI"), (" Mi", "MI"), ("Michigan", "Michigan"), ("XX", "XX")];
    let cases = states.map(|(state, _)| (typed_in(json!(state)), None));
    let found: Vec<_> = rows(&backfilled(&cases)).iter().map(|row| row[2].clone()).collect();
    assert_eq!(found, states.map(|(_, state)| json!(state)));
    let none = rows(&backfilled(&[
        (typed_in(json!("")), None),
        (typed_in(Value::Null), None),
        (typed_in(json!(5)), None),
    ]));
    assert_eq!(
        none.iter().map(|row| (&row[2], &row[7])).collect::<Vec<_>>(),
        [
            (&Value::Null, &json!("")),
            (&Value::Null, &json!("")),
            (&Value::Null, &json!("geography-wrong-type"))
        ]
    );
}

#[test]
fn campaigns_agree_on_a_shared_position_and_one_that_differs_keeps_its_district() {
    let matched = |name: &str| with(district("City", name), "source", json!("ElectionApi"));
    let by_hand = |name: &str| with(matched(name), "districtManuallySet", json!(true));
    let cases = [
        (picked(), Some(matched("TECUMSEH"))),
        (with(picked(), "otherOffice", json!("Mayor (old)")), Some(district("City", "ADRIAN"))),
        (with(picked(), "state", json!("mi")), Some(district("City", "ADRIAN"))),
        (picked(), Some(by_hand("ADRIAN"))),
        (picked(), Some(by_hand("TECUMSEH"))),
        (picked(), None),
    ];
    let row = |name: &str, is_override: bool, manual: bool| {
        json!([MAYOR, "Mayor", "MI", "City", name, is_override, manual, ""])
    };
    let expected = [
        row("TECUMSEH", false, false),
        row("ADRIAN", true, false),
        row("ADRIAN", true, false),
        row("ADRIAN", true, true),
        // Chosen by hand, it stays an override even if it equals the position's.
        row("TECUMSEH", true, true),
        row("TECUMSEH", false, false),
    ];
    assert_eq!(rows(&backfilled(&cases)), expected);
}

#[test]
fn a_district_id_of_another_district_is_never_taken() {
    let id = "0193f6a4-0000-4000-8000-00000000000a";
    let database = backfilled(&[(
        picked(),
        Some(with(district("City", "TECUMSEH"), "districtId", json!(id))),
    )]);
    let stored = database.row(
        "SELECT campaign.l2_district_id AS own, held.l2_district_id AS shared, held.l2_district_name AS name
         FROM campaign JOIN ballot_position AS held ON held.id = position_id",
    );
    assert_eq!(stored, json!({"own": null, "shared": null, "name": "TECUMSEH"}));
}

#[test]
fn several_campaigns_and_offices_of_a_user_get_an_organization_each() {
    let custom = json!({"positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "MI", "city": "Adrian"});
    let by_hand = with(district("City", "ADRIAN"), "districtManuallySet", json!(true));
    let database = generated::with_old_rows(|database| {
        fixtures::campaign(database, 1, 7, &picked(), Some(&by_hand));
        fixtures::campaign(database, 2, 7, &custom, None);
        database.execute(
            "UPDATE campaign SET can_download_federal = true WHERE id = 1;
         INSERT INTO elected_office (id, created_at, updated_at, user_id, campaign_id, is_active) VALUES
             ('o-new', '2026-01-02', now(), 7, 1, true), ('o-old', '2022-01-02', now(), 7, 1, false),
             ('o-custom', '2024-01-02', now(), 7, 2, true)",
        );
    });
    run(&database);
    let offices = database.rows(
        "SELECT office.id, office.position_id, held.office, held.city, office.l2_district_name AS name,
             office.district_manually_set AS manual, office.can_download_federal AS federal,
             request_key = 'won:' || campaign.organization_id AS is_won
         FROM elected_office AS office JOIN organization ON organization.id = office.organization_id
         JOIN ballot_position AS held ON held.id = office.position_id
         JOIN campaign ON campaign.id = campaign_id ORDER BY office.id",
    );
    let office = |id: &str,
                  position: &str,
                  name: &str,
                  city: Value,
                  district: Value,
                  of_first: bool,
                  won: Value| {
        json!({
            "id": id, "position_id": position, "office": name, "city": city, "name": district, "manual": of_first,
            "federal": of_first, "is_won": won,
        })
    };
    let expected = [
        office(
            "o-custom",
            "custom:office:o-custom",
            "Dog Catcher",
            json!("Adrian"),
            Value::Null,
            false,
            json!(true),
        ),
        office("o-new", MAYOR, "Mayor", Value::Null, json!("ADRIAN"), true, Value::Null),
        office("o-old", MAYOR, "Mayor", Value::Null, json!("ADRIAN"), true, json!(true)),
    ];
    assert_eq!(offices, expected);
    let organizations = database
        .row("SELECT count(*) AS all, count(DISTINCT owner_id) AS owners FROM organization");
    assert_eq!(organizations, json!({"all": 5, "owners": 1}));
}

#[test]
fn a_row_of_the_old_service_that_named_its_office_later_is_linked_too() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    generated::advance(&database);
    // Completed by the triggers; then the old service writes its JSON as usual.
    for id in 1..=4 {
        fixtures::campaign(&database, id, 7, &json!({"zip": "49286"}), None);
    }
    database.execute(&format!(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 1), ('o-2', now(), 7, 2);
         UPDATE campaign SET details = {} WHERE id = 1;
         UPDATE campaign SET details = '{{\"office\": \"Dog Catcher\", \"positionId\": null}}' WHERE id = 2;
         INSERT INTO path_to_victory (updated_at, campaign_id, data) VALUES (now(), 3, {})",
        fixtures::literal(&picked()), fixtures::literal(&district("City", "ADRIAN")),
    ));
    let organizations = "SELECT id, organization_id FROM campaign ORDER BY id";
    let before = database.rows(organizations);
    let options = options(&database);
    run_positions(&options, None, &mut Unobserved).unwrap();
    assert_eq!(run_organizations(&options, None, &mut Unobserved).unwrap().exit_code, 0);
    assert_eq!(database.rows(organizations), before, "each keeps its organization");
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
    let found: Vec<_> = rows(&database).iter().map(|row| json!([row[0], row[1], row[4]])).collect();
    let expected = [
        json!([MAYOR, "Mayor", null]),
        json!(["custom", "Dog Catcher", null]),
        json!(["custom", null, "ADRIAN"]),
        json!(["custom", null, null]),
    ];
    assert_eq!(found, expected);
    let offices = database.rows("SELECT position_id, office FROM elected_office JOIN ballot_position AS held ON held.id = position_id ORDER BY elected_office.id");
    assert_eq!(
        offices,
        [
            json!({"position_id": MAYOR, "office": "Mayor"}),
            json!({"position_id": "custom:office:o-2", "office": "Dog Catcher"})
        ]
    );
    let own = database.rows(
        "SELECT id FROM ballot_position WHERE id IN ('custom:campaign:1', 'custom:office:o-1')",
    );
    assert!(own.is_empty(), "{own:?}");
}

#[test]
fn no_district_flag_or_office_text_of_the_generated_data_is_lost() {
    let database = undisturbed(CAMPAIGNS);
    // Exactly as in the JSON, if the tables can store it.
    let lost = database.row(
        r"SELECT
            count(*) FILTER (WHERE goals.data->>'electionType' <> '' AND jsonb_typeof(goals.data->'electionLocation') = 'string'
                AND goals.data->>'electionLocation' <> '' AND goals.data->>'electionLocation' NOT LIKE '%##%'
                AND (trim(goals.data->>'electionType'), trim(goals.data->>'electionLocation')) IS DISTINCT FROM
                    (coalesce(campaign.l2_district_type, held.l2_district_type), coalesce(campaign.l2_district_name, held.l2_district_name)))
                AS plain_districts,
            count(*) FILTER (WHERE goals.data->>'electionLocation' LIKE '%##%'
                AND position(coalesce(campaign.l2_district_name, held.l2_district_name, '?') IN goals.data->>'electionLocation') = 0)
                AS raw_districts,
            count(*) FILTER (WHERE goals.data->>'districtManuallySet' = 'true' AND goals.data->>'electionLocation' <> ''
                AND NOT (district_manually_set AND campaign.l2_district_name IS NOT NULL)) AS flags,
            count(*) FILTER (WHERE held.source = 'custom' AND details->>'otherOffice' <> ''
                AND held.office IS DISTINCT FROM details->>'otherOffice') AS other_offices,
            count(*) FILTER (WHERE held.source = 'custom' AND details->>'office' ~ '\S' AND coalesce(details->>'otherOffice', '') = ''
                AND held.office IS DISTINCT FROM details->>'office') AS typed_in_offices,
            count(*) FILTER (WHERE held.source = 'custom' AND details->>'city' ~ '\S' AND held.city IS DISTINCT FROM details->>'city')
                AS cities,
            count(*) FILTER (WHERE held.source = 'ballot_ready' AND trim(E' \t\n' FROM details->>'positionId') <> held.id) AS positions,
            count(*) FILTER (WHERE goals.data->>'districtManuallySet' = 'true') AS seen
        FROM campaign JOIN ballot_position AS held ON held.id = position_id
        LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id",
    );
    let mut lost = lost;
    assert!(lost["seen"].take().as_i64() > Some(20));
    for (what, rows) in lost.as_object().unwrap() {
        assert!(what == "seen" || *rows == json!(0), "{what}: {rows}");
    }
}

#[test]
fn the_mapper_and_verify_read_any_mixture_of_odd_values_alike() {
    let texts = [
        json!("Mayor"),
        json!(" Mayor "),
        json!("Other"),
        json!("other "),
        json!(""),
        json!(" "),
        json!("\u{3000}"),
        json!("\u{a0}x\u{2003}"),
        Value::Null,
        json!(5),
        json!([]),
        json!(true),
        json!("mi"),
        json!("MI"),
        json!(" Mi"),
        json!("É"),
        json!("CITY"),
        json!("City"),
        json!("city "),
        json!("GALAXY"),
        json!("It's"),
    ];
    let ids = [
        json!(MAYOR),
        json!(format!(" {MAYOR}")),
        json!("\u{85}46213\u{2029}"),
        json!("46213"),
        json!("custom:campaign:1"),
        json!("custom"),
        json!("a\u{7f}b"),
        json!("a\tb"),
        json!("x".repeat(256)),
        json!("x".repeat(257)),
        json!("é".repeat(128)),
        json!("é".repeat(129)),
        json!(""),
        json!("\u{2007}"),
        json!(7),
        Value::Null,
        json!({}),
    ];
    let names = [
        json!("TECUMSEH"),
        json!("MI##TECUMSEH##"),
        json!("##"),
        json!(" ## "),
        json!("A##B"),
        json!("𝔸##BC"),
        json!("𝔸𝔸##BCD"),
        json!("é##ab##cd"),
        json!("\u{3000}##x"),
        json!("017"),
        json!(""),
        json!(4),
        Value::Null,
        json!(" A "),
        json!("#A#"),
        json!("A###B"),
    ];
    // Any fixed sequence.
    let mut state = 42_u64;
    let mut roll = |sides: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    };
    let mut statements = Vec::new();
    for id in 1..=1_500 {
        let mut details = json!({});
        for key in
            ["office", "otherOffice", "state", "level", "ballotLevel", "city", "county", "district"]
        {
            if roll(3) > 0 {
                details[key] = texts[roll(texts.len())].clone();
            }
        }
        if roll(5) > 0 {
            details["positionId"] = ids[roll(ids.len())].clone();
        }
        let mut goals = json!({});
        if roll(5) > 0 {
            goals["electionType"] =
                [json!("City"), json!(" City "), json!(""), json!(3)][roll(4)].clone();
            goals["electionLocation"] = names[roll(names.len())].clone();
        }
        goals["districtManuallySet"] =
            [json!(true), json!(false), Value::Null, json!("true")][roll(4)].clone();
        statements.push(format!(
            "INSERT INTO campaign (id, updated_at, slug, user_id, details) VALUES ({id}, now(), 's{id}', 7, {});",
            fixtures::literal(&details)
        ));
        if roll(6) > 0 {
            statements.push(format!(
                "INSERT INTO path_to_victory (updated_at, campaign_id, data) VALUES (now(), {id}, {});",
                fixtures::literal(&goals)
            ));
        }
    }
    let database = generated::with_old_rows(|database| database.execute(&statements.join("")));
    run(&database);
    // However the index and the mapper read an id, no campaign is left out, and none is processed twice.
    let again = run_organizations(&options(&database), None, &mut Unobserved).unwrap();
    assert_eq!(again.steps[0].examined, 0, "{again:?}");
}
