//! Conditions of lists on office and district in the old JSON.

use std::sync::LazyLock;

use diesel::{
    dsl::sql,
    expression::{AsExpression, SqlLiteral, UncheckedBind},
    sql_types::{Bool, Text},
};
use winserve_domain::positions::BallotLevel;

/// A condition with one bound value.
pub(crate) type Condition<'v> =
    UncheckedBind<SqlLiteral<Bool>, <&'v str as AsExpression<Text>>::Expression>;

/// The campaign's position is in the state with this code. Compared as clients see it, ignoring
/// case and surrounding blanks.
pub(crate) fn in_state(code: &str) -> Condition<'_> {
    sql("upper(btrim(campaign.details ->> 'state')) = ").bind::<Text, _>(code)
}

/// The campaign's position has the level; compared the same way.
pub(crate) fn of_level(level: BallotLevel) -> Condition<'static> {
    sql("upper(btrim(campaign.details ->> 'ballotLevel')) = ").bind::<Text, _>(level.as_str())
}

/// Unicode white space, as a PostgreSQL regular expression.
const BLANK: &str = r"[\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]";

/// A text without surrounding white space.
#[must_use]
pub fn trimmed(text: &str) -> String {
    format!("regexp_replace({text}, '^{BLANK}+|{BLANK}+$', '', 'g')")
}

/// A non-blank text member of a JSON object, unchanged.
#[must_use]
pub fn text(column: &str, key: &str) -> String {
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
