//! Members of organizations.

use clerk_rs::{apis::organization_memberships_api, models::CreateOrganizationMembershipRequest};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{ClerkEmulator, Person};

use super::{call, configuration, get, refusal};

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
async fn clerk_rs_adds_and_removes_members() {
    let (clerk, id) = with_organization().await;
    let configuration = configuration(&clerk);
    let request = CreateOrganizationMembershipRequest::new("user_2".into(), "org:member".into());
    let made =
        organization_memberships_api::create_organization_membership(&configuration, &id, request);
    let made = made.await.unwrap();
    assert_eq!((&*made.role, &*made.organization.id), ("org:member", &*id));
    let who = made.public_user_data.unwrap();
    assert_eq!((&*who.user_id, who.identifier), ("user_2", Some(Some("2@example.org".into()))));
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
async fn a_deleted_user_leaves_every_organization_and_the_organizations_stay() {
    let (clerk, id) = with_organization().await;
    call(&clerk, Method::DELETE, "/users/user_1", json!(null)).await;
    let left = clerk.organizations();
    assert_eq!((&left[0].id, left[0].memberships.len()), (&id, 0));
    assert_eq!(left[0].created_by.as_deref(), Some("user_1"));
    let path = "/v1/organizations?user_id=user_1";
    assert_eq!(get(&clerk, path, Some(clerk.secret_key())).await.1["total_count"], 0);
}
