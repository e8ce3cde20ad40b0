//! Party membership: the only difference between the worlds.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// Which parties the voters belong to. Worlds differ in nothing else.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Parties {
    /// A mixture of all 62 texts.
    #[default]
    A,
    /// A different mixture: everybody has a different text than in A, and voted in the other primaries.
    B,
    /// Every value that reveals a party is a unique text that starts with `CANARY-`.
    Canary,
    /// All voters are non-partisan, and none voted in a primary.
    None,
}

/// A person's party in JSON (upstreams §9).
pub(crate) const DEMOCRATIC: &str = "Democratic";
const REPUBLICAN: &str = "Republican";
const NON_PARTISAN: &str = "Non-Partisan";
/// Prefix of a canary.
pub(crate) const CANARY: &str = "CANARY";

/// The texts of `Parties_Description`. The first four map to Democratic, the next four to Republican, four
/// more to Independent, and fifty to Other.
pub(crate) const TEXTS: [&str; 62] = [
    DEMOCRATIC,
    "Harold Washington Democrat",
    "Independent Democrat",
    "Social Democrat",
    REPUBLICAN,
    "Citizens Republican",
    "Harold Washington Republican",
    "Independent Republican",
    NON_PARTISAN,
    "American Independent",
    "Declined to State",
    "Registered Independent",
    "Unknown",
    "Alliance",
    "American",
    "Anarchist",
    "Bread and Roses",
    "Bull Moose",
    "Christian",
    "Citizens",
    "Communist",
    "Conservative",
    "Constitution",
    "Constitutional",
    "Consumer",
    "Election judges in Chicago did not indicate ballot party",
    "Federalist",
    "Forward",
    "Free Choice",
    "Freedom",
    "Green",
    "Green Libertarian",
    "Harold Washington",
    "Independence",
    "Individualist",
    "Labor",
    "Liberal",
    "Libertarian",
    "Moderate",
    "Mountain",
    "Natural Law",
    "Natural Party",
    "No Labels",
    "Other",
    "Patriot",
    "Peace and Freedom",
    "Peoples",
    "Populist",
    "Progressive",
    "Prohibition",
    "Rainbow",
    "Reform",
    "Right to Life",
    "Socialist",
    "Socialist Labor",
    "Taxpayers",
    "Tea",
    "We the People",
    "Whig",
    "Women's Equality Party",
    "Worker's Party",
    "Working Family Party",
];

/// The columns of the primaries, in file order.
pub(crate) const PRIMARIES: [&str; 9] = [
    "PresidentialPrimary_2016",
    "PresidentialPrimary_2020",
    "PresidentialPrimary_2024",
    "Primary_2016",
    "Primary_2018",
    "Primary_2020",
    "Primary_2022",
    "Primary_2024",
    "Primary_2026",
];

/// What reveals a party.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    Party,
    Household,
    MovedFrom,
    Changed,
    /// Index in [`PRIMARIES`].
    Primary(usize),
}

/// What a sign reveals about a voter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignValue {
    Nothing,
    Text(&'static str),
    /// A text unique to the voter.
    Canary,
}

/// The parties of a voter, in A and in B.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allegiance {
    in_a: Membership,
    in_b: Membership,
}

#[derive(Debug, Clone, Copy, Default)]
struct Membership {
    text: &'static str,
    household: &'static str,
    moved_from: Option<&'static str>,
    changed: bool,
    /// One bit per entry of [`PRIMARIES`].
    primaries: u16,
}

impl Allegiance {
    /// For the voters of one kind; the first of them cycle through every text.
    pub(crate) fn new(kind: usize, is_twin: bool, rng: &mut Rng) -> Self {
        let in_a = if is_twin {
            // Two neighbors never have the same party.
            pick(kind % 3 * 4)
        } else if kind < 2 * TEXTS.len() {
            pick(kind)
        } else {
            match rng.u8(..100) {
                0..35 => DEMOCRATIC,
                35..65 => REPUBLICAN,
                65..85 => NON_PARTISAN,
                85..90 => "Unknown",
                _ => pick(rng.usize(..)),
            }
        };
        let primaries = rng.u16(..1 << PRIMARIES.len());
        let household = if rng.bool() { "Democratic & Republican" } else { in_a };
        let in_a = Membership {
            text: in_a,
            household,
            moved_from: rng.bool().then(|| pick(rng.usize(..))),
            changed: rng.bool(),
            primaries,
        };
        Self { in_a, in_b: in_a.other() }
    }

