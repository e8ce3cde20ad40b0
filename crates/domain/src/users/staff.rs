//! Staff look at the accounts that an e-mail address names: why a first login is refused.

use crate::{Ports, base::StoreError, users::Account};

/// Why accounts could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The tables do not exist yet, or are not written to.
    #[error("the database is not migrated")]
    NotMigrated,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The accounts with an e-mail address in whatever case, by id.
///
/// # Errors
/// See [`AccountsError`].
pub async fn find_accounts(ports: &Ports, email: String) -> Result<Vec<Account>, AccountsError> {
    ports
        .database
        .read("user.find_accounts", move |uow| {
            if !uow.phase().has_tables() {
                return Err(AccountsError::NotMigrated);
            }
            Ok(uow.users().accounts_of(&email)?)
        })
        .await
}
