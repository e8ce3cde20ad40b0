//! Webhook events from Clerk (design §7). A message may arrive late, twice, or before an earlier
//! one, so its contents are not stored: it only triggers a check, and the outbox then reads from
//! Clerk.

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    base::StoreError,
    clerk::{ClerkOrganizationId, ClerkUserId, DirectoryEntry, Profile},
    database::{Feature, UnitOfWork},
    organizations::OrganizationReference,
};

/// A Clerk event, as far as it is relevant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClerkEvent {
    /// An organization was created or changed.
    OrganizationSeen(DirectoryEntry),
    /// An organization was deleted, or lost a member.
    OrganizationTouched(ClerkOrganizationId),
    /// A user was deleted.
    UserDeleted(ClerkUserId),
    /// Not relevant.
    Other,
}

/// Why a message was not processed.
#[derive(Debug, thiserror::Error)]
pub enum ClerkEventError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Processes a message, once.
///
/// # Errors
/// See [`ClerkEventError`].
pub async fn take_event(
    ports: &Ports,
    message: String,
    event: ClerkEvent,
) -> Result<(), ClerkEventError> {
    let now = ports.now();
    ports.database.transaction("webhook.clerk", move |uow| take(uow, &message, &event, now)).await
}

fn take(
    uow: &mut dyn UnitOfWork,
    message: &str,
    event: &ClerkEvent,
    now: DateTime<Utc>,
) -> Result<(), ClerkEventError> {
    uow.require(Feature::Organizations)?;
    if uow.provisioning().switch()?.is_none() {
        return Err(StoreError::NotMigrated.into());
    }
    if !uow.provisioning().take_message(message)? {
        return Ok(());
    }
    match event {
        ClerkEvent::OrganizationSeen(entry) => look_at(uow, entry)?,
        ClerkEvent::OrganizationTouched(id) => {
            let reference = OrganizationReference::Clerk(id.clone());
            let touched = uow.organizations().find(&reference, None)?;
            if let Some(item) = touched {
                uow.provisioning().note(item.id, None)?;
            }
        }
        ClerkEvent::UserDeleted(id) => {
            uow.provisioning().remember_deleted_user(id)?;
            uow.users().unlink(id, now)?;
        }
        ClerkEvent::Other => {}
    }
    Ok(())
}

/// An organization that names ours but whose id is not stored was created by a call whose answer
/// was lost. One with unexpected metadata was changed by others.
fn look_at(uow: &mut dyn UnitOfWork, entry: &DirectoryEntry) -> Result<(), StoreError> {
    let stored_under = OrganizationReference::Clerk(entry.id.clone());
    let known = uow.organizations().find(&stored_under, None)?;
    if let Some(item) = known {
        let Some(link) = &item.link else { return Ok(()) };
        let profile = Profile {
            organization: item.id,
            source: uow.provisioning().source()?,
            kind: item.kind,
            position: link.position.id.ballot_ready().cloned(),
        };
        if !entry.shows(&profile) {
            uow.provisioning().note(item.id, None)?;
        }
        return Ok(());
    }
    let Some(organization) = entry.organization else { return Ok(()) };
    if !entry.is_of(organization, uow.provisioning().source()?) {
        return Ok(());
    }
    let reference = OrganizationReference::Ours(organization);
    let named = uow.organizations().find(&reference, None)?;
    match named {
        Some(item) if item.clerk_organization_id.is_none() => {
            uow.provisioning().note(item.id, Some(&entry.id))
        }
        // It was deleted, or another id is stored: `run clerk-organizations --sweep` finds it.
        _ => Ok(()),
    }
}
