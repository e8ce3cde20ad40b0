//! Links of campaigns from the tables.

use diesel::{
    expression::{ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Jsonb, Nullable},
};
use serde::Deserialize;
use serde_json::Value;
use winserve_domain::{
    base::StoreError,
    positions::{BallotPosition, PositionLink},
};

use super::{PositionRow, read_district};
use crate::{error::inconsistent, schema::campaign};

/// Office and district of `campaign`, as one value: reading a campaign reads both in one statement,
/// so that they are consistent.
pub const LINK: &str = "(SELECT to_jsonb(held) FROM (
        SELECT position.*, campaign.l2_district_id AS own_id, campaign.l2_district_type AS own_type,
            campaign.l2_district_name AS own_name, campaign.district_manually_set
        FROM ballot_position AS position WHERE position.id = campaign.position_id
    ) AS held)";

/// Office and district of each campaign. (diesel would not prepare a statement with raw SQL.)
#[derive(Debug, Clone, Copy, QueryId)]
pub struct LinkColumn;

impl Expression for LinkColumn {
    type SqlType = Nullable<Jsonb>;
}

impl QueryFragment<Pg> for LinkColumn {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(LINK);
        Ok(())
    }
}

impl ValidGrouping<()> for LinkColumn {
    type IsAggregate = is_aggregate::No;
}

impl<Source> SelectableExpression<Source> for LinkColumn where
    campaign::id: SelectableExpression<Source>
{
}

impl<Source> AppearsOnTable<Source> for LinkColumn where campaign::id: AppearsOnTable<Source> {}

#[derive(Deserialize)]
struct LinkRow {
    #[serde(flatten)]
    position: PositionRow,
    own_id: Option<String>,
    own_type: Option<String>,
    own_name: Option<String>,
    district_manually_set: bool,
}

/// Reads the [`LinkColumn`] of a campaign.
///
/// # Errors
/// If the row is inconsistent.
pub fn read(campaign: i32, link: Value) -> Result<PositionLink, StoreError> {
    let bad = |problem: String| inconsistent("campaign", campaign, problem);
    let row: LinkRow = serde_json::from_value(link).map_err(|error| bad(error.to_string()))?;
    let own = (row.own_id, row.own_type, row.own_name);
    Ok(PositionLink {
        position: BallotPosition::try_from(row.position)?,
        district_override: read_district(own).ok_or_else(|| bad("district".to_owned()))?,
        district_manually_set: row.district_manually_set,
    })
}
