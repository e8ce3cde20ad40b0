//! Reading and changing "my campaign" (legacy contract §3.3).

use chrono::{DateTime, Utc};

use crate::campaigns::{
    AskedDistrict, DistrictQuestion,
    adopt::as_told,
    draft::{Draft, shown},
    set_district::{admit, reach, said_state},
};
use crate::{
    base::{CampaignId, PathToVictoryId, StoreError, UserId},
    campaigns::{Campaign, CampaignChange, campaign_json},
    database::UnitOfWork,
    organizations::ActiveCampaign,
    positions::{BallotReadyId, Facts, PositionLink},
    users::Role,
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

impl Caller {
    /// A user with these roles, their own or those of whoever acts for them.
    #[must_use]
    pub fn new(id: UserId, roles: &[Role]) -> Self {
        let is_admin = roles.contains(&Role::Admin);
        Self { id, is_staff: is_admin || roles.contains(&Role::Sales), is_admin }
    }
}

/// Who changes a campaign, and which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A user, their active campaign.
    User {
        /// Who asks.
        caller: Caller,
        /// Their campaign that the request is about, if they have any.
        own: Option<ActiveCampaign>,
        /// Staff: the campaign meant. Of anybody else it is ignored, as it always was.
        slug: Option<String>,
    },
    /// A machine, any campaign.
    Machine(CampaignId),
    /// A machine, the campaign that has these voter goals.
    MachineOfGoals(PathToVictoryId),
}

impl Author {
    /// Whether the author looks after campaigns of others.
    pub(crate) const fn is_staff_or_machine(&self) -> bool {
        match self {
            Self::User { caller, .. } => caller.is_staff,
            Self::Machine(_) | Self::MachineOfGoals(_) => true,
        }
    }

    const fn is_admin_or_machine(&self) -> bool {
        match self {
            Self::User { caller, .. } => caller.is_admin,
            Self::Machine(_) | Self::MachineOfGoals(_) => true,
        }
    }

    /// The campaign meant, locked.
    pub(crate) fn lock(&self, uow: &mut dyn UnitOfWork) -> Result<Campaign, UpdateCampaignError> {
        match self {
            Self::User { caller, slug: Some(slug), .. } if caller.is_staff => {
                let found = uow.campaigns().find_by_slug_for_update(slug)?;
                found.ok_or(UpdateCampaignError::Unknown)
            }
            Self::User { own, .. } => {
                let own = own.ok_or(UpdateCampaignError::NoCampaign)?;
                let found = uow.campaigns().find_active_for_update(own)?;
                found.ok_or(UpdateCampaignError::NoCampaign)
            }
            Self::Machine(id) => {
                uow.campaigns().find_for_update(*id)?.ok_or(UpdateCampaignError::Unknown)
            }
            Self::MachineOfGoals(goals) => {
                let found = uow.campaigns().find_of_goals_for_update(*goals)?;
                found.ok_or(UpdateCampaignError::Unknown)
            }
        }
    }

    /// The campaign meant, as a write will begin with it.
    pub(crate) fn find(&self, uow: &mut dyn UnitOfWork) -> Result<Campaign, UpdateCampaignError> {
        let found = match self {
            Self::User { caller, slug: Some(slug), .. } if caller.is_staff => {
                uow.campaigns().find_by_slug(slug)?.ok_or(UpdateCampaignError::Unknown)?
            }
            Self::User { own, .. } => {
                let own = own.ok_or(UpdateCampaignError::NoCampaign)?;
                uow.campaigns().find_active(own)?.ok_or(UpdateCampaignError::NoCampaign)?
            }
            Self::Machine(id) => uow.campaigns().find(*id)?.ok_or(UpdateCampaignError::Unknown)?,
            Self::MachineOfGoals(goals) => {
                uow.campaigns().find_of_goals(*goals)?.ok_or(UpdateCampaignError::Unknown)?
            }
        };
        Ok(as_told(uow, found)?)
    }
}

