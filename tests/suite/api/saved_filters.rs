//! `/v1/voters/voter-file/filter(s)`.

use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp};

use crate::fixtures;

pub(crate) const FILTER: &str = "/v1/voters/voter-file/filter";
pub(crate) const FILTERS: &str = "/v1/voters/voter-file/filters";

/// User 7 with the paid campaign 11.
fn candidate(app: &TestApp) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app.database.execute("UPDATE campaign SET is_pro = true");
}

pub(crate) async fn save(client: &Client, body: Value) -> Value {
    let saved = client.post(FILTER, body).await;
    assert_eq!(saved.status, 201, "{}", saved.json());
    saved.json()
}

pub(crate) fn path(filter: &Value) -> String {
    format!("{FILTER}/{}", filter["id"])
}

pub(crate) fn names(filters: &Response) -> Vec<Value> {
    assert_eq!(filters.status, 200, "{}", filters.json());
    filters.json().as_array().unwrap().iter().map(|filter| filter["name"].clone()).collect()
}

contract! {
    async fn a_filter_is_saved_with_every_member_of_the_contract(app) {
        candidate(&app);
        let saved = save(&app.user(7), json!({
            "name": "Young", "age18_25": true, "partyDemocrat": true, "languageCodes": ["es"],
            "incomeRanges": ["$25k - $35k"], "voterCount": "1.9", "registeredVoterUnknown": true,
            "unknown": 1,
        })).await;
        let members = saved.as_object().unwrap();
        assert_eq!(members.len(), 53 + 9);
        assert_eq!(saved["campaignId"], 11);
        assert_eq!((&saved["name"], &saved["voterCount"]), (&json!("Young"), &json!(1)));
        assert_eq!((&saved["languageCodes"], &saved["voterStatus"]), (&json!(["es"]), &json!([])));
        let on: Vec<_> = members.iter().filter(|(_, value)| **value == json!(true)).map(|(key, _)| key.as_str()).collect();
        assert_eq!(on, ["age18_25", "partyDemocrat"]);
        assert_eq!(saved["createdAt"], "2026-02-25T12:34:56.789Z");
        assert_eq!(app.user(7).get(&path(&saved)).await.json(), saved);
        assert_eq!(app.user(7).get(FILTERS).await.json(), json!([saved]));
        let stored = app.database.row("SELECT age_18_25, language_codes FROM voter_file_filter");
        assert_eq!(stored, json!({"age_18_25": true, "language_codes": ["es"]}));
    }

    async fn filters_are_listed_by_name_those_without_one_last(app) {
        candidate(&app);
        for body in [json!({"name": "b"}), json!({}), json!({"name": "a"})] {
            save(&app.user(7), body).await;
        }
        assert_eq!(names(&app.user(7).get(FILTERS).await), [json!("a"), json!("b"), Value::Null]);
    }

    async fn a_change_keeps_what_it_does_not_name(app) {
        candidate(&app);
        let saved = save(&app.user(7), json!({"name": "Old", "age18_25": true, "voterCount": 5})).await;
        let change = json!({"age18_25": false, "ageUnknown": true, "voterStatus": ["Likely"]});
        let mut expected = saved.clone();
        for (key, value) in change.as_object().unwrap() {
            expected[key] = value.clone();
        }
        let changed = app.user(7).put(&path(&saved), change).await;
        assert_eq!(changed.json(), expected);
    }

    async fn a_filter_is_deleted_once(app) {
        candidate(&app);
        let saved = save(&app.user(7), json!({})).await;
        assert_eq!(app.user(7).delete(&path(&saved)).await.status, 204);
        app.user(7).delete(&path(&saved)).await.assert_error(404, "Not Found", "not-found", "Record not found");
        let gone = app.user(7).get(&path(&saved)).await;
        gone.assert_error(404, "Not Found", "not-found", "Voter file filter not found");
    }

    async fn a_filter_of_somebody_else_is_as_unknown_as_one_that_never_was(app) {
        candidate(&app);
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &json!({}), None);
        app.database.execute("UPDATE campaign SET is_pro = true");
        let own = path(&save(&app.user(7), json!({"name": "Mine"})).await);
        for path in [own.as_str(), "/v1/voters/voter-file/filter/99", "/v1/voters/voter-file/filter/x"] {
            let unknown = (404, "Not Found", "not-found", "Voter file filter not found");
            let (status, error, code, message) = unknown;
            app.user(8).get(path).await.assert_error(status, error, code, message);
            app.user(8).put(path, json!({"name": "Yours"})).await.assert_error(status, error, code, message);
            app.user(8).delete(path).await.assert_error(404, "Not Found", "not-found", "Record not found");
        }
        assert_eq!(names(&app.user(7).get(FILTERS).await), ["Mine"]);
    }

    async fn saving_is_for_campaigns_that_pay_reading_and_deleting_for_all(app) {
        candidate(&app);
        let saved = save(&app.user(7), json!({"name": "Kept"})).await;
        app.database.execute("UPDATE campaign SET is_pro = false");
        let user = app.user(7);
        for refused in [user.post(FILTER, json!({})).await, user.put(&path(&saved), json!({})).await] {
            refused.assert_error(400, "Bad Request", "pro-required", "Campaign is not pro");
        }
        assert_eq!(names(&user.get(FILTERS).await), ["Kept"]);
        assert_eq!(user.delete(&path(&saved)).await.status, 204);
    }

    async fn without_a_campaign_there_are_no_filters(app) {
        fixtures::user(&app.database, 7, "candidate");
        for answer in [app.user(7).get(FILTERS).await, app.user(7).post(FILTER, json!({"name": 1})).await] {
            answer.assert_error(404, "Not Found", "no-organization", "Not Found");
        }
    }

    async fn names_and_lists_have_a_length(app) {
        candidate(&app);
        let (text, list) = ("x".repeat(256), vec!["x"; 256]);
        let saved = save(&app.user(7), json!({"name": text, "voterStatus": list, "languageCodes": [text]})).await;
        let (text, list) = ("x".repeat(257), vec!["x"; 257]);
        let body = json!({"name": text, "voterStatus": list, "incomeRanges": list, "languageCodes": ["es", text]});
        let broken = json!([
            ["too_big", ["name"]], ["too_big", ["languageCodes", 1]], ["too_big", ["voterStatus"]],
            ["too_big", ["incomeRanges"]],
        ]);
        app.user(7).post(FILTER, body.clone()).await.assert_invalid(&broken);
        app.user(7).put(&path(&saved), body).await.assert_invalid(&broken);
    }

    async fn each_broken_rule_is_named(app) {
        candidate(&app);
        let body = json!({
            "name": "", "age18_25": null, "single": "yes", "languageCodes": "es",
            "voterStatus": [1], "voterCount": "many",
        });
        let refused = app.user(7).post(FILTER, body).await;
        refused.assert_invalid(&json!([
            ["invalid_type", ["age18_25"]], ["invalid_type", ["single"]], ["too_small", ["name"]],
            ["invalid_type", ["voterCount"]], ["invalid_type", ["languageCodes"]],
            ["invalid_type", ["voterStatus", 0]],
        ]));
        app.user(7).post(FILTER, json!({"voterCount": 3_000_000_000_i64})).await
            .assert_invalid(&json!([["invalid_type", ["voterCount"]]]));
    }
}

