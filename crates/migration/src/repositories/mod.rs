//! The repositories of the phases that still read or follow the JSON. Where a phase does what the
//! final service does, they delegate to `winserve_persistence`.

mod campaigns;
mod elected_offices;
mod electorates;
pub(crate) mod offices_of_campaigns;
mod organizations;
mod saved_filters;
mod users;

use diesel::{
    expression::{ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Bool,
};

pub(crate) use campaigns::PhasedCampaigns;
pub(crate) use elected_offices::PhasedElectedOffices;
pub(crate) use electorates::JsonElectorates;
pub(crate) use organizations::PhaseOneOrganizations;
pub(crate) use saved_filters::FiltersOfCampaigns;
pub(crate) use users::JsonUsers;

/// Whether the old service has changed the campaign with this key since the tables were written.
/// (diesel would not prepare a statement with raw SQL.)
#[derive(Debug, Clone, Copy, QueryId)]
struct IsOutdated<Key>(Key);

impl<Key> Expression for IsOutdated<Key> {
    type SqlType = Bool;
}

impl<Key: QueryFragment<Pg>> QueryFragment<Pg> for IsOutdated<Key> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("EXISTS (SELECT FROM legacy_change WHERE legacy_change.campaign_id = ");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Key> ValidGrouping<()> for IsOutdated<Key> {
    type IsAggregate = is_aggregate::No;
}

impl<Key: SelectableExpression<Source>, Source> SelectableExpression<Source> for IsOutdated<Key> {}

impl<Key: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for IsOutdated<Key> {}
