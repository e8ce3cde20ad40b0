//! Rows of `ballot_position`.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*, upsert::excluded};
use serde::Deserialize;
use winserve_domain::{
    base::StoreError,
    positions::{
        BallotLevel, BallotPosition, District, DistrictId, Facts, KnownPosition, LinkedDistrict,
        PositionFacts, PositionId,
    },
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

/// A stored district; `None` if the id is invalid.
pub(crate) fn read_district((id, kind, name): StoredDistrict) -> Option<Option<LinkedDistrict>> {
    let id = match id {
        Some(id) => Some(DistrictId::parse(&id)?),
        None => None,
    };
    Some(
        kind.zip(name).map(|(kind, name)| LinkedDistrict { id, district: District { kind, name } }),
    )
}

/// The stored id of a district.
#[must_use]
pub fn district_id(district: &LinkedDistrict) -> Option<&str> {
    district.id.as_ref().map(DistrictId::as_str)
}

/// A stored shared position.
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

/// The postal code of a typed-in office, which the JSON cannot store.
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

/// The trust rule of design D6: a caller's data creates the row, election-api's first complete
/// answer replaces it, and later answers only fill in missing parts, even with concurrent writers.
/// For `keepers`, see [`shared_positions::state`].
pub(super) fn settle_shared(
    connection: &mut PgConnection,
    keepers: &str,
    position: BallotPosition,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<BallotPosition, StoreError> {
    let id = position.id.to_string();
    let facts = facts.of(&position.id);
    // Read first: even an upsert without changes locks the row, and many users pick a popular one
    // at once.
    let stored = find_shared(connection, &id)?;
    if let Some(KnownPosition { position: stored, is_verified: true }) = stored {
        return complete(connection, stored, facts, now);
    }
    if let Some(facts) = facts.filter(|facts| facts.is_complete()) {
        let stated = Stated { position: position.verified_by(facts), is_verified: true };
        let rows = shared_positions::state(connection, keepers, std::slice::from_ref(&stated), now);
        if rows.map_err(store_error)? > 0 {
            return Ok(stated.position);
        }
        return find_written(connection, &id);
    }
    if let Some((facts, KnownPosition { position: stored, .. })) = facts.zip(stored) {
        // Other data of the row stays: another caller's data does not change it.
        let stated = Stated { position: stored.verified_by(facts), is_verified: false };
        let rows = shared_positions::state(connection, keepers, std::slice::from_ref(&stated), now);
        rows.map_err(store_error)?;
    }
    shared_positions::share_district_lock(connection).map_err(store_error)?;
    if let Some(known) = find_shared(connection, &id)? {
        return Ok(known.position);
    }
    let position = match facts {
        Some(facts) => position.verified_by(facts),
        None => position,
    };
    let stated = Stated { position, is_verified: false };
    let rows = shared_positions::insert_missing(connection, std::slice::from_ref(&stated), now);
    if rows.map_err(store_error)? > 0 {
        return Ok(stated.position);
    }
    find_written(connection, &id)
}

/// The row that another session inserted first.
fn find_written(connection: &mut PgConnection, id: &str) -> Result<BallotPosition, StoreError> {
    let lost = || inconsistent_key("ballot_position", id, "the row is missing after the write");
    Ok(find_shared(connection, id)?.ok_or_else(lost)?.position)
}

/// A verified row with missing parts filled in from election-api.
fn complete(
    connection: &mut PgConnection,
    stored: BallotPosition,
    facts: Option<&PositionFacts>,
    now: DateTime<Utc>,
) -> Result<BallotPosition, StoreError> {
    let Some(facts) = facts else { return Ok(stored) };
    let stated = BallotPosition::unknown(stored.id.clone()).verified_by(facts);
    let position = stored.clone().completed_by(&stated);
    if position == stored {
        return Ok(stored);
    }
    let stated = Stated { position, is_verified: true };
    shared_positions::complete(connection, std::slice::from_ref(&stated), now)
        .map_err(store_error)?;
    find_written(connection, &stored.id.to_string())
}

/// The custom position of one holder, as worded by the holder.
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
        // The JSON cannot store it, so a later write cannot restore it.
        .set((
            facts,
            ballot_position::zip.eq(coalesce(excluded(ballot_position::zip), ballot_position::zip)),
        ))
        .execute(connection)
        .map(drop)
        .map_err(store_error)
}
