//! Which changes of the API description break clients.
//!
//! A client breaks if something that it sends is refused, or something that it reads is missing or has
//! another type. So an answer may contain more: a member, a status or an error code may be added. It may not
//! contain less: what was there stays, and every possible value of today was possible yesterday, including
//! null and the options of an enumeration. A body may be accepted more widely, never more narrowly. A change
//! that this file does not know to be harmless counts as breaking.

use std::collections::BTreeSet;

use serde_json::Value;

/// Which side writes the described value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Client,
    Server,
}

/// Lists what breaks between two descriptions, one sentence each.
#[must_use]
pub fn breaking(before: &Value, after: &Value) -> Vec<String> {
    let mut comparison = Comparison { before, after, found: Vec::new(), seen: BTreeSet::new() };
    for (path, operations) in members(before, "/paths") {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let name = format!("{} {path}", method.to_uppercase());
            match after["paths"].get(path).and_then(|operations| operations.get(method)) {
                Some(other) => comparison.operation(&name, operation, other),
                None => comparison.found.push(format!("{name} is gone")),
            }
        }
    }
    comparison.found
}

/// Breaking changes that are not announced. Announce one by increasing the first number of the version, and
/// by a section for that version in the notes, `## 2.0.0`.
#[must_use]
pub fn unannounced(before: &Value, after: &Value, notes: &str) -> Vec<String> {
    let version =
        |document: &Value| document["info"]["version"].as_str().unwrap_or_default().to_owned();
    let major =
        |version: &str| version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    let announced = version(after);
    let has_chapter = notes.lines().any(|line| line.trim_end() == format!("## {announced}"));
    if major(&announced) > major(&version(before)) && has_chapter {
        return Vec::new();
    }
    breaking(before, after)
}

