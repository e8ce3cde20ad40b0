//! Campaigns of anybody, for admins (legacy contract §5.1).

use super::my_campaign::shown_with_organization;
use crate::{
    campaign::Campaign,
    unit_of_work::{StoreError, UnitOfWork},
};

/// The campaign with this slug as clients see it; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn read_campaign_by_slug(
    uow: &mut dyn UnitOfWork,
    slug: &str,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_by_slug(slug)? else { return Ok(None) };
    shown_with_organization(uow, campaign).map(Some)
}
