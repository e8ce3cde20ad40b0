//! Clerk's Backend API for organizations (the facts about Clerk, §1.3).

use std::{cmp::Ordering, collections::BTreeMap};

use actix_web::{
    HttpRequest,
    web::{Bytes, Data, Path, ServiceConfig, delete, get, patch, post, resource},
};
use serde_json::{Map, Value, json};

use super::{
    admission::{Answer, admit, as_of, ok},
    directory::ClerkOrganization,
    fields::Fields,
    memberships, metadata,
    naming::{checked_name, checked_slug, slug_of_new},
    pages::{Order, Page, Parameters, Selection, value},
    refusal::Refusal,
    settings::{InstanceSettings, SlugWhenDisabled},
    state::{Shared, State},
};

const METADATA: [&str; 2] = ["public_metadata", "private_metadata"];
const NEW: [&str; 8] = [
    "name",
    "created_by",
    "slug",
    "public_metadata",
    "private_metadata",
    "max_allowed_memberships",
    "created_at",
    "role_set_key",
];
const CHANGEABLE: [&str; 6] = [
    "name",
    "slug",
    "max_allowed_memberships",
    "admin_delete_enabled",
    "created_at",
    "role_set_key",
];

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/v1/organizations").route(post().to(create)).route(get().to(list)))
        .service(
            resource("/v1/organizations/{id}")
                .route(get().to(show))
                .route(patch().to(update))
                .route(delete().to(delete_one)),
        )
        .service(resource("/v1/organizations/{id}/metadata").route(patch().to(merge_metadata)));
}

/// An organization as Clerk answers, without the optional counts.
pub(crate) fn answer(settings: &InstanceSettings, organization: &ClerkOrganization) -> Value {
    let mut answer = json!({
        "object": "organization", "id": organization.id, "name": organization.name,
        "slug": organization.slug, "image_url": "https://img.clerk.com/emulator",
        "has_image": false, "max_allowed_memberships": organization.max_allowed_memberships,
        "admin_delete_enabled": organization.admin_delete_enabled,
        "public_metadata": organization.public_metadata,
        "private_metadata": organization.private_metadata,
        "created_at": organization.created_at, "updated_at": organization.updated_at,
    });
    let Some(members) = answer.as_object_mut() else { return answer };
    if let Some(creator) = &organization.created_by {
        members.insert("created_by".to_owned(), creator.as_str().into());
    }
    if organization.slug.is_none() && settings.slug_when_disabled == SlugWhenDisabled::Absent {
        members.remove("slug");
    }
    answer
}

/// With the counts that the query requests.
fn answer_to(
    query: &Parameters,
    settings: &InstanceSettings,
    organization: &ClerkOrganization,
) -> Value {
    let mut answer = answer(settings, organization);
    let asks = |name| value(query, name) == Some("true");
    let mut counts = Map::new();
    if asks("include_members_count") {
        counts.insert("members_count".to_owned(), organization.memberships.len().into());
        counts.insert("pending_invitations_count".to_owned(), 0.into());
    }
    if asks("include_missing_member_with_elevated_permissions") {
        let name = "missing_member_with_elevated_permissions".to_owned();
        counts.insert(name, (memberships::administrators(organization) == 0).into());
    }
    if let Some(members) = answer.as_object_mut() {
        members.extend(counts);
    }
    answer
}

async fn create(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> Answer {
    admit(&shared, &request)?;
    let mut state = shared.lock();
    state.settings.admit()?;
    let organization = new(&mut state, &Fields::read(&body, &NEW)?)?;
    let shown = answer(&state.settings, &organization);
    state.emit("organization.created", &shown);
    for user in organization.memberships.keys() {
        let membership = memberships::answer(&state, &organization, user);
        state.emit("organizationMembership.created", &membership);
    }
    let now = state.now();
    state.directory.put(now, organization);
    Ok(ok(&shown))
}

/// Checks and creates an organization. Repetitions are not detected: the same body twice creates two.
fn new(state: &mut State, fields: &Fields) -> Result<ClerkOrganization, Refusal> {
    let name = checked_name(fields.required("name")?)?;
    let slug = slug_of_new(&state.directory, &state.settings, fields.text("slug")?, &name)?;
    let (public_metadata, private_metadata) = metadata::of_new(fields)?;
    let limit = fields.count("max_allowed_memberships")?;
    let created_at = fields.moment("created_at")?;
    let creator = creator(state, fields.text("created_by")?)?;
    if state.settings.organization_limit.is_some_and(|limit| state.directory.all().len() >= limit) {
        return Err(Refusal::new(403, "organization_quota_exceeded"));
    }
    let now = state.now();
    let mut organization = ClerkOrganization {
        id: state.next_id("org_"),
        name,
        slug,
        created_by: creator.clone(),
        public_metadata,
        private_metadata,
        max_allowed_memberships: limit.unwrap_or(state.settings.max_allowed_memberships),
        admin_delete_enabled: state.settings.admin_delete_enabled,
        created_at: created_at.unwrap_or(now),
        updated_at: now,
        memberships: BTreeMap::new(),
    };
    if let Some(user) = creator {
        let role = state.settings.creator_role.clone();
        organization.memberships.insert(user, memberships::new(state, role));
    }
    Ok(organization)
}

fn creator(state: &State, user: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(user) = user else {
        let missing = || Refusal::new(422, "form_param_missing").about("created_by");
        return if state.settings.created_by_required { Err(missing()) } else { Ok(None) };
    };
    let limit = state.settings.creation_limit;
    if !state.users.contains_key(user) {
        Err(Refusal::new(400, "organization_creator_not_found"))
    } else if limit > 0 && state.directory.created_by(user) >= limit {
        Err(Refusal::new(403, "org_creation_limit_exceeded"))
    } else {
        Ok(Some(user.to_owned()))
    }
}

async fn show(
    shared: Data<Shared>,
    request: HttpRequest,
    id: Path<String>,
    query: Parameters,
) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    state.settings.admit()?;
    let view = state.directory.as_of(as_of(&request, &state));
    let organization = view.find(&id).ok_or_else(Refusal::no_organization)?;
    Ok(ok(&answer_to(&query, &state.settings, organization)))
}

