//! Clerk's Backend API for members (the facts about Clerk, §1.4).

use std::cmp::Ordering;

use actix_web::{
    HttpRequest,
    web::{Bytes, Data, Path, ServiceConfig, get, patch, post, resource},
};
use serde_json::{Value, json};

use super::{
    admission::{Answer, admit, as_of, ok},
    directory::{ClerkMembership, ClerkOrganization},
    fields::{Fields, invalid},
    metadata, organizations,
    pages::{Order, Page, Parameters, Selection, value, values},
    refusal::Refusal,
    state::{Person, Shared, State},
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
const METADATA: [&str; 2] = ["public_metadata", "private_metadata"];

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            resource("/v1/organizations/{id}/memberships")
                .route(post().to(create))
                .route(get().to(list)),
        )
        .service(
            resource("/v1/organizations/{id}/memberships/{user}")
                .route(patch().to(update))
                .route(actix_web::web::delete().to(remove)),
        )
        .service(
            resource("/v1/organizations/{id}/memberships/{user}/metadata")
                .route(patch().to(merge_metadata)),
        )
        .service(
            resource("/v1/users/{user}/organization_memberships").route(get().to(list_of_user)),
        )
        .service(resource("/v1/organization_memberships").route(get().to(list_all)));
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

/// Changes a membership completely or not at all.
fn change(
    shared: &Shared,
    (id, user): (&str, &str),
    how: impl FnOnce(&mut ClerkMembership) -> Result<(), Refusal>,
) -> Answer {
    let mut state = shared.lock();
    state.settings.admit()?;
    let mut organization = find(&state, id)?;
    let now = state.now();
    let member = organization.memberships.get_mut(user).ok_or_else(Refusal::not_found)?;
    let was_administrator = member.role == ADMINISTRATOR;
    how(member)?;
    member.updated_at = now.max(member.updated_at + 1);
    if was_administrator && administrators(&organization) == 0 {
        return Err(Refusal::new(400, "organization_minimum_permissions_needed"));
    }
    Ok(keep(&mut state, organization, user, "organizationMembership.updated"))
}

async fn update(
    shared: Data<Shared>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> Answer {
    admit(&shared, &request)?;
    let role = role(&Fields::read(&body, &["role"])?)?;
    change(&shared, (&path.0, &path.1), |member| {
        member.role = role;
        Ok(())
    })
}

async fn merge_metadata(
    shared: Data<Shared>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> Answer {
    admit(&shared, &request)?;
    let fields = Fields::read(&body, &METADATA)?;
    change(&shared, (&path.0, &path.1), |member| {
        metadata::merge(&fields, &mut member.public_metadata, &mut member.private_metadata)
    })
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

/// A member of an organization, with what Clerk knows of them.
struct Found<'a> {
    organization: &'a ClerkOrganization,
    user: &'a str,
    member: &'a ClerkMembership,
    person: Option<&'a Person>,
}

impl Found<'_> {
    fn column(&self, by: &str) -> Option<&str> {
        let person = self.person?;
        match by {
            "email_address" => person.email.as_deref(),
            "first_name" => person.first_name.as_deref(),
            "last_name" => person.last_name.as_deref(),
            _ => None,
        }
    }

    fn compare(&self, by: &str, other: &Self) -> Ordering {
        let first = match by {
            "created_at" => self.member.created_at.cmp(&other.member.created_at),
            by => self.column(by).cmp(&other.column(by)),
        };
        first.then_with(|| self.member.id.cmp(&other.member.id))
    }

    /// Whether a search finds them: by their complete id, or by a part of their address or names,
    /// case-insensitive.
    fn is_about(&self, text: &str) -> bool {
        let has =
            |by: &&str| self.column(by).is_some_and(|found| found.to_lowercase().contains(text));
        self.user.eq_ignore_ascii_case(text)
            || ["email_address", "first_name", "last_name"].iter().any(has)
    }
}

fn members_of<'a>(
    state: &'a State,
    organization: &'a ClerkOrganization,
) -> impl Iterator<Item = Found<'a>> {
    organization.memberships.iter().map(|(user, member)| {
        let person = state.users.get(user);
        Found { organization, user, member, person }
    })
}

/// Sorts and pages.
fn page(state: &State, query: &Parameters, mut found: Vec<Found<'_>>) -> Answer {
    let page = Page::of(query)?;
    let order = Order::of(query, &["created_at", "email_address", "first_name", "last_name"])?;
    found.sort_by(|left, right| order.turn(left.compare(order.by, right)));
    Ok(ok(&page.cut(&found, |found| answer(state, found.organization, found.user))))
}

async fn list(
    shared: Data<Shared>,
    request: HttpRequest,
    id: Path<String>,
    query: Parameters,
) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    state.settings.admit()?;
    let view = state.directory.as_of(as_of(&request, &state));
    let organization = view.get(&id).ok_or_else(Refusal::no_organization)?;
    let users = Selection::of(&query, "user_id")?;
    let (roles, emails) = (values(&query, "role")?, values(&query, "email_address")?);
    let text = value(&query, "query").map(str::to_lowercase);
    let fits = |found: &Found<'_>| {
        users.takes(|user| found.user == user)
            && (roles.is_empty() || roles.contains(&found.member.role.as_str()))
            && (emails.is_empty()
                || found.column("email_address").is_some_and(|email| emails.contains(&email)))
            && text.as_ref().is_none_or(|text| found.is_about(text))
    };
    page(&state, &query, members_of(&state, organization).filter(fits).collect())
}

async fn list_of_user(
    shared: Data<Shared>,
    request: HttpRequest,
    user: Path<String>,
    query: Parameters,
) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    state.settings.admit()?;
    let view = state.directory.as_of(as_of(&request, &state));
    let of_user = |found: &Found<'_>| found.user == user.as_str();
    let organizations = view.of_user(&user).into_iter();
    let found = organizations.flat_map(|organization| members_of(&state, organization));
    page(&state, &query, found.filter(of_user).collect())
}

async fn list_all(shared: Data<Shared>, request: HttpRequest, query: Parameters) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    state.settings.admit()?;
    let view = state.directory.as_of(as_of(&request, &state));
    let organizations = view.all().into_iter();
    page(&state, &query, organizations.flat_map(|found| members_of(&state, found)).collect())
}
