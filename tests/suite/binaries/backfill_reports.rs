//! The output of `backfill --json` matches `docs/backfill-reports.schema.json`.

use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use super::backfill_path::json_of;
use crate::generated;

/// The part of JSON Schema that the file uses; another keyword fails, because it would check nothing.
fn mistakes(schema: &Value, root: &Value, at: &str, value: &Value, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let is_met = match keyword.as_str() {
            "description" => true,
            "$ref" => {
                let place = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                mistakes(root.pointer(place).unwrap(), root, at, value, found);
                true
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|kind| is_of_type(value, kind)),
                kind => is_of_type(value, kind),
            },
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "maximum" => value.as_f64() <= wanted.as_f64(),
            "required" => wanted
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                for (key, schema) in wanted.as_object().unwrap() {
                    if let Some(member) = value.get(key) {
                        mistakes(schema, root, &format!("{at}/{key}"), member, found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = |key: &String| schema.pointer(&format!("/properties/{key}")).is_some();
                let others = value.as_object().into_iter().flatten().filter(|(key, _)| !known(key));
                match wanted {
                    Value::Bool(false) => others.count() == 0,
                    schema => {
                        for (key, member) in others {
                            mistakes(schema, root, &format!("{at}/{key}"), member, found);
                        }
                        true
                    }
                }
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    mistakes(wanted, root, &format!("{at}/{number}"), item, found);
                }
                true
            }
            keyword => panic!("the test does not know {keyword}"),
        };
        if !is_met {
            found.push(format!("{at} is not {keyword} {wanted}: {value}"));
        }
    }
}

fn is_of_type(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        kind => panic!("the test does not know {kind}"),
    }
}

fn schema() -> Value {
    let path = format!("{}/../docs/backfill-reports.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks the report against the schema of this command.
pub(crate) fn assert_documented(arguments: &[&str], report: &Value) {
    let is_dry_run = arguments.contains(&"--dry-run");
    let kind = match arguments {
        _ if report.get("error").is_some() => "error",
        ["run", "look-ups", ..] if is_dry_run => "look_ups_dry_run",
        ["run", "look-ups", ..] => "look_ups",
        ["run", ..] if is_dry_run => "dry_run",
        ["run", "clerk-organizations", ..] if arguments.contains(&"--sweep") => "clerk_sweep",
        ["run", "clerk-organizations", ..] => "clerk_run",
        ["quarantine", "retry", ..] => "quarantine_retry",
        ["phase", "show", ..] => "phase_show",
        ["phase", "advance" | "back", "phase-1b", ..] => "switch_change",
        ["phase", ..] => "phase_change",
        [command, ..] => command,
        [] => panic!("no command"),
    };
    let root = schema();
    let mut found = Vec::new();
    mistakes(&root["$defs"][kind], &root, "", report, &mut found);
    assert!(found.is_empty(), "{kind}: {found:#?}");
    assert!(
        root["oneOf"].as_array().unwrap().contains(&json!({"$ref": format!("#/$defs/{kind}")}))
    );
}

#[test]
fn every_command_prints_the_json_that_its_schema_describes() {
    let database = TestDatabase::empty();
    let told = |database: &TestDatabase, arguments: &[&str]| drop(json_of(database, arguments));
    told(&database, &["status"]);
    told(&database, &["migrate", "baseline", "--dry-run"]);
    told(&database, &["migrate", "baseline"]);
    let database = generated::legacy(600);
    for arguments in [
        &["status"][..],
        &["plan"],
        &["migrate", "phase-1-expand", "--dry-run"],
        &["migrate", "phase-1-expand"],
        &["phase", "advance", "--dry-run"],
        &["phase", "advance", "--reason", "test"],
        &["phase", "show"],
        &["run", "positions", "--dry-run"],
        &["run", "positions"],
        &["run", "organizations", "--dry-run"],
        &["verify", "--dry-run"],
        &["run", "organizations", "--aggressive"],
        &["enforce", "phase-1"],
        &["verify"],
        &["enforce", "phase-1", "--dry-run"],
        &["enforce", "phase-1"],
        &["enforce", "phase-1", "--undo", "--dry-run"],
        &["enforce", "phase-1", "--undo"],
        &["migrate", "phase-1b-expand", "--dry-run"],
        &["migrate", "phase-1b-expand"],
        &["phase", "advance", "phase-1b", "--dry-run"],
        &["phase", "advance", "phase-1b"],
        &["phase", "advance", "phase-1b"],
        &["migrate", "phase-1b-expand", "--undo"],
        &["phase", "show"],
        &["phase", "back", "phase-1b"],
        &["migrate", "phase-1b-expand", "--undo"],
        &["phase", "back", "--accept", "second-campaigns"],
        &["phase", "show"],
        &["plan"],
    ] {
        told(&database, arguments);
    }
}

#[test]
fn the_test_of_the_schema_sees_what_is_wrong() {
    let root = schema();
    let wrong = |change: Value| {
        let mut report =
            json!({"schema_version": 1, "error": "x", "exit_code": 1, "next_steps": []});
        report.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let mut found = Vec::new();
        mistakes(&root["$defs"]["error"], &root, "", &report, &mut found);
        found.len()
    };
    assert_eq!(wrong(json!({})), 0);
    for change in [
        json!({"schema_version": 2}),
        json!({"exit_code": "1"}),
        json!({"exit_code": -1}),
        json!({"next_steps": [5]}),
        json!({"new": 1}),
    ] {
        assert!(wrong(change) > 0);
    }
}
