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
    /// Sells and supports: may edit campaigns of others.
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
    /// The role's name in the database and in answers.
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

    /// Reads the database's name of a role.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sales, Self::Candidate, Self::Admin, Self::CampaignManager, Self::Demo]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// A user, without the password hash, which nothing here may see.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Key.
    pub id: UserId,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Name as shown, where it differs.
    pub name: Option<String>,
    /// Unique as written; no write of ours takes one that another user has in another case.
    pub email: String,
    /// Mobile number as written.
    pub phone: Option<String>,
    /// Postal code, five or nine digits.
    pub zip: Option<String>,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// Whatever the old service noted.
    pub meta_data: Option<Value>,
    /// What cannot be read of that.
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
    /// Unique in whatever case.
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

    /// Given and family name, else the name as shown, else nothing.
    #[must_use]
    pub fn full_name(&self) -> String {
        let names = [&self.first_name, &self.last_name];
        let both: Vec<_> = names.into_iter().flatten().map(|name| name.trim()).collect();
        let both = both.join(" ").trim().to_owned();
        if both.is_empty() { self.name.clone().unwrap_or_default() } else { both }
    }

    /// Whether the user may work on campaigns of others (roles admin and sales).
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.has_role(Role::Admin) || self.has_role(Role::Sales)
    }
}

/// A user, and what decides whether a first Clerk login may be linked with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Clerk's id, once linked.
    pub clerk_id: Option<ClerkUserId>,
    /// The address before the first change that nobody has proven; `None` while the address is the
    /// one that the account was made with, or that Clerk has verified.
    pub proven_email: Option<String>,
}

/// What a first Clerk login finds in the only account with its e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInStanding {
    /// The account is linked with a user of Clerk.
    Linked,
    /// The login links the account.
    Ready,
    /// The address was changed, and nobody has proven the new one: the login is refused.
    EmailUnproven,
}

impl Account {
    /// What a first login finds.
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

/// What a user wants changed of their own row: an absent value keeps, an inner `None` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserChange {
    /// New given name.
    pub first_name: Option<String>,
    /// New family name.
    pub last_name: Option<String>,
    /// New name as shown.
    pub name: Option<Option<String>>,
    /// New e-mail address.
    pub email: Option<String>,
    /// New mobile number.
    pub phone: Option<Option<String>>,
    /// New postal code.
    pub zip: Option<Option<String>>,
    /// Keys merged into the meta data; empty changes nothing.
    pub meta_data: Map<String, Value>,
}