    /// What a sign shows in a world.
    pub(crate) fn sign_value(&self, parties: Parties, sign: Sign) -> SignValue {
        match (parties, sign) {
            (Parties::A, _) => self.in_a.sign_value(sign),
            (Parties::B, _) => self.in_b.sign_value(sign),
            (Parties::Canary, _) => SignValue::Canary,
            (Parties::None, Sign::Party | Sign::Household) => SignValue::Text(NON_PARTISAN),
            (Parties::None, _) => SignValue::Nothing,
        }
    }
}

impl Membership {
    fn other(self) -> Self {
        Self {
            text: other(self.text),
            household: other(self.household),
            moved_from: match self.moved_from {
                Some(text) => Some(other(text)),
                None => Some(REPUBLICAN),
            },
            changed: !self.changed,
            primaries: !self.primaries,
        }
    }

    fn sign_value(self, sign: Sign) -> SignValue {
        let yes = |is_so| if is_so { SignValue::Text("Y") } else { SignValue::Nothing };
        match sign {
            Sign::Party => SignValue::Text(self.text),
            Sign::Household => SignValue::Text(self.household),
            Sign::MovedFrom => self.moved_from.map_or(SignValue::Nothing, SignValue::Text),
            Sign::Changed => yes(self.changed),
            Sign::Primary(place) => yes(self.primaries >> place & 1 == 1),
        }
    }
}

/// A text, by index modulo the length.
fn pick(place: usize) -> &'static str {
    TEXTS.get(place % TEXTS.len()).copied().unwrap_or_default()
}

/// The text in B for this text in A: Democratic becomes Republican, Republican becomes Non-Partisan.
fn other(text: &str) -> &'static str {
    pick(TEXTS.iter().position(|known| *known == text).unwrap_or_default() + 4)
}

/// A text of `Parties_Description` in JSON.
pub(crate) fn reading(text: &str) -> &'static str {
    match TEXTS.iter().position(|known| *known == text) {
        Some(0..4) => DEMOCRATIC,
        Some(4..8) => REPUBLICAN,
        Some(8..12) => "Independent",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all_allegiances() -> impl Iterator<Item = Allegiance> {
        (0..1_000).map(|kind| Allegiance::new(kind, false, &mut Rng::with_seed(7)))
    }

    #[test]
    fn nobody_has_the_same_party_in_both_worlds() {
        for one in all_allegiances() {
            for sign in [Sign::Party, Sign::Primary(0), Sign::Primary(8), Sign::Changed] {
                assert_ne!(
                    one.sign_value(Parties::A, sign),
                    one.sign_value(Parties::B, sign),
                    "{one:?}"
                );
            }
        }
    }

    #[test]
    fn both_worlds_have_all_62_texts() {
        for parties in [Parties::A, Parties::B] {
            let texts =
                all_allegiances().filter_map(|one| match one.sign_value(parties, Sign::Party) {
                    SignValue::Text(text) => Some(text),
                    SignValue::Nothing | SignValue::Canary => None,
                });
            assert_eq!(texts.collect::<BTreeSet<_>>(), BTreeSet::from(TEXTS));
        }
    }

    #[test]
    fn four_texts_read_as_each_party_and_fifty_as_other() {
        let readings = TEXTS.map(reading);
        let count = |reading| readings.iter().filter(|found| **found == reading).count();
        assert_eq!(
            [count("Democratic"), count("Republican"), count("Independent"), count("Other")],
            [4, 4, 4, 50]
        );
    }
}
