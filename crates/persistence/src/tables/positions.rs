//! Rows of `ballot_position`.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use winserve_domain::{
    district::District,
    election::DistrictId,
    position::{BallotLevel, BallotPosition, Facts, LinkedDistrict, PositionId},
    unit_of_work::StoreError,
};

use super::shared_positions::{self, Stated};
use crate::{
    error::{inconsistent_key, store_error},
    schema::ballot_position,
};

const CUSTOM: &str = "custom";

#[derive(Queryable, Selectable)]
#[diesel(table_name = ballot_position, check_for_backend(Pg))]
struct PositionRow {
    id: String,
    office: Option<String>,
    ballot_level: Option<String>,
    level: Option<String>,
    state: Option<String>,
    county: Option<String>,
    city: Option<String>,
    district: Option<String>,
    zip: Option<String>,
    l2_district_id: Option<String>,
    l2_district_type: Option<String>,
    l2_district_name: Option<String>,
}

impl TryFrom<PositionRow> for BallotPosition {
    type Error = StoreError;

    fn try_from(row: PositionRow) -> Result<Self, StoreError> {
        let bad = |what: &str| inconsistent_key("ballot_position", &row.id, what);
        let id = PositionId::parse(&row.id).ok_or_else(|| bad("id"))?;
        let parse_level = |level: &String| BallotLevel::parse(level).ok_or_else(|| bad("level"));
        let parse_district_id = |id: &String| DistrictId::parse(id).ok_or_else(|| bad("district"));
        let district_id = row.l2_district_id.as_ref().map(parse_district_id).transpose()?;
        let ballot_level = row.ballot_level.as_ref().map(parse_level).transpose()?;
        let named = row.l2_district_type.zip(row.l2_district_name);
        Ok(Self {
            id,
            office: row.office,
            ballot_level,
            level: row.level,
            state: row.state,
            county: row.county,
            city: row.city,
            district: row.district,
            zip: row.zip,
            l2_district: named.map(|(kind, name)| LinkedDistrict {
                id: district_id,
                district: District { kind, name },
            }),
        })
    }
}

/// The trust rule of design D6: a caller's word creates the row, election-api's first answer
/// replaces it, and nothing else changes it, whoever comes at the same time.
pub(super) fn settle_shared(
    connection: &mut PgConnection,
    position: BallotPosition,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<BallotPosition, StoreError> {
    let id = position.id.to_string();
    // Read first: even an upsert that changes nothing locks the row, and a popular one is picked by
    // many at once.
    if let Some((row, Some(_))) = find(connection, &id).map_err(store_error)? {
        return row.try_into();
    }
    if let Some(facts) = facts.of(&position.id) {
        let stated = Stated { position: position.verified_by(facts), is_verified: true };
        shared_positions::state(connection, &[stated], now).map_err(store_error)?;
    } else {
        shared_positions::share_district_lock(connection).map_err(store_error)?;
        if find(connection, &id).map_err(store_error)?.is_none() {
            let stated = Stated { position, is_verified: false };
            shared_positions::insert_missing(connection, &[stated], now).map_err(store_error)?;
        }
    }
    match find(connection, &id).map_err(store_error)? {
        Some((row, _)) => row.try_into(),
        None => Err(inconsistent_key("ballot_position", &id, "it was written and is not there")),
    }
}

fn find(
    connection: &mut PgConnection,
    id: &str,
) -> QueryResult<Option<(PositionRow, Option<DateTime<Utc>>)>> {
    ballot_position::table
        .find(id)
        .select((PositionRow::as_select(), ballot_position::verified_at))
        .first(connection)
        .optional()
}

/// The position of one holder alone, as its holder words it.
pub(super) fn write_custom(
    connection: &mut PgConnection,
    position: &BallotPosition,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let facts = (
        ballot_position::office.eq(&position.office),
        ballot_position::ballot_level.eq(position.ballot_level.map(BallotLevel::as_str)),
        ballot_position::level.eq(&position.level),
        ballot_position::state.eq(&position.state),
        ballot_position::county.eq(&position.county),
        ballot_position::city.eq(&position.city),
        ballot_position::district.eq(&position.district),
        ballot_position::updated_at.eq(now),
    );
    diesel::insert_into(ballot_position::table)
        .values((
            ballot_position::id.eq(position.id.to_string()),
            ballot_position::source.eq(CUSTOM),
            ballot_position::created_at.eq(now),
            facts,
        ))
        .on_conflict(ballot_position::id)
        .do_update()
        .set(facts)
        .execute(connection)
        .map(drop)
        .map_err(store_error)
}
