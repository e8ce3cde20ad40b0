//! Voter districts of the L2 file.

use std::fmt;

/// Lengths of the groups of a UUID's digits.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// An L2 district, identified by type and name; both are known or neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct District {
    /// L2 column name, such as `City_Ward` or `State_House_District`.
    pub kind: String,
    /// Name within the type, such as `CHEYENNE CITY WARD 1`.
    pub name: String,
}

impl District {
    /// Whether it is a whole state: its type is `State` (design §5, access).
    #[must_use]
    pub fn is_statewide(&self) -> bool {
        self.kind.trim().eq_ignore_ascii_case("State")
    }
}

/// Cleans a district name by rule A: split on `##`, trim, drop empty pieces, take the longest (the
/// first of equals); without pieces, return the input unchanged.
///
/// Length is in UTF-16 units, as in the old code's `length`. A two-digit name is replaced by the state
/// code in front of it (`CA##05` → `CA`), as the rule requires; this is reported as an oddity.
///
/// Source: upstreams §4.3 rule A, legacy contract §2.4.
///
/// ```
/// use winserve_domain::positions::clean_name;
/// assert_eq!(clean_name("SC##COLUMBIA CITY##"), "COLUMBIA CITY");
/// assert_eq!(clean_name("##"), "##");
/// ```
#[must_use]
pub fn clean_name(raw: &str) -> &str {
    let mut longest: Option<(&str, usize)> = None;
    for piece in raw.split("##").map(str::trim).filter(|piece| !piece.is_empty()) {
        let length = piece.encode_utf16().count();
        if longest.is_none_or(|(_, best)| length > best) {
            longest = Some((piece, length));
        }
    }
    longest.map_or(raw, |(piece, _)| piece)
}

/// Possible spellings of a district with a clean name, in lookup order: unchanged, without one leading
/// zero, and as an estimate. Only an exact match is used, and only for its id, not its text (upstreams
/// §4.3, design §3).
///
/// ```
/// use winserve_domain::positions::spellings;
/// assert_eq!(spellings("017"), ["017", "17", "017 (EST.)"]);
/// assert_eq!(spellings("GULFPORT CITY"), ["GULFPORT CITY", "GULFPORT CITY (EST.)"]);
/// ```
#[must_use]
pub fn spellings(clean: &str) -> Vec<String> {
    let without_zero = clean.strip_prefix('0').filter(|rest| !rest.is_empty()).map(str::to_owned);
    let estimated = (!clean.ends_with("(EST.)")).then(|| format!("{clean} (EST.)"));
    [Some(clean.to_owned()), without_zero, estimated].into_iter().flatten().collect()
}

/// election-api's id of a district; people-api has the same (upstreams §4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistrictId(String);

impl DistrictId {
    /// Reads a UUID with hyphens, in any case, and keeps it in lower case; `None` for another text.
    ///
    /// ```
    /// use winserve_domain::positions::DistrictId;
    /// assert!(DistrictId::parse("0193F6A4-0000-4000-8000-00000000000A").is_some());
    /// assert!(DistrictId::parse("0193f6a4000040008000000000000000").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hexadecimal = |group: &str| group.bytes().all(|digit| digit.is_ascii_hexdigit());
        let is_uuid =
            text.split('-').map(str::len).eq(UUID_GROUPS) && text.split('-').all(is_hexadecimal);
        is_uuid.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The UUID, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DistrictId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A district known to election-api. State, type and name together identify it, as does its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KnownDistrict {
    /// Its id.
    pub id: DistrictId,
    /// State code, upper case.
    pub state: String,
    /// Type and name, as election-api writes them.
    pub district: District,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{clean_name, spellings};

    #[test]
    fn a_name_is_looked_up_in_three_spellings() {
        assert_eq!(spellings("0"), ["0", "0 (EST.)"]);
        assert_eq!(spellings("GULFPORT CITY (EST.)"), ["GULFPORT CITY (EST.)"]);
    }

    #[test]
    fn the_examples_of_the_contract_hold() {
        for (raw, clean) in [
            ("SC##COLUMBIA CITY##", "COLUMBIA CITY"),
            ("NV##017", "017"),
            ("CA##05", "CA"),
            ("FL##GULFPORT CITY (EST.)##", "GULFPORT CITY (EST.)"),
            ("IN##CLARK##CLARK CNTY COMM DIST 1", "CLARK CNTY COMM DIST 1"),
            (" CHEYENNE CITY WARD 1 ", "CHEYENNE CITY WARD 1"),
            ("", ""),
            ("## ##", "## ##"),
        ] {
            assert_eq!(clean_name(raw), clean, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_more(raw in "[ #A-Z0-9a-z]{0,24}") {
            prop_assert_eq!(clean_name(clean_name(&raw)), clean_name(&raw));
        }

        #[test]
        fn a_clean_name_is_a_part_of_the_raw_one(raw in "\\PC{0,24}") {
            prop_assert!(raw.contains(clean_name(&raw)));
        }
    }
}
