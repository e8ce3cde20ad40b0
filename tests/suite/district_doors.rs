//! Every door to a district, for everybody who has one: one rule (design §5), and what is refused is never
//! effective.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_domain::phase::Phase;
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use crate::fixtures::{self, MAYOR};

/// Governor of Michigan, of the district `State` / MI.
const GOVERNOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjY=";

/// Who comes through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The owner, without any permission.
    Owner,
    /// The owner, who may download statewide and federal data.
    Permitted,
    /// Sales, in a campaign of somebody else's.
    Staff,
    /// Sales, in their own.
    StaffInTheirOwn,
    /// A machine.
    Machine,
}

use Who::{Machine, Owner, Permitted, Staff, StaffInTheirOwn};

/// Who, method, path and body. `{organization}`, `{slug}` and `{id}` are the campaign's, `{kind}` and
/// `{name}` the district's.
type Door = (&'static [Who], &'static str, &'static str, &'static str);

/// In every phase.
const OLD_DOORS: [Door; 5] = [
    (
        &[Owner, Permitted, StaffInTheirOwn],
        "PUT",
        "/v1/campaigns/mine/district",
        r#"{"L2DistrictType": "{kind}", "L2DistrictName": "{name}"}"#,
    ),
    (
        &[Owner, Permitted, StaffInTheirOwn],
        "PUT",
        "/v1/campaigns/mine",
        r#"{"pathToVictory": {"electionType": "{kind}", "electionLocation": "{name}", "districtManuallySet": true}}"#,
    ),
    (
        &[Staff],
        "PUT",
        "/v1/campaigns/mine/district",
        r#"{"slug": "{slug}", "L2DistrictType": "{kind}", "L2DistrictName": "{name}"}"#,
    ),
    (
        &[Staff],
        "PUT",
        "/v1/campaigns/mine",
        r#"{"slug": "{slug}", "pathToVictory": {"electionType": "{kind}", "electionLocation": "{name}", "districtManuallySet": true}}"#,
    ),
    (
        &[Machine],
        "PUT",
        "/v1/path-to-victory/{id}",
        r#"{"data": {"electionType": "{kind}", "electionLocation": "{name}", "districtManuallySet": true}}"#,
    ),
];
/// Where there are organizations.
const NEW_DOORS: [Door; 2] = [
    (
        &[Owner, Permitted, StaffInTheirOwn],
        "PATCH",
        "/v1/organizations/{organization}",
        r#"{"district": {"type": "{kind}", "name": "{name}"}}"#,
    ),
    (
        &[Staff, Machine],
        "PATCH",
        "/v1/organizations/admin/{organization}",
        r#"{"district": {"type": "{kind}", "name": "{name}"}}"#,
    ),
];

/// Type, name, and whether it is a whole state; then whether the state of the office has it.
const DISTRICTS: [(&str, &str, bool, bool); 6] = [
    ("County", "LENAWEE", false, true),
    // A county of WY.
    ("County", "LARAMIE", false, false),
    ("County", "NOWHERE", false, false),
    ("State", "MI", true, true),
    ("State", "WY", true, false),
    (" state ", "MI", true, false),
];

/// A district of its own is what a campaign begins with, so that a refusal can be told from a reset.
const BEFORE: [&str; 2] = ["City", "TECUMSEH CITY"];

struct Doors {
    app: TestApp,
    machine: Client,
    campaigns: std::ops::Range<i32>,
}

/// Sales, with a campaign of their own.
const STAFF: i32 = 20;

/// Campaigns that there are: one for each visit.
const CAMPAIGNS: std::ops::Range<i32> = 100..200;

