//! Voter districts of the L2 file.

/// An L2 district, named by type and name; both or neither are known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct District {
    /// L2 column name, such as `City_Ward` or `State_House_District`.
    pub kind: String,
    /// Name within the type, such as `CHEYENNE CITY WARD 1`.
    pub name: String,
}

/// Cleans a district name by rule A: split on `##`, trim, drop empty pieces, take the longest,
/// the first of equals; with no piece left the input comes back untouched.
///
/// Length counts UTF-16 units, as the old code's `length` did. Two-digit names lose to the state
/// code in front of them (`CA##05` → `CA`); that is how the rule is, and it is reported as an
/// oddity.
///
/// Source: upstreams §4.3 rule A, legacy contract §2.4.
///
/// ```
/// use winserve_domain::district::clean_name;
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

/// The spellings under which a clean name is looked up at election-api, in order: as it is, without
/// one leading zero, with " (EST.)" appended. A hit supplies the district's id and never another
/// text.
///
/// Source: upstreams §4.3.
pub fn spellings(clean: &str) -> impl Iterator<Item = String> {
    let without_zero = clean.strip_prefix('0').filter(|rest| !rest.is_empty()).map(str::to_owned);
    [Some(clean.to_owned()), without_zero, Some(format!("{clean} (EST.)"))].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{clean_name, spellings};

    #[test]
    fn a_name_is_looked_up_in_three_spellings() {
        let of = |name: &str| spellings(name).collect::<Vec<_>>();
        assert_eq!(of("017"), ["017", "17", "017 (EST.)"]);
        assert_eq!(of("GULFPORT CITY"), ["GULFPORT CITY", "GULFPORT CITY (EST.)"]);
        assert_eq!(of("0"), ["0", "0 (EST.)"]);
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
