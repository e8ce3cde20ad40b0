//! Machines: their tokens, and the routes for them (legacy contract §3.7, §5).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::Action;
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp};

use crate::fixtures::{self, MAYOR};

async fn start(phase: Phase) -> (TestApp, Client) {
    let app = TestApp::with_clerk(phase).await;
    app.clerk().add_machine_token("mt_good", "mch_1", None);
    let machine = app.anonymous().authorized("Bearer mt_good");
    (app, machine)
}

/// Three campaigns of two users.
fn campaigns(app: &TestApp) {
    for user in [7, 8] {
        fixtures::user(&app.database, user, "candidate");
    }
    for (id, owner) in [(11, 7), (12, 8), (13, 7)] {
        let details = json!({"office": "other", "otherOffice": "Clerk", "zip": id.to_string()});
        let goals = json!({"winNumber": id, "officeContextFingerprint": null});
        fixtures::campaign(&app.database, id, owner, &details, Some(&goals));
    }
    app.database.expect_unmapped_rows();
}

/// In both phases, the answers differ only in the organization's id.
macro_rules! in_both {
    ($(async fn $name:ident($app:ident, $machine:ident) $body:block)+) => {
        $(
            #[actix_web::test]
            async fn $name() {
                for phase in [Phase::Legacy, Phase::One] {
                    let ($app, $machine) = start(phase).await;
                    $body
                }
            }
        )+
    };
}

