//! The campaign that an office was won with.

use diesel::{
    expression::{ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Integer, Nullable},
};

/// The campaign that the office of the organization with this key was won with, which the
/// organization's request key names. A subquery, because a locking statement must not lock the
/// campaign.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct WonCampaignOf<Key>(pub(crate) Key);

impl<Key> Expression for WonCampaignOf<Key> {
    type SqlType = Nullable<Integer>;
}

impl<Key: QueryFragment<Pg>> QueryFragment<Pg> for WonCampaignOf<Key> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "(SELECT run_for.id FROM organization AS its JOIN campaign AS run_for ON run_for.organization_id =
                  CASE WHEN its.request_key LIKE 'won:%' THEN substr(its.request_key, 5, 36)::uuid END
              WHERE its.id = ",
        );
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Key> ValidGrouping<()> for WonCampaignOf<Key> {
    type IsAggregate = is_aggregate::No;
}

impl<Key: SelectableExpression<Source>, Source> SelectableExpression<Source>
    for WonCampaignOf<Key>
{
}

impl<Key: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for WonCampaignOf<Key> {}
