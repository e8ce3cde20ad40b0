//! The API description is complete and current, and its examples are real answers. (Each test of this suite also
//! checks that every answer matches it.)

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::{Map, Value, json};
use uuid::Uuid;
use winserve_domain::organizations::EventCursor;
use winserve_testkit::{Response, TestApp};

use super::tenant_matrix::{CALLERS, REFERENCES, SCOPED, UNSCOPED, World, routes};

fn repository(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", path].iter().collect()
}

fn members<'a>(value: &'a Value, pointer: &str) -> &'a Map<String, Value> {
    value.pointer(pointer).unwrap().as_object().unwrap()
}

async fn description() -> Value {
    let app = TestApp::new(winserve_testkit::Phase::Legacy).await;
    app.anonymous().get("/openapi.json").await.json()
}

#[actix_web::test]
async fn every_route_is_described_and_nothing_else() {
    let unversioned = |route: &str| route.replacen(" /v1", " ", 1);
    let mounted: BTreeSet<String> = routes(include_str!("../../../crates/http/src/routes.rs"))
        .iter()
        .map(|route| unversioned(route))
        .collect();
    let document = description().await;
    let described: BTreeSet<String> = members(&document, "/paths")
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| unversioned(&format!("{} {path}", method.to_uppercase())))
        })
        .collect();
    let missing: Vec<_> = mounted.difference(&described).collect();
    assert!(
        missing.is_empty(),
        "{missing:?}: give the handler a #[utoipa::path] with this path, and add it to `paths` in \
         crates/http/src/openapi/mod.rs"
    );
    let unknown: Vec<_> = described.difference(&mounted).collect();
    assert!(unknown.is_empty(), "{unknown:?}: described, but not mounted in routes.rs");
}

#[actix_web::test]
async fn the_committed_copy_is_current() {
    let committed = fs::read_to_string(repository("docs/openapi.json")).unwrap();
    let committed: Value = serde_json::from_str(&committed).unwrap();
    assert!(
        committed == description().await,
        "docs/openapi.json is out of date: run `make openapi`"
    );
}

#[actix_web::test]
async fn every_route_shows_an_answer() {
    let document = description().await;
    for (path, operations) in members(&document, "/paths") {
        for (method, operation) in operations.as_object().unwrap() {
            let answers: Vec<_> = members(operation, "/responses")
                .iter()
                .filter(|(status, _)| status.starts_with('2'))
                .filter_map(|(_, response)| response.pointer("/content/application~1json"))
                .collect();
            let is_shown =
                answers.is_empty() || answers.iter().any(|answer| answer["example"] != Value::Null);
            assert!(
                is_shown || path == "/openapi.json",
                "{method} {path} has no example: run `make openapi-examples`"
            );
        }
    }
}

/// Every schema of the document, and every other object.
fn each_object<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| each_object(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        _ => {}
    }
}

#[actix_web::test]
async fn generators_find_identifiers_and_lists_of_something() {
    let document = description().await;
    let is_identifier = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
    };
    for (kind, components) in members(&document, "/components") {
        for name in components.as_object().unwrap().keys() {
            assert!(is_identifier(name), "{kind} {name}");
        }
    }
    each_object(&document, &mut |members| {
        let kinds = match members.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(kind)) => vec![kind.as_str()],
            _ => Vec::new(),
        };
        assert!(!kinds.contains(&"array") || members.contains_key("items"), "{members:?}");
    });
}

#[actix_web::test]
async fn the_document_says_where_it_is_served_and_who_may_call() {
    let document = description().await;
    assert_eq!(document["servers"], json!([{"url": "/"}]));
    let mut public = Vec::new();
    for (path, operations) in members(&document, "/paths") {
        for (method, operation) in operations.as_object().unwrap() {
            let schemes = operation["security"].as_array();
            let schemes = schemes.unwrap_or_else(|| panic!("{method} {path}: who may call it?"));
            if schemes.is_empty() {
                public.push(format!("{method} {path}"));
            }
        }
    }
    let expected = [
        "get /metrics",
        "get /openapi.json",
        "get /readyz",
        "get /v1/elections/districts/names",
        "get /v1/elections/districts/types",
        "get /v1/health",
        "post /v1/webhooks/clerk",
    ];
    assert_eq!(public, expected);
}

/// The answers to the tenant matrix and some bad requests, by operation and by error code.
#[derive(Default)]
struct Recorded {
    operations: BTreeMap<String, Map<String, Value>>,
    errors: BTreeMap<String, Value>,
}

impl Recorded {
    fn note(&mut self, operation: &str, body: &str, answer: &Response) {
        let is_json =
            answer.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        if !is_json || operation == "getOpenapiJson" {
            return;
        }
        let shown = settled(answer.json());
        if let Some(code) = shown.get("code").and_then(Value::as_str) {
            self.errors.entry(code.to_owned()).or_insert(shown);
        } else if answer.status.is_success() {
            let recorded = self.operations.entry(operation.to_owned()).or_default();
            recorded.entry(answer.status.as_str()).or_insert(shown);
            if !body.is_empty() {
                let body = settled(serde_json::from_str(body).unwrap());
                recorded.entry("request").or_insert(body);
            }
        }
    }
}

