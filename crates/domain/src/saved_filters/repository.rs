//! The repository of saved filters.

use chrono::{DateTime, Utc};

use crate::{
    base::{SavedFilterId, StoreError},
    organizations::ActiveOrganization,
    saved_filters::{FilterContent, SavedFilter},
};

/// Reads and writes the saved filters of one organization at a time; filters of other organizations
/// are never visible. Before phase 2, a campaign's filters are found by campaign.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait SavedFilters {
    /// By name; unnamed ones last.
    fn list(&mut self, of: &ActiveOrganization) -> Result<Vec<SavedFilter>, StoreError>;

    /// The filter with this id, if it belongs to the organization.
    fn find(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
    ) -> Result<Option<SavedFilter>, StoreError>;

    /// Saves a filter; missing flags are off, missing lists empty.
    fn insert(
        &mut self,
        of: &ActiveOrganization,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<SavedFilter, StoreError>;

    /// Changes the given content; `None` if there is no such filter.
    fn update(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<Option<SavedFilter>, StoreError>;

    /// Deletes a filter; `false` if there is none.
    fn delete(&mut self, of: &ActiveOrganization, id: SavedFilterId) -> Result<bool, StoreError>;
}
