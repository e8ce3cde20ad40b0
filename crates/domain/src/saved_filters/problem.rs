//! Saved filters that do not select what was saved.

use crate::saved_filters::{
    FilterContent, UnknownValue, UnusableFilter, VoterFilter as _, WinFilter,
    voter_filter::values_not_in_the_file,
};

/// Why a filter does not select what was saved: the voter file does not have, or no longer has,
/// values that it selects by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterProblem {
    /// Whether the filter can be used, with the remaining values. Otherwise it is refused, because
    /// without these values it would select more than was saved.
    pub is_usable: bool,
    /// The values.
    pub unknown_values: Vec<UnknownValue>,
}

impl FilterProblem {
    /// The problem of a filter, if it has one.
    #[must_use]
    pub fn of(content: &FilterContent) -> Option<Self> {
        let unknown_values = values_not_in_the_file(content);
        let is_refused = matches!(WinFilter::saved(content), Err(UnusableFilter::UnknownValues(_)));
        (!unknown_values.is_empty()).then_some(Self { is_usable: !is_refused, unknown_values })
    }
}
