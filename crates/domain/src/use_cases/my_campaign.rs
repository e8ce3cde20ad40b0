//! Reading and changing "my campaign" (legacy contract §3.3).

use chrono::{DateTime, Utc};

use super::{
    district::{AskedDistrict, DistrictQuestion, admit},
    draft::{Draft, shown},
};
use crate::{
    campaign::{Campaign, CampaignChange},
    id::UserId,
    legacy_view,
    position::{BallotReadyId, Facts, PositionLink},
    unit_of_work::{StoreError, UnitOfWork},
    user::{Role, User},
};

/// Who asks, as far as rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub id: UserId,
    /// Roles admin and sales may name campaigns of others.
    pub is_staff: bool,
    /// Only the role admin may open statewide and federal data.
    pub is_admin: bool,
}

impl From<&User> for Caller {
    fn from(user: &User) -> Self {
        Self { id: user.id, is_staff: user.is_staff(), is_admin: user.has_role(Role::Admin) }
    }
}

/// The newest campaign of a user as clients see it; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn read_my_campaign(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_newest_of(owner)? else { return Ok(None) };
    shown(uow, campaign).map(Some)
}

/// Why a campaign was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateCampaignError {
    /// Only an admin may open statewide and federal data.
    #[error("only an admin may allow federal data")]
    FederalDataForbidden,
    /// The caller has no campaign.
    #[error("the caller has no campaign")]
    NoCampaign,
    /// No campaign has the slug that staff named.
    #[error("no campaign has the slug")]
    UnknownSlug,
    /// The caller may not reach the voters of a whole state.
    #[error("a statewide district needs permission")]
    StatewideForbidden,
    /// election-api does not know the district in the state of the position.
    #[error("there is no such district in the state")]
    UnknownDistrict,
    /// The campaign has changed since election-api was asked: ask again.
    #[error("the question to election-api is out of date")]
    AnswerOutdated,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A wanted change of one's own campaign or, by staff, of the one with the slug.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateCampaign {
    /// Who asks.
    pub caller: Caller,
    /// Staff: the campaign meant. Of anybody else it is ignored, as it always was.
    pub slug: Option<String>,
    /// What to change.
    pub change: CampaignChange,
    /// What is known of the position that the change picks, or that the campaign has.
    pub facts: Facts,
    /// What is known of the district that the change names.
    pub asked: Option<AskedDistrict>,
}

/// What election-api has to be asked before a change: about the office that the campaign has, and
/// about a district that the change names. Not about the district that the campaign has, nor when
/// the change picks another office, whose district counts then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateQuestions {
    /// The office.
    pub position: Option<BallotReadyId>,
    /// The district.
    pub district: Option<DistrictQuestion>,
}

/// What election-api has to be asked before a change that names a district, or rewords the office.
///
/// # Errors
/// [`UpdateCampaignError`], but for those of the district.
pub fn ask_before_update(
    uow: &mut dyn UnitOfWork,
    caller: Caller,
    slug: Option<&str>,
    change: CampaignChange,
) -> Result<UpdateQuestions, UpdateCampaignError> {
    let mut draft = Draft::of(find_target(uow, caller, slug)?);
    let before = draft.link();
    draft.apply(change);
    let after = draft.link();
    let position = after.position.id.ballot_ready().cloned();
    let names_another = after.position.id == before.position.id
        && after.district_override != before.district_override;
    let district = match after.district_override.filter(|_| names_another) {
        Some(own) => {
            Some(DistrictQuestion::of(uow, &draft.campaign, &after.position, own.district)?)
        }
        None => None,
    };
    Ok(UpdateQuestions { position, district })
}

/// Changes a campaign and returns it as clients see it then.
///
/// Another office takes the new office's district and race in place of the former, and drops the
/// holder's own district (design §3, "changing the office"); rewording a typed-in office does not,
/// and an unrelated change touches neither position nor district.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn update_campaign(
    uow: &mut dyn UnitOfWork,
    command: UpdateCampaign,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    let UpdateCampaign { caller, slug, change, facts, asked } = command;
    if change.can_download_federal == Some(true) && !caller.is_admin {
        return Err(UpdateCampaignError::FederalDataForbidden);
    }
    let mut draft = Draft::of(lock_target(uow, caller, slug.as_deref())?);
    let before = draft.link();
    let details_patch = change.details.clone().unwrap_or_default();
    draft.apply(change);
    let after = draft.link();
    let is_verified = facts.of(&after.position.id).is_some();
    let link = if after.position.id != before.position.id {
        let position = uow.position_links().settle(after.position, &facts, now)?;
        let link = PositionLink::new(position, None, false);
        draft.store_district(&link);
        legacy_view::drop_former_race(&mut draft.campaign.details, &details_patch);
        Some(link)
    } else if after != before || is_verified {
        // An answer of election-api counts for the office that the holder had already, too: the
        // first pick may have gone without.
        let position = uow.position_links().settle(after.position, &facts, now)?;
        let own = match after.district_override {
            Some(own) if Some(&own) != before.district_override.as_ref() => {
                Some(admit(caller, &draft.campaign, &position, own, asked.as_ref())?)
            }
            unchanged => unchanged,
        };
        let has_own = own.is_some();
        let link = PositionLink::new(position, own, after.district_manually_set);
        if is_verified && !has_own {
            draft.store_district(&link);
        }
        Some(link)
    } else {
        None
    };
    Ok(draft.save(uow, link.as_ref(), now)?)
}

/// The campaign meant, locked.
pub(super) fn lock_target(
    uow: &mut dyn UnitOfWork,
    caller: Caller,
    slug: Option<&str>,
) -> Result<Campaign, UpdateCampaignError> {
    match slug {
        Some(slug) if caller.is_staff => {
            uow.campaigns().find_by_slug_for_update(slug)?.ok_or(UpdateCampaignError::UnknownSlug)
        }
        _ => uow
            .campaigns()
            .find_newest_of_for_update(caller.id)?
            .ok_or(UpdateCampaignError::NoCampaign),
    }
}

/// The campaign meant.
pub(super) fn find_target(
    uow: &mut dyn UnitOfWork,
    caller: Caller,
    slug: Option<&str>,
) -> Result<Campaign, UpdateCampaignError> {
    match slug {
        Some(slug) if caller.is_staff => {
            uow.campaigns().find_by_slug(slug)?.ok_or(UpdateCampaignError::UnknownSlug)
        }
        _ => uow.campaigns().find_newest_of(caller.id)?.ok_or(UpdateCampaignError::NoCampaign),
    }
}
