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
    /// How fast, and how often to retry.
    pub limits: ProvisioningLimits,
    /// How long to go on while no request to Clerk succeeds.
    pub patience: Duration,
    /// Ends the command early.
    pub stop: Stop,
    /// What the program calls its commands.
    pub commands: &'static Commands,
}
