//! What staff look for: users, and the accounts with an e-mail address (why a first login is refused).

use crate::{
    Ports,
    base::{StoreError, UserId},
    database::Feature,
    users::{Account, User},
};

/// Why accounts could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The accounts with an e-mail address, ignoring case, by id.
///
/// # Errors
/// See [`AccountsError`].
pub async fn find_accounts(ports: &Ports, email: String) -> Result<Vec<Account>, AccountsError> {
    ports
        .database
        .read("user.find_accounts", move |uow| {
            uow.require(Feature::Organizations)?;
            Ok(uow.users().accounts_of(&email)?)
        })
        .await
}

/// A page of the users with a text in their e-mail address or name, ignoring case, and the total
/// count.
///
/// # Errors
/// See [`AccountsError`].
pub async fn search(
    ports: &Ports,
    text: String,
    offset: i64,
    limit: i64,
) -> Result<(Vec<User>, i64), AccountsError> {
    ports
        .database
        .read("user.search", move |uow| Ok(uow.users().search(&text, offset, limit)?))
        .await
}

/// A user, for staff; `None` if there is none.
///
/// # Errors
/// See [`AccountsError`].
pub async fn find(ports: &Ports, id: UserId) -> Result<Option<User>, AccountsError> {
    ports.database.read("user.find", move |uow| Ok(uow.users().find(id)?)).await
}
