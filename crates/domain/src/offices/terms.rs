//! When a term is held, and which terms exclude each other. The one place for both decisions.
//!
//! | `is_active` | First day | End | Status |
//! |---|---|---|---|
//! | false | any | any | past |
//! | true | any | today or earlier | past |
//! | true | after today | unknown or after today | upcoming |
//! | true | unknown, today or earlier | unknown or after today | active |
//!
//! Days are in UTC. The first day belongs to the term, the end does not: a term that ends on
//! 2029-01-01 is held on 2028-12-31 for the last time, and its successor may begin on 2029-01-01.

use chrono::{Days, NaiveDate};

use crate::offices::Term;

/// Whether a campaign or an office is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// An office held today, or a campaign whose election is not over.
    Active,
    /// An office whose term begins later.
    Upcoming,
    /// An office whose term is over or that its holder left, or a campaign whose election is over.
    Past,
}

impl Term {
    /// The first day: of the term, otherwise the day of the oath.
    #[must_use]
    pub fn first_day(self) -> Option<NaiveDate> {
        self.term_start_date.or(self.sworn_in_date)
    }

    /// The first day after the term: as entered, otherwise from its first day and length.
    #[must_use]
    pub fn end(self) -> Option<NaiveDate> {
        let computed = || {
            let days = u64::try_from(self.term_length_days?).ok()?;
            self.first_day()?.checked_add_days(Days::new(days))
        };
        self.term_end_date.or_else(computed)
    }

    /// Its status on a day. A term without dates is held until its holder says otherwise.
    #[must_use]
    pub fn status(self, today: NaiveDate) -> Status {
        if !self.is_active || self.end().is_some_and(|end| end <= today) {
            Status::Past
        } else if self.first_day().is_some_and(|first| first > today) {
            Status::Upcoming
        } else {
            Status::Active
        }
    }

    /// Whether two terms share a day. A term begins on election day at the earliest, and an office
    /// that its holder left excludes no other.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let begins_before_end_of = |this: Self, that: Self| {
            let begins = this.first_day().or(this.elected_date);
            begins.zip(that.end()).is_none_or(|(begins, end)| begins < end)
        };
        self.is_active
            && other.is_active
            && begins_before_end_of(self, other)
            && begins_before_end_of(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Active, Past, Upcoming};

    fn day(text: &str) -> Option<NaiveDate> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    /// A term by its first day and its end.
    fn term(first: &str, end: &str) -> Term {
        Term {
            elected_date: None,
            sworn_in_date: None,
            term_start_date: day(first),
            term_end_date: day(end),
            term_length_days: None,
            is_active: true,
        }
    }

    #[test]
    fn the_status_follows_from_the_dates() {
        for (first, end, status) in [
            ("", "", Active),
            ("2026-01-05", "", Active),
            ("2026-11-30", "", Active),
            ("2026-12-01", "", Upcoming),
            ("", "2026-12-01", Active),
            ("", "2026-11-30", Past),
            ("2025-01-01", "2029-01-01", Active),
            ("2027-01-01", "2031-01-01", Upcoming),
            ("2021-01-01", "2025-01-01", Past),
            ("2027-01-01", "2025-01-01", Past),
        ] {
            let term = term(first, end);
            assert_eq!(term.status(day("2026-11-30").unwrap()), status, "{first}..{end}");
            let left = Term { is_active: false, ..term };
            assert_eq!(left.status(day("2026-11-30").unwrap()), Past, "{first}..{end}");
        }
    }

    #[test]
    fn the_oath_and_the_length_replace_unknown_bounds() {
        let sworn_in = Term { sworn_in_date: day("2026-12-01"), ..term("", "") };
        assert_eq!(sworn_in.status(day("2026-11-30").unwrap()), Upcoming);
        let short = Term { term_length_days: Some(30), ..term("2026-11-01", "") };
        assert_eq!(short.status(day("2026-11-30").unwrap()), Active);
        assert_eq!(short.status(day("2026-12-01").unwrap()), Past);
        let absurd = Term { term_length_days: Some(i32::MAX), ..term("2026-11-01", "") };
        assert_eq!(absurd.status(day("2026-11-30").unwrap()), Active);
    }

    #[test]
    fn terms_overlap_if_they_share_a_day() {
        for (first, second, expected) in [
            (("2021-01-01", "2025-01-01"), ("2025-01-01", "2029-01-01"), false),
            (("2021-01-01", "2025-01-02"), ("2025-01-01", "2029-01-01"), true),
            (("2021-01-01", ""), ("2025-01-01", "2029-01-01"), true),
            (("2029-01-01", ""), ("2025-01-01", "2029-01-01"), false),
            (("", "2025-01-01"), ("2025-01-01", ""), false),
            (("", ""), ("2025-01-01", "2029-01-01"), true),
            (("", ""), ("", ""), true),
        ] {
            let (one, other) = (term(first.0, first.1), term(second.0, second.1));
            assert_eq!(one.overlaps(other), expected, "{first:?} {second:?}");
            assert_eq!(other.overlaps(one), expected, "{second:?} {first:?}");
            assert!(!one.overlaps(Term { is_active: false, ..other }), "{second:?} is over");
        }
        let re_elected = Term { elected_date: day("2028-11-07"), ..term("", "") };
        assert!(re_elected.overlaps(term("2025-01-01", "2029-01-01")));
        assert!(
            !re_elected.overlaps(term("2021-01-01", "2025-01-01")),
            "a term follows its election"
        );
    }
}
