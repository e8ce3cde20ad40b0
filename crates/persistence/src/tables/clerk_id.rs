//! Clerk's id of a holder's organization.

use diesel::{
    expression::{ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Nullable, Text},
};
use uuid::Uuid;

/// The ids of a holder's organization: ours, and Clerk's.
pub type OrganizationIds = (Option<Uuid>, Option<String>);

/// Clerk's id of the organization with this key. A subquery, so that a locking statement does not
/// lock the organization; but if it waited, it may not see one that was just created: then it
/// is NULL. (diesel would not prepare a statement with raw SQL.)
#[derive(Debug, Clone, Copy, QueryId)]
pub struct ClerkIdOf<Key>(pub Key);

impl<Key> Expression for ClerkIdOf<Key> {
    type SqlType = Nullable<Text>;
}

impl<Key: QueryFragment<Pg>> QueryFragment<Pg> for ClerkIdOf<Key> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(SELECT its.clerk_organization_id FROM organization AS its WHERE its.id = ");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Key> ValidGrouping<()> for ClerkIdOf<Key> {
    type IsAggregate = is_aggregate::No;
}

impl<Key: SelectableExpression<Source>, Source> SelectableExpression<Source> for ClerkIdOf<Key> {}

impl<Key: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for ClerkIdOf<Key> {}
