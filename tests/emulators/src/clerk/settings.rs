//! The instance: what Clerk's dashboard sets, and what reality may turn out to be.

use actix_web::{
    HttpRequest,
    web::{Bytes, Data, ServiceConfig, get, patch, resource},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    admission::{Answer, admit, ok},
    fields::{Fields, invalid},
    refusal::Refusal,
    state::{FIRST_KEY, Shared},
};

/// The largest `max_allowed_memberships` that a plan without the add-on allows.
const MOST_MEMBERSHIPS: u32 = 20;
const CHANGEABLE: [&str; 5] = [
    "enabled",
    "max_allowed_memberships",
    "admin_delete_enabled",
    "slug_disabled",
    "force_organization_selection",
];

/// Settings of an instance. The first group is what its dashboard shows; the second are limits of
/// plans; the last is what nobody has said of Clerk (the facts about Clerk, §1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceSettings {
    /// Whether there are organizations.
    pub enabled: bool,
    /// Members that a new organization may have; 0 is no limit.
    pub max_allowed_memberships: u32,
    /// The role of who creates one.
    pub creator_role: String,
    /// Whether administrators may delete a new one.
    pub admin_delete_enabled: bool,
    /// Whether slugs are off, as they are in a new instance.
    pub slug_disabled: bool,
    /// "Membership required": who is in no organization has a pending session.
    pub force_organization_selection: bool,
    /// Organizations that a user may create; 0 is no limit.
    pub creation_limit: usize,
    /// Organizations that the instance may have; none is no limit.
    pub organization_limit: Option<usize>,
    /// Whether an organization without a creator is refused.
    pub created_by_required: bool,
    /// What is shown where slugs are off.
    pub slug_when_disabled: SlugWhenDisabled,
    /// Settings that the Backend API does not show.
    pub hidden: Vec<String>,
}

/// What an organization shows as its slug where slugs are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlugWhenDisabled {
    /// A slug made of the name.
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
    /// Every route of organizations is refused where there are none.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        if self.enabled {
            Ok(())
        } else {
            Err(Refusal::new(403, "organization_not_enabled_in_instance"))
        }
    }

    /// As the Backend API answers. "Membership required" is not in Clerk's description of the route,
    /// but others have changed it through there.
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

    /// As the Frontend API answers, which anybody may ask.
    fn environment(&self) -> Value {
        json!({ "organization_settings": {
            "enabled": self.enabled, "max_allowed_memberships": self.max_allowed_memberships,
            "force_organization_selection": self.force_organization_selection,
            "actions": {"admin_delete": self.admin_delete_enabled},
            "domains": {"enabled": false, "enrollment_modes": [], "default_role": "org:member"},
            "slug": {"disabled": self.slug_disabled},
        }})
    }

    fn change(&mut self, fields: &Fields) -> Result<(), Refusal> {
        if let Some(most) = fields.count("max_allowed_memberships")? {
            if most > MOST_MEMBERSHIPS {
                return Err(invalid("max_allowed_memberships"));
            }
            self.max_allowed_memberships = most;
        }
        for (name, setting) in [
            ("enabled", &mut self.enabled),
            ("admin_delete_enabled", &mut self.admin_delete_enabled),
            ("slug_disabled", &mut self.slug_disabled),
            ("force_organization_selection", &mut self.force_organization_selection),
        ] {
            *setting = fields.flag(name)?.unwrap_or(*setting);
        }
        Ok(())
    }
}

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/v1/environment").route(get().to(environment)))
        .service(resource("/v1/instance").route(get().to(instance)))
        .service(
            resource("/v1/instance/organization_settings")
                .route(get().to(shown))
                .route(patch().to(changed)),
        );
}

async fn environment(shared: Data<Shared>) -> Answer {
    Ok(ok(&shared.lock().settings.environment()))
}

async fn instance(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    let kind = if shared.is_live() { "production" } else { "development" };
    Ok(ok(&json!({
        "object": "instance", "id": FIRST_KEY, "environment_type": kind,
        "allowed_origins": null, "workspace_id": null,
    })))
}

async fn shown(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(ok(&shared.lock().settings.answer()))
}

async fn changed(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> Answer {
    admit(&shared, &request)?;
    let fields = Fields::read(&body, &CHANGEABLE)?;
    let mut state = shared.lock();
    let mut settings = state.settings.clone();
    settings.change(&fields)?;
    state.settings = settings;
    Ok(ok(&state.settings.answer()))
}
