//! Pages of our staff: people, organizations of anybody, and what could not be synced to Clerk.

pub(crate) mod change;
pub(crate) mod dead_letters;
pub(crate) mod organization;
pub(crate) mod search;
pub(crate) mod user;

use winserve_domain::base::{OrganizationId, UserId};

use crate::ROOT;

/// Where staff look for people.
fn search_address() -> String {
    format!("{ROOT}/staff")
}

/// The page of a user.
fn user_address(user: UserId) -> String {
    format!("{ROOT}/staff/users/{user}")
}

/// The page of anybody's organization.
fn organization_address(organization: OrganizationId) -> String {
    format!("{ROOT}/staff/organizations/{organization}")
}

/// What could not be synced to Clerk.
fn dead_letters_address() -> String {
    format!("{ROOT}/staff/dead-letters")
}
