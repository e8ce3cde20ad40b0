//! JSON that PostgreSQL stores and Rust cannot read, such as `1e400` or 400 levels, is reported and kept. Nothing
//! else is affected.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::TestApp;

use crate::fixtures;

/// 400 levels of nesting, as SQL.
pub(crate) const DEEP: &str = "(repeat('[', 400) || repeat(']', 400))::jsonb";

/// User 7 with the campaign 11, user 6 with the campaign 12, staff user 8.
fn people(app: &TestApp) {
    for (id, roles) in [(6, "candidate"), (7, "candidate"), (8, "admin")] {
        fixtures::user(&app.database, id, roles);
    }
    let details = json!({"office": "Clerk", "otherOffice": "", "positionId": null, "zip": "49286"});
    for (id, owner) in [(11, 7), (12, 6)] {
        fixtures::campaign(&app.database, id, owner, &details, Some(&json!({"winNumber": 5})));
    }
    app.database.expect_unmapped_rows();
}

/// Whether a condition holds for campaign 11 with its goals and its owner.
fn holds(app: &TestApp, condition: &str) -> bool {
    let row = app.database.row(&format!(
        "SELECT {condition} AS holds FROM campaign JOIN path_to_victory AS goals ON campaign_id = campaign.id
         JOIN \"user\" AS owner ON owner.id = user_id WHERE campaign.id = 11"
    ));
    row["holds"] == json!(true)
}

contract! {
    async fn the_rest_is_listed_read_and_saved_and_the_damage_kept(app) {
        people(&app);
        app.database.execute_unmapped(&format!(
            "UPDATE campaign SET details = details || '{{\"budget\": 1e400}}' || jsonb_build_object('tree', {DEEP}),
                 data = data || '{{\"crm\": -1e400}}', ai_content = jsonb_build_object('bio', {DEEP}, 'slogan', 'Yes')
             WHERE id = 11;
             UPDATE path_to_victory SET data = data || '{{\"turnout\": 1e400}}' WHERE campaign_id = 11;
             UPDATE \"user\" SET meta_data = meta_data || '{{\"lastVisited\": 1e400}}' WHERE id = 7"
        ));
        let listed = app.user(8).get("/v1/campaigns").await;
        assert_eq!(listed.status, 200, "{}", listed.json());
        let items = listed.json();
        assert_eq!(items[0]["problem"], "data-unreadable");
        assert_eq!((&items[0]["details"]["zip"], items[0]["details"].get("budget")), (&json!("49286"), None));
        assert_eq!((items[1].get("problem"), &items[1]["details"]["zip"]), (None, &json!("49286")));

        let mine = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!(mine["aiContent"], json!({"slogan": "Yes"}));
        assert_eq!((&mine["pathToVictory"]["data"]["winNumber"], &mine["pathToVictory"]["problem"]),
                   (&json!(5), &json!("path-to-victory-unreadable")));

        let change = json!({"details": {"occupation": "Baker"}, "aiContent": {"slogan": "No"},
                            "data": {"launchStatus": "launched"}, "pathToVictory": {"winNumber": 6}});
        let changed = app.user(7).put("/v1/campaigns/mine", change).await;
        assert_eq!(changed.status, 200, "{}", changed.json());
        assert!(holds(&app, &format!(
            "details->>'occupation' = 'Baker' AND details->'budget' = '1e400' AND details->'tree' = {DEEP}
             AND campaign.data->'crm' = '-1e400' AND ai_content = jsonb_build_object('bio', {DEEP}, 'slogan', 'No')
             AND goals.data->'turnout' = '1e400' AND goals.data->>'winNumber' = '6'"
        )));

        let me = app.user(7).get("/v1/users/me").await.json();
        assert_eq!((&me["metaData"], &me["problem"]), (&json!({"sessionCount": 3}), &json!("meta-data-unreadable")));
        assert_eq!(app.user(7).put("/v1/users/me", json!({"firstName": "Bea"})).await.status, 200);
        assert!(holds(&app, "owner.first_name = 'Bea' AND meta_data = '{\"sessionCount\": 3, \"lastVisited\": 1e400}'"));
    }

    async fn saving_a_new_value_repairs_it(app) {
        people(&app);
        app.database.execute_unmapped("UPDATE campaign SET details = details || '{\"budget\": 1e400}' WHERE id = 11");
        let mended = app.user(7).put("/v1/campaigns/mine", json!({"details": {"budget": 5}})).await;
        assert_eq!(mended.status, 200, "{}", mended.json());
        let mine = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!((&mine["details"]["budget"], mine.get("problem")), (&json!(5), None));
    }

    async fn a_value_that_is_no_object_is_kept_until_something_is_saved_there(app) {
        people(&app);
        app.database.execute_unmapped(&format!(
            "UPDATE campaign SET ai_content = {DEEP}, data = {DEEP} WHERE id = 11"
        ));
        let status = app.user(7).get("/v1/campaigns/mine/status").await;
        assert_eq!((status.status.as_u16(), &status.json()["step"]), (200, &json!(2)));
        assert_eq!(app.user(7).post("/v1/campaigns/launch", json!({})).await.status.as_u16() / 100, 2);
        let kept = format!("ai_content = {DEEP} AND campaign.data = {DEEP} AND campaign.is_active");
        assert!(holds(&app, &kept), "neither the visit nor the launch replaced it");
        let mine = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!((&mine["aiContent"], &mine["problem"]), (&json!({}), &json!("data-unreadable")));
        let other = json!({"details": {"occupation": "Baker"}});
        assert_eq!(app.user(7).put("/v1/campaigns/mine", other).await.status, 200);
        assert!(holds(&app, &kept));
        let saved = app.user(7).put("/v1/campaigns/mine", json!({"aiContent": {"slogan": "Yes"}})).await;
        assert_eq!(saved.json()["aiContent"], json!({"slogan": "Yes"}));
    }
}

