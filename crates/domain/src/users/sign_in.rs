//! Who a Clerk session belongs to (design §6).

use chrono::{DateTime, Utc};

use crate::{
    base::{StoreError, UserId},
    clerk::{ClerkUserId, Person},
    database::UnitOfWork,
    migration::Phase,
    organizations::Holding,
    users::{Account, FoundUser, SignInStanding, User, UserReference},
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
fn find_user(
    uow: &mut dyn UnitOfWork,
    reference: &UserReference,
) -> Result<Option<KnownUser>, StoreError> {
    let phase = uow.phase();
    let found = uow.users().find_with_holdings(reference)?;
    Ok(found.map(|FoundUser { user, holdings, .. }| KnownUser { user, holdings, phase }))
}

/// A session token of the old service that is well signed and has not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegacySession {
    /// Whose it is.
    pub user: UserId,
    /// When the token was issued, if it says so.
    pub issued_at: Option<DateTime<Utc>>,
}

/// Why a session token of the old service does not count.
#[derive(Debug, thiserror::Error)]
pub enum LegacySessionError {
    /// The user is gone.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The account was linked with a user of Clerk since the token was issued: whoever held the
    /// account before has to sign in again.
    #[error("the session ended when the account was linked")]
    Ended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The user of a session token of the old service.
///
/// # Errors
/// See [`LegacySessionError`].
pub fn find_legacy_user(
    uow: &mut dyn UnitOfWork,
    session: LegacySession,
) -> Result<KnownUser, LegacySessionError> {
    let LegacySession { user: id, issued_at } = session;
    let phase = uow.phase();
    let found = uow.users().find_with_holdings(&UserReference::Ours(id))?;
    let found = found.ok_or(LegacySessionError::NoUser(id))?;
    let FoundUser { user, holdings, legacy_tokens_after } = found;
    // Tokens tell whole seconds: one of the very second of the link counts as an earlier one.
    let is_earlier = |after: DateTime<Utc>| issued_at.is_none_or(|issued| issued <= after);
    if legacy_tokens_after.is_some_and(is_earlier) {
        return Err(LegacySessionError::Ended);
    }
    Ok(KnownUser { user, holdings, phase })
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
    /// The account with the e-mail address belongs to another user of Clerk.
    #[error("the account belongs to somebody else")]
    Taken,
    /// Several accounts have the e-mail address in different cases, and nobody can tell which one is
    /// meant.
    #[error("several accounts have the e-mail address: {0:?}")]
    SeveralAccounts(Vec<UserId>),
    /// The account has taken the e-mail address without proving it.
    #[error("user {0} has changed to the e-mail address without proving it")]
    EmailUnproven(UserId),
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

/// The first login of somebody: links the account with their verified e-mail address, in whatever
/// case, or creates one. Linked is the only account that has the address, and only if it was made with
/// it: whoever holds another account could have changed that one's address to a stranger's. An account
/// that is linked is never bound to another user of Clerk, and none to a user whom Clerk has deleted.
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
    uow.users().claim_email(email)?;
    loop {
        if let Some(user) = uow.users().find_by_clerk_id(&person.id)? {
            return Ok(user);
        }
        let accounts = uow.users().accounts_of_for_update(email)?;
        if !accounts.is_empty() {
            return link(uow, person, &accounts, now);
        }
        // The old service may have been faster: then there is an account now.
        if let Some(user) = uow.users().insert_person(person, email, now)? {
            return Ok(user);
        }
    }
}

fn link(
    uow: &mut dyn UnitOfWork,
    person: &Person,
    accounts: &[Account],
    now: DateTime<Utc>,
) -> Result<User, SignInError> {
    let [account] = accounts else {
        let ids = accounts.iter().map(|account| account.user.id).collect();
        return Err(SignInError::SeveralAccounts(ids));
    };
    let user = account.user.clone();
    match account.standing() {
        SignInStanding::Ready => {
            uow.users().link(user.id, &person.id, now)?;
            Ok(user)
        }
        // Somebody was faster.
        SignInStanding::Linked if account.clerk_id.as_ref() == Some(&person.id) => Ok(user),
        SignInStanding::Linked => Err(SignInError::Taken),
        SignInStanding::EmailUnproven => Err(SignInError::EmailUnproven(user.id)),
    }
}