/// User 7 with the paid campaign 11, and an office won with it. Returns the office.
pub(crate) async fn official(app: &TestApp) -> String {
    candidate(app);
    let won = app.user(7).post("/v1/elected-office", json!({"electedDate": "2026-01-01"})).await;
    won.json()["organizationId"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn each_organization_has_filters_of_its_own() {
    let app = TestApp::new(Phase::Two).await;
    let office = app.user(7).naming(official(&app).await);
    let campaign = app.user_of_campaign(7, 11);
    let of_office = save(&office, json!({"name": "Serve", "married": true})).await;
    let of_campaign = save(&campaign, json!({"name": "Win"})).await;
    assert_eq!(of_office["campaignId"], Value::Null);
    assert_eq!(names(&office.get(FILTERS).await), ["Serve"]);
    assert_eq!(names(&campaign.get(FILTERS).await), ["Win"]);
    assert_eq!(office.get(&path(&of_campaign)).await.status, 404);
    assert_eq!(campaign.delete(&path(&of_office)).await.status, 404);
    let unnamed = app.user(7).get(FILTERS).await;
    assert_eq!(unnamed.error()["code"], "organization-required");
}

#[actix_web::test]
async fn an_office_has_no_filter_by_political_party() {
    let app = TestApp::new(Phase::Two).await;
    let office = app.user(7).naming(official(&app).await);
    let refused = office.post(FILTER, json!({"partyDemocrat": true, "partyUnknown": false})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.error()["code"], "invalid-filter");
    assert_eq!(refused.error()["errors"][0]["path"], json!(["partyDemocrat"]));
    let every_flag = json!({"name": "All off", "partyDemocrat": false, "partyIndependent": null});
    let saved = save(&office, every_flag).await;
    assert!(saved.as_object().unwrap().keys().all(|key| !key.starts_with("party")), "{saved}");
    let changed = office.put(&path(&saved), json!({"partyRepublican": true})).await;
    assert_eq!(changed.error()["code"], "invalid-filter");
    let update =
        format!("UPDATE voter_file_filter SET party_republican = true WHERE id = {}", saved["id"]);
    let stored =
        diesel::RunQueryDsl::execute(diesel::sql_query(update), &mut app.database.connect());
    assert!(stored.unwrap_err().to_string().contains("voter_file_filter_office_without_party"));
}

#[actix_web::test]
async fn a_filter_is_copied_to_another_organization_without_political_party() {
    let app = TestApp::new(Phase::Two).await;
    let organization = official(&app).await;
    let (office, campaign) =
        (app.user(7).naming(organization.clone()), app.user_of_campaign(7, 11));
    let body = json!({"name": "Young", "age18_25": true, "partyDemocrat": true, "partyUnknown": true, "voterCount": 9});
    let original = save(&campaign, body).await;
    let copy_path = format!("{}/copy", path(&original));
    let copied = campaign.post(&copy_path, json!({"organizationId": organization})).await;
    assert_eq!(copied.status, 201);
    let copy = copied.json();
    assert_eq!(copy["leftOut"], json!(["partyDemocrat", "partyUnknown"]));
    assert_eq!(
        (&copy["name"], &copy["age18_25"], &copy["voterCount"]),
        (&json!("Young"), &json!(true), &Value::Null)
    );
    assert_eq!(names(&office.get(FILTERS).await), ["Young"]);
    assert_eq!(campaign.get(&path(&original)).await.json(), original, "the original stays");
    let back = office
        .post(&format!("{}/copy", path(&copy)), json!({"organizationId": app.organization_of(11)}))
        .await;
    assert_eq!((back.status.as_u16(), &back.json()["leftOut"]), (201, &json!([])));
    for unknown in ["0193f6a4-0000-7000-8000-00000000000a", "org_2abc", "x", ""] {
        let refused = campaign.post(&copy_path, json!({"organizationId": unknown})).await;
        refused.assert_error(404, "Not Found", "organization-not-found", "Organization not found");
    }
    let foreign = office.post(&copy_path, json!({"organizationId": organization})).await;
    assert_eq!(foreign.status, 404, "the filter of another organization");
    // The old service had no limits.
    app.database.execute(
        "UPDATE voter_file_filter SET language_codes = array_fill('es'::text, ARRAY[257])",
    );
    let too_large = campaign.post(&copy_path, json!({"organizationId": organization})).await;
    assert_eq!(
        (too_large.status.as_u16(), &too_large.json()["code"]),
        (400, &json!("invalid-filter"))
    );
}
