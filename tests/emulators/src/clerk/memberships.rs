//! Clerk's Backend API for members (the facts about Clerk, §1.4).

use actix_web::{
    HttpRequest,
    web::{Bytes, Data, Path, ServiceConfig, delete, post, resource},
};
use serde_json::{Value, json};

use super::{
    admission::{Answer, admit, ok},
    directory::{ClerkMembership, ClerkOrganization},
    fields::{Fields, invalid},
    metadata, organizations,
    refusal::Refusal,
    state::{Shared, State},
};

const ADMINISTRATOR: &str = "org:admin";
/// The existing roles and their names.
const ROLES: [(&str, &str); 2] = [(ADMINISTRATOR, "Admin"), ("org:member", "Member")];
const ADMINISTRATORS_PERMISSIONS: [&str; 6] = [
    "org:sys_profile:manage",
    "org:sys_profile:delete",
    "org:sys_memberships:read",
    "org:sys_memberships:manage",
    "org:sys_domains:read",
    "org:sys_domains:manage",
];

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/v1/organizations/{id}/memberships").route(post().to(create)))
        .service(resource("/v1/organizations/{id}/memberships/{user}").route(delete().to(remove)));
}

/// A membership of a user who is not a member yet.
pub(crate) fn new(state: &mut State, role: String) -> ClerkMembership {
    let now = state.now();
    ClerkMembership {
        id: state.next_id("orgmem_"),
        role,
        public_metadata: json!({}),
        private_metadata: json!({}),
        created_at: now,
        updated_at: now,
    }
}

/// Its number of administrators.
pub(crate) fn administrators(organization: &ClerkOrganization) -> usize {
    organization.memberships.values().filter(|member| member.role == ADMINISTRATOR).count()
}

/// A membership as Clerk answers, with its organization; null for a user who is not a member.
pub(crate) fn answer(state: &State, organization: &ClerkOrganization, user: &str) -> Value {
    let Some(member) = organization.memberships.get(user) else { return Value::Null };
    let role = ROLES.into_iter().find(|(role, _)| *role == member.role);
    let permissions = match role {
        Some((ADMINISTRATOR, _)) => &ADMINISTRATORS_PERMISSIONS[..],
        _ => &["org:sys_memberships:read"],
    };
    let person = state.users.get(user);
    json!({
        "object": "organization_membership", "id": member.id, "role": member.role,
        "role_name": role.map_or("Custom", |(_, name)| name), "permissions": permissions,
        "public_metadata": member.public_metadata, "private_metadata": member.private_metadata,
        "organization": organizations::answer(&state.settings, organization),
        "public_user_data": {
            "user_id": user,
            "first_name": person.and_then(|person| person.first_name.as_deref()),
            "last_name": person.and_then(|person| person.last_name.as_deref()),
            "profile_image_url": null, "image_url": "", "has_image": false,
            "identifier": person.and_then(|person| person.email.as_deref()), "username": null,
        },
        "created_at": member.created_at, "updated_at": member.updated_at,
    })
}

/// An existing role.
fn role(fields: &Fields) -> Result<String, Refusal> {
    let role = fields.required("role")?;
    if ROLES.iter().any(|(known, _)| *known == role) {
        Ok(role.to_owned())
    } else {
        Err(invalid("role"))
    }
}

async fn create(
    shared: Data<Shared>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> Answer {
    admit(&shared, &request)?;
    let mut state = shared.lock();
    state.settings.admit()?;
    let mut organization = find(&state, &id)?;
    let fields = Fields::read(&body, &["user_id", "role", "public_metadata", "private_metadata"])?;
    let (user, role) = (fields.required("user_id")?, role(&fields)?);
    let limit = usize::try_from(organization.max_allowed_memberships).unwrap_or(usize::MAX);
    if !state.users.contains_key(user) {
        return Err(Refusal::not_found());
    } else if organization.memberships.contains_key(user) {
        return Err(Refusal::new(400, "already_a_member_in_organization"));
    } else if limit > 0 && organization.memberships.len() >= limit {
        return Err(Refusal::new(403, "organization_membership_quota_exceeded"));
    }
    let (public_metadata, private_metadata) = metadata::of_new(&fields)?;
    let member = ClerkMembership { public_metadata, private_metadata, ..new(&mut state, role) };
    organization.memberships.insert(user.to_owned(), member);
    Ok(keep(&mut state, organization, user, "organizationMembership.created"))
}

fn find(state: &State, id: &str) -> Result<ClerkOrganization, Refusal> {
    state.directory.get(id).cloned().ok_or_else(Refusal::no_organization)
}

/// Stores an organization after a change of one of its members, and answers the membership.
fn keep(
    state: &mut State,
    organization: ClerkOrganization,
    user: &str,
    event: &str,
) -> actix_web::HttpResponse {
    let shown = answer(state, &organization, user);
    let now = state.now();
    state.directory.put(now, organization);
    state.emit(event, &shown);
    ok(&shown)
}

async fn remove(
    shared: Data<Shared>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Answer {
    admit(&shared, &request)?;
    let mut state = shared.lock();
    state.settings.admit()?;
    let (id, user) = (path.0.as_str(), path.1.as_str());
    let mut organization = find(&state, id)?;
    let shown = answer(&state, &organization, user);
    let removed = organization.memberships.remove(user).ok_or_else(Refusal::not_found)?;
    if removed.role == ADMINISTRATOR && administrators(&organization) == 0 {
        return Err(Refusal::new(400, "organization_minimum_permissions_needed"));
    }
    let now = state.now();
    state.directory.put(now, organization);
    state.emit("organizationMembership.deleted", &shown);
    Ok(ok(&shown))
}

/// Removes the memberships of a deleted user, even the last administrator's.
pub(crate) fn end_all(state: &mut State, user: &str) {
    let ids: Vec<String> = state.directory.of_user(user).map(str::to_owned).collect();
    let now = state.now();
    for id in ids {
        let Some(mut organization) = state.directory.get(&id).cloned() else { continue };
        let shown = answer(state, &organization, user);
        organization.memberships.remove(user);
        state.directory.put(now, organization);
        state.emit("organizationMembership.deleted", &shown);
    }
}
