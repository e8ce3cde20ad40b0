//! Checks what `backfill --json` prints against `docs/backfill-reports.schema.json`.

use std::process::Command;

use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use crate::binaries::{backfill, output};

/// Runs a command with `--json`, and checks that its report matches the schema.
pub(crate) fn json_of(database: &TestDatabase, arguments: &[&str]) -> (Option<i32>, Value) {
    report_of(&mut backfill(database), arguments)
}

pub(crate) fn report_of(command: &mut Command, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, stdout, stderr) = output(command.args(arguments).arg("--json"));
    let report = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    assert_documented(arguments, &report);
    (code, report)
}

/// The part of JSON Schema that the file uses; another keyword fails, because it would check nothing.
fn violations(schema: &Value, root: &Value, at: &str, value: &Value, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let is_met = match keyword.as_str() {
            "description" => true,
            "$ref" => {
                let place = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                violations(root.pointer(place).unwrap(), root, at, value, found);
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
                        violations(schema, root, &format!("{at}/{key}"), member, found);
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
                            violations(schema, root, &format!("{at}/{key}"), member, found);
                        }
                        true
                    }
                }
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    violations(wanted, root, &format!("{at}/{number}"), item, found);
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
    let found = mistakes_of(kind, report);
    assert!(found.is_empty(), "{kind}: {found:#?}");
    assert!(
        schema()["oneOf"].as_array().unwrap().contains(&json!({"$ref": format!("#/$defs/{kind}")}))
    );
}

/// The violations of the schema of this kind of report.
pub(crate) fn mistakes_of(kind: &str, report: &Value) -> Vec<String> {
    let root = schema();
    let mut found = Vec::new();
    violations(&root["$defs"][kind], &root, "", report, &mut found);
    found
}
