//! The repository of users.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{
    base::{StoreError, UserId},
    clerk::{ClerkUserId, Person},
    organizations::Holding,
    users::{Account, NewUser, User},
};

/// How a session refers to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserReference {
    /// By our id.
    Ours(UserId),
    /// By Clerk's id; only with
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    Clerk(ClerkUserId),
}

/// A user with everything they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundUser {
    /// The user.
    pub user: User,
    /// Their campaigns and elected offices.
    pub holdings: Vec<Holding>,
    /// Session tokens of the old service are valid only if issued after this time.
    pub legacy_tokens_after: Option<DateTime<Utc>>,
}

/// Reads and writes users.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait Users {
    /// The user with this id.
    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Reads and locks until the transaction ends.
    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// A page of the users with a text in their e-mail address or name, ignoring case, by e-mail
    /// address; and the total count.
    fn search(
        &mut self,
        text: &str,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<User>, i64), StoreError>;

    /// The e-mail addresses of users.
    fn emails(&mut self, ids: &[UserId]) -> Result<HashMap<UserId, String>, StoreError>;

    /// Writes the row, except roles and password.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another user has the e-mail address.
    fn update(&mut self, user: &User, updated_at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Creates a user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another user has the e-mail address.
    fn insert(&mut self, user: &NewUser) -> Result<User, StoreError>;

    /// The user with this Clerk id; only with
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    fn find_by_clerk_id(&mut self, id: &ClerkUserId) -> Result<Option<User>, StoreError>;

    /// A user with all their campaigns and offices, in one statement.
    fn find_with_holdings(&mut self, user: &UserReference)
    -> Result<Option<FoundUser>, StoreError>;

    /// Clerk's id of a user, if linked; always `None` before
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    fn clerk_id(&mut self, user: UserId) -> Result<Option<ClerkUserId>, StoreError>;

    /// Blocks everyone else who claims the e-mail address, ignoring case, until the transaction
    /// ends, and returns the users who have it. Claim it before locking any user row, to avoid
    /// deadlocks.
    fn claim_email(&mut self, email: &str) -> Result<Vec<UserId>, StoreError>;

    /// Accounts with an e-mail address, ignoring case, by id. Only with
    /// [`Feature::Organizations`](crate::database::Feature::Organizations).
    fn accounts_of(&mut self, email: &str) -> Result<Vec<Account>, StoreError>;

    /// [`accounts_of`](Self::accounts_of), locked until the transaction ends.
    fn accounts_of_for_update(&mut self, email: &str) -> Result<Vec<Account>, StoreError>;

    /// Stores Clerk's id of a user without one. Clerk has verified their address, and earlier
    /// session tokens of the old service become invalid.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another user has the id.
    fn link(
        &mut self,
        user: UserId,
        id: &ClerkUserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Removes the Clerk id of a user whom Clerk has deleted.
    fn unlink(&mut self, id: &ClerkUserId, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Creates a user known to Clerk; `None` if another user has the e-mail address or the id.
    fn insert_person(
        &mut self,
        person: &Person,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError>;

    /// Deletes the user with all their data.
    fn delete(&mut self, id: UserId) -> Result<(), StoreError>;
}
