//! Who changes a campaign, and which one.

use crate::{
    base::{CampaignId, PathToVictoryId, UserId},
    campaigns::{Campaign, adopt::as_told, update_error::UpdateCampaignError},
    database::UnitOfWork,
    organizations::ActiveCampaign,
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

    pub(crate) const fn is_admin_or_machine(&self) -> bool {
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
