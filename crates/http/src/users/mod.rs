//! Users (legacy contract §5.2).

pub(crate) mod delete_by_id;
pub(crate) mod get_me;
pub(crate) mod put_me;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use winserve_domain::{
    base::unreadable,
    users::{Role, User},
};

/// Maximum length of a name, in UTF-16 units.
pub(crate) const NAME_LIMIT: usize = 256;
/// Maximum length of an e-mail address in the protocols.
pub(crate) const EMAIL_LIMIT: usize = 254;

/// A user as they see themselves: never with the password hash.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(crate) struct UserAnswer {
    id: i32,
    first_name: Option<String>,
    last_name: Option<String>,
    name: Option<String>,
    email: String,
    phone: Option<String>,
    zip: Option<String>,
    avatar: Option<String>,
    roles: Vec<&'static str>,
    has_password: bool,
    #[schema(required)]
    meta_data: Option<Value>,
    /// Code of the JSON that cannot be read and is therefore not shown; absent if everything is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<&'static str>,
}

impl From<User> for UserAnswer {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            first_name: user.first_name,
            last_name: user.last_name,
            name: user.name,
            email: user.email,
            phone: user.phone,
            zip: user.zip,
            avatar: user.avatar,
            roles: user.roles.into_iter().map(Role::as_str).collect(),
            has_password: user.has_password,
            problem: unreadable::problem(&user.unreadable),
            meta_data: user.meta_data,
        }
    }
}
