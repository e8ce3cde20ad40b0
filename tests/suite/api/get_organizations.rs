//! `GET /v1/organizations…`: what a user can switch between, and what staff see (design §5).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures::{self, MAYOR};

const LIST: &str = "/v1/organizations";

/// A user with a campaign for a known office, one for a typed-in office, and an office won with the latter.
async fn app() -> TestApp {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let client = app.user(7);
    let mut last = String::new();
    for body in [
        json!({"positionId": MAYOR, "electionDate": "2028-11-07"}),
        json!({"customOffice": {"office": "Clerk", "state": "MI"}}),
    ] {
        let request = client.request(Method::POST, "/v1/campaigns").json(&body);
        let started = client.send(request).await;
        assert_eq!(started.status, 201);
        started.json()["organizationId"].as_str().unwrap().clone_into(&mut last);
    }
    let client = client.naming(last);
    let won = json!({"electedDate": "2024-11-05", "swornInDate": "2025-01-06"});
    client.send(client.request(Method::POST, "/v1/elected-office").json(&won)).await;
    app
}

async fn list(app: &TestApp, user: i32) -> Vec<Value> {
    app.user(user).get(LIST).await.json()["organizations"].as_array().unwrap().clone()
}

fn id(item: &Value) -> &str {
    item["id"].as_str().unwrap()
}

