//! Adds to the document what utoipa cannot collect: operation ids, members of flattened types, closed
//! objects, common headers, and recorded examples.

use serde_json::{Map, Value, json};

type Members = Map<String, Value>;

/// Examples recorded by `make openapi-examples`: answers of the real server (`tests/suite/api/openapi.rs`).
const EXAMPLES: &str = include_str!("examples.json");

/// Completes a document.
///
/// # Errors
/// The recorded examples are not valid JSON.
pub(super) fn finish(mut document: Value) -> Result<Value, serde_json::Error> {
    let examples: Value = serde_json::from_str(EXAMPLES)?;
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        let collected = schemas.clone();
        for schema in schemas.values_mut() {
            flatten(schema, &collected);
            close(schema);
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        let of_errors = members(&examples, "/errors").into_iter().flatten();
        let shared: Members =
            of_errors.map(|(code, value)| (pascal_case(code), json!({"value": value}))).collect();
        components.insert("examples".to_owned(), shared.into());
        let request_id = json!({
            "description": "Identifies the request in logs; the same as `requestId` in errors.",
            "schema": {"type": "string", "format": "uuid"}
        });
        components.insert("headers".to_owned(), json!({"RequestId": request_id}));
    }
    let mut refusals = Members::new();
    for (path, operations) in members_mut(&mut document, "/paths").into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let id = operation_id(method, path);
            let recorded = examples.pointer(&format!("/operations/{id}"));
            illustrate(operation, recorded.unwrap_or(&Value::Null), &examples);
            share_refusals(operation, &mut refusals);
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            parameters.into_iter().flatten().for_each(as_query);
            set(operation, "operationId", id.into());
            // Explicit, because a generator may take silence for an oversight.
            if operation.get("security").is_none() {
                set(operation, "security", json!([]));
            }
        }
    }
    if let Some(components) = document.get_mut("components") {
        set(components, "responses", refusals.into());
    }
    Ok(document)
}

fn members<'a>(value: &'a Value, pointer: &str) -> Option<&'a Members> {
    value.pointer(pointer).and_then(Value::as_object)
}

fn members_mut<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Members> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut)
}

/// The member of an object; an empty object if it is missing.
fn member<'a>(object: &'a mut Value, name: &str) -> &'a mut Value {
    if object.get(name).is_none() {
        set(object, name, json!({}));
    }
    &mut object[name]
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

/// `getCampaignsMine` of `GET /v1/campaigns/mine`, `getUsersById` of `GET /v1/users/{id}`.
fn operation_id(method: &str, path: &str) -> String {
    let words =
        path.trim_start_matches("/v1").split(['/', '-', '.']).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| {
        let parameter = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
        let (prefix, word) = parameter.map_or(("", word), |name| ("By", name));
        id + prefix + &capitalized(word)
    })
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `NotFound` for `not-found`: generators make identifiers from component names.
fn pascal_case(code: &str) -> String {
    code.split('-').map(capitalized).collect()
}

/// What serde flattens is one object, but utoipa describes it as `allOf`, which cannot be closed and is hard
/// to read.
fn flatten(schema: &mut Value, schemas: &Members) {
    let Some(Value::Array(parts)) = schema.get("allOf") else { return };
    let mut whole = json!({"type": "object", "properties": {}, "required": []});
    if let Some(description) = schema.get("description") {
        set(&mut whole, "description", description.clone());
    }
    for part in parts {
        let mut part = referenced(part, schemas).unwrap_or(part).clone();
        flatten(&mut part, schemas);
        if let (Some(own), Some(others)) =
            (members_mut(&mut whole, "/properties"), members(&part, "/properties"))
        {
            own.extend(others.clone());
        }
        if let (Some(Value::Array(own)), Some(Value::Array(others))) =
            (whole.get_mut("required"), part.get("required"))
        {
            own.extend(others.iter().cloned());
        }
    }
    *schema = whole;
}

fn referenced<'a>(schema: &Value, schemas: &'a Members) -> Option<&'a Value> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")?;
    schemas.get(name)
}

