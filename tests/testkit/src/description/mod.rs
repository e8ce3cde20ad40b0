//! Checks every answer that a test receives against the API description (ADR 30): its route, method and
//! status must be described, and its body must have no other members.

pub mod changes;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::{Draft, Registry, Validator};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Map, Value, json};

const URI: &str = "urn:winserve:description";

struct Description {
    document: &'static Value,
    registry: &'static Registry<'static>,
    /// By pointer; a test needs a few of several hundred.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let document = winserve_http::openapi::document().expect("the description is JSON");
    let registry = Registry::new().draft(Draft::Draft202012).add(URI, document.clone());
    let registry =
        registry.and_then(jsonschema::RegistryBuilder::prepare).expect("references are valid");
    Description { document, registry: Box::leak(Box::new(registry)), validators: Mutex::default() }
});

/// The template that matches a path, the one with the most literal segments.
fn template_of<'a>(paths: &'a Map<String, Value>, path: &str) -> Option<(&'a str, &'a Value)> {
    let segments: Vec<&str> = path.split('/').collect();
    let literal =
        |template: &str| template.split('/').filter(|word| !word.starts_with('{')).count();
    let fits = |template: &str| {
        let words: Vec<&str> = template.split('/').collect();
        let fits = |(word, segment): (&&str, &&str)| {
            word == segment || (word.starts_with('{') && !segment.is_empty())
        };
        words.len() == segments.len() && words.iter().zip(&segments).all(fits)
    };
    let fitting = paths.iter().filter(|(template, _)| fits(template));
    let best = fitting.max_by_key(|(template, _)| literal(template));
    best.map(|(template, operations)| (template.as_str(), operations))
}

/// Checks an answer.
///
/// # Panics
/// The description does not allow this answer; the message says what to add where.
pub(crate) fn check(
    method: &Method,
    path: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) {
    // Preflights are for browsers, and answered before any route.
    if *method == Method::OPTIONS {
        return;
    }
    let described = || {
        let code = serde_json::from_slice::<Value>(body).ok().map(|body| body["code"].clone());
        format!("{method} {path} answered {status} {}", code.unwrap_or_default())
    };
    let paths = DESCRIPTION.document["paths"].as_object().expect("paths");
    let Some((template, operations)) = template_of(paths, path) else {
        assert!(status == 404, "{}, but is not described: see CONTRIBUTING.md", described());
        return;
    };
    let verb =
        if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    let Some(operation) = operations.get(&verb) else {
        assert_eq!(
            status,
            405,
            "{}, but the method is not described: see CONTRIBUTING.md",
            described()
        );
        return;
    };
    let Some(response) = operation["responses"].get(status.as_str()) else {
        panic!(
            "{}, a status that {template} does not describe: add the code to the `refuses!` of what \
             refused, or the answer to the `responses` of the handler",
            described()
        );
    };
    // The place of the response: routes share error responses.
    let shared = response.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/"));
    let place = shared.map_or_else(
        || pointer(&["paths", template, verb.as_str(), "responses", status.as_str()]),
        str::to_owned,
    );
    let response = DESCRIPTION.document.pointer(&format!("/{place}")).expect("a response");
    let Some(contents) = response.get("content").and_then(Value::as_object) else {
        assert!(body.is_empty(), "{} with a body that is not described", described());
        return;
    };
    if *method == Method::HEAD {
        return;
    }
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    let content = contents.keys().find(|name| name.split(';').next() == Some(essence));
    let content =
        content.unwrap_or_else(|| panic!("{} as {kind}, which is not described", described()));
    if essence == "application/json" {
        let pointer = format!("{place}/{}", pointer(&["content", content, "schema"]));
        let body: Value = serde_json::from_slice(body).expect("JSON, as the answer says");
        let validator = DESCRIPTION.validator(&pointer);
        let faults: Vec<_> = validator
            .iter_errors(&body)
            .map(|fault| format!("at {:?}: {fault}", fault.instance_path().as_str()))
            .collect();
        assert!(
            faults.is_empty(),
            "{}, and the body does not match the description: {faults:#?}\n{body:#}",
            described()
        );
    }
}

/// A JSON pointer, without the first slash.
fn pointer(parts: &[&str]) -> String {
    let escaped: Vec<_> =
        parts.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    escaped.join("/")
}

impl Description {
    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no thread panics with the lock");
        let compile = || {
            // A pointer in a URI must not contain braces.
            let fragment = pointer.replace('{', "%7B").replace('}', "%7D").replace(' ', "%20");
            let schema = json!({"$ref": format!("{URI}#/{fragment}")});
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            let options = options.with_registry(self.registry).should_validate_formats(true);
            Arc::new(options.build(&schema).expect("a schema"))
        };
        Arc::clone(validators.entry(pointer.to_owned()).or_insert_with(compile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(method: &Method, path: &str, status: u16, body: &Value) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().expect("a header"));
        let status = StatusCode::from_u16(status).expect("a status");
        check(method, path, status, &headers, body.to_string().as_bytes());
    }

    fn refusal(status: u16, code: &str) -> Value {
        json!({
            "statusCode": status, "error": "Error", "message": "Text", "code": code,
            "requestId": "0193f6a4-0000-7000-8000-000000000001",
        })
    }

    #[test]
    fn what_is_described_passes() {
        answered(&Method::GET, "/v1/campaigns/mine", 404, &refusal(404, "no-organization"));
        answered(&Method::GET, "/v1/elections/districts/types", 200, &json!([]));
        answered(&Method::DELETE, "/v1/campaigns/mine", 405, &refusal(405, "method-not-allowed"));
        answered(&Method::GET, "/v1/nothing", 404, &refusal(404, "route-not-found"));
    }

    #[test]
    #[should_panic(expected = "is not described")]
    fn another_route_does_not() {
        answered(&Method::GET, "/v1/nothing", 200, &json!({}));
    }

    #[test]
    #[should_panic(expected = "does not describe")]
    fn another_status_does_not() {
        answered(&Method::GET, "/v1/campaigns/mine", 409, &refusal(409, "conflict"));
    }

    #[test]
    #[should_panic(expected = "does not match the description")]
    fn another_code_does_not() {
        answered(&Method::GET, "/v1/campaigns/mine", 404, &refusal(404, "not-found"));
    }

    #[test]
    #[should_panic(expected = "does not match the description")]
    fn another_member_does_not() {
        let district = json!({"id": "1", "L2DistrictType": "City", "state": "MI"});
        answered(&Method::GET, "/v1/elections/districts/types", 200, &json!([district]));
    }

    #[test]
    #[should_panic(expected = "does not match the description")]
    fn a_missing_member_does_not() {
        answered(&Method::GET, "/v1/elections/districts/types", 200, &json!([{"id": "1"}]));
    }
}
