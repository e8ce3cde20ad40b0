//! Which turnout applies to which election (upstreams §4.4).

use chrono::{Datelike as _, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

/// Years with a computed turnout.
const YEARS: std::ops::RangeInclusive<i32> = 2020..=2032;

/// Kind of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElectionCode {
    /// The first Tuesday after the first Monday of November, even years.
    General,
    /// The same day in odd years, if the state votes on it.
    ConsolidatedGeneral,
    /// Any other.
    LocalOrMunicipal,
}

impl ElectionCode {
    /// The election code of a day in a state.
    #[must_use]
    pub fn of(date: NaiveDate, state: &str) -> Self {
        let year = date.year();
        let is_election_day =
            date.month() == 11 && date.weekday() == Weekday::Tue && (2..=8).contains(&date.day());
        let consolidates = matches!(state, "LA" | "MS" | "NJ" | "VA")
            || (state == "KS" && (year - 2003).rem_euclid(4) == 0);
        match (is_election_day, year.rem_euclid(2) == 0) {
            (true, true) => Self::General,
            (true, false) if consolidates => Self::ConsolidatedGeneral,
            _ => Self::LocalOrMunicipal,
        }
    }
}

/// The turnout of a district in one kind of election of one year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Turnout {
    /// Year.
    pub election_year: i32,
    /// Kind.
    pub election_code: ElectionCode,
    /// Expected voters.
    pub projected_turnout: i64,
}

/// The rows of a district, derived from its turnout in a general election: three fifths for a consolidated
/// one, two fifths for a local one.
pub(crate) fn rows(general: i64) -> Vec<Turnout> {
    YEARS
        .flat_map(|election_year| {
            let november = if election_year.rem_euclid(2) == 0 {
                (ElectionCode::General, general)
            } else {
                (ElectionCode::ConsolidatedGeneral, general * 3 / 5)
            };
            [november, (ElectionCode::LocalOrMunicipal, general * 2 / 5)].map(
                |(election_code, projected_turnout)| Turnout {
                    election_year,
                    election_code,
                    projected_turnout,
                },
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_follows_the_calendar_and_the_state() {
        for (date, state, code) in [
            ("2028-11-07", "MI", ElectionCode::General),
            ("2024-11-05", "WY", ElectionCode::General),
            ("2022-11-01", "MI", ElectionCode::LocalOrMunicipal),
            ("2025-11-04", "VA", ElectionCode::ConsolidatedGeneral),
            ("2025-11-04", "MI", ElectionCode::LocalOrMunicipal),
            ("2027-11-02", "KS", ElectionCode::ConsolidatedGeneral),
            ("2025-11-04", "KS", ElectionCode::LocalOrMunicipal),
            ("2026-08-04", "MI", ElectionCode::LocalOrMunicipal),
        ] {
            assert_eq!(ElectionCode::of(date.parse().unwrap(), state), code, "{date} {state}");
        }
    }
}
