//! Voter goals, for machines (legacy contract §3.7, §5).

pub(crate) mod get_by_id;
pub(crate) mod get_list;
pub(crate) mod put_by_id;

use winserve_domain::{base::PathToVictoryId, campaigns::Campaign};

use crate::{campaigns::PathToVictoryAnswer, error::ApiError, parameters::numeric_id};

/// The voter goals in a path; a number outside the column's range does not exist.
fn goals_id(text: &str) -> Result<PathToVictoryId, ApiError> {
    let id = i32::try_from(numeric_id(text)?);
    id.map(PathToVictoryId).map_err(|_out_of_range| ApiError::record_not_found())
}

/// The voter goals of a campaign that was found by their id.
fn goals_of(mut campaign: Campaign) -> Result<PathToVictoryAnswer, ApiError> {
    PathToVictoryAnswer::take(&mut campaign).ok_or_else(ApiError::record_not_found)
}
