//! The repository of saved filters.

use chrono::{DateTime, Utc};

use crate::{
    base::{SavedFilterId, StoreError},
    organizations::ActiveOrganization,
    saved_filters::{FilterContent, SavedFilter},
};

/// Reads and writes the saved filters of one organization at a time: no filter of another is ever
/// seen. Before phase 2 those of a campaign are found by the campaign.
pub trait SavedFilters {
    /// By name, those without one last.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&mut self, of: &ActiveOrganization) -> Result<Vec<SavedFilter>, StoreError>;

    /// # Errors
    /// [`StoreError`].
    fn find(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
    ) -> Result<Option<SavedFilter>, StoreError>;

    /// Saves a filter; flags and lists that it does not name are off and empty.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert(
        &mut self,
        of: &ActiveOrganization,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<SavedFilter, StoreError>;

    /// Changes what the content names; `None` when there is no such filter.
    ///
    /// # Errors
    /// [`StoreError`].
    fn update(
        &mut self,
        of: &ActiveOrganization,
        id: SavedFilterId,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<Option<SavedFilter>, StoreError>;

    /// Deletes a filter; `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn delete(&mut self, of: &ActiveOrganization, id: SavedFilterId) -> Result<bool, StoreError>;
}
