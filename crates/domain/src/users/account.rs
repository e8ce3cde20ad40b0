//! Changes to a user's own row.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    Ports,
    base::{ErrorChain, StoreError, UserId, json_merge},
    clerk::ClerkUserId,
    database::UnitOfWork,
    users::{User, UserChange},
};

/// Name of the unique constraint on e-mail addresses, which is case-sensitive (legacy contract §1).
const EMAIL_CONSTRAINT: &str = "user_email_key";

/// Whether a write failed because another user has the e-mail address: the old service may have
/// been faster.
pub(crate) fn is_taken_email(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { constraint, .. } if constraint == EMAIL_CONSTRAINT)
}

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateUserError {
    /// The user was deleted.
    #[error("there is no user {0}")]
    NotFound(UserId),
    /// Another user has the e-mail address, ignoring case.
    #[error("the e-mail address belongs to another user")]
    EmailTaken,
    /// The user signs in with Clerk, which manages and verifies the e-mail address.
    #[error("the e-mail address must be changed in Clerk")]
    EmailOfClerk,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies a change to a user's own row and returns the updated row.
///
/// # Errors
/// See [`UpdateUserError`].
pub async fn update(
    ports: &Ports,
    id: UserId,
    change: UserChange,
) -> Result<User, UpdateUserError> {
    let now = ports.now();
    ports.database.transaction("user.update", move |uow| write(uow, id, change, now)).await
}

fn write(
    uow: &mut dyn UnitOfWork,
    id: UserId,
    change: UserChange,
    now: DateTime<Utc>,
) -> Result<User, UpdateUserError> {
    let holders = match &change.email {
        Some(email) => uow.users().claim_email(email)?,
        None => Vec::new(),
    };
    let user = uow.users().find_for_update(id)?.ok_or(UpdateUserError::NotFound(id))?;
    if change == UserChange::default() {
        return Ok(user);
    }
    let is_another = change.email.as_ref().is_some_and(|email| *email != user.email);
    if is_another && uow.users().clerk_id(id)?.is_some() {
        return Err(UpdateUserError::EmailOfClerk);
    }
    if is_another && holders.iter().any(|holder| *holder != id) {
        return Err(UpdateUserError::EmailTaken);
    }
    let user = apply(user, change);
    match uow.users().update(&user, now) {
        Err(error) if is_taken_email(&error) => Err(UpdateUserError::EmailTaken),
        outcome => Ok(outcome.map(|()| user)?),
    }
}

fn apply(mut user: User, change: UserChange) -> User {
    user.first_name = change.first_name.or(user.first_name);
    user.last_name = change.last_name.or(user.last_name);
    user.name = change.name.unwrap_or(user.name);
    user.email = change.email.unwrap_or(user.email);
    user.phone = change.phone.unwrap_or(user.phone);
    user.zip = change.zip.unwrap_or(user.zip);
    if !change.meta_data.is_empty() {
        let meta_data = user.meta_data.get_or_insert_with(|| Value::Object(Map::new()));
        json_merge::merge_replacing(meta_data, change.meta_data, &[]);
    }
    user
}

/// Deletes a user with all their data, here and in Clerk; otherwise their next request would sign
/// them up again.
///
/// # Errors
/// [`StoreError`]. A failed deletion in Clerk is only logged.
pub async fn delete(ports: &Ports, id: UserId) -> Result<(), StoreError> {
    let clerk_id = ports.database.transaction("user.delete", move |uow| remove(uow, id)).await?;
    if let Some(clerk_id) = clerk_id
        && let Err(error) = ports.identity.delete_person(&clerk_id).await
    {
        tracing::error!(%clerk_id, error = %ErrorChain(&error), "a deleted user is still known to Clerk");
    }
    Ok(())
}

/// Deletes a user; returns their Clerk id.
fn remove(uow: &mut dyn UnitOfWork, id: UserId) -> Result<Option<ClerkUserId>, StoreError> {
    // Locked, so that nothing is created for a user who is about to be deleted.
    uow.users().find_for_update(id)?;
    let clerk_id = uow.users().clerk_id(id)?;
    uow.users().delete(id)?;
    Ok(clerk_id)
}
