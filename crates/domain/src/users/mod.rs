//! Users, and how they sign in.

pub(crate) mod account;
mod repository;
mod sign_in;
mod staff;
mod user;

pub use account::{UpdateUserError, delete_user, update_user};
pub use repository::{FoundUser, UserReference, Users};
pub use sign_in::{
    KnownUser, LegacySession, LegacySessionError, SignInError, SignedIn, find_legacy_user,
    find_signed_in, sign_in_first,
};
pub use staff::{AccountsError, find_accounts};
pub use user::{Account, NewUser, Role, SignInStanding, User, UserChange};
