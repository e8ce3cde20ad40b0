//! A voter: a state and a number, and what follows from them.

use uuid::Uuid;

use super::{
    kinds::{self, Kind},
    population::{Electorate, state_at},
};

/// Phone numbers per area code.
const LINES: u64 = 10_000_000;
/// Coprime to [`LINES`], so two voters have different numbers.
const STRIDE: u64 = 7_654_321;
/// `STRIDE * INVERSE` is one more than a multiple of [`LINES`].
const INVERSE: u64 = 81;
const CELL_AREA: u64 = 300;
const LANDLINE_AREA: u64 = 600;

/// A voter. Those of a state are ordered by id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voter {
    /// Index in [`STATES`](super::population::STATES).
    state: u8,
    /// Below 2^28.
    number: u64,
    pub(crate) kind: &'static Kind,
}

impl Voter {
    pub(crate) fn new(state: u8, number: u64) -> Self {
        Self { state, number, kind: kinds::of(number) }
    }

    /// The voter with an id, if they live in the district.
    pub(crate) fn find(id: Uuid, district: &Electorate) -> Option<Self> {
        let (high, _) = id.as_u64_pair();
        let number = high >> 36;
        let voter = Self::new(district.state, number);
        let lives_there = number >= district.first && number - district.first < district.count;
        (lives_there && voter.id() == id).then_some(voter)
    }

    pub(crate) fn number(self) -> u64 {
        self.number
    }

    /// UUID version 4: the number, the state, and noise.
    pub(crate) fn id(self) -> Uuid {
        let noise = mix(self.number << 8 | u64::from(self.state));
        let high = self.number << 36
            | (noise >> 60) << 32
            | u64::from(self.state) << 16
            | 0x4000
            | noise & 0x0fff;
        Uuid::from_u64_pair(high, 1 << 63 | mix(noise) >> 2)
    }

    /// The digits of `LALVOTERID`, after `LAL` and the state.
    pub(crate) fn registration(self) -> u64 {
        100_000_000 + self.number
    }

    pub(crate) fn lal_voter_id(self) -> String {
        format!("LAL{}{}", self.state(), self.registration())
    }

    pub(crate) fn state(self) -> &'static str {
        state_at(self.state)
    }

    /// The number from which everything except id and party is derived: twins share it.
    fn root(self) -> u64 {
        self.number - u64::from(self.kind.is_second_twin)
    }

    pub(crate) fn house(self) -> u64 {
        1 + self.root() % 9_899
    }

    pub(crate) fn plus_four(self) -> u64 {
        1 + self.root() % 9_998
    }

    /// Millionths of a degree east or north of the corner of the state.
    pub(crate) fn offset(self) -> u64 {
        self.root() * 7_919 % 1_000_000
    }

    /// Area code, exchange and line of the cell phone.
    pub(crate) fn cell_phone(self) -> (u64, u64, u64) {
        self.telephone(CELL_AREA)
    }

    /// Area code, exchange and line of the landline.
    pub(crate) fn landline(self) -> (u64, u64, u64) {
        self.telephone(LANDLINE_AREA)
    }

    fn telephone(self, area: u64) -> (u64, u64, u64) {
        let line = self.root() * STRIDE % LINES;
        (area + u64::from(self.state), line / 10_000, line % 10_000)
    }
}

/// The voters of a district who can be reached at a ten-digit number.
pub(crate) fn with_telephone(district: &Electorate, digits: u64) -> Vec<u64> {
    let (area, line) = (digits / LINES, digits % LINES);
    let root = line * INVERSE % LINES;
    let end = district.first + district.count;
    let roots = (root..end).step_by(usize::try_from(LINES).unwrap_or(usize::MAX));
    // A twin has the number of the previous voter.
    roots
        .flat_map(|root| [root, root + 1])
        .filter(|number| (district.first..end).contains(number))
        .filter(|number| {
            let voter = Voter::new(district.state, *number);
            let is_line = |(its_area, exchange, its_line): (u64, u64, u64)| {
                (its_area, exchange * 10_000 + its_line) == (area, line)
            };
            voter.kind.cell_phone && is_line(voter.cell_phone())
                || voter.kind.landline && is_line(voter.landline())
        })
        .collect()
}

/// The finalizer of `SplitMix64`: pseudo-random bits.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_number_leads_back_to_its_voter() {
        assert_eq!(STRIDE * INVERSE % LINES, 1);
    }
}
