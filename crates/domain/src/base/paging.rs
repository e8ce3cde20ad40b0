//! Pages of lists for machines (legacy contract §5.0, offset pagination).

use crate::base::UserId;

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows left out before it.
    pub offset: i64,
    /// Rows in it at most.
    pub limit: i64,
    /// Name of the column that the list is in the order of; equal rows are by id.
    pub column: &'static str,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What campaigns in a machine's list have in common; an absent value says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFilter {
    /// Their owner.
    pub user_id: Option<UserId>,
    /// A part of their slug, in any case.
    pub slug: Option<String>,
}
