//! `GET /v1/campaigns`.

use serde_json::{Value, json};
use winserve_testkit::TestApp;

use crate::fixtures;

const ADMIN: i32 = 20;

/// Campaigns 11, 12 and 13 of the users 7, 8 and 9, all different.
fn three_campaigns(app: &TestApp) {
    for (id, roles) in [(ADMIN, "admin"), (7, "candidate"), (8, "candidate"), (9, "candidate")] {
        fixtures::user(&app.database, id, roles);
    }
    let details = json!({
        "positionId": "Z2lkOi8v", "office": "other", "otherOffice": "Mayor", "state": "mi",
        "ballotLevel": "City", "electionDate": "2026-11-03", "primaryElectionDate": "2026-08-04",
    });
    let goals = json!({
        "electionType": "City", "electionLocation": "MI##TECUMSEH##", "p2vStatus": "Complete",
    });
    fixtures::campaign(&app.database, 13, 9, &json!(["odd"]), Some(&json!("Waiting")));
    fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
    let details = json!({
        "office": "Dog Catcher", "state": " WY", "ballotLevel": "COUNTY",
        "electionDate": "2028-11-07", "primaryElectionDate": 5,
    });
    fixtures::campaign(&app.database, 12, 8, &details, None);
    app.database.execute(
        r#"UPDATE "user" SET email = 'Bea_8%\x@Example.org' WHERE id = 8;
           UPDATE campaign SET is_active = true, slug = 'Bea-O''Neil_1' WHERE id = 12"#,
    );
}