async fn list(shared: Data<Shared>, request: HttpRequest, query: Parameters) -> Answer {
    admit(&shared, &request)?;
    let state = shared.lock();
    state.settings.admit()?;
    let page = Page::of(&query)?;
    let order = Order::of(&query, &["name", "created_at", "members_count"])?;
    let view = state.directory.as_of(as_of(&request, &state));
    let users = Selection::of(&query, "user_id")?;
    let ids = Selection::of(&query, "organization_id")?;
    let text = value(&query, "query").map(str::to_lowercase);
    let mut found = match users.wanted.as_slice() {
        // The usual query, which has an index.
        [user] => view.of_user(user),
        _ => view.all(),
    };
    found.retain(|organization| {
        users.takes(|user| organization.memberships.contains_key(user))
            && ids.takes(|id| organization.id == id)
            && text.as_ref().is_none_or(|text| is_about(organization, text))
    });
    found.sort_by(|left, right| order.turn(compare(order.by, left, right)));
    Ok(ok(&page.cut(&found, |organization| answer_to(&query, &state.settings, organization))))
}

/// Whether a search finds it: by its complete id, or by a part of its name or slug, case-insensitive.
fn is_about(organization: &ClerkOrganization, text: &str) -> bool {
    organization.id.eq_ignore_ascii_case(text)
        || organization.name.to_lowercase().contains(text)
        || organization.slug.as_ref().is_some_and(|slug| slug.contains(text))
}

fn compare(by: &str, left: &ClerkOrganization, right: &ClerkOrganization) -> Ordering {
    let first = match by {
        "name" => left.name.cmp(&right.name),
        "members_count" => left.memberships.len().cmp(&right.memberships.len()),
        _ => left.created_at.cmp(&right.created_at),
    };
    first.then_with(|| left.id.cmp(&right.id))
}

async fn update(
    shared: Data<Shared>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> Answer {
    let version = admit(&shared, &request)?;
    let old = if version.has_metadata_apart() { &[][..] } else { &METADATA[..] };
    change(&shared, &id, &body, &[&CHANGEABLE[..], old].concat(), |state, fields, organization| {
        if let Some(name) = fields.text("name")? {
            organization.name = checked_name(name)?;
        }
        let slug = fields.text("slug")?.filter(|slug| organization.slug.as_deref() != Some(slug));
        if let Some(slug) = slug {
            organization.slug = Some(checked_slug(&state.directory, &state.settings, slug)?);
        }
        let number = fields.count("max_allowed_memberships")?;
        organization.max_allowed_memberships =
            number.unwrap_or(organization.max_allowed_memberships);
        let flag = fields.flag("admin_delete_enabled")?;
        organization.admin_delete_enabled = flag.unwrap_or(organization.admin_delete_enabled);
        let moment = fields.moment("created_at")?;
        organization.created_at = moment.unwrap_or(organization.created_at);
        // Older versions replace.
        let ClerkOrganization { public_metadata, private_metadata, .. } = organization;
        metadata::replace(fields, public_metadata, private_metadata)
    })
}

async fn merge_metadata(
    shared: Data<Shared>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> Answer {
    admit(&shared, &request)?;
    change(&shared, &id, &body, &METADATA, |_, fields, organization| {
        let ClerkOrganization { public_metadata, private_metadata, .. } = organization;
        metadata::merge(fields, public_metadata, private_metadata)
    })
}

/// Changes an organization completely or, if anything is refused, not at all.
fn change(
    shared: &Shared,
    id: &str,
    body: &[u8],
    known: &[&str],
    how: impl FnOnce(&State, &Fields, &mut ClerkOrganization) -> Result<(), Refusal>,
) -> Answer {
    let mut state = shared.lock();
    state.settings.admit()?;
    let organization = state.directory.get(id).ok_or_else(Refusal::no_organization)?;
    let mut organization = organization.clone();
    how(&state, &Fields::read(body, known)?, &mut organization)?;
    let now = state.now();
    organization.updated_at = now.max(organization.updated_at + 1);
    let shown = answer(&state.settings, &organization);
    state.directory.put(now, organization);
    state.emit("organization.updated", &shown);
    Ok(ok(&shown))
}

async fn delete_one(shared: Data<Shared>, request: HttpRequest, id: Path<String>) -> Answer {
    admit(&shared, &request)?;
    let mut state = shared.lock();
    state.settings.admit()?;
    remove(&mut state, &id).map(|deleted| ok(&deleted)).ok_or_else(Refusal::no_organization)
}

/// Deletes an organization with its memberships; none if it does not exist.
pub(crate) fn remove(state: &mut State, id: &str) -> Option<Value> {
    let organization = state.directory.get(id)?.clone();
    let mut deleted = json!({"object": "organization", "id": organization.id, "deleted": true});
    if let (Some(slug), Some(members)) = (&organization.slug, deleted.as_object_mut()) {
        members.insert("slug".to_owned(), slug.as_str().into());
    }
    let now = state.now();
    state.directory.remove(now, id);
    for user in organization.memberships.keys() {
        let membership = memberships::answer(state, &organization, user);
        state.emit("organizationMembership.deleted", &membership);
    }
    state.emit("organization.deleted", &deleted);
    Some(deleted)
}
