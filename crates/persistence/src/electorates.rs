//! Whose contacts an organization may see.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{Bool, Nullable},
};
use serde_json::Value;
use winserve_domain::{
    base::{CampaignId, ElectedOfficeId, StoreError, UserId},
    offices::ElectedOffice,
    organizations::{ActiveOrganization, Holder},
    positions::{
        BallotPosition, DistrictOfHolder, Electorate, Electorates, FoundDistrict, PositionId,
        PositionLink,
    },
};

use crate::{
    elected_offices::is_held_by,
    error::{inconsistent_key, store_error},
    schema::{ballot_position, campaign, elected_office},
    tables::{PositionRow, StoredDistrict, read_district},
};

/// The voters of holders, on one connection.
pub struct PgElectorates<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
}

/// A holder's data from the tables: whether it is a campaign without answers, its own district,
/// whether that was set by hand, whether staff approved a whole state; and its position, with the
/// time when election-api confirmed its facts.
type HolderRow =
    (Option<bool>, StoredDistrict, bool, bool, Option<PositionRow>, Option<DateTime<Utc>>);

impl Electorates for PgElectorates<'_> {
    fn find(&mut self, of: &ActiveOrganization) -> Result<Option<Electorate>, StoreError> {
        match (of.campaign(), of.elected_office()) {
            (Some(campaign), _) => of_campaign(self.connection, campaign.owner(), campaign.id()),
            (None, Some(office)) => of_office(self.connection, office.owner(), office.id()),
            (None, None) => Ok(None),
        }
    }

    fn of_office(&mut self, office: &ElectedOffice) -> Result<Option<Electorate>, StoreError> {
        of_office(self.connection, office.user_id, &office.id)
    }

    fn remember(
        &mut self,
        of: &ActiveOrganization,
        found: &FoundDistrict,
    ) -> Result<(), StoreError> {
        let remembered = match of.holder() {
            Holder::Campaign(id) => remember_of_campaign(self.connection, *id, found),
            Holder::ElectedOffice(id) => remember_of_office(self.connection, id, found),
        };
        remembered.map(drop).map_err(store_error)
    }
}

fn of_campaign(
    connection: &mut PgConnection,
    owner: UserId,
    id: CampaignId,
) -> Result<Option<Electorate>, StoreError> {
    let held = held_by_campaign(connection, owner, id).map_err(store_error)?;
    held.map(|held| electorate(PositionId::CustomOfCampaign(id), held)).transpose()
}

fn of_office(
    connection: &mut PgConnection,
    holder: UserId,
    id: &ElectedOfficeId,
) -> Result<Option<Electorate>, StoreError> {
    let held = held_by_office(connection, holder, id).map_err(store_error)?;
    held.map(|held| electorate(PositionId::CustomOfOffice(id.clone()), held)).transpose()
}

fn held_by_campaign(
    connection: &mut PgConnection,
    owner: UserId,
    id: CampaignId,
) -> QueryResult<Option<HolderRow>> {
    campaign::table
        .left_join(
            ballot_position::table.on(campaign::position_id.eq(ballot_position::id.nullable())),
        )
        .filter(campaign::id.eq(id.0).and(campaign::user_id.eq(owner.0)))
        .select((
            campaign::details.eq(Value::Null).nullable(),
            (campaign::l2_district_id, campaign::l2_district_type, campaign::l2_district_name),
            campaign::district_manually_set,
            campaign::can_download_federal,
            Option::<PositionRow>::as_select(),
            ballot_position::verified_at.nullable(),
        ))
        .first(connection)
        .optional()
}

fn held_by_office(
    connection: &mut PgConnection,
    holder: UserId,
    office: &ElectedOfficeId,
) -> QueryResult<Option<HolderRow>> {
    elected_office::table
        .left_join(
            ballot_position::table
                .on(elected_office::position_id.eq(ballot_position::id.nullable())),
        )
        .filter(elected_office::id.eq(&office.0).and(is_held_by(holder)))
        .select((
            None::<bool>.into_sql::<Nullable<Bool>>(),
            (
                elected_office::l2_district_id,
                elected_office::l2_district_type,
                elected_office::l2_district_name,
            ),
            elected_office::district_manually_set,
            elected_office::can_download_federal,
            Option::<PositionRow>::as_select(),
            ballot_position::verified_at.nullable(),
        ))
        .first(connection)
        .optional()
}

