//! The instance: what Clerk's dashboard sets, and undocumented behavior.

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig, get, resource},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    admission::{Answer, admit, ok},
    refusal::Refusal,
    state::Shared,
};

/// Settings of an instance. The first group is shown in its dashboard; the second are limits of plans; the
/// last is undocumented (the facts about Clerk, §1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceSettings {
    /// Whether organizations are enabled.
    pub enabled: bool,
    /// Maximum members of a new organization; 0 means no limit.
    pub max_allowed_memberships: u32,
    /// The creator's role.
    pub creator_role: String,
    /// Whether administrators may delete a new one.
    pub admin_delete_enabled: bool,
    /// Whether slugs are off, as in a new instance.
    pub slug_disabled: bool,
    /// "Membership required": a user without an organization has a pending session.
    pub force_organization_selection: bool,
    /// Maximum organizations that a user may create; 0 means no limit.
    pub creation_limit: usize,
    /// Maximum organizations in the instance; none means no limit.
    pub organization_limit: Option<usize>,
    /// Whether an organization without a creator is refused.
    pub created_by_required: bool,
    /// What is shown if slugs are off.
    pub slug_when_disabled: SlugWhenDisabled,
    /// Settings that the Backend API does not show.
    pub hidden: Vec<String>,
}

/// What an organization shows as its slug if slugs are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlugWhenDisabled {
    /// A slug derived from the name.
    Derived,
    /// Null.
    Null,
    /// No such member.
    Absent,
}

impl Default for InstanceSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            max_allowed_memberships: 5,
            creator_role: "org:admin".to_owned(),
            admin_delete_enabled: true,
            slug_disabled: true,
            force_organization_selection: false,
            creation_limit: 100,
            organization_limit: None,
            created_by_required: false,
            slug_when_disabled: SlugWhenDisabled::Derived,
            hidden: Vec::new(),
        }
    }
}

impl InstanceSettings {
    /// Every route of organizations is refused if they are disabled.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        if self.enabled {
            Ok(())
        } else {
            Err(Refusal::new(403, "organization_not_enabled_in_instance"))
        }
    }

    /// The Backend API's answer. "Membership required" is not in Clerk's description of the route, but others
    /// have changed it there.
    fn answer(&self) -> Value {
        let mut answer = json!({
            "object": "organization_settings", "enabled": self.enabled,
            "max_allowed_memberships": self.max_allowed_memberships, "max_allowed_roles": 10,
            "max_role_sets_allowed": 1, "max_allowed_domains": 10, "max_allowed_permissions": 50,
            "creator_role": self.creator_role, "admin_delete_enabled": self.admin_delete_enabled,
            "domains_enabled": false, "slug_disabled": self.slug_disabled,
            "domains_enrollment_modes": [], "domains_default_role": "org:member",
            "initial_role_set_key": null,
            "force_organization_selection": self.force_organization_selection,
        });
        if let Some(members) = answer.as_object_mut() {
            members.retain(|name, _| !self.hidden.contains(name));
        }
        answer
    }
}

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.service(resource("/v1/instance/organization_settings").route(get().to(shown)));
}

async fn shown(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(ok(&shared.lock().settings.answer()))
}
