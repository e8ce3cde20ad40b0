//! The ids of a holder's organization: ours and, once it is known, Clerk's.

use diesel::{
    expression::{ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Nullable, Record, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

/// Our id, and Clerk's.
pub type OrganizationIds = (Uuid, Option<String>);
/// The SQL type of [`OrganizationIds`].
pub type SqlOrganizationIds = Record<(SqlUuid, Nullable<Text>)>;

/// The ids of the organization with this key. A subquery, so that a locking statement does not lock the
/// organization. (diesel would not prepare a statement with raw SQL.)
#[derive(Debug, Clone, Copy, QueryId)]
pub struct IdsOf<Key>(pub Key);

impl<Key> Expression for IdsOf<Key> {
    type SqlType = Nullable<SqlOrganizationIds>;
}

impl<Key: QueryFragment<Pg>> QueryFragment<Pg> for IdsOf<Key> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "(SELECT ROW(its.id, its.clerk_organization_id) FROM organization AS its WHERE its.id = ",
        );
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Key> ValidGrouping<()> for IdsOf<Key> {
    type IsAggregate = is_aggregate::No;
}

impl<Key: SelectableExpression<Source>, Source> SelectableExpression<Source> for IdsOf<Key> {}

impl<Key: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for IdsOf<Key> {}
