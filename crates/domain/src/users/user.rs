//! Users: the people who sign in.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    base::{UserId, unreadable::Unreadable},
    clerk::ClerkUserId,
};

/// What a user may do beyond their own data (database enum `UserRole`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sales and support: may edit other users' campaigns.
    Sales,
    /// Runs for office.
    Candidate,
    /// May do everything.
    Admin,
    /// Helps a candidate.
    CampaignManager,
    /// A demonstration account.
    Demo,
}

impl Role {
    /// The role's name in the database and in responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Candidate => "candidate",
            Self::Admin => "admin",
            Self::CampaignManager => "campaignManager",
            Self::Demo => "demo",
        }
    }

    /// Parses the database's name of a role.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sales, Self::Candidate, Self::Admin, Self::CampaignManager, Self::Demo]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// A user, without the password hash, which is never read here.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Key.
    pub id: UserId,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Display name, if it differs.
    pub name: Option<String>,
    /// Case-sensitively unique; this service also rejects an address that another user has in
    /// different case.
    pub email: String,
    /// Mobile number as written.
    pub phone: Option<String>,
    /// Postal code, five or nine digits.
    pub zip: Option<String>,
    /// URL of a picture.
    pub avatar: Option<String>,
    /// Metadata of the old service.
    pub meta_data: Option<Value>,
    /// Unreadable parts of the metadata.
    pub unreadable: Vec<Unreadable>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Whether the user signs in with a password.
    pub has_password: bool,
}

/// A user to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewUser {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Unique, ignoring case.
    pub email: String,
    /// Mobile number as written.
    pub phone: String,
    /// Postal code, five or nine digits.
    pub zip: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl User {
    /// Whether the user has the role.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Given and family name, otherwise the display name, otherwise empty.
    #[must_use]
    pub fn full_name(&self) -> String {
        let names = [&self.first_name, &self.last_name];
        let both: Vec<_> = names.into_iter().flatten().map(|name| name.trim()).collect();
        let both = both.join(" ").trim().to_owned();
        if both.is_empty() { self.name.clone().unwrap_or_default() } else { both }
    }

    /// Whether the user may work on other users' campaigns (roles admin and sales).
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.has_role(Role::Admin) || self.has_role(Role::Sales)
    }
}

/// A user, with the data that decides whether a first Clerk login may be linked to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Clerk's id, once linked.
    pub clerk_id: Option<ClerkUserId>,
    /// The address before the first unverified change; `None` while the address is the original one
    /// or verified by Clerk.
    pub proven_email: Option<String>,
}

/// The state of the only account with the e-mail address of a first Clerk login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInStanding {
    /// The account is linked to a Clerk user.
    Linked,
    /// The login links the account.
    Ready,
    /// The address was changed and not verified: the login is refused.
    EmailUnproven,
}

impl Account {
    /// The state for a first login.
    #[must_use]
    pub const fn standing(&self) -> SignInStanding {
        if self.clerk_id.is_some() {
            SignInStanding::Linked
        } else if self.proven_email.is_some() {
            SignInStanding::EmailUnproven
        } else {
            SignInStanding::Ready
        }
    }
}

/// A user's changes to their own row: `None` keeps a value, an inner `None` clears it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserChange {
    /// New given name.
    pub first_name: Option<String>,
    /// New family name.
    pub last_name: Option<String>,
    /// New display name.
    pub name: Option<Option<String>>,
    /// New e-mail address.
    pub email: Option<String>,
    /// New mobile number.
    pub phone: Option<Option<String>>,
    /// New postal code.
    pub zip: Option<Option<String>>,
    /// Keys merged into the metadata; an empty map changes nothing.
    pub meta_data: Map<String, Value>,
}