/// An object that does not say whether it has further members belongs to an answer: it has none, and its
/// nullable members are always present. (serde writes null for `None`; if it omits the member instead, the
/// attribute `nullable = false` says so.)
fn close(schema: &mut Value) {
    if let Some(members) = members(schema, "/properties")
        && schema.get("additionalProperties").is_none()
    {
        let given = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let nullable = members.iter().filter(|(_, member)| may_be_null(member));
        let others = nullable.map(|(name, _)| json!(name)).filter(|name| !given.contains(name));
        let required: Vec<Value> = given.iter().cloned().chain(others).collect();
        set(schema, "required", required.into());
        set(schema, "additionalProperties", false.into());
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn may_be_null(schema: &Value) -> bool {
    let is_null =
        |kind: &Value| kind == "null" || kind.get("type").is_some_and(|kind| kind == "null");
    ["type", "oneOf", "anyOf"].into_iter().any(|key| {
        schema.get(key).and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(is_null))
    })
}

/// Adds the common headers and the recorded examples to an operation.
fn illustrate(operation: &mut Value, recorded: &Value, examples: &Value) {
    let body = operation.pointer_mut("/requestBody/content/application~1json");
    if let (Some(body), Some(example)) = (body, recorded.get("request")) {
        set(body, "example", example.clone());
    }
    for (status, response) in members_mut(operation, "/responses").into_iter().flatten() {
        let reference = json!({"$ref": "#/components/headers/RequestId"});
        set(member(response, "headers"), "X-Request-Id", reference);
        for content in members_mut(response, "/content").into_iter().flat_map(Members::values_mut) {
            if let Some(example) = recorded.get(status) {
                set(content, "example", example.clone());
            }
            for code in codes(content) {
                if examples.pointer(&format!("/errors/{code}")).is_some() {
                    let name = pascal_case(&code);
                    let reference = json!({"$ref": format!("#/components/examples/{name}")});
                    set(member(content, "examples"), &code, reference);
                }
            }
        }
    }
}

/// If a query parameter with a number is optional, an empty text is treated as absent.
fn as_query(parameter: &mut Value) {
    if parameter["in"] != "query" || parameter["required"] == true {
        return;
    }
    if let Some(schema) = parameter.get_mut("schema")
        && schema["type"] == "integer"
    {
        *schema = json!({"anyOf": [schema, {"type": "string", "enum": [""]}]});
    }
}

/// The codes of an error response.
fn codes(content: &Value) -> Vec<String> {
    let codes = content.pointer("/schema/allOf/1/properties/code/enum").and_then(Value::as_array);
    codes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Many routes refuse with the same codes: the response is written once and referenced. (Each code has one
/// status.)
fn share_refusals(operation: &mut Value, shared: &mut Members) {
    for (_, response) in members_mut(operation, "/responses").into_iter().flatten() {
        let codes = response.pointer("/content/application~1json").map(codes).unwrap_or_default();
        if codes.is_empty() {
            continue;
        }
        let codes: Vec<String> = codes.iter().map(|code| pascal_case(code)).collect();
        let name = codes.join("Or");
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        shared.insert(name, std::mem::replace(response, reference));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_by_method_and_path() {
        for (method, path, id) in [
            ("get", "/v1/campaigns/mine", "getCampaignsMine"),
            (
                "put",
                "/v1/campaigns/admin/{slug}/race-target-details",
                "putCampaignsAdminBySlugRaceTargetDetails",
            ),
            ("get", "/openapi.json", "getOpenapiJson"),
        ] {
            assert_eq!(operation_id(method, path), id);
        }
    }

    #[test]
    fn flattened_objects_are_one_and_closed() {
        let schemas = json!({
            "Inner": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "slug": {"type": ["string", "null"]}}},
        });
        let mut schema = json!({"allOf": [
            {"$ref": "#/components/schemas/Inner"},
            {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        ]});
        flatten(&mut schema, schemas.as_object().expect("an object"));
        close(&mut schema);
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "required": ["id", "name", "slug"],
                "properties": {"id": {"type": "integer"}, "slug": {"type": ["string", "null"]}, "name": {"type": "string"}},
                "additionalProperties": false,
            })
        );
    }
}
