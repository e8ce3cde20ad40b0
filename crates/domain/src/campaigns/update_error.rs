//! Why a campaign is not changed.

use crate::base::StoreError;

/// A caller who is neither an admin nor a machine tried to enable statewide and federal data.
#[derive(Debug, thiserror::Error)]
#[error("only an admin or a machine may allow federal data")]
pub struct FederalDataForbidden;

/// Only an admin or a machine may enable statewide and federal data, on every route (legacy
/// contract §3.3); everyone who may change the holder may disable them.
pub(crate) fn require_federal_permission(
    wanted: Option<bool>,
    is_admin_or_machine: bool,
) -> Result<(), FederalDataForbidden> {
    if wanted == Some(true) && !is_admin_or_machine { Err(FederalDataForbidden) } else { Ok(()) }
}

/// Why a campaign was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateCampaignError {
    /// The author may not enable statewide and federal data.
    #[error(transparent)]
    FederalDataForbidden(#[from] FederalDataForbidden),
    /// The caller has no campaign.
    #[error("the caller has no campaign")]
    NoCampaign,
    /// There is no campaign with the key that staff or a machine gave.
    #[error("there is no such campaign")]
    Unknown,
    /// The caller may not access the voters of a whole state.
    #[error("a statewide district needs permission")]
    StatewideForbidden,
    /// election-api does not know the district in the state of the position.
    #[error("there is no such district in the state")]
    UnknownDistrict,
    /// The campaign changed during every lookup in election-api.
    #[error("the campaign keeps changing while election-api is asked about it")]
    AnswerOutdated,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UpdateCampaignError {
    pub(crate) const fn is_outdated(&self) -> bool {
        matches!(self, Self::AnswerOutdated)
    }
}
