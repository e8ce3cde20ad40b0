//! Who a Clerk session belongs to (design §6).

use chrono::{DateTime, Utc};

use crate::{
    active_organization::Holding,
    identity::{ClerkUserId, Person},
    phase::Phase,
    unit_of_work::{StoreError, UnitOfWork, UserReference},
    user::User,
};

/// A user with all that they hold, as the phase sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownUser {
    /// The user.
    pub user: User,
    /// Their campaigns and elected offices.
    pub holdings: Vec<Holding>,
    /// The phase in which they were read.
    pub phase: Phase,
}

/// The user with this id; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn find_user(
    uow: &mut dyn UnitOfWork,
    reference: &UserReference,
) -> Result<Option<KnownUser>, StoreError> {
    let phase = uow.phase();
    let found = uow.users().find_with_holdings(reference)?;
    Ok(found.map(|(user, holdings)| KnownUser { user, holdings, phase }))
}

/// The users behind a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// Whose session it is; `None` before the first login.
    pub user: Option<KnownUser>,
    /// Who acts for them: known, or not.
    pub actor: Option<User>,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The tables do not exist yet, or are not written to.
    #[error("the database is not migrated")]
    NotMigrated,
    /// Clerk has verified no e-mail address of the user, so nobody knows who it is.
    #[error("the user has no verified e-mail address")]
    NoVerifiedEmail,
    /// Clerk has deleted the user; their session counts for a moment still.
    #[error("Clerk has deleted the user")]
    Deleted,
    /// The account with the e-mail address belongs to another user of Clerk, or several accounts
    /// have it in different spellings.
    #[error("the account belongs to somebody else")]
    Taken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The users behind a session, as far as they are known.
///
/// # Errors
/// [`SignInError::NotMigrated`], [`SignInError::Store`].
pub fn find_signed_in(
    uow: &mut dyn UnitOfWork,
    user: &ClerkUserId,
    actor: Option<&ClerkUserId>,
) -> Result<SignedIn, SignInError> {
    if !uow.phase().has_tables() {
        return Err(SignInError::NotMigrated);
    }
    let user = find_user(uow, &UserReference::Clerk(user.clone()))?;
    let actor = match actor {
        Some(actor) => uow.users().find_by_clerk_id(actor)?,
        None => None,
    };
    Ok(SignedIn { user, actor })
}

/// The first login of somebody: links the account with their verified e-mail address, or creates
/// one. An account that is linked is never bound to another user of Clerk, and none to a user whom Clerk
/// has deleted.
///
/// # Errors
/// See [`SignInError`].
pub fn sign_in_first(
    uow: &mut dyn UnitOfWork,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<KnownUser, SignInError> {
    let user = first_account(uow, person, now)?;
    // A linked account may hold campaigns of before.
    let known = find_user(uow, &UserReference::Ours(user.id))?;
    Ok(known.unwrap_or(KnownUser { user, holdings: Vec::new(), phase: uow.phase() }))
}

fn first_account(
    uow: &mut dyn UnitOfWork,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<User, SignInError> {
    if !uow.phase().has_tables() {
        return Err(SignInError::NotMigrated);
    }
    let mut provisioning = uow.provisioning();
    if provisioning.switch()?.is_some() && provisioning.is_deleted_user(&person.id)? {
        return Err(SignInError::Deleted);
    }
    drop(provisioning);
    let email = person.verified_email.as_deref().ok_or(SignInError::NoVerifiedEmail)?;
    loop {
        if let Some(user) = uow.users().find_by_clerk_id(&person.id)? {
            return Ok(user);
        }
        let accounts = uow.users().find_by_email_for_update(email)?;
        if !accounts.is_empty() {
            return link(uow, person, email, accounts, now);
        }
        // Somebody may have been faster: then there is an account now.
        if let Some(user) = uow.users().insert_person(person, email, now)? {
            return Ok(user);
        }
    }
}

fn link(
    uow: &mut dyn UnitOfWork,
    person: &Person,
    email: &str,
    accounts: Vec<(User, Option<ClerkUserId>)>,
    now: DateTime<Utc>,
) -> Result<User, SignInError> {
    let is_ambiguous = accounts.len() > 1;
    let Some((user, linked)) = accounts.into_iter().next() else {
        return Err(SignInError::Taken);
    };
    if is_ambiguous && user.email != email {
        return Err(SignInError::Taken);
    }
    match linked {
        None => {
            uow.users().link(user.id, &person.id, now)?;
            Ok(user)
        }
        // Somebody was faster.
        Some(id) if id == person.id => Ok(user),
        Some(_) => Err(SignInError::Taken),
    }
}
