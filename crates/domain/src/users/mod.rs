//! Users, and how they sign in.

pub(crate) mod account;
mod repository;
mod sign_in;
mod staff;
mod user;

pub use account::{UpdateUserError, delete, update};
pub use repository::{FoundUser, UserReference, Users};
pub use sign_in::{
    Actor, LegacySession, LegacySessionError, SignInError, SignedIn, resume_legacy, sign_in,
};
pub use staff::{AccountsError, find, find_accounts, search};
pub use user::{Account, NewUser, Role, SignInStanding, User, UserChange};