async fn ids(app: &TestApp, query: &str) -> Value {
    let response = app.user(ADMIN).get(&format!("/v1/campaigns?{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.json());
    response.json().as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
}

contract! {
    async fn every_campaign_is_listed_by_id_with_its_owner_and_voter_goals(app) {
        three_campaigns(&app);
        let list = app.user(ADMIN).get("/v1/campaigns").await.json();
        let mut own = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!(own["organizationId"], app.organization_of(11));
        own["pathToVictory"] = json!({"data": {
            "electionType": "City", "electionLocation": "TECUMSEH", "districtManuallySet": false,
            "p2vStatus": "Complete",
        }});
        own["user"] = json!({
            "firstName": "Ann", "lastName": "User", "phone": "5555555555",
            "email": "user7@example.org", "metaData": {"sessionCount": 3},
        });
        assert_eq!(list[0], own);
        assert_eq!((&list[1]["id"], &list[1]["pathToVictory"]), (&json!(12), &Value::Null));
        assert_eq!((&list[2]["id"], &list[2]["details"]), (&json!(13), &json!(["odd"])));
        assert_eq!(list[2]["pathToVictory"], json!({"data": "Waiting"}));
        assert_eq!(list.as_array().unwrap().len(), 3);
    }

    async fn without_campaigns_the_list_is_empty(app) {
        fixtures::user(&app.database, ADMIN, "admin");
        assert_eq!(app.user(ADMIN).get("/v1/campaigns").await.json(), json!([]));
    }

    async fn filters_narrow_the_list(app) {
        three_campaigns(&app);
        for (query, expected) in [
            ("id=12", json!([12])), ("id=99", json!([])), ("id=-3", json!([])), ("id=", json!([11, 12, 13])),
            ("userId=9", json!([13])),
            ("email=EXAMPLE.org", json!([11, 12, 13])), ("email=bea_8%25%5C", json!([12])),
            ("email=%25", json!([12])), ("email=_", json!([12])), ("email=%C3%A9%FF", json!([])),
            ("slug=bea-o'neil_1", json!([12])), ("slug=bea-o'neil%25", json!([])),
            ("slug=bea-o'neilx1", json!([])), ("slug=bea", json!([])), ("slug=", json!([11, 12, 13])),
            ("state=mi", json!([11])), ("state=WY", json!([12])), ("state=CA", json!([])),
            ("state=", json!([11, 12, 13])),
            ("level=city", json!([11])), ("level=COUNTY", json!([12])), ("level=Federal", json!([])),
            ("campaignStatus=active", json!([12])), ("campaignStatus=inactive", json!([11, 13])),
            ("p2vStatus=COMPLETE", json!([11])), ("p2vStatus=complete", json!([11])),
            ("p2vStatus=Waiting", json!([])), ("p2vStatus=' OR 1=1 --", json!([])),
            ("generalElectionDateStart=2026-11-03", json!([11, 12])),
            ("generalElectionDateStart=2026-11-04", json!([12])),
            ("generalElectionDateEnd=2026-11-03", json!([11])),
            ("generalElectionDateStart=2026-11-04&generalElectionDateEnd=2028-11-06", json!([])),
            ("primaryElectionDateStart=2026-08-04&primaryElectionDateEnd=2026-08-04", json!([11])),
            ("primaryElectionDateStart=2026-08-05", json!([])),
            ("primaryElectionDateEnd=2026-08-03", json!([])),
            ("state=MI&level=CITY&campaignStatus=inactive&userId=7", json!([11])),
            ("state=MI&campaignStatus=active", json!([])),
            ("unknown=%00&unknown=1&limit=x", json!([11, 12, 13])),
        ] {
            assert_eq!(ids(&app, query).await, expected, "{query}");
        }
    }

    async fn bad_filters_400(app) {
        three_campaigns(&app);
        for (query, issues) in [
            ("id=undefined", json!([["invalid_type", ["id"]]])),
            ("id=1.5&userId=x", json!([["invalid_type", ["id"]], ["invalid_type", ["userId"]]])),
            ("id=2147483648", json!([["too_big", ["id"]]])),
            ("userId=-2147483649", json!([["too_small", ["userId"]]])),
            ("state=Michigan", json!([["custom", ["state"]]])),
            ("level=REGIONAL", json!([["invalid_enum_value", ["level"]]])),
            ("level=", json!([["invalid_enum_value", ["level"]]])),
            ("campaignStatus=ACTIVE", json!([["invalid_enum_value", ["campaignStatus"]]])),
            ("generalElectionDateStart=2026-02-29", json!([["invalid_string", ["generalElectionDateStart"]]])),
            ("generalElectionDateEnd=11/03/2026", json!([["invalid_string", ["generalElectionDateEnd"]]])),
            ("primaryElectionDateStart=2026-8-4", json!([["invalid_string", ["primaryElectionDateStart"]]])),
            ("primaryElectionDateEnd=", json!([["invalid_string", ["primaryElectionDateEnd"]]])),
            ("email=%00", json!([["custom", ["email"]]])), ("slug=a%00", json!([["custom", ["slug"]]])),
            ("p2vStatus=%00", json!([["custom", ["p2vStatus"]]])),
            ("slug=a&slug=b", json!([["invalid_type", ["slug"]]])),
        ] {
            app.user(ADMIN).get(&format!("/v1/campaigns?{query}")).await.assert_invalid(&issues);
        }
    }

    async fn anybody_else_is_refused_before_the_query_is_looked_at(app) {
        three_campaigns(&app);
        fixtures::user(&app.database, 30, "sales");
        for id in [7, 30] {
            for query in ["", "id=undefined", "slug=%00"] {
                app.user(id)
                    .get(&format!("/v1/campaigns?{query}"))
                    .await
                    .assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
            }
        }
    }

    async fn the_number_of_statements_does_not_depend_on_the_number_of_campaigns(app) {
        three_campaigns(&app);
        let client = app.user(ADMIN);
        client.get("/v1/campaigns").await;
        let before = app.statements();
        client.get("/v1/campaigns").await;
        let authentication = 1;
        let statements = app.statements() - before - authentication;
        assert!(statements <= 2, "{statements} statements");
    }
}
