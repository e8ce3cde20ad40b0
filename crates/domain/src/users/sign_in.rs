//! Resolves the user of a session (design §6).

use chrono::{DateTime, Utc};

use crate::{
    Ports,
    base::{StoreError, UserId},
    clerk::{
        ClerkOrganizationId, ClerkUserId, IdentityUnavailable, Person, Session, SessionRefused,
    },
    database::{Feature, UnitOfWork},
    organizations::{Holding, NamingRule},
    users::{Account, FoundUser, Role, SignInStanding, User, UserReference},
};

/// A signed-in user, with everything they hold.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The effective roles: the user's, or those of the impersonating user.
    pub roles: Vec<Role>,
    /// The impersonating user, if known to us.
    pub actor: Option<Actor>,
    /// The active organization of the session.
    pub claim: Option<ClerkOrganizationId>,
    /// The user's campaigns and elected offices.
    pub holdings: Vec<Holding>,
    /// How requests of the session refer to one of them.
    pub naming: &'static dyn NamingRule,
}

/// A user who acts for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Key.
    pub id: UserId,
    /// E-mail address.
    pub email: String,
}

impl SignedIn {
    /// The actual author of the session's actions, for audit trails.
    #[must_use]
    pub fn trail_label(&self) -> String {
        format!("user:{}", self.actor.as_ref().map_or(self.user.id, |actor| actor.id))
    }
}

/// A user with everything they hold, as the composition sees it.
struct KnownUser {
    user: User,
    holdings: Vec<Holding>,
    naming: &'static dyn NamingRule,
}

fn find_user(
    uow: &mut dyn UnitOfWork,
    reference: &UserReference,
) -> Result<Option<KnownUser>, StoreError> {
    let naming = uow.naming();
    let found = uow.users().find_with_holdings(reference)?;
    Ok(found.map(|FoundUser { user, holdings, .. }| KnownUser { user, holdings, naming }))
}

/// A correctly signed, unexpired session token of the old service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegacySession {
    /// Its user.
    pub user: UserId,
    /// When the token was issued, if known.
    pub issued_at: Option<DateTime<Utc>>,
}

/// Why a session token of the old service is invalid.
#[derive(Debug, thiserror::Error)]
pub enum LegacySessionError {
    /// The user was deleted.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The account was linked with a Clerk user after the token was issued: whoever used the
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
pub async fn resume_legacy(
    ports: &Ports,
    session: LegacySession,
) -> Result<SignedIn, LegacySessionError> {
    ports.database.read("user.find", move |uow| find_legacy(uow, session)).await
}

fn find_legacy(
    uow: &mut dyn UnitOfWork,
    session: LegacySession,
) -> Result<SignedIn, LegacySessionError> {
    let LegacySession { user: id, issued_at } = session;
    let naming = uow.naming();
    let found = uow.users().find_with_holdings(&UserReference::Ours(id))?;
    let found = found.ok_or(LegacySessionError::NoUser(id))?;
    let FoundUser { user, holdings, legacy_tokens_after } = found;
    // Tokens have whole seconds: one from the same second as the link is treated as earlier.
    let is_earlier = |after: DateTime<Utc>| issued_at.is_none_or(|issued| issued <= after);
    if legacy_tokens_after.is_some_and(is_earlier) {
        return Err(LegacySessionError::Ended);
    }
    let roles = user.roles.clone();
    Ok(SignedIn { user, roles, actor: None, claim: None, holdings, naming })
}

/// Why the caller is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Clerk has verified no e-mail address of the user, so the account is unknown.
    #[error("the user has no verified e-mail address")]
    NoVerifiedEmail,
    /// Clerk has deleted the user, whose session is valid for a moment longer.
    #[error("Clerk has deleted the user")]
    Deleted,
    /// The account with the e-mail address belongs to another Clerk user.
    #[error("the account belongs to another user")]
    Taken,
    /// Several accounts have the e-mail address in different case, so the account is ambiguous.
    #[error("several accounts have the e-mail address: {0:?}")]
    SeveralAccounts(Vec<UserId>),
    /// The account changed to the e-mail address without verification.
    #[error("user {0} has changed to the e-mail address without proving it")]
    EmailUnproven(UserId),
    /// The session is invalid.
    #[error(transparent)]
    Session(#[from] SessionRefused),
    /// Clerk did not return the user.
    #[error(transparent)]
    Identity(#[from] IdentityUnavailable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The user of a Clerk session token; a first login links an account or creates one.
///
/// # Errors
/// See [`SignInError`].
pub async fn sign_in(ports: &Ports, token: &str) -> Result<SignedIn, SignInError> {
    let Session { user: id, actor: actor_id, organization: claim } =
        ports.identity.session(token).await?;
    let is_impersonated = actor_id.is_some();
    let user_id = id.clone();
    let (known, actor) = ports
        .database
        .read("user.find_signed_in", move |uow| find_signed_in(uow, &user_id, actor_id.as_ref()))
        .await?;
    let KnownUser { user, holdings, naming } = match known {
        Some(known) => known,
        None => sign_in_first(ports, &id).await?,
    };
    let (actor, actor_roles) =
        actor.map(|User { id, email, roles, .. }| (Actor { id, email }, roles)).unzip();
    let roles = if is_impersonated { actor_roles.unwrap_or_default() } else { user.roles.clone() };
    Ok(SignedIn { user, roles, actor, claim, holdings, naming })
}

/// The users behind a session, as far as known: the user, and the impersonating user.
fn find_signed_in(
    uow: &mut dyn UnitOfWork,
    user: &ClerkUserId,
    actor: Option<&ClerkUserId>,
) -> Result<(Option<KnownUser>, Option<User>), SignInError> {
    uow.require(Feature::Organizations)?;
    let user = find_user(uow, &UserReference::Clerk(user.clone()))?;
    let actor = match actor {
        Some(actor) => uow.users().find_by_clerk_id(actor)?,
        None => None,
    };
    Ok((user, actor))
}

async fn sign_in_first(ports: &Ports, id: &ClerkUserId) -> Result<KnownUser, SignInError> {
    let person = ports.identity.person(id).await?.ok_or(SignInError::Deleted)?;
    let now = ports.now();
    ports
        .database
        .transaction("user.sign_in_first", move |uow| link_or_create(uow, &person, now))
        .await
}

/// A first login: links the account with the user's verified e-mail address, ignoring case, or
/// creates one. An account is linked only if it is the only one with the address and was created
/// with it: otherwise the holder of another account could have changed its address to a stranger's.
/// A linked account is never linked to another Clerk user, and no account is linked to a deleted
/// Clerk user.
fn link_or_create(
    uow: &mut dyn UnitOfWork,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<KnownUser, SignInError> {
    let user = first_account(uow, person, now)?;
    // A linked account may already hold campaigns.
    let known = find_user(uow, &UserReference::Ours(user.id))?;
    Ok(known.unwrap_or(KnownUser { user, holdings: Vec::new(), naming: uow.naming() }))
}

fn first_account(
    uow: &mut dyn UnitOfWork,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<User, SignInError> {
    uow.require(Feature::Organizations)?;
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
        // Another request was faster.
        SignInStanding::Linked if account.clerk_id.as_ref() == Some(&person.id) => Ok(user),
        SignInStanding::Linked => Err(SignInError::Taken),
        SignInStanding::EmailUnproven => Err(SignInError::EmailUnproven(user.id)),
    }
}