impl Doors {
    async fn new(phase: Phase) -> Self {
        let app = TestApp::with_clerk_on(TestDatabase::in_phase(phase)).await;
        app.clerk().add_machine_token("mt_good", "mch_1", None);
        let machine = app.anonymous().authorized("Bearer mt_good");
        fixtures::user(&app.database, STAFF, "sales");
        fixtures::campaign(&app.database, STAFF, STAFF, &json!({}), None);
        let details = json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor",
                             "state": "MI", "ballotLevel": "CITY", "electionDate": "2028-11-07"});
        let goals = json!({"electionType": BEFORE[0], "electionLocation": BEFORE[1], "districtManuallySet": false});
        let (details, goals) = (fixtures::literal(&details), fixtures::literal(&goals));
        let (first, last) = (CAMPAIGNS.start, CAMPAIGNS.end - 1);
        app.database.execute(&format!(
            r#"INSERT INTO "user" (id, updated_at, email, roles)
                   SELECT id, '2026-01-02', 'user' || id || '@example.org', '{{candidate}}'
                   FROM generate_series({first}, {last}) AS id;
               INSERT INTO campaign (id, updated_at, slug, user_id, details)
                   SELECT id, '2026-01-02', 'slug-' || id, id, {details}
                   FROM generate_series({first}, {last}) AS id;
               INSERT INTO path_to_victory (id, updated_at, campaign_id, data)
                   SELECT id, '2026-01-02', id, {goals} FROM generate_series({first}, {last}) AS id;
               SELECT setval(pg_get_serial_sequence(name, 'id'), 1000)
                   FROM unnest(ARRAY['campaign', 'path_to_victory']) AS name"#
        ));
        Self { app, machine, campaigns: CAMPAIGNS }
    }

    /// A campaign for mayor of Tecumseh, MI, and who comes to it.
    fn campaign(&mut self, who: Who) -> (i32, Client) {
        let id = self.campaigns.next().unwrap();
        if who == Permitted {
            self.app.database.execute_unmapped(&format!(
                "UPDATE campaign SET can_download_federal = true WHERE id = {id}"
            ));
        }
        if who == StaffInTheirOwn {
            self.app.database.execute_unmapped(&format!(
                r#"UPDATE "user" SET roles = '{{sales}}' WHERE id = {id}"#
            ));
        }
        let caller = match who {
            Owner | Permitted | StaffInTheirOwn => self.app.user(id),
            Machine => self.machine.clone(),
            Staff => self.app.user(STAFF),
        };
        (id, caller)
    }

    /// Sends one request after the other, each of which has this status; returns what is effective in
    /// the end.
    async fn detour(&mut self, who: Who, steps: &[(&str, &str, Value, u16)]) -> [String; 2] {
        let (campaign, caller) = self.campaign(who);
        for (method, path, body, status) in steps {
            let body = body.to_string();
            let answer = self.go(&caller, campaign, (method, path, &body), BEFORE).await;
            assert_eq!(answer.status, *status, "{who:?}: {method} {path} {body}");
        }
        self.effective(campaign).await
    }

    async fn go(
        &self,
        caller: &Client,
        campaign: i32,
        (method, path, body): (&str, &str, &str),
        district: [&str; 2],
    ) -> Response {
        let organization = self.app.organization_of(campaign);
        let fill = |text: &str| {
            text.replace("{organization}", organization.as_str().unwrap_or_default())
                .replace("{slug}", &format!("slug-{campaign}"))
                .replace("{id}", &campaign.to_string())
                .replace("{kind}", district[0])
                .replace("{name}", district[1])
        };
        let body: Value = serde_json::from_str(&fill(body)).unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        caller.send(caller.request(method, &fill(path)).json(&body)).await
    }

    /// The effective district of a campaign: what its owner is shown, everywhere.
    async fn effective(&self, campaign: i32) -> [String; 2] {
        let owner = self.app.user(campaign);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let goals = owner.get("/v1/campaigns/mine").await.json()["pathToVictory"]["data"].clone();
        let told = [text(&goals["electionType"]), text(&goals["electionLocation"])];
        // Before phase 2 the JSON counts, and the tables may have yet to be told.
        if self.app.database.phase().reads_tables() {
            let organization = self.app.organization_of(campaign);
            let organization = organization.as_str().unwrap();
            let item = owner.get(&format!("/v1/organizations/{organization}")).await.json();
            let district = &item["district"];
            assert_eq!([text(&district["type"]), text(&district["name"])], told, "{campaign}");
        }
        told
    }
}

