//! Conditions of lists on office and district in the old JSON.

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
