//! `GET /v1/campaigns/mine`.

use serde_json::{Value, json};

use crate::fixtures;

const BR_ID: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";

contract! {
    async fn shows_every_member_of_the_contract(app) {
        fixtures::user(&app.database, 7, "candidate");
        let details = json!({
            "positionId": BR_ID, "office": "Other", "otherOffice": "Tecumseh City Mayor",
            "ballotLevel": "CITY", "state": "MI", "zip": "49286",
        });
        let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH", "districtManuallySet": true});
        fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
        let response = app.user(7).get("/v1/campaigns/mine").await;
        assert_eq!(response.status, 200);
        let organization = app.organization_of(11);
        assert_eq!(response.json(), json!({
            "id": 11, "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-02T00:00:00.000Z",
            "slug": "slug-11", "isActive": false, "isVerified": null, "isPro": false, "isDemo": false,
            "didWin": null, "dateVerified": null, "tier": null, "formattedAddress": null,
            "placeId": null, "data": {"slug": "slug-11"}, "details": details, "aiContent": {},
            "vendorTsData": {}, "userId": 7, "canDownloadFederal": false, "completedTaskIds": [],
            "hasFreeTextsOffer": false, "freeTextsOfferRedeemedAt": null,
            "organizationId": organization, "clerkOrganizationId": null, "positionId": details["positionId"],
            "pathToVictory": {
                "id": 11, "createdAt": "2026-01-01T00:00:00.000Z",
                "updatedAt": "2026-01-02T00:00:00.000Z", "campaignId": 11, "data": goals,
            },
        }));
    }

    async fn without_voter_goals_they_are_null(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        let answer = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!(answer["pathToVictory"], Value::Null);
        assert_eq!(answer["details"], json!({}));
    }

    async fn mine_is_the_one_named_or_the_oldest_and_never_somebody_elses(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 8, "candidate");
        for (id, owner) in [(12, 7), (11, 7), (13, 7), (9, 8)] {
            fixtures::campaign(&app.database, id, owner, &json!({}), None);
        }
        let unnamed = app.user(7).get("/v1/campaigns/mine").await;
        if app.database.phase().reads_tables() {
            assert_eq!(unnamed.error()["code"], "organization-required");
        } else {
            assert_eq!(unnamed.json()["id"], 11);
        }
        if app.database.phase().has_tables() {
            let named = app.user_of_campaign(7, 12).get("/v1/campaigns/mine").await;
            assert_eq!(named.json()["id"], 12);
            let foreign = app.user_of_campaign(7, 9).get("/v1/campaigns/mine").await;
            assert_eq!(foreign.error()["code"], "organization-not-found");
        }
    }

    async fn without_a_campaign_there_is_nothing(app) {
        fixtures::user(&app.database, 7, "candidate");
        app.user(7)
            .get("/v1/campaigns/mine")
            .await
            .assert_error(404, "Not Found", "no-organization", "Not Found");
    }

    async fn odd_json_is_shown_in_its_canonical_form(app) {
        fixtures::user(&app.database, 7, "candidate");
        let details = json!({
            "positionId": format!(" {BR_ID}"), "office": "other", "otherOffice": "Mayor",
            "state": "mi", "ballotLevel": "City",
        });
        let goals = json!({"electionType": "City", "electionLocation": "MI##TECUMSEH##", "districtId": "d"});
        fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
        let answer = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!(answer["details"], json!({
            "positionId": BR_ID, "office": "Other", "otherOffice": "Mayor", "state": "MI",
            "ballotLevel": "CITY",
        }));
        assert_eq!(answer["pathToVictory"]["data"], json!({
            "electionType": "City", "electionLocation": "TECUMSEH", "districtManuallySet": false,
            "districtId": "d",
        }));
    }

    async fn json_that_is_no_object_is_shown_untouched(app) {
        for (id, details) in [(11, json!([1])), (12, json!("text")), (13, Value::Null)] {
            fixtures::user(&app.database, id, "candidate");
            fixtures::campaign(&app.database, id, id, &details, Some(&json!("Waiting")));
            let answer = app.user(id).get("/v1/campaigns/mine").await.json();
            assert_eq!(answer["details"], details);
            assert_eq!(answer["pathToVictory"]["data"], "Waiting");
        }
    }

    async fn costs_two_statements_besides_authentication(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), Some(&json!({})));
        let client = app.user(7);
        client.get("/v1/campaigns/mine").await;
        let before = app.statements();
        client.get("/v1/campaigns/mine").await;
        let authentication = 1;
        let statements = app.statements() - before - authentication;
        assert!(statements <= 2, "{statements} statements");
    }
}
