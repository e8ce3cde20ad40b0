//! The repository of users.

use chrono::{DateTime, Utc};

use crate::{
    base::{StoreError, UserId},
    clerk::{ClerkUserId, Person},
    organizations::Holding,
    users::{Account, NewUser, User},
};

/// How a session names its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserReference {
    /// By our id.
    Ours(UserId),
    /// By Clerk's; only where [`Feature::Organizations`](crate::database::Feature::Organizations).
    Clerk(ClerkUserId),
}

/// A user with all that they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundUser {
    /// The user.
    pub user: User,
    /// Their campaigns and elected offices.
    pub holdings: Vec<Holding>,
    /// Session tokens of the old service count only when they were issued later.
    pub legacy_tokens_after: Option<DateTime<Utc>>,
}

/// Reads and writes users.
pub trait Users {
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Reads and locks until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Writes the row; roles and password are not touched.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an e-mail address that another user has.
    fn update(&mut self, user: &User, updated_at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Creates a user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an e-mail address that another user has.
    fn insert(&mut self, user: &NewUser) -> Result<User, StoreError>;

    /// The user that Clerk knows under this id; only where [`Feature::Organizations`](crate::database::Feature::Organizations).
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_by_clerk_id(&mut self, id: &ClerkUserId) -> Result<Option<User>, StoreError>;

    /// A user with every campaign and office that they hold, in one statement.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_with_holdings(&mut self, user: &UserReference)
    -> Result<Option<FoundUser>, StoreError>;

    /// Clerk's id of a user, if they are linked; never before [`Feature::Organizations`](crate::database::Feature::Organizations).
    ///
    /// # Errors
    /// [`StoreError`].
    fn clerk_id(&mut self, user: UserId) -> Result<Option<ClerkUserId>, StoreError>;

    /// Makes everybody else who claims the e-mail address, in whatever case, wait until the
    /// transaction ends, and returns the users who have it. Claimed before any row of a user is
    /// locked, or two transactions may wait for each other.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claim_email(&mut self, email: &str) -> Result<Vec<UserId>, StoreError>;

    /// Accounts with an e-mail address in whatever case, by id. Only where [`Feature::Organizations`](crate::database::Feature::Organizations).
    ///
    /// # Errors
    /// [`StoreError`].
    fn accounts_of(&mut self, email: &str) -> Result<Vec<Account>, StoreError>;

    /// [`accounts_of`](Self::accounts_of), locked until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn accounts_of_for_update(&mut self, email: &str) -> Result<Vec<Account>, StoreError>;

    /// Notes Clerk's id of a user who has none. Clerk has proven their address, and earlier session
    /// tokens of the old service count no more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an id that another user has.
    fn link(
        &mut self,
        user: UserId,
        id: &ClerkUserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Forgets Clerk's id of a user, whom Clerk has no more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unlink(&mut self, id: &ClerkUserId, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Creates a user whom Clerk knows; `None` when somebody has the e-mail address or the id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert_person(
        &mut self,
        person: &Person,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError>;

    /// Deletes the user with all that is theirs.
    ///
    /// # Errors
    /// [`StoreError`].
    fn delete(&mut self, id: UserId) -> Result<(), StoreError>;
}