/// An answer with fixed ids and times, and at most two items per list.
fn settled(mut answer: Value) -> Value {
    fn settle(value: &mut Value, ids: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                items.truncate(2);
                for item in items {
                    settle(item, ids);
                }
            }
            Value::Object(members) => {
                for (key, member) in members.iter_mut() {
                    if matches!(key.as_str(), "createdAt" | "updatedAt") {
                        *member = "2026-02-25T12:34:56.789Z".into();
                    }
                    // A taken one gets a random suffix.
                    if key == "slug"
                        && let Some((name, end)) =
                            member.as_str().and_then(|slug| slug.rsplit_once('-'))
                        && end.len() == 8
                    {
                        *member = format!("{name}-0a1b2c3d").into();
                    }
                    // A place in the feed depends on the transactions before it.
                    if matches!(key.as_str(), "id" | "next")
                        && member.as_str().and_then(EventCursor::parse).is_some()
                    {
                        *member = "731-12".into();
                    }
                    settle(member, ids);
                }
            }
            Value::String(text) if Uuid::parse_str(text).is_ok() => {
                let known = ids.iter().position(|id| id == text);
                let number = known.unwrap_or_else(|| {
                    ids.push(text.clone());
                    ids.len() - 1
                });
                *text = format!("0193f6a4-0000-7000-8000-{:012x}", number + 1);
            }
            _ => {}
        }
    }
    settle(&mut answer, &mut Vec::new());
    answer
}

/// The operation of a request, according to the description.
fn operation_of(document: &Value, method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let path = if path.starts_with('/') { format!("/v1{path}") } else { format!("/{path}") };
    let fits = |template: &str| {
        let (words, segments): (Vec<_>, Vec<_>) =
            (template.split('/').collect(), path.split('/').collect());
        words.len() == segments.len()
            && words
                .iter()
                .zip(&segments)
                .all(|(word, segment)| word == segment || word.starts_with('{'))
    };
    let templates = members(document, "/paths").iter().filter(|(template, _)| fits(template));
    let (_, operations) =
        templates.min_by_key(|(template, _)| template.matches('{').count()).unwrap();
    operations[method.to_lowercase()]["operationId"].as_str().unwrap().to_owned()
}

/// Method, path and body of requests whose errors the matrix does not cover.
const BAD: [(&str, &str, &str); 6] = [
    ("PUT", "/users/me", r#"{"email": "nobody"}"#),
    ("PUT", "/users/me", r#"{"email": "user8@example.org"}"#),
    (
        "PUT",
        "/campaigns/mine/district",
        r#"{"L2DistrictType": "City", "L2DistrictName": "ATLANTIS"}"#,
    ),
    ("PATCH", "/organizations/{campaign}", r#"{"positionId": "unknown"}"#),
    ("GET", "/voters/voter-file/filter/9999", ""),
    ("POST", "/nowhere", "{}"),
];

async fn recorded() -> Value {
    let document = description().await;
    let mut recorded = Recorded::default();
    for (method, path, body, expected) in SCOPED {
        let operation = operation_of(&document, method, path);
        let world = World::new().await;
        for (reference, expected) in REFERENCES.into_iter().zip(expected) {
            // The first success may have changed the data, so the others only record errors.
            let (client, campaign) = match reference {
                "none of 0" => (world.app.user(30), 11),
                "none of 1" => (world.app.user(31), 31),
                "none of 2" => (world.app.user(32), 32),
                reference => (world.naming(world.caller("owner"), reference), 11),
            };
            let (path, body) = (world.filled(path, campaign), world.filled(body, campaign));
            let answer = world.send(&client, method, &path, &body).await;
            assert_eq!(answer.status, expected, "{method} {path}, {reference}");
            recorded.note(&operation, &body, &answer);
        }
    }
    for (method, path, body, expected) in UNSCOPED {
        let operation = operation_of(&document, method, path);
        let world = World::new().await;
        let (path, body) = (world.filled(path, 11), world.filled(body, 11));
        // The owner first: a user's answer is the better example.
        for (caller, expected) in CALLERS.into_iter().zip(expected).rev() {
            let body = body.replace("{caller}", caller);
            let answer = world.send(&world.caller(caller), method, &path, &body).await;
            recorded.note(&operation, &body, &answer);
            if expected < 300 && method != "GET" {
                break;
            }
        }
    }
    let world = World::new().await;
    for (method, path, body) in BAD {
        let owner = world.naming(world.caller("owner"), "campaign");
        let answer = world.send(&owner, method, &world.filled(path, 11), body).await;
        assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
        recorded.note("", body, &answer);
    }
    json!({"operations": recorded.operations, "errors": recorded.errors})
}

/// With `WINSERVE_RECORD` set, records them instead (`make openapi-examples`).
#[actix_web::test]
async fn the_examples_are_what_the_server_answers() {
    let path = repository("crates/http/src/openapi/examples.json");
    let recorded = recorded().await;
    if std::env::var_os("WINSERVE_RECORD").is_some() {
        fs::write(path, format!("{recorded:#}\n")).unwrap();
        return;
    }
    let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for kind in ["operations", "errors"] {
        let (before, after) =
            (members(&committed, &format!("/{kind}")), members(&recorded, &format!("/{kind}")));
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let (before, after) = (before.get(key), after.get(key));
            assert!(before == after, "{key}: run `make openapi-examples`\n{before:#?}\n{after:#?}");
        }
    }
}
