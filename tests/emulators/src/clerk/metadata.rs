//! Metadata: two JSON objects of each organization and membership, and the rules for changing them.

use serde_json::{Map, Value, json};

use super::{fields::Fields, refusal::Refusal};

/// Maximum size of both objects together, in bytes of JSON.
const LARGEST: usize = 8 * 1024;
const PUBLIC: &str = "public_metadata";
const PRIVATE: &str = "private_metadata";

/// Both objects of something new, the public one first.
pub(crate) fn of_new(fields: &Fields) -> Result<(Value, Value), Refusal> {
    let object = |name| fields.object(name).map(|object| json!(object.unwrap_or(&Map::new())));
    let (public, private) = (object(PUBLIC)?, object(PRIVATE)?);
    check(&public, &private)?;
    Ok((public, private))
}

/// `PATCH …/metadata`: objects are merged, and a null removes its key at any depth. A refused change may be
/// applied in part.
pub(crate) fn merge(
    fields: &Fields,
    public: &mut Value,
    private: &mut Value,
) -> Result<(), Refusal> {
    for (name, into) in [(PUBLIC, &mut *public), (PRIVATE, &mut *private)] {
        if let Some(change) = fields.object(name)? {
            merge_into(into, change);
        }
    }
    check(public, private)
}

/// `PUT …/metadata`: members in the body are replaced completely, also by null. A refused change may be
/// applied in part.
pub(crate) fn replace(
    fields: &Fields,
    public: &mut Value,
    private: &mut Value,
) -> Result<(), Refusal> {
    for (name, into) in [(PUBLIC, &mut *public), (PRIVATE, &mut *private)] {
        fields.object(name)?;
        if let Some(value) = fields.raw(name) {
            into.clone_from(value);
        }
    }
    check(public, private)
}

fn check(public: &Value, private: &Value) -> Result<(), Refusal> {
    if public.to_string().len() + private.to_string().len() > LARGEST {
        return Err(Refusal::new(422, "form_param_exceeds_allowed_size").about(PUBLIC));
    }
    Ok(())
}

fn merge_into(into: &mut Value, change: &Map<String, Value>) {
    if !into.is_object() {
        *into = json!({});
    }
    let Some(members) = into.as_object_mut() else { return };
    for (key, value) in change {
        match value {
            Value::Null => {
                members.remove(key);
            }
            Value::Object(change) => {
                merge_into(members.entry(key.clone()).or_insert_with(|| json!({})), change);
            }
            value => {
                members.insert(key.clone(), value.clone());
            }
        }
    }
}
