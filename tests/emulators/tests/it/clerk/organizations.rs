//! Organizations, their metadata and the instance's settings.

use clerk_rs::{
    apis::{instance_settings_api, organizations_api},
    models::{
        CreateOrganizationRequest, MergeOrganizationMetadataRequest, UpdateOrganizationRequest,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{ClerkEmulator, InstanceSettings, SlugWhenDisabled};

use super::{call, configuration, get, jane, refusal};

fn with_slugs() -> ClerkEmulator {
    let clerk = ClerkEmulator::start().unwrap();
    clerk.add(jane());
    clerk.set(InstanceSettings { slug_disabled: false, ..clerk.settings() });
    clerk
}

async fn create(clerk: &ClerkEmulator, body: Value) -> (u16, Value) {
    call(clerk, Method::POST, "/organizations", body).await
}

/// An organization's id.
async fn created(clerk: &ClerkEmulator, body: Value) -> String {
    let (status, body) = create(clerk, body).await;
    assert_eq!(status, 200, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

fn object(value: Value) -> std::collections::HashMap<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn clerk_rs_makes_finds_changes_and_deletes_organizations() {
    let clerk = with_slugs();
    let configuration = configuration(&clerk);
    let request = CreateOrganizationRequest {
        slug: Some(Some("campaign-1".to_owned())),
        created_by: Some(Some("user_1".to_owned())),
        public_metadata: Some(Some(object(json!({"type": "campaign", "positionId": "123"})))),
        created_at: Some(Some("2026-01-01T00:00:00.5Z".to_owned())),
        ..CreateOrganizationRequest::new("Jane for Council".to_owned())
    };
    let made = organizations_api::create_organization(&configuration, Some(request)).await.unwrap();
    assert_eq!((made.id.len(), made.created_at), (31, 1_767_225_600_500));
    assert_eq!(made.public_metadata["positionId"], "123");
    for name in [&made.id, "campaign-1"] {
        let shown =
            organizations_api::get_organization(&configuration, name, Some(true), Some(true));
        let shown = shown.await.unwrap();
        assert_eq!((shown.id, shown.members_count), (made.id.clone(), Some(1)));
        assert_eq!(shown.missing_member_with_elevated_permissions, Some(false));
    }
    let change = UpdateOrganizationRequest {
        name: Some(Some("Jane for Mayor".to_owned())),
        ..UpdateOrganizationRequest::new()
    };
    let changed = organizations_api::update_organization(&configuration, &made.id, change);
    let changed = changed.await.unwrap();
    assert_eq!((&*changed.name, &*changed.slug), ("Jane for Mayor", "campaign-1"));
    assert!(changed.updated_at > made.updated_at);
    let listed = organizations_api::list_organizations(
        &configuration,
        None,
        None,
        Some("MAYOR"),
        Some(vec!["user_1".to_owned()]),
        None,
        Some("+created_at"),
        Some(500),
        None,
    );
    let listed = listed.await.unwrap();
    assert_eq!((listed.total_count, &*listed.data[0].id), (1, &*made.id));
    let deleted = organizations_api::delete_organization(&configuration, &made.id).await.unwrap();
    assert!(deleted.deleted && deleted.slug == Some("campaign-1".to_owned()));
    let gone = get(&clerk, "/v1/organizations/campaign-1", Some(clerk.secret_key())).await;
    assert_eq!(refusal(&gone), (404, "resource_not_found", None));
    assert_eq!(gone.1["errors"][0]["message"], "Given organization not found.");
    assert!(clerk.organizations().is_empty());
}

#[tokio::test]
async fn clerk_rs_merges_metadata() {
    let clerk = with_slugs();
    let configuration = configuration(&clerk);
    let metadata = json!({"type": "campaign", "nested": {"kept": 1, "removed": 2}, "list": [1]});
    let id = created(&clerk, json!({"name": "Jane", "public_metadata": metadata})).await;
    let change = json!({"nested": {"removed": null, "added": {"deep": null}}, "list": [2]});
    let request = MergeOrganizationMetadataRequest {
        public_metadata: Some(object(change)),
        private_metadata: Some(object(json!({"ref": "campaign:1"}))),
    };
    let merged = organizations_api::merge_organization_metadata(&configuration, &id, request);
    assert_eq!(
        json!(merged.await.unwrap().public_metadata),
        json!({"type": "campaign", "nested": {"kept": 1, "added": {}}, "list": [2]})
    );
    assert_eq!(clerk.organizations()[0].private_metadata, json!({"ref": "campaign:1"}));
}

#[tokio::test]
async fn metadata_has_a_size_and_is_an_object() {
    let clerk = with_slugs();
    let id = created(&clerk, json!({"name": "Jane"})).await;
    let path = format!("/organizations/{id}/metadata");
    let half = json!({"text": "x".repeat(4_500)});
    let answer = call(&clerk, Method::PATCH, &path, json!({"public_metadata": half})).await;
    assert_eq!(answer.0, 200);
    let both = call(&clerk, Method::PATCH, &path, json!({"private_metadata": half})).await;
    assert_eq!(refusal(&both), (422, "form_param_exceeds_allowed_size", Some("public_metadata")));
    assert_eq!(clerk.organizations()[0].private_metadata, json!({}));
    let list = call(&clerk, Method::PATCH, &path, json!({"public_metadata": [1]})).await;
    assert_eq!(refusal(&list), (422, "form_param_value_invalid", Some("public_metadata")));
    let gone = call(&clerk, Method::PATCH, "/organizations/org_2/metadata", json!({})).await;
    assert_eq!(refusal(&gone), (404, "resource_not_found", None));
}

#[tokio::test]
async fn bad_organizations_are_refused_as_clerk_refuses_them() {
    let clerk = with_slugs();
    created(&clerk, json!({"name": "Jane", "slug": "jane"})).await;
    let invalid = "form_param_value_invalid";
    for (body, expected) in [
        (json!(null), (422, "form_param_format_invalid", None)),
        (json!({}), (422, "form_param_missing", Some("name"))),
        (json!({"name": ""}), (422, "form_param_missing", Some("name"))),
        (json!({"name": "x".repeat(257)}), (422, invalid, Some("name"))),
        (json!({"name": "Jane https://x"}), (422, invalid, Some("name"))),
        (json!({"name": "Vote Jane.com today"}), (422, invalid, Some("name"))),
        (json!({"name": "<b>Jane"}), (422, invalid, Some("name"))),
        (json!({"name": "J", "slug": "Jane"}), (422, "form_param_format_invalid", Some("slug"))),
        (json!({"name": "J", "slug": "jane"}), (422, "form_identifier_exists", Some("slug"))),
        (json!({"name": "J", "nickname": "j"}), (422, "form_param_unknown", Some("nickname"))),
        (
            json!({"name": "J", "created_by": "user_2"}),
            (400, "organization_creator_not_found", None),
        ),
    ] {
        assert_eq!(refusal(&create(&clerk, body.clone()).await), expected, "{body}");
    }
    assert_eq!(clerk.organizations().len(), 1);
    created(&clerk, json!({"name": "J. D. Smith, Jr. of St. Louis"})).await;
}

#[tokio::test]
async fn the_same_body_twice_makes_two_organizations() {
    let clerk = with_slugs();
    let body = json!({"name": "Jane for Council"});
    let ids = [created(&clerk, body.clone()).await, created(&clerk, body).await];
    let made = clerk.organizations();
    assert_eq!([&made[0].id, &made[1].id], [&ids[0], &ids[1]]);
    assert_eq!(made[0].slug.as_deref(), Some("jane-for-council"));
    assert_ne!(made[0].slug, made[1].slug);
}

#[tokio::test]
async fn slugs_are_refused_where_they_are_off_and_may_be_null_or_absent() {
    let clerk = ClerkEmulator::start().unwrap();
    assert!(clerk.settings().slug_disabled, "as in a new instance");
    let refused = create(&clerk, json!({"name": "Jane", "slug": "jane"})).await;
    assert_eq!(refusal(&refused), (403, "organization_slugs_disabled", None));
    for (slug_when_disabled, expected) in [
        (SlugWhenDisabled::Derived, Some(json!("jane"))),
        (SlugWhenDisabled::Null, Some(json!(null))),
        (SlugWhenDisabled::Absent, None),
    ] {
        clerk.set(InstanceSettings { slug_when_disabled, ..clerk.settings() });
        let (_, shown) = create(&clerk, json!({"name": "Jane", "slug": ""})).await;
        assert_eq!(shown.get("slug"), expected.as_ref());
    }
}

#[tokio::test]
async fn metadata_moved_to_a_route_of_its_own_in_the_newest_version() {
    let clerk = with_slugs();
    let id = created(&clerk, json!({"name": "Jane", "public_metadata": {"a": 1}})).await;
    let path = format!("/organizations/{id}");
    let body = json!({"public_metadata": {"b": 2}});
    let refused = call(&clerk, Method::PATCH, &path, body.clone()).await;
    assert_eq!(refusal(&refused), (422, "form_param_unknown", Some("public_metadata")));
    let older = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let request = older.patch(format!("{}{path}", clerk.api_url())).json(&body);
    let answer = request
        .header("clerk-api-version", "2025-11-10")
        .bearer_auth(clerk.secret_key())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["public_metadata"], json!({"b": 2}));
    let both =
        get(&clerk, "/v1/organizations?__clerk_api_version=2025-11-10", Some(clerk.secret_key()));
    assert_eq!(refusal(&both.await), (400, "api_version_invalid", None));
}

#[tokio::test]
async fn lists_are_ordered_filtered_and_cut() {
    let clerk = with_slugs();
    for number in 0..12 {
        clerk.set_clock(1_000 + number);
        let creator = if number % 2 == 0 { json!("user_1") } else { json!(null) };
        let name = format!("Number {}", 11 - number);
        created(&clerk, json!({"name": name, "created_by": creator})).await;
    }
    let list = |query: &str| {
        let path = format!("/v1/organizations?{query}");
        let clerk = &clerk;
        async move {
            let (status, body) = get(clerk, &path, Some(clerk.secret_key())).await;
            assert_eq!(status, 200, "{body}");
            let data = body["data"].as_array().unwrap();
            let names: Vec<String> =
                data.iter().map(|shown| shown["name"].as_str().unwrap().to_owned()).collect();
            (body["total_count"].as_u64().unwrap(), names)
        }
    };
    let (total, newest_first) = list("").await;
    assert_eq!((total, newest_first.len(), &*newest_first[0]), (12, 10, "Number 0"));
    let oldest_first = list("order_by=%2Bcreated_at&limit=2&offset=1").await;
    assert_eq!(oldest_first, (12, vec!["Number 10".to_owned(), "Number 9".to_owned()]));
    assert_eq!(list("order_by=name&limit=1").await.1, ["Number 0"]);
    assert_eq!(list("order_by=-members_count&limit=1").await.1, ["Number 1"]);
    assert_eq!(list("user_id=user_1").await.0, 6);
    assert_eq!(list("user_id=-user_1").await.0, 6);
    assert_eq!(list("query=BER%201").await.0, 3);
    let id = &clerk.organizations()[0].id;
    assert_eq!(list(&format!("query={id}")).await.1, ["Number 11"]);
    assert_eq!(list(&format!("organization_id=-{id}")).await.0, 11);
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("offset=-1", "offset"),
        ("order_by=+created_at", "order_by"),
        (&"user_id=x&".repeat(101), "user_id"),
    ] {
        let path = format!("/v1/organizations?{query}");
        let refused = get(&clerk, &path, Some(clerk.secret_key())).await;
        assert_eq!(refusal(&refused), (422, "form_param_value_invalid", Some(parameter)));
    }
}

#[tokio::test]
async fn an_instance_without_organizations_refuses_every_route_of_theirs() {
    let clerk = with_slugs();
    let id = created(&clerk, json!({"name": "Jane"})).await;
    clerk.set(InstanceSettings { enabled: false, ..clerk.settings() });
    for path in ["", &format!("/{id}")] {
        let path = format!("/v1/organizations{path}");
        let refused = get(&clerk, &path, Some(clerk.secret_key())).await;
        assert_eq!(refusal(&refused), (403, "organization_not_enabled_in_instance", None));
    }
    assert_eq!(clerk.organizations().len(), 1, "nothing is lost");
}

#[tokio::test]
async fn limits_of_the_instance_and_of_creators_are_kept() {
    let clerk = with_slugs();
    clerk.set(InstanceSettings {
        creation_limit: 1,
        organization_limit: Some(3),
        ..clerk.settings()
    });
    let by_jane = json!({"name": "Jane", "created_by": "user_1"});
    let first = created(&clerk, by_jane.clone()).await;
    let refused = create(&clerk, by_jane.clone()).await;
    assert_eq!(refusal(&refused), (403, "org_creation_limit_exceeded", None));
    created(&clerk, json!({"name": "Nobody"})).await;
    call(&clerk, Method::DELETE, &format!("/organizations/{first}"), json!(null)).await;
    created(&clerk, by_jane).await;
    created(&clerk, json!({"name": "Nobody"})).await;
    let refused = create(&clerk, json!({"name": "Nobody"})).await;
    assert_eq!(refusal(&refused), (403, "organization_quota_exceeded", None));
    clerk.set(InstanceSettings { created_by_required: true, ..clerk.settings() });
    let refused = create(&clerk, json!({"name": "Nobody"})).await;
    assert_eq!(refusal(&refused), (422, "form_param_missing", Some("created_by")));
}

#[tokio::test]
async fn clerk_rs_reads_the_settings_of_the_instance() {
    let clerk = with_slugs();
    let configuration = configuration(&clerk);
    let settings = instance_settings_api::get_instance_organization_settings(&configuration);
    let settings = settings.await.unwrap();
    assert_eq!((settings.max_allowed_memberships, &*settings.creator_role), (5, "org:admin"));
}