/// `own` is the id of a position that only this holder could have.
fn electorate(own: PositionId, held: HolderRow) -> Result<Electorate, StoreError> {
    let (has_no_details, district, district_manually_set, can_download_federal, row, verified_at) =
        held;
    let bad = || inconsistent_key("holder", &own.to_string(), "district");
    let district_override = read_district(district).ok_or_else(bad)?;
    let position = match row {
        Some(row) => BallotPosition::try_from(row)?,
        None => BallotPosition::unknown(own),
    };
    let is_unverified = is_unverified(&position.id, verified_at);
    let link = PositionLink { position, district_override, district_manually_set };
    let electorate = Electorate::new(&link, is_unverified, can_download_federal);
    let has_none = has_no_details == Some(true);
    Ok(if has_none { electorate.without_details() } else { electorate })
}

/// Whether the facts of a position are unconfirmed; a custom position needs no confirmation.
pub(crate) fn is_unverified(id: &PositionId, verified_at: Option<DateTime<Utc>>) -> bool {
    id.ballot_ready().is_some() && verified_at.is_none()
}

/// The district of a campaign in the tables, and whether its position is a shared one with
/// unconfirmed facts.
///
/// # Errors
/// [`StoreError`].
pub fn district_of_campaign(
    connection: &mut PgConnection,
    owner: UserId,
    id: CampaignId,
) -> Result<(Option<DistrictOfHolder>, bool), StoreError> {
    let held = held_by_campaign(connection, owner, id).map_err(store_error)?;
    let Some((_, own, .., Some(row), verified_at)) = held else { return Ok((None, false)) };
    let bad = || inconsistent_key("campaign", &id.to_string(), "district");
    let own = read_district(own).ok_or_else(bad)?;
    let position = BallotPosition::try_from(row)?;
    let is_unverified = is_unverified(&position.id, verified_at);
    let state = position.state;
    let district = own.or(position.l2_district);
    Ok((district.map(|district| DistrictOfHolder { state, district }), is_unverified))
}

/// Stores the id with the campaign if the district is its own, otherwise with its position; nowhere
/// if office or district have changed since they were read.
fn remember_of_campaign(
    connection: &mut PgConnection,
    id: CampaignId,
    found: &FoundDistrict,
) -> QueryResult<usize> {
    let holder = campaign::table
        .find(id.0)
        .filter(campaign::position_id.eq(found.position.to_string()))
        .filter(exists(ballot_position::table.filter(is_position(found))));
    let is_it = campaign::l2_district_type
        .eq(&found.district.kind)
        .and(campaign::l2_district_name.eq(&found.district.name))
        .and(campaign::l2_district_id.is_null());
    let own = diesel::update(holder.filter(is_it))
        .set(campaign::l2_district_id.eq(found.id.as_str()))
        .execute(connection)?;
    if own > 0 {
        return Ok(own);
    }
    remember_of_position(connection, found)
}

/// [`remember_of_campaign`], for an office.
fn remember_of_office(
    connection: &mut PgConnection,
    id: &ElectedOfficeId,
    found: &FoundDistrict,
) -> QueryResult<usize> {
    let holder = elected_office::table
        .find(&id.0)
        .filter(elected_office::position_id.eq(found.position.to_string()))
        .filter(exists(ballot_position::table.filter(is_position(found))));
    let is_it = elected_office::l2_district_type
        .eq(&found.district.kind)
        .and(elected_office::l2_district_name.eq(&found.district.name))
        .and(elected_office::l2_district_id.is_null());
    let own = diesel::update(holder.filter(is_it))
        .set(elected_office::l2_district_id.eq(found.id.as_str()))
        .execute(connection)?;
    if own > 0 {
        return Ok(own);
    }
    remember_of_position(connection, found)
}

/// The position for which the district was looked up, if still in that state.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_position<'a>(found: &'a FoundDistrict) -> _ {
    let (id, state): (String, &'a str) = (found.position.to_string(), &found.state);
    ballot_position::id.eq(id).and(ballot_position::state.eq(state))
}

/// That position has the district, without an id.
#[diesel::dsl::auto_type(no_type_alias)]
fn has_district<'a>(found: &'a FoundDistrict) -> _ {
    let (kind, name): (&'a str, &'a str) = (&found.district.kind, &found.district.name);
    ballot_position::l2_district_type
        .eq(kind)
        .and(ballot_position::l2_district_name.eq(name))
        .and(ballot_position::l2_district_id.is_null())
}

/// Stores the id with the position, if the district is its own.
fn remember_of_position(
    connection: &mut PgConnection,
    found: &FoundDistrict,
) -> QueryResult<usize> {
    let inherited = ballot_position::table.filter(is_position(found)).filter(has_district(found));
    diesel::update(inherited)
        .set(ballot_position::l2_district_id.eq(found.id.as_str()))
        .execute(connection)
}
