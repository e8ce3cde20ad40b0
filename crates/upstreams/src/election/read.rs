//! Parsers shared by all kinds of election-api.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use winserve_domain::positions::{
    BallotLevel, BallotReadyId, District, DistrictId, PositionDistrict, PositionFacts,
};

/// What violates the contract.
pub(super) type Breach = &'static str;

/// Characters that stay as they are in a path segment, as in JavaScript's `encodeURIComponent`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Encodes a text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A position, which has the same shape in each election-api (upstreams §3.1). Optional members may be absent
/// or null; unknown members are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    pub(super) id: Option<String>,
    pub(super) br_position_id: Option<String>,
    state: Option<String>,
    name: Option<String>,
    level: Option<String>,
    district: Option<NestedDistrict>,
}

/// A district within a position.
#[derive(Deserialize)]
struct NestedDistrict {
    id: Option<String>,
    /// Only some have it.
    state: Option<String>,
    #[serde(rename = "L2DistrictType")]
    kind: Option<String>,
    #[serde(rename = "L2DistrictName")]
    name: Option<String>,
    #[serde(rename = "projectedTurnout")]
    turnout: Option<Turnout>,
}

#[derive(Deserialize)]
pub(super) struct Turnout {
    #[serde(rename = "projectedTurnout")]
    pub(super) voters: Option<i64>,
}

impl Position {
    /// The facts about the requested position.
    pub(super) fn into_facts(self, asked: &BallotReadyId) -> Result<PositionFacts, Breach> {
        if self.name.as_deref().is_some_and(|name| !is_usable(name.trim())) {
            return Err("has a position without a usable name");
        }
        let (mut state, mut district, mut projected_turnout) =
            (self.state.as_deref().map(state_code).transpose()?, None, None);
        let has_district = self.district.is_some();
        if let Some(nested) = self.district {
            let of_district = nested.state.as_deref().map(state_code).transpose()?;
            state = state.or(of_district);
            projected_turnout = nested.turnout.and_then(|turnout| turnout.voters);
            if let (Some(id), Some(kind), Some(name)) = (nested.id, nested.kind, nested.name) {
                let (id, named) = (district_id(&id)?, named_district(kind, name)?);
                district = Some(PositionDistrict { id, district: named });
            }
        }
        Ok(PositionFacts {
            id: asked.clone(),
            name: self.name,
            state,
            level: self.level.as_deref().and_then(BallotLevel::parse),
            is_district_partial: has_district && district.is_none(),
            district,
            projected_turnout,
        })
    }
}

/// A district with a type and a name that can be stored.
pub(super) fn named_district(kind: String, name: String) -> Result<District, Breach> {
    if is_usable(&kind) && is_usable(&name) {
        return Ok(District { kind, name });
    }
    Err("has a district without a usable type and name")
}

fn is_usable(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

pub(super) fn district_id(text: &str) -> Result<DistrictId, Breach> {
    DistrictId::parse(text).ok_or("has a district id that is not a UUID")
}

pub(super) fn state_code(text: &str) -> Result<String, Breach> {
    if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("has a state that is not a two-letter code")
}
