//! Who changes a campaign, and which one.

use crate::{
    base::{CampaignId, PathToVictoryId, UserId},
    campaigns::{Campaign, adopt::from_latest_json, update_error::UpdateCampaignError},
    database::UnitOfWork,
    organizations::ActiveCampaign,
    users::Role,
};

/// The caller, as far as rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub id: UserId,
    /// The roles admin and sales may name other users' campaigns.
    pub is_staff: bool,
    /// Only the role admin may enable statewide and federal data.
    pub is_admin: bool,
}

impl Caller {
    /// A user with these roles, either their own or those of the actor behind them.
    #[must_use]
    pub fn new(id: UserId, roles: &[Role]) -> Self {
        let is_admin = roles.contains(&Role::Admin);
        Self { id, is_staff: is_admin || roles.contains(&Role::Sales), is_admin }
    }
}

/// Who changes a campaign, and which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A user, for their active campaign.
    User {
        /// The caller.
        caller: Caller,
        /// The campaign that the request is about, if the user has any.
        own: Option<ActiveCampaign>,
        /// Staff only: the requested campaign. Ignored for anyone else, as in the old API.
        slug: Option<String>,
    },
    /// A machine, any campaign.
    Machine(CampaignId),
    /// A machine, for the campaign with these voter goals.
    MachineOfGoals(PathToVictoryId),
}

impl Author {
    /// Whether the author manages other users' campaigns.
    pub(crate) const fn is_staff_or_machine(&self) -> bool {
        match self {
            Self::User { caller, .. } => caller.is_staff,
            Self::Machine(_) | Self::MachineOfGoals(_) => true,
        }
    }

    pub(crate) const fn is_admin_or_machine(&self) -> bool {
        match self {
            Self::User { caller, .. } => caller.is_admin,
            Self::Machine(_) | Self::MachineOfGoals(_) => true,
        }
    }

    /// The requested campaign, locked.
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

    /// The requested campaign, in the state from which a write begins.
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
        Ok(from_latest_json(uow, found)?)
    }
}
