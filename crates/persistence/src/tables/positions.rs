//! Rows of `ballot_position`.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*, upsert::excluded};
use serde::Deserialize;
use winserve_domain::{
    district::District,
    election::DistrictId,
    position::{BallotLevel, BallotPosition, Facts, KnownPosition, LinkedDistrict, PositionId},
    unit_of_work::StoreError,
};

use super::shared_positions::{self, Stated};
use crate::{
    error::{inconsistent_key, store_error},
    schema::{ballot_position, coalesce},
};

const CUSTOM: &str = "custom";

#[derive(Queryable, Selectable, Deserialize)]
#[diesel(table_name = ballot_position, check_for_backend(Pg))]
pub(crate) struct PositionRow {
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
        let ballot_level = row.ballot_level.as_ref().map(parse_level).transpose()?;
        let district = (row.l2_district_id, row.l2_district_type, row.l2_district_name);
        let l2_district = read_district(district)
            .ok_or_else(|| inconsistent_key("ballot_position", &row.id, "district"))?;
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
            l2_district,
        })
    }
}

/// Id, type and name of a district.
pub(crate) type StoredDistrict = (Option<String>, Option<String>, Option<String>);

/// A district as stored; `None` when the id cannot be one.
pub(crate) fn read_district((id, kind, name): StoredDistrict) -> Option<Option<LinkedDistrict>> {
    let id = match id {
        Some(id) => Some(DistrictId::parse(&id)?),
        None => None,
    };
    Some(
        kind.zip(name).map(|(kind, name)| LinkedDistrict { id, district: District { kind, name } }),
    )
}

/// A shared position as it is stored.
pub(super) fn find_shared(
    connection: &mut PgConnection,
    id: &str,
) -> Result<Option<KnownPosition>, StoreError> {
    let stored: Option<(PositionRow, Option<DateTime<Utc>>)> = ballot_position::table
        .find(id)
        .select((PositionRow::as_select(), ballot_position::verified_at))
        .first(connection)
        .optional()
        .map_err(store_error)?;
    let Some((row, verified_at)) = stored else { return Ok(None) };
    let position = row.try_into()?;
    Ok(Some(KnownPosition { position, is_verified: verified_at.is_some() }))
}

/// The postal code of a typed-in office, which the JSON has no place for.
pub(super) fn zip(
    connection: &mut PgConnection,
    id: &PositionId,
) -> Result<Option<String>, StoreError> {
    let zip: Option<Option<String>> = ballot_position::table
        .find(id.to_string())
        .select(ballot_position::zip)
        .first(connection)
        .optional()
        .map_err(store_error)?;
    Ok(zip.flatten())
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
    if let Some(KnownPosition { position: stored, is_verified: true }) =
        find_shared(connection, &id)?
    {
        return Ok(stored);
    }
    let written = if let Some(facts) = facts.of(&position.id) {
        let stated = Stated { position: position.verified_by(facts), is_verified: true };
        let rows = shared_positions::state(connection, std::slice::from_ref(&stated), now);
        (rows.map_err(store_error)? > 0).then_some(stated.position)
    } else {
        shared_positions::share_district_lock(connection).map_err(store_error)?;
        if let Some(known) = find_shared(connection, &id)? {
            return Ok(known.position);
        }
        let stated = Stated { position, is_verified: false };
        let rows = shared_positions::insert_missing(connection, std::slice::from_ref(&stated), now);
        (rows.map_err(store_error)? > 0).then_some(stated.position)
    };
    if let Some(position) = written {
        return Ok(position);
    }
    // Somebody was faster.
    let known = find_shared(connection, &id)?;
    let lost = || inconsistent_key("ballot_position", &id, "it was written and is not there");
    Ok(known.ok_or_else(lost)?.position)
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
            ballot_position::zip.eq(&position.zip),
            ballot_position::created_at.eq(now),
            facts,
        ))
        .on_conflict(ballot_position::id)
        .do_update()
        // The JSON has no place for it, so that a later write cannot say it again.
        .set((
            facts,
            ballot_position::zip.eq(coalesce(excluded(ballot_position::zip), ballot_position::zip)),
        ))
        .execute(connection)
        .map(drop)
        .map_err(store_error)
}
