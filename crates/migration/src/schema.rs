//! The tables of the migration, and columns that go with it.

use std::marker::PhantomData;

use diesel::{
    expression::{ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Integer, Nullable},
};
use winserve_persistence::schema::{elected_office, voter_file_filter};

diesel::table! {
    migration_phase (only_row) {
        only_row -> Bool,
        phase -> Text,
    }
}

diesel::table! {
    legacy_change (campaign_id) {
        campaign_id -> Integer,
        changes -> Integer,
    }
}

diesel::define_sql_function! {
    /// The phase for the rest of the transaction.
    fn migration_phase_for_writing() -> diesel::sql_types::Text
}

/// The campaign of an elected office or of a saved filter, which `enforce phase-3` drops: the final
/// schema does not have the column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CampaignOf<Table>(PhantomData<Table>);

/// A table of the old service with such a column.
pub(crate) trait OfCampaigns: Table {
    /// Its name.
    const NAME: &'static str;
}

impl OfCampaigns for elected_office::table {
    const NAME: &'static str = "elected_office";
}

impl OfCampaigns for voter_file_filter::table {
    const NAME: &'static str = "voter_file_filter";
}

/// See [`CampaignOf`].
pub(crate) const CAMPAIGN_OF_OFFICE: CampaignOf<elected_office::table> = CampaignOf(PhantomData);
/// See [`CampaignOf`].
pub(crate) const CAMPAIGN_OF_FILTER: CampaignOf<voter_file_filter::table> = CampaignOf(PhantomData);

impl<Table: OfCampaigns> Expression for CampaignOf<Table> {
    type SqlType = Nullable<Integer>;
}

impl<Table: OfCampaigns> Column for CampaignOf<Table> {
    type Table = Table;
    const NAME: &'static str = "campaign_id";
}

impl<Table: OfCampaigns> QueryFragment<Pg> for CampaignOf<Table> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_identifier(<Table as OfCampaigns>::NAME)?;
        out.push_sql(".");
        out.push_identifier(<Self as Column>::NAME)
    }
}

impl<Table: OfCampaigns + 'static> QueryId for CampaignOf<Table> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Table> ValidGrouping<()> for CampaignOf<Table> {
    type IsAggregate = is_aggregate::No;
}

impl<Table: OfCampaigns> SelectableExpression<Table> for CampaignOf<Table> {}

impl<Table: OfCampaigns> AppearsOnTable<Table> for CampaignOf<Table> {}
