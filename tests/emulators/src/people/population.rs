//! Which voters live in which district.

use std::collections::HashMap;

use super::kinds;
use crate::{District, ElectionCode, World};

/// The states that people-api knows: no territories (upstreams §2).
pub(crate) const STATES: [&str; 51] = [
    "AK", "AL", "AR", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "IA", "ID", "IL", "IN",
    "KS", "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MS", "MT", "NC", "ND", "NE", "NH", "NJ",
    "NM", "NV", "NY", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VT", "WA",
    "WI", "WV", "WY",
];

/// The demo districts: state, type, name, number of the first voter, number of voters. Districts of a state
/// overlap as places do, and so share voters.
const DEMO: [(&str, &str, &str, u64, u64); 20] = [
    ("MI", "City", "TECUMSEH CITY", 0, 1_250),
    ("MI", "School_District", "TECUMSEH PUBLIC SCHOOLS", 0, 5_000),
    ("MI", "City", "ADRIAN CITY", 5_000, 7_200),
    ("MI", "City_Ward", "ADRIAN CITY WARD 3", 5_000, 40),
    ("MI", "Township", "RAISIN TOWNSHIP", 12_200, 3_900),
    ("MI", "County", "LENAWEE", 0, 47_000),
    ("MI", "State_Senate_District", "017", 0, 130_000),
    ("MI", "US_Congressional_District", "05", 0, 390_000),
    ("MI", "State", "MI", 0, 1_200_000),
    ("WY", "City_Ward", "CHEYENNE CITY WARD 1", 0, 620),
    ("WY", "City_Ward", "CHEYENNE CITY WARD 2", 620, 60),
    ("WY", "City", "CHEYENNE CITY", 0, 10_000),
    ("WY", "School_District", "LARAMIE COUNTY SCHOOL DIST 1", 10_000, 2_500),
    ("WY", "State_House_District", "041", 0, 0),
    ("WY", "County", "LARAMIE", 0, 48_000),
    ("WY", "State", "WY", 0, 270_000),
    ("NV", "State_Senate_District", "17", 0, 61_000),
    ("FL", "City", "GULFPORT CITY (EST.)", 0, 6_100),
    ("SC", "City", "COLUMBIA CITY", 0, 58_000),
    ("IN", "County_Commissioner", "CLARK CNTY COMM DIST 1", 0, 17_500),
];
/// Its statistics were never computed.
const WITHOUT_STATISTICS: &str = "LARAMIE COUNTY SCHOOL DIST 1";
/// Its statistics are outdated: they count three voters who have left.
const WITH_OLD_STATISTICS: &str = "RAISIN TOWNSHIP";

/// A district in people-api.
#[derive(Debug, Clone)]
pub(crate) struct Electorate {
    pub(crate) id: String,
    /// Index in [`STATES`].
    pub(crate) state: u8,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Number of its first voter within the state.
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// How many voters its statistics count, if they are computed.
    pub(crate) counted: Option<u64>,
}

impl Electorate {
    /// Whether it is a whole state.
    pub(crate) fn is_statewide(&self) -> bool {
        self.kind == "State"
    }
}

/// Districts with their voters. A voter is a state and a number; none is stored.
#[derive(Debug, Clone, Default)]
pub struct Population(HashMap<String, Electorate>);

impl Population {
    /// The voters of a world's districts, under the same ids.
    ///
    /// The districts of the demo world are small and large: `TECUMSEH PUBLIC SCHOOLS` has exactly 5,000
    /// voters, `CHEYENNE CITY` exactly 10,000, Michigan 1,200,000, Wyoming's house district `041` none;
    /// `LARAMIE COUNTY SCHOOL DIST 1` has no statistics, those of `RAISIN TOWNSHIP` count three too many;
    /// Puerto Rico is unknown, like any territory. Other districts have as many voters as their turnout in a
    /// general election; without turnout, a thousand voters and no statistics.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let known = world.districts().iter().filter_map(Self::electorate);
        Self(known.map(|electorate| (electorate.id.clone(), electorate)).collect())
    }

    /// The voters of the demo world.
    #[must_use]
    pub fn demo() -> Self {
        Self::of(&World::demo())
    }

    /// The same districts, whose first thousands of voters are ordinary: a reader's first page shows none of the
    /// odd kinds.
    #[must_use]
    pub fn without_oddities(mut self) -> Self {
        for electorate in self.0.values_mut() {
            electorate.first += kinds::ODD;
        }
        self
    }

    fn electorate(district: &District) -> Option<Electorate> {
        let District { id, state, kind, name, .. } = district;
        let demo = DEMO.iter().find(|row| row.0 == state && row.1 == kind && row.2 == name);
        let turnout = district.turnouts.iter();
        let mut turnout = turnout.filter(|row| row.election_code == ElectionCode::General);
        let turnout = turnout.next().and_then(|row| u64::try_from(row.projected_turnout).ok());
        let (first, count) = match demo {
            Some((.., first, count)) => (*first, *count),
            None => (0, turnout.unwrap_or(1_000)),
        };
        let is_demo = demo.is_some();
        let counted = match name.as_str() {
            WITHOUT_STATISTICS => None,
            WITH_OLD_STATISTICS => Some(count + 3),
            _ => (is_demo || turnout.is_some()).then_some(count),
        };
        Some(Electorate {
            id: id.clone(),
            state: place_of(state)?,
            kind: kind.clone(),
            name: name.clone(),
            first,
            count,
            counted,
        })
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Electorate> {
        self.0.get(&id.to_ascii_lowercase())
    }
}

fn place_of(state: &str) -> Option<u8> {
    (0..).zip(STATES).find(|(_, known)| *known == state).map(|(place, _)| place)
}

/// The state at an index of [`STATES`].
pub(crate) fn state_at(place: u8) -> &'static str {
    STATES.get(usize::from(place)).copied().unwrap_or_default()
}
