//! What the JSON of campaigns says about districts, in SQL.

use std::sync::LazyLock;

/// Unicode white space, as a PostgreSQL regular expression.
const BLANK: &str = r"[\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]";

/// A text without surrounding white space.
pub(super) fn trimmed(text: &str) -> String {
    format!("regexp_replace({text}, '^{BLANK}+|{BLANK}+$', '', 'g')")
}

/// A non-blank text member of a JSON object, unchanged.
pub(super) fn text(column: &str, key: &str) -> String {
    format!(
        "CASE WHEN jsonb_typeof({column}->'{key}') = 'string' AND {} <> '' THEN {column}->>'{key}' END",
        trimmed(&format!("({column}->>'{key}')"))
    )
}

/// Whether the JSON of the campaign `holder` names a district.
pub(crate) static NAMES_DISTRICT: LazyLock<String> = LazyLock::new(|| {
    let (kind, name) = (text("data", "electionType"), text("data", "electionLocation"));
    format!(
        "EXISTS (SELECT FROM path_to_victory WHERE campaign_id = holder.id
             AND {kind} IS NOT NULL AND {name} IS NOT NULL)"
    )
});
