//! Members of organizations, and the effect on their sessions.

use std::collections::HashMap;

use clerk_rs::{
    apis::{organization_memberships_api, users_api},
    models::{
        CreateOrganizationMembershipRequest, UpdateOrganizationMembershipMetadataRequest,
        UpdateOrganizationMembershipRequest,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{ClerkEmulator, InstanceSettings, Person};

use crate::{call, configuration, get, refusal};

/// A Clerk with three people and an organization that the first one created, and its id.
async fn with_organization() -> (ClerkEmulator, String) {
    let clerk = ClerkEmulator::start().unwrap();
    for number in 1..=3 {
        let email = format!("{number}@example.org");
        let first_name = Some(format!("Person {number}"));
        clerk.add(Person { first_name, ..Person::verified(&format!("user_{number}"), &email) });
    }
    let id = organization(&clerk, Some("user_1")).await;
    (clerk, id)
}

async fn organization(clerk: &ClerkEmulator, creator: Option<&str>) -> String {
    let body = json!({"name": "Jane", "created_by": creator});
    let (_, made) = call(clerk, Method::POST, "/organizations", body).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn add(clerk: &ClerkEmulator, id: &str, user: &str, role: &str) -> (u16, Value) {
    let path = format!("/organizations/{id}/memberships");
    call(clerk, Method::POST, &path, json!({"user_id": user, "role": role})).await
}

#[tokio::test]
async fn clerk_rs_adds_changes_lists_and_removes_members() {
    let (clerk, id) = with_organization().await;
    let configuration = configuration(&clerk);
    let request = CreateOrganizationMembershipRequest::new("user_2".into(), "org:member".into());
    let made =
        organization_memberships_api::create_organization_membership(&configuration, &id, request);
    let made = made.await.unwrap();
    assert_eq!((&*made.role, &*made.organization.id), ("org:member", &*id));
    let who = made.public_user_data.unwrap();
    assert_eq!((&*who.user_id, who.identifier), ("user_2", Some(Some("2@example.org".into()))));
    let request = UpdateOrganizationMembershipRequest::new("org:admin".into());
    let changed = organization_memberships_api::update_organization_membership(
        &configuration,
        &id,
        "user_2",
        request,
    );
    assert!(!changed.await.unwrap().permissions.is_empty());
    let request = UpdateOrganizationMembershipMetadataRequest {
        public_metadata: Some(HashMap::from([("a".into(), json!(1))])),
        ..UpdateOrganizationMembershipMetadataRequest::new()
    };
    let changed = organization_memberships_api::update_organization_membership_metadata(
        &configuration,
        &id,
        "user_2",
        Some(request),
    );
    assert_eq!(changed.await.unwrap().public_metadata["a"], 1);
    let of_user =
        users_api::users_get_organization_memberships(&configuration, "user_2", None, None);
    assert_eq!(of_user.await.unwrap().data[0].organization.id, id);
    let removed =
        organization_memberships_api::delete_organization_membership(&configuration, &id, "user_2");
    assert_eq!(removed.await.unwrap().public_user_data.unwrap().user_id, "user_2");
    assert_eq!(clerk.organizations()[0].memberships.len(), 1);
}

#[tokio::test]
async fn bad_members_are_refused_as_clerk_refuses_them() {
    let (clerk, id) = with_organization().await;
    assert_eq!(
        refusal(&add(&clerk, &id, "user_1", "org:member").await),
        (400, "already_a_member_in_organization", None)
    );
    assert_eq!(
        refusal(&add(&clerk, &id, "user_2", "org:owner").await),
        (422, "form_param_value_invalid", Some("role"))
    );
    assert_eq!(
        refusal(&add(&clerk, &id, "user_9", "org:member").await),
        (404, "resource_not_found", None)
    );
    assert_eq!(
        refusal(&add(&clerk, "org_9", "user_2", "org:member").await),
        (404, "resource_not_found", None)
    );
    let path = format!("/organizations/{id}/memberships/user_1");
    let removed = call(&clerk, Method::DELETE, &path, json!(null)).await;
    assert_eq!(refusal(&removed), (400, "organization_minimum_permissions_needed", None));
    let lowered = call(&clerk, Method::PATCH, &path, json!({"role": "org:member"})).await;
    assert_eq!(refusal(&lowered), (400, "organization_minimum_permissions_needed", None));
    assert_eq!(clerk.organizations()[0].memberships["user_1"].role, "org:admin");
}

#[tokio::test]
async fn an_organization_has_as_many_members_as_it_may() {
    let (clerk, id) = with_organization().await;
    let path = format!("/organizations/{id}");
    call(&clerk, Method::PATCH, &path, json!({"max_allowed_memberships": 2})).await;
    assert_eq!(add(&clerk, &id, "user_2", "org:member").await.0, 200);
    assert_eq!(
        refusal(&add(&clerk, &id, "user_3", "org:member").await),
        (403, "organization_membership_quota_exceeded", None)
    );
    call(&clerk, Method::PATCH, &path, json!({"max_allowed_memberships": 0})).await;
    assert_eq!(add(&clerk, &id, "user_3", "org:member").await.0, 200);
}

#[tokio::test]
async fn members_are_listed_by_organization_by_user_and_all() {
    let (clerk, id) = with_organization().await;
    add(&clerk, &id, "user_2", "org:member").await;
    organization(&clerk, Some("user_2")).await;
    let count = |path: String| {
        let clerk = &clerk;
        async move { get(clerk, &path, Some(clerk.secret_key())).await.1["total_count"].clone() }
    };
    let of_organization = format!("/v1/organizations/{id}/memberships");
    assert_eq!(count(of_organization.clone()).await, 2);
    for query in ["user_id=user_2", "role=org:member", "email_address=2@example.org", "query=SON 2"]
    {
        assert_eq!(count(format!("{of_organization}?{query}")).await, 1, "{query}");
    }
    assert_eq!(count("/v1/users/user_2/organization_memberships".to_owned()).await, 2);
    assert_eq!(count("/v1/organization_memberships?limit=1".to_owned()).await, 3);
}

#[tokio::test]
async fn a_deleted_user_leaves_every_organization_and_the_organizations_stay() {
    let (clerk, id) = with_organization().await;
    call(&clerk, Method::DELETE, "/users/user_1", json!(null)).await;
    let left = clerk.organizations();
    assert_eq!((&left[0].id, left[0].memberships.len()), (&id, 0));
    assert_eq!(left[0].created_by.as_deref(), Some("user_1"));
    let path = "/v1/organizations?user_id=user_1";
    assert_eq!(get(&clerk, path, Some(clerk.secret_key())).await.1["total_count"], 0);
}

/// The claims of a new token of a session.
async fn claims(clerk: &ClerkEmulator, session: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let path = format!("/sessions/{session}/tokens");
    let (_, token) = call(clerk, Method::POST, &path, json!({})).await;
    let payload = token["jwt"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn session(clerk: &ClerkEmulator, body: Value) -> (u16, Value) {
    call(clerk, Method::POST, "/sessions", body).await
}

#[tokio::test]
async fn a_new_session_has_the_newest_organization_until_the_user_leaves_it() {
    let (clerk, first) = with_organization().await;
    let second = organization(&clerk, None).await;
    add(&clerk, &second, "user_1", "org:member").await;
    let (_, made) = session(&clerk, json!({"user_id": "user_1"})).await;
    assert_eq!(made["last_active_organization_id"], json!(second));
    let id = made["id"].as_str().unwrap();
    assert_eq!(claims(&clerk, id).await["o"]["id"], json!(second));
    assert_eq!(claims(&clerk, id).await["o"]["rol"], "member");
    call(&clerk, Method::DELETE, &format!("/organizations/{second}"), json!(null)).await;
    assert_eq!(claims(&clerk, id).await.get("o"), None);
    let named = json!({"user_id": "user_1", "active_organization_id": first});
    let (_, made) = session(&clerk, named).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(claims(&clerk, id).await["o"]["rol"], "admin");
    let foreign = json!({"user_id": "user_2", "active_organization_id": first});
    assert_eq!(refusal(&session(&clerk, foreign).await), (404, "resource_not_found", None));
}

#[tokio::test]
async fn where_membership_is_required_a_session_without_one_is_pending() {
    let (clerk, _) = with_organization().await;
    let (_, made) = session(&clerk, json!({"user_id": "user_2"})).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(claims(&clerk, id).await["sts"], "active");
    clerk.set(InstanceSettings { force_organization_selection: true, ..clerk.settings() });
    assert_eq!(claims(&clerk, id).await["sts"], "pending");
}
