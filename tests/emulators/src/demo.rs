//! The demo world: what the demo data refers to, and one of each oddity (upstreams §13).

use crate::{District, Position, World};

/// State, type, name, turnout of a general election.
type DistrictRow = (&'static str, &'static str, &'static str, Option<i64>);
/// Number, BallotReady id, state, name, level, position of the district in [`DISTRICTS`] starting at 1.
type PositionRow =
    (u32, &'static str, &'static str, &'static str, Option<&'static str>, Option<u32>);

/// A leading zero, a dropped zero, `(EST.)`, statewide, without turnout, with a turnout of 0.
const DISTRICTS: [DistrictRow; 21] = [
    ("MI", "City", "TECUMSEH CITY", Some(3_100)),
    ("WY", "City_Ward", "CHEYENNE CITY WARD 1", Some(4_200)),
    ("WY", "City_Ward", "CHEYENNE CITY WARD 2", Some(4_050)),
    ("WY", "City", "CHEYENNE CITY", Some(24_000)),
    ("MI", "State", "MI", Some(5_500_000)),
    ("WY", "State", "WY", Some(270_000)),
    ("MI", "County", "LENAWEE", Some(47_000)),
    ("MI", "School_District", "TECUMSEH PUBLIC SCHOOLS", Some(9_000)),
    ("MI", "City", "ADRIAN CITY", Some(7_200)),
    ("MI", "Township", "RAISIN TOWNSHIP", Some(3_900)),
    ("MI", "State_Senate_District", "017", Some(130_000)),
    ("NV", "State_Senate_District", "17", Some(61_000)),
    ("FL", "City", "GULFPORT CITY (EST.)", Some(6_100)),
    ("SC", "City", "COLUMBIA CITY", Some(58_000)),
    ("IN", "County_Commissioner", "CLARK CNTY COMM DIST 1", Some(17_500)),
    ("MI", "US_Congressional_District", "05", Some(390_000)),
    ("WY", "County", "LARAMIE", Some(48_000)),
    ("WY", "School_District", "LARAMIE COUNTY SCHOOL DIST 1", None),
    ("MI", "City_Ward", "ADRIAN CITY WARD 3", None),
    ("WY", "State_House_District", "041", Some(0)),
    ("PR", "State", "PR", Some(1_300_000)),
];

/// Two share a district, one has none, one has no level, the last one's id needs encoding.
const POSITIONS: [PositionRow; 26] = [
    (
        220_085,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1",
        "MI",
        "Tecumseh City Mayor",
        Some("CITY"),
        Some(1),
    ),
    (
        46_213,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=",
        "WY",
        "Cheyenne City Council - Ward 1",
        Some("CITY"),
        Some(2),
    ),
    (
        220_086,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg2",
        "MI",
        "Tecumseh City Council",
        Some("CITY"),
        Some(1),
    ),
    (
        46_214,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTQ=",
        "WY",
        "Cheyenne City Council - Ward 2",
        Some("CITY"),
        Some(3),
    ),
    (
        46_200,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMDA=",
        "WY",
        "Cheyenne City Mayor",
        Some("CITY"),
        Some(4),
    ),
    (
        10_026,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjY=",
        "MI",
        "Governor of Michigan",
        Some("STATE"),
        Some(5),
    ),
    (
        10_027,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjc=",
        "MI",
        "U.S. Senate - Michigan",
        Some("FEDERAL"),
        Some(5),
    ),
    (
        10_056,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwNTY=",
        "WY",
        "Governor of Wyoming",
        Some("STATE"),
        Some(6),
    ),
    (
        10_057,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwNTc=",
        "WY",
        "U.S. House of Representatives - Wyoming At-Large",
        Some("FEDERAL"),
        Some(6),
    ),
    (
        31_470,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMzE0NzA=",
        "MI",
        "Lenawee County Sheriff",
        Some("COUNTY"),
        Some(7),
    ),
    (
        52_311,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNTIzMTE=",
        "MI",
        "Tecumseh School Board",
        Some("LOCAL"),
        Some(8),
    ),
    (
        220_101,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMTAx",
        "MI",
        "Adrian City Commission",
        Some("CITY"),
        Some(9),
    ),
    (
        220_350,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMzUw",
        "MI",
        "Raisin Township Supervisor",
        Some("TOWNSHIP"),
        Some(10),
    ),
    (
        12_017,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTIwMTc=",
        "MI",
        "Michigan State Senate - District 17",
        Some("STATE"),
        Some(11),
    ),
    (
        13_017,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTMwMTc=",
        "NV",
        "Nevada State Senate - District 17",
        Some("STATE"),
        Some(12),
    ),
    (
        88_123,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vODgxMjM=",
        "FL",
        "Gulfport City Council - Ward 2",
        Some("CITY"),
        Some(13),
    ),
    (
        91_002,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vOTEwMDI=",
        "SC",
        "Columbia City Council - At Large",
        Some("CITY"),
        Some(14),
    ),
    (
        70_541,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNzA1NDE=",
        "IN",
        "Clark County Commission - District 1",
        Some("COUNTY"),
        Some(15),
    ),
    (
        11_505,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTE1MDU=",
        "MI",
        "U.S. House of Representatives - Michigan 5th",
        Some("FEDERAL"),
        Some(16),
    ),
    (
        46_301,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYzMDE=",
        "WY",
        "Laramie County Clerk",
        None,
        Some(17),
    ),
    (
        46_388,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYzODg=",
        "WY",
        "Laramie County School District 1 Trustee",
        Some("LOCAL"),
        Some(18),
    ),
    (
        220_103,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMTAz",
        "MI",
        "Adrian City Commission - Ward 3",
        Some("CITY"),
        Some(19),
    ),
    (
        60_017,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNjAwMTc=",
        "MI",
        "Lenawee Conservation District Director",
        Some("REGIONAL"),
        None,
    ),
    (
        14_041,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTQwNDE=",
        "WY",
        "Wyoming State House - District 41",
        Some("STATE"),
        Some(20),
    ),
    (
        99_001,
        "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vOTkwMDE=",
        "PR",
        "Governor of Puerto Rico",
        Some("STATE"),
        Some(21),
    ),
    (
        52_390,
        "Z2lk+Oi8v/YmFs+bG90/NTIzOTA=",
        "MI",
        "Tecumseh Library Board",
        Some("LOCAL"),
        Some(8),
    ),
];

/// A UUID that is the same in every run.
fn uuid(kind: &str, number: u32) -> String {
    format!("01935a5c-0000-4000-{kind}-{number:012}")
}

fn district_id(place: u32) -> String {
    uuid("8000", place)
}

impl World {
    /// The demo world.
    #[must_use]
    pub fn demo() -> Self {
        let districts = (1..).zip(DISTRICTS).map(|(place, (state, kind, name, turnout))| {
            District::new(&district_id(place), state, kind, name, turnout)
        });
        let positions = POSITIONS.map(|(number, id, state, name, level, district)| Position {
            id: uuid("9000", number),
            br_position_id: id.to_owned(),
            br_database_id: number.to_string(),
            state: state.to_owned(),
            name: name.to_owned(),
            level: level.map(str::to_owned),
            district_id: district.map(district_id),
        });
        // A test below checks that the rows are consistent.
        Self::new(districts.collect(), positions.to_vec()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_world_is_whole_and_has_what_the_demo_data_name() {
        let world = World::demo();
        assert_eq!(
            (world.districts().len(), world.positions().len()),
            (DISTRICTS.len(), POSITIONS.len())
        );
        for (id, name, kind, district) in [
            (
                "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1",
                "Tecumseh City Mayor",
                "City",
                "TECUMSEH CITY",
            ),
            (
                "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=",
                "Cheyenne City Council - Ward 1",
                "City_Ward",
                "CHEYENNE CITY WARD 1",
            ),
        ] {
            let position = world.position_by_ballotready_id(id).unwrap();
            let found = world.district(position.district_id.as_deref().unwrap()).unwrap();
            assert_eq!(
                (position.name.as_str(), found.kind.as_str(), found.name.as_str()),
                (name, kind, district)
            );
        }
    }
}