async fn one_rule_in(phase: Phase) {
    let mut doors = Doors::new(phase).await;
    let mut complaints = Vec::new();
    let new: &[Door] = if phase.has_tables() { &NEW_DOORS } else { &[] };
    for (callers, method, path, body) in OLD_DOORS.iter().chain(new) {
        for &who in *callers {
            for (kind, name, is_statewide, is_in_state) in DISTRICTS {
                let (campaign, caller) = doors.campaign(who);
                let answer = doors.go(&caller, campaign, (method, path, body), [kind, name]).await;
                let is_allowed = is_in_state && (!is_statewide || who != Owner);
                let found = doors.effective(campaign).await;
                let expected = if is_allowed { [kind, name] } else { BEFORE };
                let is_refused = matches!(answer.status.as_u16(), 400 | 403);
                let is_taken = answer.status == 200;
                if found != expected || is_taken != is_allowed || is_refused == is_allowed {
                    complaints.push(format!(
                        "{method} {path} of {who:?} with {kind}/{name}: {}, then {found:?}",
                        answer.status
                    ));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[actix_web::test]
async fn in_legacy_each_door_follows_the_one_rule() {
    one_rule_in(Phase::Legacy).await;
}

#[actix_web::test]
async fn in_phase_1_each_door_follows_the_one_rule() {
    one_rule_in(Phase::One).await;
}

#[actix_web::test]
async fn in_phase_2_each_door_follows_the_one_rule() {
    one_rule_in(Phase::Two).await;
}

const MINE: &str = "/v1/campaigns/mine";
const PATCHED: &str = "/v1/organizations/{organization}";
const LARAMIE: [&str; 2] = ["County", "LARAMIE"];
const LARAMIE_ID: &str = "01935a5c-0000-4000-8000-000000000017";
const NONE: [&str; 2] = ["", ""];

/// What an owner may not choose for an office, they do not bring along from an office elsewhere.
#[actix_web::test]
async fn a_typed_in_office_that_moves_to_another_state_takes_no_district_along() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let mut doors = Doors::new(phase).await;
        let typed_in =
            json!({"details": {"positionId": null, "otherOffice": "Clerk", "state": "WY"}});
        let chosen = json!({"L2DistrictType": LARAMIE[0], "L2DistrictName": LARAMIE[1]});
        let mut steps = vec![
            ("PUT", MINE, typed_in, 200),
            ("PUT", "/v1/campaigns/mine/district", chosen, 200),
            ("PUT", MINE, json!({"details": {"otherOffice": "County Clerk", "state": "wy"}}), 200),
        ];
        assert_eq!(doors.detour(Owner, &steps).await, LARAMIE, "{phase}: only reworded");
        steps.push(("PUT", MINE, json!({"details": {"state": "MI"}}), 200));
        assert_eq!(doors.detour(Owner, &steps).await, NONE, "{phase}");
        assert_eq!(doors.detour(Permitted, &steps).await, LARAMIE, "{phase}");
        if !phase.has_tables() {
            continue;
        }
        let mut steps = vec![
            ("PATCH", PATCHED, json!({"customOffice": {"office": "Clerk", "state": "WY"}}), 200),
            ("PATCH", PATCHED, json!({"district": {"type": LARAMIE[0], "name": LARAMIE[1]}}), 200),
            ("PATCH", PATCHED, json!({"customOffice": {"office": "County Clerk"}}), 200),
        ];
        let kept = json!({"customOffice": {"state": "MI"}, "keepDistrict": true});
        let named = json!({"customOffice": {"state": "MI"}, "district": {"id": LARAMIE_ID}});
        for moved in [kept, named] {
            let refused = [&steps[..], &[("PATCH", PATCHED, moved.clone(), 403)]].concat();
            assert_eq!(doors.detour(Owner, &refused).await, LARAMIE, "{phase}: {moved}");
            let allowed = [&steps[..], &[("PATCH", PATCHED, moved.clone(), 200)]].concat();
            assert_eq!(doors.detour(Permitted, &allowed).await, LARAMIE, "{phase}: {moved}");
        }
        steps.push(("PATCH", PATCHED, json!({"customOffice": {"state": "MI"}}), 200));
        assert_eq!(doors.detour(Owner, &steps).await, NONE, "{phase}");
        let mayor = json!({"positionId": MAYOR, "keepDistrict": true});
        steps.push(("PATCH", PATCHED, mayor, 200));
        assert_eq!(doors.detour(Owner, &steps).await, BEFORE, "{phase}");
    }
}

/// A whole state that comes with one office is not kept for another.
#[actix_web::test]
async fn the_whole_state_of_a_governor_is_not_kept_for_another_office() {
    for phase in [Phase::One, Phase::Two] {
        let mut doors = Doors::new(phase).await;
        let statewide = ["State", "MI"];
        let steps = [
            ("PATCH", PATCHED, json!({"positionId": GOVERNOR}), 200),
            ("PATCH", PATCHED, json!({"district": {"type": "State", "name": "MI"}}), 200),
        ];
        for another in [
            json!({"positionId": MAYOR, "keepDistrict": true}),
            json!({"positionId": MAYOR, "district": {"type": "State", "name": "MI"}}),
            json!({"positionId": null, "keepDistrict": true}),
            json!({"customOffice": {"office": "Clerk", "state": "MI"}, "keepDistrict": true}),
        ] {
            let refused = [&steps[..], &[("PATCH", PATCHED, another.clone(), 403)]].concat();
            assert_eq!(doors.detour(Owner, &refused).await, statewide, "{phase}: {another}");
            let allowed = [&steps[..], &[("PATCH", PATCHED, another.clone(), 200)]].concat();
            assert_eq!(doors.detour(Permitted, &allowed).await, statewide, "{phase}: {another}");
        }
    }
}

/// These take the district of the position, whatever a body says.
#[actix_web::test]
async fn a_door_that_takes_no_district_lets_none_in() {
    let mut doors = Doors::new(Phase::Two).await;
    let statewide = ["State", "MI"];
    for (who, path, body, status) in [
        (
            Owner,
            "/v1/campaigns/mine/race-target-details",
            r#"{"pathToVictory": {"electionType": "{kind}", "electionLocation": "{name}"}}"#,
            200,
        ),
        (
            Staff,
            "/v1/campaigns/admin/{slug}/race-target-details",
            r#"{"L2DistrictType": "{kind}", "L2DistrictName": "{name}"}"#,
            200,
        ),
        (
            Machine,
            "/v1/campaigns/{id}",
            r#"{"pathToVictory": {"electionType": "{kind}", "electionLocation": "{name}"}, "district": {"type": "{kind}", "name": "{name}"}}"#,
            200,
        ),
    ] {
        let (campaign, caller) = doors.campaign(who);
        let answer = doors.go(&caller, campaign, ("PUT", path, body), statewide).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(doors.effective(campaign).await, BEFORE, "{path}");
    }
    let (campaign, owner) = doors.campaign(Owner);
    let goals = json!({"electionType": "State", "electionLocation": "MI"});
    let started = json!({"positionId": MAYOR, "pathToVictory": goals});
    assert_eq!(owner.post("/v1/campaigns", started).await.status, 400);
    let district = json!({"type": "State", "name": "MI"});
    let won = json!({"electedDate": "2024-11-05", "pathToVictory": goals, "district": district});
    let office = owner.post("/v1/elected-office", won).await.json();
    let path = format!("/v1/organizations/{}", office["organizationId"].as_str().unwrap());
    let shown = owner.get(&path).await.json()["district"].clone();
    assert_eq!(json!([shown["type"], shown["name"]]), json!(BEFORE));
    assert_eq!(doors.effective(campaign).await, BEFORE);
    // The office of the holder has the same rule.
    let patch = owner.request(Method::PATCH, &path).json(&json!({"district": district}));
    assert_eq!(owner.send(patch).await.status, 403);
    assert_eq!(owner.get(&path).await.json()["district"], shown);
}
