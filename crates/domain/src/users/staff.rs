//! Staff look at the accounts with an e-mail address: why a first login is refused.

use crate::{Ports, base::StoreError, database::Feature, users::Account};

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
