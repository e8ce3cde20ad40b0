//! Accounts, as staff see them.

pub(crate) mod get_all;
