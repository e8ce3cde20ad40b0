//! Onboarding progress of "my campaign", and its launch (legacy contract §5.1).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    Ports,
    base::{StoreError, unreadable::JsonColumn},
    campaigns::{Campaign, adopt::adopted},
    database::UnitOfWork,
    organizations::ActiveCampaign,
    positions::Facts,
};

/// A user's progress with a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignStatus {
    /// No campaign.
    None,
    /// The campaign is launched.
    Candidate {
        /// The campaign's.
        slug: String,
        /// Whether the candidate's identity is verified, according to our data or the CRM.
        is_verified: bool,
    },
    /// The campaign is not launched yet.
    Onboarding {
        /// The campaign's.
        slug: String,
        /// Its progress.
        step: OnboardingStep,
    },
}

/// The furthest step done before the launch. The steps are independent: a pledge is the last one
/// even if no party was named (legacy contract §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnboardingStep {
    /// Nothing yet: the first step is next.
    Nothing,
    /// An office was chosen.
    Office,
    /// A party was named, `party` or `otherParty`.
    Party,
    /// The pledge was taken.
    Pledge,
}

impl OnboardingStep {
    /// From 1 to 4, as clients count.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Nothing => 1,
            Self::Office => 2,
            Self::Party => 3,
            Self::Pledge => 4,
        }
    }
}

/// Returns the user's progress, and records the visit in `data.lastVisited`, in milliseconds
/// (legacy contract §2.2), also for launched campaigns.
///
/// # Errors
/// [`StoreError`].
pub async fn visit(ports: &Ports, active: ActiveCampaign) -> Result<CampaignStatus, StoreError> {
    let now = ports.now();
    ports.database.transaction("campaign.visit", move |uow| record_visit(uow, active, now)).await
}

fn record_visit(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
    now: DateTime<Utc>,
) -> Result<CampaignStatus, StoreError> {
    let Some(mut campaign) = uow.campaigns().find_active_for_update(active)? else {
        return Ok(CampaignStatus::None);
    };
    record_progress(&mut campaign, [("lastVisited", now.timestamp_millis().into())], now);
    uow.campaigns().update_progress(&campaign)?;
    if campaign.is_active {
        let is_verified = is_verified(&campaign);
        return Ok(CampaignStatus::Candidate { slug: campaign.slug, is_verified });
    }
    let has_office = campaign.link().position.is_chosen();
    let step = step(&campaign.details, has_office);
    Ok(CampaignStatus::Onboarding { slug: campaign.slug, step })
}

fn is_verified(campaign: &Campaign) -> bool {
    let by_crm = campaign.data.pointer("/hubSpotUpdates/verified_candidates");
    campaign.is_verified == Some(true)
        || by_crm.and_then(Value::as_str).is_some_and(|answer| answer.eq_ignore_ascii_case("yes"))
}

fn step(details: &Value, has_office: bool) -> OnboardingStep {
    let given = |key| details.get(key).is_some_and(is_given);
    if given("pledged") {
        OnboardingStep::Pledge
    } else if given("party") || given("otherParty") {
        OnboardingStep::Party
    } else if has_office {
        OnboardingStep::Office
    } else {
        OnboardingStep::Nothing
    }
}

/// What the old service considers answered: not null, false, zero or empty.
fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(given) => *given,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Why a campaign was not launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchCampaignError {
    /// The caller has no campaign.
    #[error("the caller has no campaign")]
    NoCampaign,
    /// No office was chosen yet.
    #[error("the campaign has no office")]
    NoOffice,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Launches the user's campaign. A campaign launched before, according to its flag or its progress
/// data, stays unchanged.
///
/// # Errors
/// See [`LaunchCampaignError`].
pub async fn launch(ports: &Ports, active: ActiveCampaign) -> Result<(), LaunchCampaignError> {
    let now = ports.now();
    ports.database.transaction("campaign.launch", move |uow| set_launched(uow, active, now)).await
}

fn set_launched(
    uow: &mut dyn UnitOfWork,
    active: ActiveCampaign,
    now: DateTime<Utc>,
) -> Result<(), LaunchCampaignError> {
    let found = uow.campaigns().find_active_for_update(active)?;
    let campaign = found.ok_or(LaunchCampaignError::NoCampaign)?;
    if campaign.is_active || campaign.data.get("launchStatus") == Some(&"launched".into()) {
        return Ok(());
    }
    let mut campaign = adopted(uow, campaign, &Facts::Unverified, now)?;
    if !campaign.link().position.is_chosen() {
        return Err(LaunchCampaignError::NoOffice);
    }
    campaign.is_active = true;
    let progress =
        [("launchStatus", "launched".into()), ("currentStep", "onboarding-complete".into())];
    record_progress(&mut campaign, progress, now);
    Ok(uow.campaigns().update_progress(&campaign)?)
}

/// Overwrites keys of the progress data. Data that is not an object is replaced, but unreadable
/// data is not: nobody meant to replace it.
fn record_progress<const N: usize>(
    campaign: &mut Campaign,
    progress: [(&str, Value); N],
    now: DateTime<Utc>,
) {
    campaign.updated_at = now;
    if campaign.unreadable.iter().any(|part| part.is_whole(JsonColumn::Data)) {
        return;
    }
    if !campaign.data.is_object() {
        campaign.data = Value::Object(Map::new());
    }
    if let Value::Object(data) = &mut campaign.data {
        data.extend(progress.map(|(key, value)| (key.to_owned(), value)));
    }
}