#[actix_web::test]
async fn everything_that_a_user_can_switch_between_is_listed_offices_first() {
    let app = app().await;
    let items = list(&app, 7).await;
    let names: Vec<&Value> = items.iter().map(|item| &item["name"]).collect();
    assert_eq!(json!(names), json!(["Clerk", "2028 Campaign", "Campaign"]));
    assert_eq!(list(&app, 7).await, items);
    let mut office = items[0].clone();
    for key in ["id", "createdAt", "updatedAt"] {
        assert!(office[key].take().is_string());
    }
    assert!(office["electedOffice"]["id"].take().is_string());
    assert_eq!(
        office,
        json!({
            "id": null, "type": "electedOffice", "name": "Clerk", "status": "active",
            "positionName": "Clerk",
            "position": {
                "id": null, "isCustom": true, "office": "Clerk", "ballotLevel": null, "level": null,
                "state": "MI", "county": null, "city": null, "district": null, "zip": null,
            },
            "district": null, "campaign": null,
            "electedOffice": {
                "id": null, "isActive": true, "swornInDate": "2025-01-06", "termStartDate": null,
                "termEndDate": null,
            },
            "clerkOrganizationId": null,
            "capabilities": {
                "contacts": true, "search": true, "download": true, "saveSegments": true,
                "politicalParty": false,
            },
            "problem": null, "createdAt": null, "updatedAt": null,
        })
    );
    let campaign = &items[1];
    assert_eq!(
        (&campaign["status"], &campaign["campaign"]["didWin"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(
        (&campaign["position"]["id"], &campaign["position"]["isCustom"]),
        (&json!(MAYOR), &json!(false))
    );
    let district = &campaign["district"];
    assert!(district["id"].is_string());
    assert_eq!(
        json!([district["type"], district["name"], district["state"], district["manuallySet"]]),
        json!(["City", "TECUMSEH CITY", "MI", false])
    );
    assert_eq!(campaign["capabilities"]["politicalParty"], true);
    assert_eq!(app.user(7).get(&format!("{LIST}/{}", id(campaign))).await.json(), *campaign);
}

#[actix_web::test]
async fn a_list_is_one_statement_and_calls_no_upstream() {
    let app = app().await;
    app.user(7).get(LIST).await;
    for call in [Call::PositionByBallotreadyId, Call::DistrictsList, Call::District] {
        app.election.fail_always(call, Fault::Down);
    }
    let asked = app.election.count(Call::PositionByBallotreadyId);
    let before = app.statements();
    assert_eq!(list(&app, 7).await.len(), 3);
    let authentication = 1;
    assert_eq!(app.statements() - before - authentication, 1);
    assert_eq!(app.election.count(Call::PositionByBallotreadyId), asked);
}

#[actix_web::test]
async fn one_damaged_item_is_shown_and_flagged_beside_the_others() {
    let app = app().await;
    app.database.expect_damage();
    app.database.execute_unmapped(
        "ALTER TABLE campaign ALTER COLUMN position_id DROP NOT NULL;
         UPDATE campaign SET position_id = NULL WHERE id = (SELECT min(id) FROM campaign);
         UPDATE elected_office SET l2_district_id = 'no uuid', l2_district_type = 'City', l2_district_name = 'X'",
    );
    let items = list(&app, 7).await;
    let problems: Vec<&Value> = items.iter().map(|item| &item["problem"]).collect();
    assert_eq!(json!(problems), json!(["position-unreadable", "position-missing", null]));
    assert_eq!(
        (&items[1]["position"], &items[1]["campaign"]["isActive"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(items[0]["capabilities"]["contacts"], false);
    assert_eq!(items[2]["name"], "Campaign");
}

#[actix_web::test]
async fn a_client_that_has_the_list_gets_304() {
    let app = app().await;
    let first = app.user(7).get(LIST).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "strong: {tag}");
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    let ask = async |tags: &str| {
        let client = app.user(7);
        client.send(client.request(Method::GET, LIST).header("If-None-Match", tags)).await
    };
    for tags in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let unchanged = ask(&tags).await;
        assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0), "{tags}");
        assert_eq!(unchanged.headers["etag"].to_str().unwrap(), tag);
    }
    app.database
        .execute("UPDATE campaign SET is_pro = true WHERE id = (SELECT max(id) FROM campaign)");
    let changed = ask(&tag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.headers["etag"].to_str().unwrap(), tag);
}

#[actix_web::test]
async fn an_office_that_is_not_held_is_listed_and_may_do_nothing() {
    let app = app().await;
    app.database.execute("UPDATE elected_office SET is_active = false");
    let items = list(&app, 7).await;
    assert_eq!(items[2]["electedOffice"]["isActive"], false);
    let may = items[2]["capabilities"].as_object().unwrap();
    assert!(may.values().all(|may| *may == json!(false)), "{may:?}");
}

fn assert_not_found(response: &Response) {
    response.assert_error(404, "Not Found", "organization-not-found", "Organization not found");
}

#[actix_web::test]
async fn what_is_unknown_foreign_or_no_id_has_one_answer() {
    let app = app().await;
    fixtures::user(&app.database, 8, "admin");
    let own = id(&list(&app, 7).await[0]).to_owned();
    let unknown = "0193f6a4-0000-7000-8000-00000000000a";
    for named in [own.as_str(), unknown, "17", "org_unknown", "org_", "%20", "custom:campaign:1"] {
        for path in [format!("{LIST}/{named}"), format!("{LIST}/{named}/campaign")] {
            assert_not_found(&app.user(8).get(&path).await);
        }
    }
    assert_not_found(&app.user(7).get(&format!("{LIST}/{}", own.to_uppercase())).await);
    app.database.execute(&format!(
        "UPDATE organization SET clerk_organization_id = 'org_1' WHERE id = '{own}'"
    ));
    let by_clerks = app.user(7).get(&format!("{LIST}/org_1")).await.json();
    assert_eq!(
        (id(&by_clerks), &by_clerks["clerkOrganizationId"]),
        (own.as_str(), &json!("org_1"))
    );
    assert!(list(&app, 8).await.is_empty());
}

#[actix_web::test]
async fn the_campaign_of_an_organization_is_the_campaign_and_an_office_has_none() {
    let app = app().await;
    let items = list(&app, 7).await;
    let campaign = app.user(7).get(&format!("{LIST}/{}/campaign", id(&items[1]))).await.json();
    assert_eq!(
        (&campaign["id"], &campaign["organizationId"]),
        (&items[1]["campaign"]["id"], &items[1]["id"])
    );
    assert_eq!(campaign["details"]["otherOffice"], "Tecumseh City Mayor");
    assert_not_found(&app.user(7).get(&format!("{LIST}/{}/campaign", id(&items[0]))).await);
}

#[actix_web::test]
async fn staff_and_machines_see_anybodys_with_their_owner() {
    let app = TestApp::with_clerk(Phase::One).await;
    app.clerk().add_machine_token("mt_good", "mch_1", None);
    for (user, role) in [(7, "candidate"), (8, "candidate"), (20, "admin"), (21, "sales")] {
        fixtures::user(&app.database, user, role);
    }
    for (id, owner) in [(11, 7), (12, 8), (13, 8)] {
        fixtures::campaign(&app.database, id, owner, &json!({}), None);
    }
    let machine = app.anonymous().authorized("Bearer mt_good");
    for client in [app.user(20), app.user(21), machine] {
        let all = client.get("/v1/organizations/admin/list").await.json();
        assert_eq!(all["organizations"].as_array().unwrap().len(), 3);
        assert_eq!(
            all["pagination"],
            json!({
                "totalResults": 3, "currentPage": 1, "pageSize": 50, "totalPages": 1,
                "hasNextPage": false, "hasPreviousPage": false,
            })
        );
        let found = client.get("/v1/organizations/admin/list?email=USER8").await.json();
        assert_eq!(found["pagination"]["totalResults"], 2);
        let item = &found["organizations"][0];
        let owner = json!({
            "id": 8, "firstName": "Ann", "lastName": "User", "phone": "5555555555",
            "email": "user8@example.org",
        });
        assert_eq!(item["owner"], owner);
        let one = client.get(&format!("/v1/organizations/admin/{}", id(item))).await;
        assert_eq!(one.json(), *item);
        let by_id =
            client.get(&format!("/v1/organizations/admin/list?id={}", id(item))).await.json();
        assert_eq!(by_id["organizations"], json!([item]));
        let beyond = client.get("/v1/organizations/admin/list?page=9").await.json();
        assert_eq!(
            (&beyond["organizations"], &beyond["pagination"]["hasPreviousPage"]),
            (&json!([]), &json!(true))
        );
    }
    let invalid = app.user(20).get("/v1/organizations/admin/list?page=0&mail=x").await;
    invalid.assert_invalid(&json!([["too_small", ["page"]], ["unrecognized_keys", []]]));
    assert_not_found(&app.user(20).get("/v1/organizations/admin/list?id=17").await);
    for path in ["/v1/organizations/admin/list", "/v1/organizations/admin/x"] {
        app.user(7).get(path).await.assert_error(
            403,
            "Forbidden",
            "forbidden",
            "Forbidden resource",
        );
    }
}

#[actix_web::test]
async fn before_phase_1_there_are_no_organizations() {
    let app = TestApp::new(Phase::Legacy).await;
    fixtures::user(&app.database, 20, "admin");
    let some = "0193f6a4-0000-7000-8000-00000000000a";
    for path in [
        LIST.to_owned(),
        format!("{LIST}/{some}"),
        format!("{LIST}/{some}/campaign"),
        format!("{LIST}/admin/list"),
        format!("{LIST}/admin/{some}"),
    ] {
        app.user(20).get(&path).await.assert_error(
            503,
            "Service Unavailable",
            "not-migrated",
            "This needs a later phase of the migration",
        );
    }
}