/// The campaign that a request is about as clients see it; `None` once it is gone.
///
/// # Errors
/// [`StoreError`].
pub fn read_my_campaign(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_active(active)? else { return Ok(None) };
    Ok(Some(shown(campaign)))
}

/// Somebody who is neither an admin nor a machine wanted to open statewide and federal data.
#[derive(Debug, thiserror::Error)]
#[error("only an admin or a machine may allow federal data")]
pub struct FederalDataForbidden;

/// Statewide and federal data are opened by an admin or a machine, whatever the route (legacy contract
/// §3.3); whoever may change their holder may close them.
pub(crate) fn require_federal_permission(
    wanted: Option<bool>,
    is_admin_or_machine: bool,
) -> Result<(), FederalDataForbidden> {
    if wanted == Some(true) && !is_admin_or_machine { Err(FederalDataForbidden) } else { Ok(()) }
}

/// Why a campaign was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateCampaignError {
    /// The author may not open statewide and federal data.
    #[error(transparent)]
    FederalDataForbidden(#[from] FederalDataForbidden),
    /// The caller has no campaign.
    #[error("the caller has no campaign")]
    NoCampaign,
    /// There is no campaign as staff or a machine named it.
    #[error("there is no such campaign")]
    Unknown,
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

/// A wanted change of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateCampaign {
    /// Who wants it, of which campaign.
    pub author: Author,
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
    author: &Author,
    change: CampaignChange,
) -> Result<UpdateQuestions, UpdateCampaignError> {
    let mut draft = Draft::of(author.find(uow)?);
    let before = draft.link();
    draft.apply(change);
    let after = draft.link();
    let position = after.position.id.ballot_ready().cloned();
    let names_another =
        after.position.id == before.position.id && after.own_district() != before.own_district();
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
/// unless it moves to another state, where the author may not set the district. The same happens when
/// election-api states for the first time that the office is in another state than somebody said. An
/// unrelated change touches neither position nor district.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn update_campaign(
    uow: &mut dyn UnitOfWork,
    command: UpdateCampaign,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    let UpdateCampaign { author, change, facts, asked } = command;
    require_federal_permission(change.can_download_federal, author.is_admin_or_machine())?;
    let mut draft = Draft::of(author.lock(uow)?);
    let before = draft.link();
    let details_patch = change.details.clone().unwrap_or_default();
    draft.apply(change);
    let after = draft.link();
    let is_verified = facts.of(&after.position.id).is_some();
    let link = if after.position.id != before.position.id {
        let position = uow.position_links().settle(after.position, &facts, now)?;
        let link = PositionLink::new(position, None, false);
        draft.store_district(&link);
        campaign_json::drop_former_race(&mut draft.campaign.details, &details_patch);
        Some(link)
    } else if after != before || is_verified {
        // An answer of election-api counts for the office that the holder had already, too: the
        // first pick may have gone without.
        let said = said_state(uow, &before.position, &facts)?;
        let position = uow.position_links().settle(after.position, &facts, now)?;
        let has_override = after.district_override.is_some();
        let own = match after.district_override {
            Some(own) if Some(&own.district) != before.own_district() => {
                Some(admit(&author, &draft.campaign, &position, own, asked.as_ref())?)
            }
            Some(own) if position.has_left(said.as_deref()) => {
                reach(&author, &draft.campaign).allows(&own.district, true).then_some(own)
            }
            unchanged => unchanged,
        };
        let is_dropped = own.is_none() && has_override;
        let has_own = own.is_some();
        let is_manual = after.district_manually_set && !is_dropped;
        let link = PositionLink::new(position, own, is_manual);
        if is_dropped || (is_verified && !has_own) {
            draft.store_district(&link);
        }
        Some(link)
    } else {
        None
    };
    Ok(draft.save(uow, link.as_ref(), now)?)
}