fn ids(response: &Response) -> Value {
    let body = response.json();
    body["data"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
}

in_both! {
    async fn campaigns_are_listed_in_pages(app, machine) {
        campaigns(&app);
        let response = machine.get("/v1/campaigns/list").await;
        assert_eq!(response.json()["meta"], json!({"total": 3, "offset": 0, "limit": 100}));
        let first = &response.json()["data"][0];
        assert_eq!((&first["id"], first.get("vendorTsData"), first.get("pathToVictory")), (&json!(11), None, None));
        assert_eq!(first["details"]["office"], "Clerk", "as clients see it");
        assert_eq!(first["organizationId"], app.organization_of(11));
        for (query, expected) in [
            ("sortBy=id&sortOrder=desc", json!([13, 12, 11])),
            ("sortBy=id&sortOrder=asc&limit=1&offset=1", json!([12])),
            ("sortBy=slug&sortOrder=desc&limit=2", json!([13, 12])),
            ("userId=7&sortBy=id&sortOrder=asc", json!([11, 13])),
            ("slug=LUG-12", json!([12])),
            ("slug=_lug", json!([])),
            ("limit=0", json!([])),
            ("offset=9", json!([])),
        ] {
            assert_eq!(ids(&machine.get(&format!("/v1/campaigns/list?{query}")).await), expected, "{query}");
        }
        let invalid = machine.get("/v1/campaigns/list?sortBy=details&sortOrder=up&limit=-1&offset=x").await;
        invalid.assert_invalid(&json!([
            ["invalid_enum_value", ["sortBy"]], ["invalid_enum_value", ["sortOrder"]],
            ["invalid_type", ["offset"]], ["too_small", ["limit"]],
        ]));
        let too_long = machine.get("/v1/campaigns/list?limit=10001").await;
        too_long.assert_invalid(&json!([["too_big", ["limit"]]]));
        assert_eq!(machine.get("/v1/campaigns/list?limit=10000").await.status, 200);
    }

    async fn a_campaign_is_read_and_changed_by_id(app, machine) {
        campaigns(&app);
        let read = machine.get("/v1/campaigns/12").await.json();
        assert_eq!((&read["id"], read.get("vendorTsData"), read.get("pathToVictory")), (&json!(12), None, None));
        let body = json!({
            "isPro": true, "isVerified": null, "didWin": false, "tier": "WIN", "slug": "new-slug",
            "dateVerified": "2026-01-02T03:04:05+01:00", "completedTaskIds": ["a"], "isDemo": true,
            "details": {"zip": "49286", "odd": null}, "data": {"x": 1}, "canDownloadFederal": true,
            "unknown": 1, "vendorTsData": {"no": 1},
        });
        let answer = machine.put("/v1/campaigns/12", body).await.json();
        assert_eq!(json!([answer["isPro"], answer["isVerified"], answer["didWin"], answer["tier"], answer["slug"]]), json!([true, null, false, "WIN", "new-slug"]));
        assert_eq!((&answer["dateVerified"], &answer["completedTaskIds"]), (&json!("2026-01-02T02:04:05.000Z"), &json!(["a"])));
        assert_eq!((&answer["details"]["zip"], &answer["data"]["x"], &answer["canDownloadFederal"]), (&json!("49286"), &json!(1), &json!(true)));
        assert_eq!(machine.get("/v1/campaigns/12").await.json(), answer);
        machine.put("/v1/campaigns/12", json!({"slug": "slug-11"})).await
            .assert_error(409, "Conflict", "conflict", "Duplicate field: slug");
        for path in ["/v1/campaigns/99", "/v1/campaigns/99999999999"] {
            machine.get(path).await.assert_error(404, "Not Found", "not-found", "Record not found");
            machine.put(path, json!({})).await.assert_error(404, "Not Found", "not-found", "Record not found");
        }
        machine.put("/v1/campaigns/12", json!({"isActive": null, "dateVerified": "soon"})).await.assert_invalid(
            &json!([["invalid_type", ["isActive"]], ["invalid_string", ["dateVerified"]]]),
        );
    }

    async fn an_office_and_a_district_of_a_machine_are_written_to_both_stores(app, machine) {
        campaigns(&app);
        let office = json!({"details": {
            "positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI", "ballotLevel": "odd",
        }});
        let answer = machine.put("/v1/campaigns/12", office).await.json();
        assert_eq!((&answer["details"]["positionId"], &answer["details"]["office"]), (&json!(MAYOR), &json!("Other")));
        let district = json!({"data": {"electionType": "State", "electionLocation": "MI", "districtManuallySet": true, "winNumber": 9}});
        let goals = machine.put("/v1/path-to-victory/12", district).await.json();
        assert_eq!((&goals["campaignId"], &goals["data"]["electionLocation"], &goals["data"]["winNumber"]), (&json!(12), &json!("MI"), &json!(9)));
        if app.database.phase().has_tables() {
            let row = app.database.row("SELECT position_id, l2_district_name, district_manually_set FROM campaign WHERE id = 12");
            assert_eq!(row, json!({"position_id": MAYOR, "l2_district_name": "MI", "district_manually_set": true}));
        }
        let unknown = json!({"data": {"electionType": "County", "electionLocation": "NOWHERE"}});
        assert_eq!(machine.put("/v1/path-to-victory/12", unknown).await.status, 400);
    }

    async fn voter_goals_are_listed_and_read_whatever_they_contain(app, machine) {
        campaigns(&app);
        let list = machine.get("/v1/path-to-victory/list?sortBy=campaignId&sortOrder=desc&limit=2").await;
        assert_eq!((ids(&list), &list.json()["meta"]["total"]), (json!([13, 12]), &json!(3)));
        let one = machine.get("/v1/path-to-victory/12").await.json();
        assert_eq!((&one["id"], &one["campaignId"], &one["data"]["officeContextFingerprint"]), (&json!(12), &json!(12), &Value::Null));
        machine.get("/v1/path-to-victory/99").await.assert_error(404, "Not Found", "not-found", "Record not found");
        let body = json!({"data": {"winNumber": null, "p2vStatus": "Odd", "unknown": 1}});
        machine.put("/v1/path-to-victory/12", body).await.assert_invalid(&json!([
            ["invalid_enum_value", ["data", "p2vStatus"]], ["invalid_type", ["data", "winNumber"]],
            ["unrecognized_keys", ["data"]],
        ]));
        machine.put("/v1/path-to-victory/12", json!({})).await.assert_invalid(&json!([["invalid_type", ["data"]]]));
    }

    async fn offices_are_listed_read_and_changed_as_rows(app, machine) {
        campaigns(&app);
        let client = app.user(7);
        let won = client.request(Method::POST, "/v1/elected-office").json(&json!({"electedDate": "2024-11-05"}));
        let office = client.send(won).await.json();
        let id = office["id"].as_str().unwrap();
        let row = machine.get(&format!("/v1/elected-office/{id}")).await.json();
        assert_eq!(json!([row["electedDate"], row["swornInDate"], row["isActive"], row["userId"], row["campaignId"]]), json!(["2024-11-05T00:00:00.000Z", null, true, 7, 11]));
        assert_eq!(row["organizationId"], office["organizationId"]);
        let changed = machine.put(&format!("/v1/elected-office/{id}"), json!({"swornInDate": "2025-01-06"})).await.json();
        assert_eq!(changed["swornInDate"], "2025-01-06T00:00:00.000Z");
        let list = machine.get("/v1/elected-office/list?userId=7").await.json();
        assert_eq!((&list["data"], &list["meta"]["total"]), (&json!([changed]), &json!(1)));
        assert_eq!(machine.get("/v1/elected-office/list?userId=8").await.json()["data"], json!([]));
        machine.get("/v1/elected-office/none").await.assert_error(404, "Not Found", "not-found", "Elected office not found");
    }
}

const MACHINE_ROUTES: [(&str, &str); 8] = [
    ("GET", "/v1/campaigns/list"),
    ("GET", "/v1/campaigns/11"),
    ("PUT", "/v1/campaigns/11"),
    ("GET", "/v1/path-to-victory/list"),
    ("GET", "/v1/path-to-victory/11"),
    ("PUT", "/v1/path-to-victory/11"),
    ("GET", "/v1/elected-office/list"),
    ("GET", "/v1/campaigns/text"),
];

#[actix_web::test]
async fn the_routes_for_machines_are_for_machines() {
    let (app, _) = start(Phase::One).await;
    fixtures::user(&app.database, 20, "admin");
    for (method, path) in MACHINE_ROUTES {
        let method: Method = method.parse().unwrap();
        let admin = app.user(20);
        let refused = admin.send(admin.request(method.clone(), path)).await;
        refused.assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
        let nobody = app.anonymous();
        let refused = nobody.send(nobody.request(method, path)).await;
        refused.assert_error(401, "Unauthorized", "unauthorized", "Unauthorized");
    }
}

#[actix_web::test]
async fn on_a_route_for_users_a_machine_gets_user_required() {
    let (_app, machine) = start(Phase::One).await;
    for (method, path) in [
        ("GET", "/v1/users/me"),
        ("PUT", "/v1/users/me"),
        ("DELETE", "/v1/users/7"),
        ("GET", "/v1/campaigns"),
        ("POST", "/v1/campaigns"),
        ("GET", "/v1/campaigns/mine"),
        ("PUT", "/v1/campaigns/mine"),
        ("PUT", "/v1/campaigns/mine/district"),
        ("PUT", "/v1/campaigns/mine/race-target-details"),
        ("PUT", "/v1/campaigns/admin/slug/race-target-details"),
        ("GET", "/v1/campaigns/mine/status"),
        ("POST", "/v1/campaigns/launch"),
        ("GET", "/v1/campaigns/slug/slug"),
        ("POST", "/v1/admin/campaigns"),
        ("PUT", "/v1/admin/campaigns/11"),
        ("DELETE", "/v1/admin/campaigns/11"),
        ("POST", "/v1/elected-office"),
        ("GET", "/v1/elected-office/current"),
    ] {
        let request = machine.request(method.parse().unwrap(), path);
        let refused = machine.send(request).await;
        let code = refused.error()["code"].clone();
        assert_eq!(
            (refused.status.as_u16(), code),
            (403, json!("user-required")),
            "{method} {path}"
        );
    }
}

#[actix_web::test]
async fn an_invalid_machine_token_is_rejected_and_an_outage_of_clerk_is_not_a_rejection() {
    let (app, _) = start(Phase::One).await;
    app.clerk().add_machine_token("mt_old", "mch_1", Some(1));
    app.clerk().add_machine_token("mt_gone", "mch_1", None);
    app.clerk().revoke_machine_token("mt_gone");
    for token in ["mt_old", "mt_gone", "mt_unknown"] {
        let client = app.anonymous().authorized(format!("Bearer {token}"));
        let refused = client.get("/v1/campaigns/list").await;
        refused.assert_error(
            401,
            "Unauthorized",
            "machine-token-invalid",
            "M2M token verification failed",
        );
    }
    app.clerk().fail(
        "/v1/m2m_tokens/*",
        Action::Status { status: 500, code: "internal_clerk_error".to_owned() },
    );
    let client = app.anonymous().authorized("Bearer mt_good");
    let unknown = client.get("/v1/campaigns/list").await;
    unknown.assert_error(
        503,
        "Service Unavailable",
        "unavailable",
        "The service is temporarily unavailable",
    );
}
