//! Links of campaigns as the tables tell them: read from phase 2 on.

use std::collections::HashMap;

use diesel::prelude::*;
use winserve_domain::{
    campaign::Campaign,
    legacy_view,
    position::{BallotPosition, PositionLink},
    unit_of_work::StoreError,
};

use super::{PositionRow, StoredDistrict, read_district};
use crate::{
    error::{inconsistent, store_error},
    schema::{ballot_position, campaign},
};

/// Puts office and district of the tables into the JSON of campaigns, so that whoever reads it, reads
/// what the tables say; one statement, however many there are. A campaign that was deleted meanwhile
/// is left out.
pub(crate) fn show<T>(
    connection: &mut PgConnection,
    rows: &mut Vec<T>,
    campaign: impl Fn(&mut T) -> &mut Campaign,
) -> Result<(), StoreError> {
    let ids: Vec<i32> = rows.iter_mut().map(|row| campaign(row).id.0).collect();
    let links = of_campaigns(connection, &ids)?;
    rows.retain_mut(|row| {
        let campaign = campaign(row);
        let link = links.get(&campaign.id.0);
        if let Some(link) = link {
            legacy_view::show(link, campaign);
        }
        link.is_some()
    });
    Ok(())
}

fn of_campaigns(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<HashMap<i32, PositionLink>, StoreError> {
    let rows: Vec<(i32, StoredDistrict, bool, PositionRow)> = campaign::table
        .inner_join(
            ballot_position::table.on(ballot_position::id.nullable().eq(campaign::position_id)),
        )
        .filter(campaign::id.eq_any(ids))
        .select((
            campaign::id,
            (campaign::l2_district_id, campaign::l2_district_type, campaign::l2_district_name),
            campaign::district_manually_set,
            PositionRow::as_select(),
        ))
        .load(connection)
        .map_err(store_error)?;
    rows.into_iter()
        .map(|(id, own, district_manually_set, position)| {
            let position = BallotPosition::try_from(position)?;
            let district_override = read_district(own)
                .ok_or_else(|| inconsistent("campaign", id, "district".to_owned()))?;
            Ok((id, PositionLink { position, district_override, district_manually_set }))
        })
        .collect()
}
