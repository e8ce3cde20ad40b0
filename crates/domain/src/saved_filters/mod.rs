//! Saved lists of contacts.

mod operations;
mod repository;
mod saved_filter;
mod voter_filter;

pub use operations::{
    CopiedFilter, SavedFilterError, copy, copy_several, create, delete, find, list, update,
};
pub use repository::SavedFilters;
pub use saved_filter::{FilterContent, Flag, SavedFilter};
pub use voter_filter::{
    Criteria, NumberCriterion, Range, Segment, ServeFilter, TextCriterion, UnknownValue,
    UnusableFilter, VoterFilter, WinFilter, values_not_in_the_file,
};
