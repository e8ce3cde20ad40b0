//! A selection of a district's voters by rank: counted and paged without looking at each voter.

use super::{
    filters::Filters,
    kinds::{self, PERIOD},
    population::Electorate,
    search::Search,
    voter::{Voter, with_telephone},
};

/// Voters of a district, ordered by id.
#[derive(Debug)]
pub(crate) struct Selection {
    state: u8,
    first: u64,
    count: u64,
    which: Which,
}

#[derive(Debug)]
enum Which {
    All,
    /// Those of certain kinds: their indices, ascending, and how many voters of these kinds come before the
    /// district's first.
    Kinds(Vec<u64>, u64),
    /// Those with these numbers.
    Numbers(Vec<u64>),
}

impl Selection {
    /// Those who match filters and a search.
    pub(crate) fn new(district: &Electorate, filters: &Filters, search: Option<&Search>) -> Self {
        let Electorate { state, first, count, .. } = *district;
        let which = match search {
            None if filters.is_empty() => Which::All,
            Some(Search::Telephone(digits)) => {
                let mut numbers = with_telephone(district, *digits);
                numbers.retain(|number| filters.pass(kinds::of(*number)));
                Which::Numbers(numbers)
            }
            name => {
                let names = |kind: &_| name.is_none_or(|name| name.finds(kind));
                let kinds = (0..).zip(kinds::all());
                let kinds = kinds.filter(|(_, kind)| filters.pass(kind) && names(kind));
                let places: Vec<u64> = kinds.map(|(place, _)| place).collect();
                let before = below(&places, first);
                Which::Kinds(places, before)
            }
        };
        let count = match &which {
            Which::All => count,
            Which::Kinds(places, before) => below(places, first + count) - before,
            Which::Numbers(numbers) => length(numbers),
        };
        Self { state, first, count, which }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The voter of a rank, starting at 0; none beyond the last.
    pub(crate) fn at(&self, rank: u64) -> Option<Voter> {
        if rank >= self.count {
            return None;
        }
        let number = match &self.which {
            Which::All => self.first + rank,
            Which::Kinds(places, before) => {
                let (round, place) =
                    ((before + rank) / length(places), (before + rank) % length(places));
                round * length_of_period() + places.get(usize::try_from(place).ok()?)?
            }
            Which::Numbers(numbers) => *numbers.get(usize::try_from(rank).ok()?)?,
        };
        Some(Voter::new(self.state, number))
    }
}

/// How many voters of a district are of the kind at an index.
pub(crate) fn of_kind(district: &Electorate, place: u64) -> u64 {
    below(&[place], district.first + district.count) - below(&[place], district.first)
}

/// How many voters with a number below `end` are of the kinds at these ascending indices.
fn below(places: &[u64], end: u64) -> u64 {
    let (rounds, rest) = (end / length_of_period(), end % length_of_period());
    let partial = places.partition_point(|place| *place < rest);
    rounds * length(places) + u64::try_from(partial).unwrap_or_default()
}

fn length(list: &[u64]) -> u64 {
    u64::try_from(list.len()).unwrap_or_default()
}

fn length_of_period() -> u64 {
    u64::try_from(PERIOD).unwrap_or_default()
}