struct Comparison<'a> {
    before: &'a Value,
    after: &'a Value,
    found: Vec<String>,
    /// Pairs of references that were compared.
    seen: BTreeSet<(String, String)>,
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn texts<'a>(schema: &'a Value, key: &str) -> BTreeSet<&'a str> {
    schema[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The values of `type` or `enum`, single or listed.
fn listed(schema: &Value, key: &str) -> Option<BTreeSet<String>> {
    match &schema[key] {
        Value::Null => None,
        Value::Array(values) => Some(values.iter().map(Value::to_string).collect()),
        value => Some([value.to_string()].into()),
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, Option<&'a str>) {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return (schema, None) };
    let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    (target.expect("references are valid"), Some(reference))
}

impl Comparison<'_> {
    fn note(&mut self, what: &str, change: &str) {
        self.found.push(format!("{what} {change}"));
    }

    fn operation(&mut self, name: &str, before: &Value, after: &Value) {
        // (No document has a rule for operations without one.)
        let callers = |operation: &Value| {
            operation["security"].as_array().filter(|schemes| !schemes.is_empty()).cloned()
        };
        if callers(before) != callers(after) {
            self.note(name, "is for other callers");
        }
        self.parameters(name, before, after);
        self.body(name, before, after);
        for (status, response) in members(before, "/responses") {
            // A route may stop refusing; the codes of an error may become more or fewer.
            if !status.starts_with('2') {
                continue;
            }
            let answer = format!("{name}, {status}");
            match after["responses"].get(status) {
                None => self.note(&answer, "is not answered any more"),
                Some(changed) => self.contents(&answer, response, changed, Writer::Server),
            }
        }
    }

    fn parameters(&mut self, name: &str, before: &Value, after: &Value) {
        let list =
            |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
        let key = |parameter: &Value| (parameter["in"].clone(), parameter["name"].clone());
        let (known, given) = (list(before), list(after));
        for parameter in &known {
            let named = format!("{name}, parameter {}", parameter["name"]);
            match given.iter().find(|other| key(other) == key(parameter)) {
                None => self.note(&named, "is gone"),
                Some(other) => {
                    if other["required"] == true && parameter["required"] != true {
                        self.note(&named, "is required");
                    }
                    self.schema(&named, &parameter["schema"], &other["schema"], Writer::Client);
                }
            }
        }
        for parameter in given {
            let is_new = !known.iter().any(|other| key(other) == key(&parameter));
            if is_new && parameter["required"] == true {
                self.note(
                    &format!("{name}, parameter {}", parameter["name"]),
                    "is new and required",
                );
            }
        }
    }

    fn body(&mut self, name: &str, before: &Value, after: &Value) {
        let name = format!("{name}, body");
        match (before.get("requestBody"), after.get("requestBody")) {
            (Some(before), Some(after)) => {
                if after["required"] == true && before["required"] != true {
                    self.note(&name, "is required");
                }
                self.contents(&name, before, after, Writer::Client);
            }
            (Some(_), None) => self.note(&name, "is not read any more"),
            (None, Some(after)) if after["required"] == true => self.note(&name, "is required"),
            (None, _) => {}
        }
    }

    fn contents(&mut self, name: &str, before: &Value, after: &Value, writer: Writer) {
        for (kind, content) in members(before, "/content") {
            match after["content"].get(kind) {
                None => self.note(name, &format!("has no {kind} any more")),
                Some(changed) => self.schema(name, &content["schema"], &changed["schema"], writer),
            }
        }
        if before.get("content").is_none() && after.get("content").is_some() {
            self.note(name, "has content");
        }
    }

    fn schema(&mut self, name: &str, before: &Value, after: &Value, writer: Writer) {
        let ((before, before_name), (after, after_name)) =
            (resolved(self.before, before), resolved(self.after, after));
        if let (Some(before), Some(after)) = (before_name, after_name) {
            let direction = if writer == Writer::Client { "sent " } else { "read " };
            // Once is enough, and recursive types would never end.
            if !self.seen.insert((format!("{direction}{before}"), after.to_owned())) {
                return;
            }
        }
        // Everything that was sent may still be sent, and everything that is read was possible before.
        let (wide, narrow) =
            if writer == Writer::Client { (after, before) } else { (before, after) };
        if ["anyOf", "oneOf"].iter().any(|key| is_listed(&wide[*key], narrow)) {
            return;
        }
        self.values(name, before, after, writer);
        self.members(name, before, after, writer);
        self.alternatives(name, before, after, writer);
        if let (Some(before), Some(after)) = (before.get("items"), after.get("items")) {
            self.schema(&format!("{name}[]"), before, after, writer);
        }
        self.bounds(name, before, after, writer);
    }

    /// Types and options: none may be added to what is read, none removed from what is sent.
    fn values(&mut self, name: &str, before: &Value, after: &Value, writer: Writer) {
        for key in ["type", "enum"] {
            let (wide, narrow) = match writer {
                Writer::Client => (listed(after, key), listed(before, key)),
                Writer::Server => (listed(before, key), listed(after, key)),
            };
            let fits = match (wide, narrow) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(wide), Some(narrow)) => narrow.is_subset(&wide),
            };
            if !fits {
                let change = format!("has another {key}: {} was {}", after[key], before[key]);
                self.note(name, &change);
            }
        }
    }

    fn members(&mut self, name: &str, before: &Value, after: &Value, writer: Writer) {
        for (key, member) in members(before, "/properties") {
            let named = format!("{name}.{key}");
            match after.pointer("/properties").and_then(|members| members.get(key)) {
                None => self.note(&named, "is gone"),
                Some(changed) => self.schema(&named, member, changed, writer),
            }
        }
        let (known, given) = (texts(before, "required"), texts(after, "required"));
        let (of, change) = match writer {
            Writer::Client => (given.difference(&known), "is required"),
            Writer::Server => (known.difference(&given), "may be absent"),
        };
        for key in of {
            self.note(&format!("{name}.{key}"), change);
        }
        let closed = Value::Bool(false);
        let further =
            |schema: &Value| schema.get("additionalProperties").cloned().unwrap_or(true.into());
        if writer == Writer::Client && further(after) == closed && further(before) != closed {
            self.note(name, "takes no other members");
        }
    }

    /// `oneOf`, `anyOf`, `allOf`: compared one by one, in order. One more may be sent, but none may be added
    /// to what is read.
    fn alternatives(&mut self, name: &str, before: &Value, after: &Value, writer: Writer) {
        for key in ["oneOf", "anyOf", "allOf"] {
            let list = |schema: &Value| schema[key].as_array().cloned().unwrap_or_default();
            let (known, given) = (list(before), list(after));
            if known.is_empty() && given.is_empty() {
                continue;
            }
            let may_grow = writer == Writer::Client && key != "allOf" && !known.is_empty();
            if given.len() < known.len() || (given.len() > known.len() && !may_grow) {
                self.note(name, &format!("has other alternatives ({key})"));
            }
            for (index, (before, after)) in known.iter().zip(&given).enumerate() {
                self.schema(&format!("{name} ({key} {index})"), before, after, writer);
            }
        }
    }

    /// Other limits on values. Only dropping a limit on what is sent is known to be harmless.
    fn bounds(&mut self, name: &str, before: &Value, after: &Value, writer: Writer) {
        const ELSEWHERE: [&str; 14] = [
            "$ref",
            "type",
            "enum",
            "properties",
            "required",
            "additionalProperties",
            "oneOf",
            "anyOf",
            "allOf",
            "items",
            "description",
            "title",
            "example",
            "examples",
        ];
        let of = |schema: &Value| schema.as_object().cloned().unwrap_or_default();
        let (before, after) = (of(before), of(after));
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys.into_iter().filter(|key| !ELSEWHERE.contains(&key.as_str())) {
            let (known, given) = (before.get(key), after.get(key));
            let is_dropped = writer == Writer::Client && given.is_none();
            let is_looser = writer == Writer::Client && is_looser(key, known, given);
            if known != given && !is_dropped && !is_looser {
                self.note(name, &format!("has another {key}"));
            }
        }
    }
}

