//! Saved lists of contacts.

mod name;
mod operations;
mod problem;
mod repository;
mod saved_filter;
mod voter_filter;

pub use name::{LONGEST_NAME, UNNAMED, free_name};
pub use operations::{
    CopiedFilter, CountAgainError, SavedFilterError, copy, copy_several, count_again, create,
    create_counted, delete, duplicate, find, list, update, update_counted,
};
pub use problem::FilterProblem;
pub use repository::SavedFilters;
pub use saved_filter::{FilterContent, Flag, SavedFilter};
pub use voter_filter::{
    Criteria, NumberCriterion, Range, Segment, ServeFilter, TextCriterion, UnknownValue,
    UnusableFilter, VoterFilter, WinFilter,
};