#[actix_web::test]
async fn machines_list_it_too() {
    let app = TestApp::with_clerk(Phase::One).await;
    app.clerk().add_machine_token("mt_good", "mch_1", None);
    people(&app);
    app.database.execute(
        "UPDATE campaign SET details = details || '{\"budget\": 1e400}' WHERE id = 11;
         UPDATE path_to_victory SET data = data || '{\"turnout\": 1e400}' WHERE campaign_id = 11",
    );
    let machine = app.anonymous().authorized("Bearer mt_good");
    for (list, problem) in [
        ("/v1/campaigns/list", "details-unreadable"),
        ("/v1/path-to-victory/list", "path-to-victory-unreadable"),
    ] {
        let answer = machine.send(machine.request(Method::GET, list)).await;
        assert_eq!(answer.status, 200, "{list}");
        let items = answer.json()["data"].clone();
        assert_eq!((&items[0]["problem"], items[1].get("problem")), (&json!(problem), None));
    }
}

/// A district id that cannot be from election-api.
const NO_ID: &str =
    "UPDATE ballot_position SET l2_district_id = 'nonsense', l2_district_type = 'City',
    l2_district_name = 'TECUMSEH CITY' WHERE id = ";

/// Campaigns 11 and 12. The position of campaign 11 is unreadable.
pub(crate) async fn with_unreadable_position() -> TestApp {
    let app = TestApp::with_clerk(Phase::Two).await;
    app.clerk().add_machine_token("mt_good", "mch_1", None);
    fixtures::user(&app.database, 8, "admin");
    for (id, position) in [(11, fixtures::MAYOR), (12, fixtures::COUNCIL)] {
        fixtures::user(&app.database, id, "candidate");
        let details = json!({"positionId": position, "office": "Other", "otherOffice": "Mayor"});
        fixtures::campaign(&app.database, id, id, &details, Some(&json!({})));
    }
    app.database.execute_unmapped(&format!("{NO_ID}'{}'", fixtures::MAYOR));
    app
}

#[actix_web::test]
async fn a_position_that_cannot_be_read_hides_no_other_campaign() {
    let app = with_unreadable_position().await;
    let machine = app.anonymous().authorized("Bearer mt_good");
    let told = |items: &Value| json!([items[0]["problem"], items[1].get("problem")]);
    let expected = json!(["position-unreadable", null]);
    let listed = app.user(8).get("/v1/campaigns").await;
    assert_eq!((listed.status.as_u16(), told(&listed.json())), (200, expected.clone()));
    let listed = machine.send(machine.request(Method::GET, "/v1/campaigns/list")).await;
    assert_eq!((listed.status.as_u16(), told(&listed.json()["data"])), (200, expected));
    let mine = app.user(11).get("/v1/campaigns/mine").await.json();
    assert_eq!(mine["problem"], "position-unreadable");
    assert_eq!(mine["details"]["positionId"], fixtures::MAYOR, "as the JSON says it");
}
