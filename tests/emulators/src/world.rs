//! What an election-api knows.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::turnout::{self, Turnout};

/// A district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    /// UUID.
    pub id: String,
    /// State code, upper case.
    pub state: String,
    /// L2 type.
    pub kind: String,
    /// L2 name.
    pub name: String,
    /// Its turnout rows; none for a district without turnout.
    pub turnouts: Vec<Turnout>,
}

impl District {
    /// A district; `turnout` is that of a general election.
    #[must_use]
    pub fn new(id: &str, state: &str, kind: &str, name: &str, turnout: Option<i64>) -> Self {
        Self {
            id: id.to_owned(),
            state: state.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            turnouts: turnout.map(turnout::rows).unwrap_or_default(),
        }
    }
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Position {
    /// election-api's own UUID.
    pub id: String,
    /// BallotReady's id.
    pub br_position_id: String,
    /// BallotReady's number, as a text.
    pub br_database_id: String,
    /// State code, upper case.
    pub state: String,
    /// Name of the office.
    pub name: String,
    /// Level; null on old rows.
    pub level: Option<String>,
    /// UUID of its district.
    pub district_id: Option<String>,
}

/// Why the world cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is invalid.
    #[error("line {line} of {} is neither a district nor a position", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Starting at 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// A position refers to a district that does not exist.
    #[error("position {position} has the unknown district {district}")]
    UnknownDistrict {
        /// UUID of the position.
        position: String,
        /// UUID of the district.
        district: String,
    },
    /// An id occurs twice.
    #[error("the id {0} is there twice")]
    Twice(String),
}

#[derive(Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
enum Line {
    District(DistrictLine),
    Position(Position),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DistrictLine {
    id: String,
    state: String,
    #[serde(rename = "L2DistrictType")]
    kind: String,
    #[serde(rename = "L2DistrictName")]
    name: String,
    turnout: Option<i64>,
}

/// Positions and districts, looked up by their ids.
#[derive(Debug, Clone, Default)]
pub struct World {
    districts: Vec<District>,
    positions: Vec<Position>,
    by_id: HashMap<String, usize>,
    by_ballotready_id: HashMap<String, usize>,
    district_by_id: HashMap<String, usize>,
}

impl World {
    /// A world with these rows.
    ///
    /// # Errors
    /// [`WorldError::Twice`], [`WorldError::UnknownDistrict`].
    pub fn new(districts: Vec<District>, positions: Vec<Position>) -> Result<Self, WorldError> {
        let district_by_id = index(districts.iter().map(|district| &district.id))?;
        let by_id = index(positions.iter().map(|position| &position.id))?;
        let by_ballotready_id = index(positions.iter().map(|position| &position.br_position_id))?;
        for position in &positions {
            if let Some(district) = &position.district_id
                && !district_by_id.contains_key(district)
            {
                return Err(WorldError::UnknownDistrict {
                    position: position.id.clone(),
                    district: district.clone(),
                });
            }
        }
        Ok(Self { districts, positions, by_id, by_ballotready_id, district_by_id })
    }

    /// Reads one JSON object per line, as `tests/data/world.py` writes them:
    /// `{"row":"district","id":…,"state":…,"L2DistrictType":…,"L2DistrictName":…,"turnout":…}` and
    /// `{"row":"position","id":…,"brPositionId":…,"brDatabaseId":…,"state":…,"name":…,"level":…,"districtId":…}`.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn read(path: &Path) -> Result<Self, WorldError> {
        let unreadable = |source| WorldError::Unreadable { path: path.to_owned(), source };
        let (mut districts, mut positions) = (Vec::new(), Vec::new());
        for (number, line) in
            BufReader::new(File::open(path).map_err(unreadable)?).lines().enumerate()
        {
            let line = line.map_err(unreadable)?;
            let parsed = serde_json::from_str(&line).map_err(|source| WorldError::Malformed {
                path: path.to_owned(),
                line: number + 1,
                source,
            })?;
            match parsed {
                Line::District(DistrictLine { id, state, kind, name, turnout }) => {
                    districts.push(District::new(&id, &state, &kind, &name, turnout));
                }
                Line::Position(position) => positions.push(position),
            }
        }
        Self::new(districts, positions)
    }

    /// Every district.
    #[must_use]
    pub fn districts(&self) -> &[District] {
        &self.districts
    }

    /// Every position.
    #[must_use]
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    pub(crate) fn district(&self, id: &str) -> Option<&District> {
        self.districts.get(*self.district_by_id.get(id)?)
    }

    pub(crate) fn position(&self, id: &str) -> Option<&Position> {
        self.positions.get(*self.by_id.get(id)?)
    }

    pub(crate) fn position_by_ballotready_id(&self, id: &str) -> Option<&Position> {
        self.positions.get(*self.by_ballotready_id.get(id)?)
    }
}

fn index<'a>(ids: impl Iterator<Item = &'a String>) -> Result<HashMap<String, usize>, WorldError> {
    let mut index = HashMap::new();
    for (place, id) in ids.enumerate() {
        if index.insert(id.clone(), place).is_some() {
            return Err(WorldError::Twice(id.clone()));
        }
    }
    Ok(index)
}
