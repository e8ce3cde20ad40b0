//! Staff operations on other users' campaigns (legacy contract §3.6).

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{
    Ports,
    base::{CampaignId, StoreError},
    campaigns::{
        Campaign, CampaignChange, CampaignScalars, NewCampaign, StartCampaignError, draft::Draft,
        start::free_slug,
    },
    database::{Feature, UnitOfWork},
    users::{NewUser, Role, account::is_taken_email},
};

/// A campaign that staff start for someone without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCampaignFor {
    /// Given name of the candidate.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Mobile number.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Postal code.
    pub zip: String,
    /// Party of the candidate.
    pub party: String,
    /// Party as text.
    pub other_party: Option<String>,
    /// E-mail address of the staff member.
    pub admin_email: String,
}

/// Why staff could not start a campaign.
#[derive(Debug, thiserror::Error)]
pub enum StartCampaignForError {
    /// A user already has the e-mail address, ignoring case.
    #[error("the e-mail address belongs to a user")]
    EmailTaken,
    /// The campaign could not be started.
    #[error(transparent)]
    Start(#[from] StartCampaignError),
}

impl From<StoreError> for StartCampaignForError {
    fn from(error: StoreError) -> Self {
        if is_taken_email(&error) { Self::EmailTaken } else { Self::Start(error.into()) }
    }
}

/// Creates a user and a launched campaign without an office.
///
/// # Errors
/// See [`StartCampaignForError`].
pub async fn start_for(
    ports: &Ports,
    command: StartCampaignFor,
) -> Result<Campaign, StartCampaignForError> {
    let now = ports.now();
    ports.database.transaction("campaign.start_for", move |uow| insert(uow, command, now)).await
}

fn insert(
    uow: &mut dyn UnitOfWork,
    command: StartCampaignFor,
    now: DateTime<Utc>,
) -> Result<Campaign, StartCampaignForError> {
    if !uow.users().claim_email(&command.email)?.is_empty() {
        return Err(StartCampaignForError::EmailTaken);
    }
    let user = uow.users().insert(&NewUser {
        first_name: command.first_name,
        last_name: command.last_name,
        email: command.email,
        phone: command.phone,
        zip: command.zip.clone(),
        roles: vec![Role::Candidate],
        created_at: now,
    })?;
    let slug = free_slug(uow, &user)?;
    let mut data = json!({
        "slug": slug,
        "currentStep": "onboarding-complete",
        "party": command.party,
        "createdBy": "admin",
        "adminUserEmail": command.admin_email,
    });
    if let (Some(members), Some(party)) = (data.as_object_mut(), command.other_party) {
        members.insert("otherParty".to_owned(), party.into());
    }
    let campaign = NewCampaign {
        user_id: user.id,
        slug,
        is_active: true,
        data,
        details: json!({"zip": command.zip, "knowRun": "yes", "pledged": true}),
        created_at: now,
    };
    Ok(uow.campaigns().insert(&campaign, None)?)
}

/// Changes a campaign's staff-only columns, and returns it as clients see it; `None` if there is
/// none. Verifying its identity also records the time.
///
/// # Errors
/// [`StoreError`].
pub async fn update_standing(
    ports: &Ports,
    id: CampaignId,
    scalars: CampaignScalars,
) -> Result<Option<Campaign>, StoreError> {
    let now = ports.now();
    ports
        .database
        .transaction("campaign.update_standing", move |uow| write_standing(uow, id, scalars, now))
        .await
}

fn write_standing(
    uow: &mut dyn UnitOfWork,
    id: CampaignId,
    mut scalars: CampaignScalars,
    now: DateTime<Utc>,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_for_update(id)? else { return Ok(None) };
    if let Some(is_verified) = scalars.is_verified {
        scalars.date_verified = Some(is_verified.filter(|verified| *verified).map(|_| now));
    }
    let mut draft = Draft::of(campaign);
    draft.apply(CampaignChange { scalars, ..CampaignChange::default() });
    draft.save(uow, None, now).map(Some)
}

/// Why a campaign was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteCampaignError {
    /// There is no campaign with the id.
    #[error("there is no such campaign")]
    NotFound,
    /// The old service cannot yet read an office without the campaign that it was won with.
    #[error("an office was won with the campaign")]
    HasOffice,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes a campaign with all its data. An office won with it stays, and keeps the campaign until
/// the old service no longer needs it.
///
/// # Errors
/// See [`DeleteCampaignError`].
pub async fn delete(ports: &Ports, id: CampaignId) -> Result<(), DeleteCampaignError> {
    ports.database.transaction("campaign.delete", move |uow| remove(uow, id)).await
}

fn remove(uow: &mut dyn UnitOfWork, id: CampaignId) -> Result<(), DeleteCampaignError> {
    let campaign = uow.campaigns().find_for_update(id)?.ok_or(DeleteCampaignError::NotFound)?;
    if !uow.offers(Feature::IndependentHoldings)
        && !uow.elected_offices().won_with(campaign.id)?.is_empty()
    {
        return Err(DeleteCampaignError::HasOffice);
    }
    uow.campaigns().delete(id).map_err(|error| match error {
        // The old service added one just now.
        StoreError::Conflict { .. } => DeleteCampaignError::HasOffice,
        error => error.into(),
    })
}
