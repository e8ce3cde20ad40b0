//! The repository of saved filters.

use chrono::{DateTime, Utc};

use crate::{
    base::{SavedFilterId, StoreError},
    organizations::ActiveOrganization,
    saved_filters::{FilterContent, SavedFilter},
};

/// Reads and writes the saved filters of one organization at a time; filters of other organizations
/// are never visible. Before phase 2, a campaign's filters are found by campaign.
pub trait SavedFilters {
    /// By name; unnamed ones last.
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

    /// Saves a filter; missing flags are off, missing lists empty.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert(
        &mut self,
        of: &ActiveOrganization,
        content: &FilterContent,
        now: DateTime<Utc>,
    ) -> Result<SavedFilter, StoreError>;

    /// Changes the given content; `None` if there is no such filter.
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

    /// Deletes a filter; `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn delete(&mut self, of: &ActiveOrganization, id: SavedFilterId) -> Result<bool, StoreError>;
}
