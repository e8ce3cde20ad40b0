//! `PUT /v1/campaigns/mine` (legacy contract §3.3).

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_testkit::TestApp;

use crate::fixtures;

fn candidate_with(app: &TestApp, details: &Value, goals: Option<&Value>) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, details, goals);
}

fn stored(app: &TestApp) -> Value {
    app.database.row("SELECT * FROM campaign WHERE id = 11")
}

contract! {
    async fn objects_merge_arrays_grow_null_overwrites_and_two_keys_are_replaced(app) {
        let details = json!({
            "zip": "49286", "website": "a", "priorElectionDates": ["2020-11-03"],
            "geoLocation": {"lat": 1.5, "lng": 2.5}, "customIssues": [{"title": "Old"}],
            "runningAgainst": [{"name": "Old"}], "partisanType": "partisan",
        });
        candidate_with(&app, &details, None);
        let body = json!({"details": {
            "website": "b", "priorElectionDates": ["2022-11-08"], "geoLocation": {"lat": 3},
            "customIssues": [{"title": "New"}], "runningAgainst": [], "partisanType": null,
            "anythingElse": {"kept": true},
        }});
        let response = app.user(7).put("/v1/campaigns/mine", body).await;
        assert_eq!(response.status, 200);
        let merged = json!({
            "zip": "49286", "website": "b", "priorElectionDates": ["2020-11-03", "2022-11-08"],
            "geoLocation": {"lat": 3, "lng": 2.5}, "customIssues": [{"title": "New"}],
            "runningAgainst": [], "partisanType": null, "anythingElse": {"kept": true},
        });
        assert_eq!(stored(&app)["details"], merged);
        assert_eq!(response.json()["details"], merged);
        assert_eq!(response.json()["updatedAt"], "2026-02-25T12:34:56.789Z");
    }

    async fn every_other_member_is_merged_or_set(app) {
        candidate_with(&app, &json!({}), None);
        let body = json!({
            "data": {"currentStep": "onboarding-2"}, "aiContent": {"why": {"content": "x"}},
            "formattedAddress": "1 Main St", "placeId": null, "canDownloadFederal": false,
        });
        let response = app.user(7).put("/v1/campaigns/mine", body).await.json();
        assert_eq!(response["data"], json!({"slug": "slug-11", "currentStep": "onboarding-2"}));
        assert_eq!(response["aiContent"], json!({"why": {"content": "x"}}));
        assert_eq!(response["formattedAddress"], "1 Main St");
        assert_eq!(response["placeId"], Value::Null);
    }

    async fn voter_goals_are_created_once_and_merged_then(app) {
        candidate_with(&app, &json!({}), None);
        let client = app.user(7);
        let first =
            client.put("/v1/campaigns/mine", json!({"pathToVictory": {"winNumber": 5}})).await.json();
        assert_eq!(first["pathToVictory"]["data"], json!({"winNumber": 5}));
        let body = json!({"pathToVictory": {"winNumber": null, "p2vStatus": "Waiting"}});
        let second = client.put("/v1/campaigns/mine", body).await.json();
        assert_eq!(second["pathToVictory"]["id"], first["pathToVictory"]["id"]);
        assert_eq!(
            second["pathToVictory"]["data"],
            json!({"winNumber": null, "p2vStatus": "Waiting"})
        );
    }

    async fn a_change_of_voter_goals_alone_leaves_the_campaigns_time(app) {
        candidate_with(&app, &json!({}), Some(&json!({"winNumber": 4})));
        let answer = app
            .user(7)
            .put("/v1/campaigns/mine", json!({"pathToVictory": {"winNumber": 5}}))
            .await
            .json();
        assert_eq!(answer["updatedAt"], "2026-01-02T00:00:00.000Z");
        assert_eq!(answer["pathToVictory"]["updatedAt"], "2026-02-25T12:34:56.789Z");
    }

    async fn an_empty_body_or_empty_goals_change_nothing(app) {
        candidate_with(&app, &json!({"zip": "49286"}), None);
        let before = stored(&app);
        for body in [json!({}), json!({"pathToVictory": {}})] {
            assert_eq!(app.user(7).put("/v1/campaigns/mine", body).await.status, 200);
        }
        assert_eq!(stored(&app), before);
        assert!(app.database.rows("SELECT * FROM path_to_victory").is_empty());
    }

    async fn stored_json_that_is_no_object_gives_way(app) {
        candidate_with(&app, &json!(["odd"]), Some(&json!("Waiting")));
        let body = json!({"details": {"zip": "1"}, "pathToVictory": {"winNumber": 5}});
        let answer = app.user(7).put("/v1/campaigns/mine", body).await.json();
        assert_eq!(answer["details"], json!({"zip": "1"}));
        assert_eq!(answer["pathToVictory"]["data"], json!({"winNumber": 5}));
    }

    async fn staff_may_name_another_campaign_by_its_slug(app) {
        candidate_with(&app, &json!({}), None);
        for (id, role) in [(20, "admin"), (21, "sales")] {
            fixtures::user(&app.database, id, role);
            let body = json!({"slug": "slug-11", "details": {"zip": id.to_string()}});
            let answer = app.user(id).put("/v1/campaigns/mine", body).await.json();
            assert_eq!((&answer["id"], &answer["details"]["zip"]), (&json!(11), &json!(id.to_string())));
        }
    }

    async fn a_slug_from_anybody_else_is_ignored(app) {
        candidate_with(&app, &json!({"zip": "1"}), None);
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &json!({}), None);
        let body = json!({"slug": "slug-11", "details": {"zip": "2"}});
        let answer = app.user(8).put("/v1/campaigns/mine", body).await.json();
        assert_eq!(answer["id"], 12, "the caller's own campaign");
        assert_eq!(stored(&app)["details"], json!({"zip": "1"}));
    }

    async fn staff_with_an_unknown_slug_get_the_old_databases_answer(app) {
        fixtures::user(&app.database, 20, "admin");
        fixtures::campaign(&app.database, 12, 20, &json!({}), None);
        let body = json!({"slug": "nobody", "details": {"zip": "2"}});
        app.user(20)
            .put("/v1/campaigns/mine", body)
            .await
            .assert_error(404, "Not Found", "not-found", "Record not found");
    }

    async fn without_a_campaign_there_is_nothing_to_change(app) {
        fixtures::user(&app.database, 7, "candidate");
        app.user(7)
            .put("/v1/campaigns/mine", json!({"details": {}}))
            .await
            .assert_error(404, "Not Found", "no-organization", "Campaign not found");
    }

    async fn only_an_admin_opens_federal_data_and_anybody_closes_it(app) {
        candidate_with(&app, &json!({}), None);
        fixtures::user(&app.database, 20, "admin");
        fixtures::user(&app.database, 21, "sales");
        let open = json!({"slug": "slug-11", "canDownloadFederal": true, "details": {"zip": "1"}});
        for id in [7, 21] {
            app.user(id).put("/v1/campaigns/mine", open.clone()).await.assert_error(
                403,
                "Forbidden",
                "forbidden",
                "User does not have permission to download federal data",
            );
        }
        assert_eq!(stored(&app)["details"], json!({}), "nothing was written");
        let opened = app.user(20).put("/v1/campaigns/mine", open).await.json();
        assert_eq!(opened["canDownloadFederal"], true);
        let closed = app.user(7).put("/v1/campaigns/mine", json!({"canDownloadFederal": false})).await;
        assert_eq!(closed.json()["canDownloadFederal"], false);
    }

    async fn each_broken_rule_is_named_by_code_and_path(app) {
        candidate_with(&app, &json!({}), None);
        let body = json!({
            "slug": null, "data": [], "formattedAddress": 4, "canDownloadFederal": "yes",
            "details": {
                "state": null, "office": 5, "ballotLevel": "City", "level": "galaxy", "knowRun": "no",
                "pledged": 1, "isProUpdatedAt": "now", "positionId": 4, "priorElectionDates": ["a", 2],
                "customIssues": [{"title": 1}], "geoLocation": {"lat": "x"}, "pastExperience": 4,
            },
            "extra": 1, "more": 2,
        });
        let response = app.user(7).put("/v1/campaigns/mine", body).await;
        response.assert_invalid(&json!([
            ["invalid_type", ["slug"]],
            ["invalid_type", ["data"]],
            ["invalid_type", ["formattedAddress"]],
            ["invalid_type", ["canDownloadFederal"]],
            ["invalid_type", ["details", "state"]],
            ["invalid_type", ["details", "office"]],
            ["invalid_type", ["details", "positionId"]],
            ["invalid_enum_value", ["details", "ballotLevel"]],
            ["invalid_enum_value", ["details", "level"]],
            ["invalid_literal", ["details", "knowRun"]],
            ["invalid_type", ["details", "pledged"]],
            ["invalid_type", ["details", "isProUpdatedAt"]],
            ["invalid_type", ["details", "customIssues", 0, "title"]],
            ["invalid_type", ["details", "geoLocation", "lat"]],
            ["invalid_type", ["details", "priorElectionDates", 1]],
            ["invalid_union", ["details", "pastExperience"]],
            ["unrecognized_keys", []],
        ]));
        let issues = response.json()["errors"].clone();
        assert_eq!(issues[4]["message"], "Expected string, received null");
        assert_eq!(issues[16]["keys"], json!(["extra", "more"]));
        assert_eq!(stored(&app)["details"], json!({}), "nothing was written");
    }

    async fn parallel_changes_are_all_kept(app) {
        candidate_with(&app, &json!({}), Some(&json!({})));
        let puts = (0..12).map(|number| {
            let client = app.user(7);
            actix_web::rt::spawn(async move {
                let body = json!({
                    "details": {format!("key{number}"): number}, "pathToVictory": {format!("key{number}"): number},
                });
                client.put("/v1/campaigns/mine", body).await.status
            })
        });
        for put in puts.collect::<Vec<_>>() {
            assert_eq!(put.await.unwrap(), 200);
        }
        assert_eq!(stored(&app)["details"].as_object().unwrap().len(), 12);
        let goals = app.database.row("SELECT data FROM path_to_victory");
        assert_eq!(goals["data"].as_object().unwrap().len(), 12);
    }

    async fn behind_a_lock_that_is_not_released_503(app) {
        candidate_with(&app, &json!({}), None);
        let mut holder = app.database.connect();
        holder.batch_execute("BEGIN; SELECT FROM campaign FOR UPDATE").unwrap();
        app.user(7).put("/v1/campaigns/mine", json!({"details": {"zip": "1"}})).await.assert_error(
            503,
            "Service Unavailable",
            "unavailable",
            "The service is temporarily unavailable",
        );
    }

    async fn costs_few_statements(app) {
        candidate_with(&app, &json!({}), Some(&json!({})));
        let client = app.user(7);
        let body = |number: i32| {
            json!({"details": {"zip": number.to_string()}, "pathToVictory": {"winNumber": number}})
        };
        client.put("/v1/campaigns/mine", body(1)).await;
        let before = app.statements();
        client.put("/v1/campaigns/mine", body(2)).await;
        let authentication = 1;
        let statements = app.statements() - before - authentication;
        // BEGIN, lock campaign, lock goals, update campaign, update goals, COMMIT; with tables also
        // the phase and the organization.
        assert!(statements <= 8, "{statements} statements");
    }
}
