//! `GET /v1/campaigns/slug/:slug`.

use serde_json::json;
use winserve_testkit::TestApp;

use crate::fixtures;

const ADMIN: i32 = 20;

fn admin_and_campaign(app: &TestApp) {
    fixtures::user(&app.database, ADMIN, "admin,candidate");
    fixtures::user(&app.database, 7, "candidate");
    let details = json!({"office": "other", "otherOffice": "Mayor", "state": "mi"});
    let goals = json!({"electionType": "City", "electionLocation": "MI##TECUMSEH##"});
    fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
}

contract! {
    async fn an_admin_sees_what_the_owner_sees(app) {
        admin_and_campaign(&app);
        let response = app.user(ADMIN).get("/v1/campaigns/slug/slug-11").await;
        let answer = response.json();
        assert_eq!((response.status.as_u16(), &answer["id"]), (200, &json!(11)));
        assert_eq!(answer["organizationId"], app.organization_of(11));
        assert_eq!(answer["pathToVictory"]["data"]["electionLocation"], "TECUMSEH");
        assert_eq!(answer, app.user(7).get("/v1/campaigns/mine").await.json());
    }

    async fn anybody_else_is_refused_before_the_slug_is_looked_at(app) {
        admin_and_campaign(&app);
        for (id, roles) in [(30, "sales"), (31, "campaignManager,demo"), (32, "")] {
            fixtures::user(&app.database, id, roles);
        }
        for id in [7, 30, 31, 32] {
            for slug in ["slug-11", "nobody", "%00", "%FF"] {
                app.user(id)
                    .get(&format!("/v1/campaigns/slug/{slug}"))
                    .await
                    .assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
            }
        }
    }

    async fn an_unknown_slug_404(app) {
        admin_and_campaign(&app);
        let long = "s".repeat(5_000);
        for slug in ["nobody", "SLUG-11", "slug-11%20", "%FF", "b%C3%BCrgermeister", "%25", "' OR 1=1", &long] {
            let response = app.user(ADMIN).get(&format!("/v1/campaigns/slug/{slug}")).await;
            response.assert_error(404, "Not Found", "not-found", "Not Found");
        }
        assert_eq!(app.user(ADMIN).get("/v1/campaigns/slug/").await.error()["code"], "route-not-found");
    }

    async fn a_nul_in_the_slug_400(app) {
        admin_and_campaign(&app);
        let response = app.user(ADMIN).get("/v1/campaigns/slug/slug-11%00").await;
        response.assert_invalid(&json!([["custom", ["slug"]]]));
    }
}
