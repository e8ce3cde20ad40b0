//! How commands call Clerk.

use std::{sync::Arc, time::Duration};

use winserve_domain::clerk::{OrganizationDirectory, ProvisioningLimits};

use super::commands::Commands;
use crate::Stop;

/// How commands call Clerk.
#[derive(Clone)]
pub struct ClerkAccess {
    /// Clerk.
    pub directory: Arc<dyn OrganizationDirectory>,
    /// Rate and retry limits.
    pub limits: ProvisioningLimits,
    /// How long to continue while no request to Clerk succeeds.
    pub patience: Duration,
    /// Ends the command early.
    pub stop: Stop,
    /// The program's names for its commands.
    pub commands: &'static Commands,
}
