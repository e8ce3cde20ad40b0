//! The form of a list, as it was sent.

use winserve_domain::saved_filters::{FilterContent, Flag, LONGEST_NAME};

use super::groups::{FLAG, INCOME, LANGUAGE, STATUS};
use crate::{form::Fields, mode::Mode};

/// The field of the name.
pub(super) const NAME: &str = "name";

/// Why a list is not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    NameMissing,
    NameTooLong,
    NothingChosen,
}

/// What is chosen. All flags of the mode are in it: a box that is not ticked turns its flag off.
pub(super) fn read(fields: &Fields, mode: Mode) -> FilterContent {
    let all = |name| fields.all(name).map(str::to_owned).collect();
    let flags = Flag::ALL.into_iter().filter(|flag| !mode.is_office() || !flag.is_party());
    FilterContent {
        name: Some(fields.text(NAME).to_owned()),
        voter_count: None,
        language_codes: Some(all(LANGUAGE)),
        voter_status: Some(all(STATUS)),
        income_ranges: Some(all(INCOME)),
        flags: flags.map(|flag| (flag, fields.all(FLAG).any(|key| key == flag.key()))).collect(),
    }
}

/// Why a list cannot be saved.
pub(super) fn problem(content: &FilterContent) -> Option<Problem> {
    let FilterContent { name, flags, language_codes, voter_status, income_ranges, .. } = content;
    let mut lists = [language_codes, voter_status, income_ranges].into_iter().flatten();
    let is_empty = !flags.values().any(|is_on| *is_on) && lists.all(Vec::is_empty);
    let of_name = name_problem(name.as_deref().unwrap_or_default());
    of_name.or_else(|| is_empty.then_some(Problem::NothingChosen))
}

/// Why a list may not have a name.
pub(super) fn name_problem(name: &str) -> Option<Problem> {
    if name.is_empty() {
        Some(Problem::NameMissing)
    } else {
        (name.chars().count() > LONGEST_NAME).then_some(Problem::NameTooLong)
    }
}

impl Problem {
    /// What is wrong, and what to do.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::NameMissing => "Enter a name for the list.",
            Self::NameTooLong => "Enter a name with at most 30 characters.",
            Self::NothingChosen => "Choose at least one option, or the list would have everybody.",
        }
    }

    /// Whether it is about the name.
    pub(super) const fn is_of_name(self) -> bool {
        matches!(self, Self::NameMissing | Self::NameTooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(encoded: &str, mode: Mode) -> FilterContent {
        read(&Fields::parse(encoded.as_bytes()), mode)
    }

    #[test]
    fn what_is_not_ticked_is_off() {
        let content = form("name=+Seniors+&flag=age50Plus", Mode::Campaign);
        let on: Vec<_> = content.flags.iter().filter(|(_, is_on)| **is_on).collect();
        assert_eq!((content.name.as_deref(), on.len()), (Some("Seniors"), 1));
        assert_eq!(content.flags.len(), Flag::ALL.len());
        assert_eq!(problem(&content), None);
    }

    #[test]
    fn a_form_of_an_office_knows_no_party() {
        let content = form("name=All&flag=partyDemocrat", Mode::Office);
        assert!(content.flags.keys().all(|flag| !flag.is_party()));
        assert_eq!(problem(&content), Some(Problem::NothingChosen));
    }

    #[test]
    fn a_list_has_a_short_name_and_a_choice() {
        let problem =
            |name: &str| problem(&form(&format!("name={name}&language=es"), Mode::Campaign));
        assert_eq!(problem("+"), Some(Problem::NameMissing));
        assert_eq!(problem(&"e".repeat(30)), None);
        assert_eq!(problem(&"e".repeat(31)), Some(Problem::NameTooLong));
    }
}
