//! Pages of lists for machines (legacy contract §5.0, offset pagination).

use crate::base::UserId;

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows skipped before it.
    pub offset: i64,
    /// Maximum number of rows.
    pub limit: i64,
    /// Name of the sort column; ties are sorted by id.
    pub column: &'static str,
    /// Whether the order is descending.
    pub descending: bool,
}

/// Filters of a machine's campaign list; `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFilter {
    /// Their owner.
    pub user_id: Option<UserId>,
    /// Part of the slug, ignoring case.
    pub slug: Option<String>,
}
