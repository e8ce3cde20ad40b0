//! How commands call Clerk.

use std::{sync::Arc, time::Duration};

use winserve_clerk::{ClerkClient, ClerkOptions, ClientError, PATIENT_TIMEOUT};
use winserve_domain::clerk::{OrganizationDirectory, ProvisioningLimits};
use winserve_settings::{ConfiguredClerk, Settings, SettingsError};

use super::Commands;
use crate::{Exit, Failure, Stop};

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

/// Why there is no access to Clerk.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Clerk is not configured.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Failure for AccessError {
    fn exit(&self) -> Exit {
        match self {
            Self::Settings(error) => error.exit(),
            Self::Client(_) => Exit::Unexpected,
        }
    }
}

impl ClerkAccess {
    /// Access to the Clerk instance of the settings.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn configured(
        settings: &Settings,
        patience: Duration,
        stop: &Stop,
        commands: &'static Commands,
    ) -> Result<Self, AccessError> {
        let ConfiguredClerk { secret_key, issuer, section } =
            settings.clerk()?.ok_or(SettingsError::Missing {
                key: "clerk.secret_key",
                variable: "WINSERVE__CLERK__SECRET_KEY",
            })?;
        let options = ClerkOptions {
            timeout: PATIENT_TIMEOUT,
            ..ClerkOptions::new(&section.api_url, secret_key.clone(), issuer)
        };
        Ok(Self {
            directory: Arc::new(ClerkClient::new(&options)?),
            limits: section.provisioning.limits(),
            patience,
            stop: stop.clone(),
            commands,
        })
    }
}