fn is_listed(alternatives: &Value, schema: &Value) -> bool {
    alternatives.as_array().is_some_and(|alternatives| alternatives.contains(schema))
}

fn is_looser(key: &str, known: Option<&Value>, given: Option<&Value>) -> bool {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let (Some(known), Some(given)) = (number(known), number(given)) else { return false };
    match key {
        "minimum" | "minLength" | "minItems" => given <= known,
        "maximum" | "maxLength" | "maxItems" => given >= known,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An API description of `PUT /things/{id}` with this body and this answer.
    fn description(body: &Value, answer: &Value) -> Value {
        json!({
            "paths": {"/things/{id}": {"put": {
                "parameters": [{"in": "path", "name": "id", "required": true, "schema": {"type": "integer"}}],
                "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                    "404": {"description": "gone"},
                },
            }}},
            "components": {"schemas": {"Thing": answer}},
        })
    }

    fn thing(properties: &Value, required: &Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required})
    }

    fn of_answers(before: &Value, after: &Value) -> Vec<String> {
        let body = json!({"type": "object"});
        breaking(&description(&body, before), &description(&body, after))
    }

    fn of_bodies(before: &Value, after: &Value) -> Vec<String> {
        let answer = json!({"type": "object"});
        breaking(&description(before, &answer), &description(after, &answer))
    }

    #[test]
    fn an_answer_may_say_more_and_not_less() {
        let name = json!({"name": {"type": "string"}});
        let both = json!({"name": {"type": "string"}, "size": {"type": "integer"}});
        let (one, two) = (thing(&name, &json!(["name"])), thing(&both, &json!(["name", "size"])));
        assert_eq!(of_answers(&one, &one), [""; 0]);
        assert_eq!(of_answers(&one, &two), [""; 0]);
        assert_eq!(
            of_answers(&two, &one),
            ["PUT /things/{id}, 200.size is gone", "PUT /things/{id}, 200.size may be absent"]
        );
        assert_eq!(
            of_answers(&one, &thing(&name, &json!([]))),
            ["PUT /things/{id}, 200.name may be absent"]
        );
    }

    #[test]
    fn an_answer_has_no_value_that_it_had_not() {
        let of = |member: Value| thing(&json!({"a": member}), &json!(["a"]));
        let (text, or_null) = (json!({"type": "string"}), json!({"type": ["string", "null"]}));
        assert_eq!(of_answers(&of(or_null.clone()), &of(text.clone())), [""; 0]);
        assert_eq!(
            of_answers(&of(text.clone()), &of(or_null)),
            [r#"PUT /things/{id}, 200.a has another type: ["string","null"] was "string""#]
        );
        let (two, three) = (json!({"enum": ["x", "y"]}), json!({"enum": ["x", "y", "z"]}));
        assert_eq!(of_answers(&of(three.clone()), &of(two.clone())), [""; 0]);
        assert_eq!(of_answers(&of(two.clone()), &of(three)).len(), 1);
        assert_eq!(of_answers(&of(two), &of(text)).len(), 1);
    }

    #[test]
    fn a_body_may_be_read_more_widely_and_not_more_narrowly() {
        let name = json!({"name": {"type": "string", "maxLength": 9}});
        let more = json!({"name": {"type": "string", "maxLength": 9}, "size": {"type": "integer"}});
        let (one, two) = (thing(&name, &json!([])), thing(&more, &json!([])));
        assert_eq!(of_bodies(&one, &two), [""; 0]);
        assert_eq!(of_bodies(&two, &one), ["PUT /things/{id}, body.size is gone"]);
        assert_eq!(
            of_bodies(&one, &thing(&name, &json!(["name"]))),
            ["PUT /things/{id}, body.name is required"]
        );
        let of = |member: Value| thing(&json!({"name": member}), &json!([]));
        let wider = of(json!({"type": ["string", "null"], "maxLength": 99}));
        assert_eq!(of_bodies(&one, &wider), [""; 0]);
        assert_eq!(of_bodies(&wider, &one).len(), 2);
        assert_eq!(of_bodies(&one, &of(json!({"type": "string"}))), [""; 0]);
        assert_eq!(of_bodies(&of(json!({"type": "string"})), &one).len(), 1);
        let either = of(json!({"anyOf": [name["name"], {"type": "integer"}]}));
        assert_eq!(of_bodies(&one, &either), [""; 0]);
        assert!(!of_bodies(&either, &one).is_empty());
        let closed = json!({"type": "object", "additionalProperties": false});
        assert_eq!(
            of_bodies(&json!({"type": "object"}), &closed),
            ["PUT /things/{id}, body takes no other members"]
        );
    }

    #[test]
    fn routes_parameters_and_statuses_stay() {
        let empty = json!({"type": "object"});
        let before = description(&empty, &empty);
        let without = |pointer: &str, key: &str| {
            let mut after = before.clone();
            after.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
            breaking(&before, &after)
        };
        assert_eq!(without("/paths", "/things/{id}"), ["PUT /things/{id} is gone"]);
        let operation = "/paths/~1things~1{id}/put";
        assert_eq!(
            without(&format!("{operation}/responses"), "200"),
            ["PUT /things/{id}, 200 is not answered any more"]
        );
        assert_eq!(without(&format!("{operation}/responses"), "404"), [""; 0]);
        assert_eq!(
            without(operation, "parameters"),
            [r#"PUT /things/{id}, parameter "id" is gone"#]
        );
        let mut after = before.clone();
        after.pointer_mut(operation).unwrap()["security"] = json!([]);
        assert_eq!(breaking(&before, &after), [""; 0], "anybody may call, as before");
        after.pointer_mut(operation).unwrap()["security"] = json!([{"machine": []}]);
        assert_eq!(breaking(&before, &after), ["PUT /things/{id} is for other callers"]);
        let mut after = before.clone();
        let parameters = after.pointer_mut(&format!("{operation}/parameters")).unwrap();
        parameters.as_array_mut().unwrap().push(json!({"in": "query", "name": "q"}));
        assert_eq!(breaking(&before, &after), [""; 0]);
        let parameters = after.pointer_mut(&format!("{operation}/parameters")).unwrap();
        parameters[1]["required"] = true.into();
        assert_eq!(
            breaking(&before, &after),
            [r#"PUT /things/{id}, parameter "q" is new and required"#]
        );
    }

    #[test]
    fn a_break_is_announced_by_a_version_with_a_chapter() {
        let empty = json!({"type": "object"});
        let versioned = |version: &str, mut document: Value| {
            document["info"] = json!({"version": version});
            document
        };
        let before = versioned("1.4.0", description(&empty, &empty));
        let broken = |version| versioned(version, json!({"paths": {}}));
        let notes = "# Changes\n\n## 2.0.0\n\nThings are gone.\n";
        assert_eq!(unannounced(&before, &broken("1.5.0"), notes).len(), 1);
        assert_eq!(unannounced(&before, &broken("3.0.0"), notes).len(), 1);
        assert_eq!(unannounced(&before, &broken("2.0.0"), notes), [""; 0]);
        assert_eq!(unannounced(&before, &before, ""), [""; 0]);
    }

    #[test]
    fn a_type_that_contains_itself_is_compared_once() {
        let tree = json!({"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Thing"}}});
        assert_eq!(of_answers(&tree, &tree), [""; 0]);
    }
}
