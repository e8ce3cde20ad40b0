//! Links of campaigns from the tables: read from phase 2 on.

use diesel::{
    expression::{BoxableExpression, ValidGrouping, is_aggregate},
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
use crate::{error::inconsistent, layout::Layout, schema::campaign};

/// Office and district of `campaign`, as one value: reading a campaign reads both in one statement,
/// so that they are consistent. Includes whether the old service has changed them since.
const LINK: &str = "(SELECT to_jsonb(held) FROM (
        SELECT position.*, campaign.l2_district_id AS own_id, campaign.l2_district_type AS own_type,
            campaign.l2_district_name AS own_name, campaign.district_manually_set,
            EXISTS (SELECT FROM legacy_change WHERE legacy_change.campaign_id = campaign.id) AS is_outdated
        FROM ballot_position AS position WHERE position.id = campaign.position_id
    ) AS held)";

/// [`LINK`], for statements that are prepared once: diesel would not prepare a raw one.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct LinkColumn;

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

/// Office and district of a campaign; NULL in the phases that read them from its JSON.
pub(crate) fn link_column<Source>(
    layout: Layout,
) -> Box<dyn BoxableExpression<Source, Pg, SqlType = Nullable<Jsonb>>>
where
    campaign::id: SelectableExpression<Source>,
{
    if layout.reads_tables() {
        Box::new(LinkColumn)
    } else {
        Box::new(None::<Value>.into_sql::<Nullable<Jsonb>>())
    }
}

#[derive(Deserialize)]
struct LinkRow {
    #[serde(flatten)]
    position: PositionRow,
    own_id: Option<String>,
    own_type: Option<String>,
    own_name: Option<String>,
    district_manually_set: bool,
    is_outdated: bool,
}

/// A campaign's data from the tables.
pub(crate) struct StoredLink {
    pub(crate) link: PositionLink,
    /// The old service has changed its JSON since, which is authoritative.
    pub(crate) is_outdated: bool,
}

/// Reads [`link_column`] of a campaign.
pub(crate) fn read(campaign: i32, link: Value) -> Result<StoredLink, StoreError> {
    let bad = |problem: String| inconsistent("campaign", campaign, problem);
    let row: LinkRow = serde_json::from_value(link).map_err(|error| bad(error.to_string()))?;
    let own = (row.own_id, row.own_type, row.own_name);
    let link = PositionLink {
        position: BallotPosition::try_from(row.position)?,
        district_override: read_district(own).ok_or_else(|| bad("district".to_owned()))?,
        district_manually_set: row.district_manually_set,
    };
    Ok(StoredLink { link, is_outdated: row.is_outdated })
}
