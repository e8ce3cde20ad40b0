//! The repository of campaigns and their voter goals.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    base::{CampaignId, MachineFilter, OrganizationId, Page, PathToVictoryId, StoreError, UserId},
    campaigns::{Campaign, CampaignFilter, ListedCampaign, NewCampaign, PathToVictory},
    organizations::{ActiveCampaign, RequestKey},
};

/// Reads and writes campaigns with their voter goals.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait Campaigns {
    /// Whether the user has any campaign.
    fn has_any(&mut self, owner: UserId) -> Result<bool, StoreError>;

    /// The campaign that a request is about; `None` if it was deleted.
    fn find_active(&mut self, active: ActiveCampaign) -> Result<Option<Campaign>, StoreError>;

    /// [`find_active`](Self::find_active), with campaign and voter goals locked until the
    /// transaction ends.
    fn find_active_for_update(
        &mut self,
        active: ActiveCampaign,
    ) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this slug, locked like the above.
    fn find_by_slug_for_update(&mut self, slug: &str) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this id.
    fn find(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with this id, in the state from which a write begins, if it
    /// [wants repair](Campaign::wants_repair): with office and district from its JSON.
    fn find_from_json(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.find(id)
    }

    /// The campaign with this id, locked like the above.
    fn find_for_update(&mut self, id: CampaignId) -> Result<Option<Campaign>, StoreError>;

    /// The campaign of an organization; only with
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<Campaign>, StoreError>;

    /// The campaign with these voter goals.
    fn find_of_goals(&mut self, goals: PathToVictoryId) -> Result<Option<Campaign>, StoreError>;

    /// [`find_of_goals`](Self::find_of_goals), locked like the above.
    fn find_of_goals_for_update(
        &mut self,
        goals: PathToVictoryId,
    ) -> Result<Option<Campaign>, StoreError>;

    /// A page of campaigns without their voter goals, and the total count.
    fn page(
        &mut self,
        filter: &MachineFilter,
        page: Page,
    ) -> Result<(Vec<Campaign>, i64), StoreError>;

    /// A page of voter goals with their campaigns, and the total count.
    fn page_of_goals(&mut self, page: Page) -> Result<(Vec<Campaign>, i64), StoreError>;

    /// The slugs among these that are taken.
    fn taken_slugs(&mut self, slugs: &[String]) -> Result<Vec<String>, StoreError>;

    /// Creates a campaign, and from phase 1 on its organization and position; the only function
    /// that does so.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the slug has been taken in the meantime.
    fn insert(
        &mut self,
        campaign: &NewCampaign,
        request: Option<&RequestKey>,
    ) -> Result<Campaign, StoreError>;

    /// Writes the columns of a [`CampaignChange`](crate::campaigns::CampaignChange), and
    /// `updated_at`; not the voter goals.
    fn update(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// Writes existing voter goals of a campaign.
    fn update_path_to_victory(&mut self, goals: &PathToVictory) -> Result<(), StoreError>;

    /// Creates a campaign's voter goals and returns them as stored.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it already has some.
    fn insert_path_to_victory(
        &mut self,
        campaign: CampaignId,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<PathToVictory, StoreError>;

    /// Writes only `is_active`, `data` and `updated_at`.
    fn update_progress(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// The campaign with this slug.
    fn find_by_slug(&mut self, slug: &str) -> Result<Option<Campaign>, StoreError>;

    /// The campaigns that match a filter, by id.
    fn list(&mut self, filter: &CampaignFilter) -> Result<Vec<ListedCampaign>, StoreError>;

    /// Writes the columns of [`CampaignScalars`](crate::campaigns::CampaignScalars), and
    /// `updated_at`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another campaign has the slug.
    fn update_scalars(&mut self, campaign: &Campaign) -> Result<(), StoreError>;

    /// Deletes a campaign with all its data; an office won with it stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] before phase 3, if an office was won with it.
    fn delete(&mut self, id: CampaignId) -> Result<(), StoreError>;
}
