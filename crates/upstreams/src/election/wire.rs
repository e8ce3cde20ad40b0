//! The JSON of election-api (upstreams §3), and what we make of it. Unknown keys do not count.

use serde::Deserialize;
use winserve_domain::{
    district::District,
    election::{DistrictId, DistrictOption, KnownDistrict, PositionFacts},
    position::{BallotLevel, BallotReadyId},
};

/// What breaks the contract.
pub(super) type Breach = &'static str;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    br_position_id: String,
    state: String,
    name: String,
    level: Option<String>,
    district: Option<NestedDistrict>,
}

/// A district within a position.
#[derive(Deserialize)]
struct NestedDistrict {
    #[serde(rename = "projectedTurnout")]
    turnout: Option<Turnout>,
    #[serde(flatten)]
    row: DistrictRow,
}

#[derive(Deserialize)]
pub(super) struct DistrictRow {
    id: String,
    state: Option<String>,
    #[serde(rename = "L2DistrictType")]
    kind: String,
    #[serde(rename = "L2DistrictName")]
    name: String,
}

#[derive(Deserialize)]
pub(super) struct Turnout {
    #[serde(rename = "projectedTurnout")]
    pub(super) voters: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct TypeItem {
    id: String,
    #[serde(rename = "L2DistrictType")]
    text: String,
}

#[derive(Deserialize)]
pub(super) struct NameItem {
    id: String,
    #[serde(rename = "L2DistrictName")]
    text: String,
}

impl Position {
    pub(super) fn into_facts(self, asked: &BallotReadyId) -> Result<PositionFacts, Breach> {
        if self.br_position_id != asked.as_str() {
            return Err("is about another position");
        }
        if self.name.trim().is_empty() || self.name.contains(char::is_control) {
            return Err("has a position without a usable name");
        }
        let state = state(&self.state)?;
        let (turnout, row) = self.district.map(|nested| (nested.turnout, nested.row)).unzip();
        Ok(PositionFacts {
            id: asked.clone(),
            name: self.name,
            district: row.map(|row| row.into_district(&state)).transpose()?,
            state,
            level: self.level.as_deref().and_then(BallotLevel::parse),
            projected_turnout: turnout.flatten().and_then(|turnout| turnout.voters),
        })
    }
}

impl DistrictRow {
    /// The district; `otherwise` is its state where the row has none.
    pub(super) fn into_district(self, otherwise: &str) -> Result<KnownDistrict, Breach> {
        let is_usable = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        if !is_usable(&self.kind) || !is_usable(&self.name) {
            return Err("has a district without a usable type and name");
        }
        Ok(KnownDistrict {
            id: district_id(&self.id)?,
            state: state(self.state.as_deref().unwrap_or(otherwise))?,
            district: District { kind: self.kind, name: self.name },
        })
    }
}

impl TypeItem {
    pub(super) fn into_option(self) -> Result<DistrictOption, Breach> {
        Ok(DistrictOption { id: district_id(&self.id)?, text: self.text })
    }
}

impl NameItem {
    pub(super) fn into_option(self) -> Result<DistrictOption, Breach> {
        Ok(DistrictOption { id: district_id(&self.id)?, text: self.text })
    }
}

fn district_id(text: &str) -> Result<DistrictId, Breach> {
    DistrictId::parse(text).ok_or("has a district id that is no UUID")
}

fn state(text: &str) -> Result<String, Breach> {
    if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("has a state that is no code of two letters")
}
