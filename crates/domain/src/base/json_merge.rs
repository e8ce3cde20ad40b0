//! The merge of every JSON update of the old API (legacy contract §2.4).

use serde_json::{Map, Value};

/// Merges `patch` into `stored`: objects merge key by key, arrays are concatenated, anything else
/// is replaced, and so is a value of another kind. `null` overwrites; an absent key keeps.
///
/// A key cannot be deleted.
///
/// ```
/// use serde_json::json;
/// use winserve_domain::base::json_merge::merge;
/// let mut stored = json!({"a": {"x": 1}, "list": [1]});
/// merge(&mut stored, json!({"a": {"y": null}, "list": [2]}));
/// assert_eq!(stored, json!({"a": {"x": 1, "y": null}, "list": [1, 2]}));
/// ```
pub fn merge(stored: &mut Value, patch: Value) {
    match (stored, patch) {
        (Value::Object(stored), Value::Object(patch)) => merge_object(stored, patch, &[]),
        (Value::Array(stored), Value::Array(patch)) => stored.extend(patch),
        (stored, patch) => *stored = patch,
    }
}

/// [`merge`] of an object from a client, in which the keys of `replaced_whole` are not merged but
/// replaced. A stored value that is not an object is replaced by the patch.
pub fn merge_replacing(stored: &mut Value, patch: Map<String, Value>, replaced_whole: &[&str]) {
    match stored {
        Value::Object(stored) => merge_object(stored, patch, replaced_whole),
        stored => *stored = Value::Object(patch),
    }
}

fn merge_object(stored: &mut Map<String, Value>, patch: Map<String, Value>, whole: &[&str]) {
    for (key, value) in patch {
        match stored.get_mut(&key) {
            Some(old) if !whole.contains(&key.as_str()) => merge(old, value),
            _ => {
                stored.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn merged(mut stored: Value, patch: Value) -> Value {
        merge(&mut stored, patch);
        stored
    }

    #[test]
    fn null_overwrites_and_an_absent_key_keeps() {
        assert_eq!(merged(json!({"a": 1, "b": 2}), json!({"a": null})), json!({"a": null, "b": 2}));
    }

    #[test]
    fn a_value_of_another_kind_wins() {
        assert_eq!(merged(json!({"a": [1]}), json!({"a": {"b": 1}})), json!({"a": {"b": 1}}));
        assert_eq!(merged(json!({"a": {"b": 1}}), json!({"a": 5})), json!({"a": 5}));
    }

    #[test]
    fn the_named_keys_are_replaced_whole_but_only_at_the_top() {
        let mut stored = json!({"customIssues": [1], "deep": {"customIssues": [1]}});
        let patch = json!({"customIssues": [2], "deep": {"customIssues": [2]}});
        let Value::Object(patch) = patch else { panic!("an object") };
        merge_replacing(&mut stored, patch, &["customIssues"]);
        assert_eq!(stored, json!({"customIssues": [2], "deep": {"customIssues": [1, 2]}}));
    }

    #[test]
    fn a_stored_value_that_is_no_object_gives_way() {
        let mut stored = json!([1, 2]);
        merge_replacing(&mut stored, Map::from_iter([("a".to_owned(), json!(1))]), &[]);
        assert_eq!(stored, json!({"a": 1}));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn merging_an_empty_object_changes_no_object(stored in any_json()) {
            prop_assume!(stored.is_object());
            prop_assert_eq!(merged(stored.clone(), json!({})), stored);
        }

        #[test]
        fn every_scalar_of_the_patch_is_there_afterwards(stored in any_json(), key in "[a-c]", n in any::<i32>()) {
            let after = merged(stored, json!({ key.clone(): n }));
            prop_assert_eq!(&after[&key], &json!(n));
        }
    }
}
