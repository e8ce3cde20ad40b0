//! The client of election-api.

use std::sync::Arc;

use winserve_clerk::{MachineSecret, MachineTokenOptions, MachineTokens};
use winserve_domain::{base::SystemClock, positions::ElectionService};
use winserve_settings::{MachineKey, Settings};
use winserve_upstreams::{ElectionApi, ElectionApiOptions, TokenSource};

use crate::failure::CommandError;

/// The election-api client, with tokens of our machine if its key is configured.
pub(crate) fn election_api(
    settings: &Settings,
) -> Result<Option<Arc<dyn ElectionService>>, CommandError> {
    let Some(configured) = settings.election_api()? else { return Ok(None) };
    let surface = configured.surface;
    for what in surface.cannot_answer() {
        tracing::warn!(?surface, "election-api cannot be asked for {what}");
    }
    let tokens = machine_tokens(configured.machine_key, &settings.clerk.api_url)?;
    let options = ElectionApiOptions { surface, tokens, ..ElectionApiOptions::default() };
    let api = ElectionApi::with_options(configured.url, Arc::new(SystemClock), options)?;
    Ok(Some(Arc::new(api)))
}

fn machine_tokens(
    key: Option<MachineKey<'_>>,
    clerk: &str,
) -> Result<Option<Arc<dyn TokenSource>>, CommandError> {
    let secret = match key {
        None => return Ok(None),
        Some(MachineKey::Value(secret)) => MachineSecret::Value(secret.clone()),
        Some(MachineKey::File(file)) => MachineSecret::File(file.to_owned()),
    };
    let options = MachineTokenOptions::new(clerk, secret);
    Ok(Some(Arc::new(MachineTokens::new(options, Arc::new(SystemClock))?)))
}
