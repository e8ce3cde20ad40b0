//! Rows of shared positions, as the backfill needs them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, Bool, Nullable, Text},
};
use winserve_domain::positions::{BallotReadyId, District, DistrictId, LinkedDistrict};

use winserve_persistence::tables::shared_positions::{self, Stated};

use crate::legacy::NAMES_DISTRICT;

/// The stored facts of a position that the jobs need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPosition {
    /// Whether election-api or staff stated its facts.
    pub is_verified: bool,
    /// Its state.
    pub state: Option<String>,
    /// Its district.
    pub l2_district: Option<LinkedDistrict>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Bool)]
    is_verified: bool,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    l2_district_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    l2_district_type: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    l2_district_name: Option<String>,
}

/// The positions among these that exist.
///
/// # Errors
/// If the database fails.
pub fn known_positions(
    connection: &mut PgConnection,
    ids: &[BallotReadyId],
) -> QueryResult<HashMap<BallotReadyId, KnownPosition>> {
    let ids: Vec<&str> = ids.iter().map(BallotReadyId::as_str).collect();
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT id, verified_at IS NOT NULL AS is_verified, state, l2_district_id,
                l2_district_type, l2_district_name
         FROM ballot_position WHERE id = ANY($1)",
    )
    .bind::<Array<Text>, _>(ids)
    .load(connection)?;
    Ok(rows.into_iter().filter_map(Row::known).collect())
}

impl Row {
    fn known(self) -> Option<(BallotReadyId, KnownPosition)> {
        let district = self.l2_district_type.zip(self.l2_district_name);
        let id = self.l2_district_id.as_deref().and_then(DistrictId::parse);
        let l2_district =
            district.map(|(kind, name)| LinkedDistrict { id, district: District { kind, name } });
        let known = KnownPosition { is_verified: self.is_verified, state: self.state, l2_district };
        BallotReadyId::parse(&self.id).map(|id| (id, known))
    }
}

/// Writes facts of shared positions by the trust rule of design D6; returns how many rows changed.
/// No holder's own district changes.
///
/// # Errors
/// If the database fails.
pub fn state_positions(
    connection: &mut PgConnection,
    stated: &[Stated],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    shared_positions::state(connection, &NAMES_DISTRICT, stated, now)
}
