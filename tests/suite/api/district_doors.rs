//! Every route that sets a district follows one rule for every kind of caller (design §5), and a refused district
//! is never stored.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use crate::fixtures::{self, MAYOR};

/// Governor of Michigan, with the district `State` / MI.
const GOVERNOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjY=";

/// Kinds of callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The owner, without any permission.
    Owner,
    /// The owner, who may download statewide and federal data.
    Permitted,
    /// Sales, in another user's campaign.
    Staff,
    /// Sales, in their own.
    StaffInTheirOwn,
    /// A machine.
    Machine,
}

use Who::{Machine, Owner, Permitted, Staff, StaffInTheirOwn};

/// Caller, method, path and body. `{organization}`, `{slug}` and `{id}` are the campaign's, `{office}` is the
/// organization of the office won with it, `{kind}`, `{name}` and `{district}` are type, name and id of the
/// district.
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
/// In phases with organizations.
const NEW_DOORS: [Door; 8] = [
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
    (&[Owner, Permitted, StaffInTheirOwn], "PATCH", "/v1/organizations/{organization}", BY_ID),
    (&[Staff, Machine], "PATCH", "/v1/organizations/admin/{organization}", BY_ID),
    (
        &[Owner, Permitted, StaffInTheirOwn],
        "PATCH",
        "/v1/organizations/{office}",
        r#"{"district": {"type": "{kind}", "name": "{name}"}}"#,
    ),
    (
        &[Staff, Machine],
        "PATCH",
        "/v1/organizations/admin/{office}",
        r#"{"district": {"type": "{kind}", "name": "{name}"}}"#,
    ),
    (&[Owner, Permitted], "PATCH", "/v1/organizations/{office}", BY_ID),
    (&[Staff, Machine], "PATCH", "/v1/organizations/admin/{office}", BY_ID),
];
/// The district with this id, in any state.
const BY_ID: &str = r#"{"district": {"id": "{district}"}}"#;

/// A district in a request.
struct Named {
    kind: &'static str,
    name: &'static str,
    /// Its id, if there is such a district.
    id: Option<&'static str>,
    is_statewide: bool,
    /// Whether it is in the office's state.
    is_in_state: bool,
}

const fn named(
    kind: &'static str,
    name: &'static str,
    id: Option<&'static str>,
    is_statewide: bool,
    is_in_state: bool,
) -> Named {
    Named { kind, name, id, is_statewide, is_in_state }
}

const DISTRICTS: [Named; 6] = [
    named("County", "LENAWEE", Some("01935a5c-0000-4000-8000-000000000007"), false, true),
    // A county of WY.
    named("County", "LARAMIE", Some(LARAMIE_ID), false, false),
    named("County", "NOWHERE", None, false, false),
    named("State", "MI", Some("01935a5c-0000-4000-8000-000000000005"), true, true),
    named("State", "WY", Some("01935a5c-0000-4000-8000-000000000006"), true, false),
    named(" state ", "MI", None, true, false),
];
const UNKNOWN_ID: &str = "01935a5c-0000-4000-8000-000000000999";

impl Named {
    /// Whether this caller may set it. By type and name, it is searched only in the office's state.
    fn is_allowed(&self, who: Who, is_by_id: bool) -> bool {
        if is_by_id && who != Owner {
            return self.id.is_some();
        }
        self.is_in_state && (!self.is_statewide || who != Owner)
    }

    /// [`is_allowed`](Self::is_allowed) while election-api does not answer, so that its state is unknown.
    fn is_allowed_without_answer(&self, who: Who, is_by_id: bool) -> bool {
        !is_by_id && (!self.is_statewide || who != Owner)
    }
}

/// Each campaign starts with its own district, so that a refusal differs from a reset.
const BEFORE: [&str; 2] = ["City", "TECUMSEH CITY"];
const TECUMSEH: Named = named(BEFORE[0], BEFORE[1], None, false, true);

struct Doors {
    app: TestApp,
    machine: Client,
    campaigns: std::ops::Range<i32>,
}

/// Sales, with their own campaign.
const STAFF: i32 = 20;

/// Number of campaigns: one for each request.
const CAMPAIGNS: std::ops::Range<i32> = 100..400;

impl Doors {
    async fn new(phase: Phase) -> Self {
        let name = format!("doors_{}", phase.as_str().replace('-', "_"));
        let database = TestDatabase::copy_of(&name, phase, || Self::database(phase));
        let app = TestApp::with_clerk_on(database).await;
        app.clerk().add_machine_token("mt_good", "mch_1", None);
        let machine = app.anonymous().authorized("Bearer mt_good");
        Self { app, machine, campaigns: CAMPAIGNS }
    }

    fn database(phase: Phase) -> TestDatabase {
        let database = TestDatabase::in_phase(phase);
        fixtures::user(&database, STAFF, "sales");
        fixtures::campaign(&database, STAFF, STAFF, &json!({}), None);
        let details = json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor",
                             "state": "MI", "ballotLevel": "CITY", "electionDate": "2028-11-07"});
        let goals = json!({"electionType": BEFORE[0], "electionLocation": BEFORE[1], "districtManuallySet": false});
        let (details, goals) = (fixtures::literal(&details), fixtures::literal(&goals));
        let (first, last) = (CAMPAIGNS.start, CAMPAIGNS.end - 1);
        database.execute(&format!(
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
        database
    }

    /// A campaign for mayor of Tecumseh, MI, and its callers.
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

    /// Sends requests in order, checks their statuses, and returns the effective district at the end.
    async fn detour(&mut self, who: Who, steps: &[(&str, &str, Value, u16)]) -> [String; 2] {
        let (campaign, caller) = self.campaign(who);
        for (method, path, body, status) in steps {
            let body = body.to_string();
            let answer = self.go(&caller, campaign, (method, path, &body), &TECUMSEH).await;
            assert_eq!(answer.status, *status, "{who:?}: {method} {path} {body}");
        }
        self.effective(campaign).await
    }

    async fn go(
        &self,
        caller: &Client,
        campaign: i32,
        (method, path, body): (&str, &str, &str),
        district: &Named,
    ) -> Response {
        let office =
            if path.contains("{office}") { self.win(campaign).await } else { String::new() };
        let organization = self.app.organization_of(campaign);
        let fill = |text: &str| {
            text.replace("{organization}", organization.as_str().unwrap_or_default())
                .replace("{slug}", &format!("slug-{campaign}"))
                .replace("{id}", &campaign.to_string())
                .replace("{office}", &office)
                .replace("{kind}", district.kind)
                .replace("{name}", district.name)
                .replace("{district}", district.id.unwrap_or(UNKNOWN_ID))
        };
        let body: Value = serde_json::from_str(&fill(body)).unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        caller.send(caller.request(method, &fill(path)).json(&body)).await
    }

    /// From now on, election-api rejects every request: an outage, but without retries.
    fn silence_election_api(&self) {
        for call in [Call::PositionByBallotreadyId, Call::District, Call::DistrictsList] {
            let fault = Fault::Status { status: 400, message: "no".to_owned() };
            self.app.election.fail_always(call, fault);
        }
    }

    /// The organization of the office that its owner wins, or has won, with a campaign.
    async fn win(&self, campaign: i32) -> String {
        let won = json!({"electedDate": "2024-11-05"});
        let office = self.app.user(campaign).post("/v1/elected-office", won).await.json();
        office["organizationId"].as_str().unwrap().to_owned()
    }

    /// The effective district of the office won with a campaign.
    async fn effective_of_office(&self, campaign: i32) -> [String; 2] {
        let path = format!("/v1/organizations/{}", self.win(campaign).await);
        let district = self.app.user(campaign).get(&path).await.json()["district"].clone();
        ["type", "name"].map(|key| district[key].as_str().unwrap_or_default().to_owned())
    }

    /// The effective district of a campaign, as its owner sees it on every route.
    async fn effective(&self, campaign: i32) -> [String; 2] {
        let owner = self.app.user(campaign);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let goals = owner.get("/v1/campaigns/mine").await.json()["pathToVictory"]["data"].clone();
        let told = [text(&goals["electionType"]), text(&goals["electionLocation"])];
        // Before phase 2 the JSON is authoritative, and the tables may lag.
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
    follow(&mut doors, &DISTRICTS, Named::is_allowed, &[400, 403]).await;
}

/// Sends districts through every route. Forbidden ones must be refused with one of these statuses.
async fn follow(
    doors: &mut Doors,
    districts: &[Named],
    rule: fn(&Named, Who, bool) -> bool,
    refusals: &[u16],
) {
    let mut complaints = Vec::new();
    let has_tables = doors.app.database.phase().has_tables();
    let new: &[Door] = if has_tables { &NEW_DOORS } else { &[] };
    for (callers, method, path, body) in OLD_DOORS.iter().chain(new) {
        for &who in *callers {
            for district in districts {
                let (campaign, caller) = doors.campaign(who);
                let answer = doors.go(&caller, campaign, (method, path, body), district).await;
                let is_allowed = rule(district, who, *body == BY_ID);
                let found = if path.contains("{office}") {
                    doors.effective_of_office(campaign).await
                } else {
                    doors.effective(campaign).await
                };
                let Named { kind, name, .. } = district;
                let expected = if is_allowed { [*kind, *name] } else { BEFORE };
                let is_refused = refusals.contains(&answer.status.as_u16());
                let is_taken = answer.status == 200;
                if found != expected || is_taken != is_allowed || is_refused == is_allowed {
                    complaints.push(format!(
                        "{method} {path} {body} of {who:?} with {kind}/{name}: {}, then {found:?}",
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

/// Without an answer of election-api, a district is stored as named, except for a whole state.
#[actix_web::test]
async fn while_election_api_does_not_answer_a_whole_state_is_still_refused_on_each_route() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let mut doors = Doors::new(phase).await;
        doors.silence_election_api();
        // One in the state, and a whole state: the others look the same without election-api.
        let districts = [
            named("County", "NOWHERE", None, false, false),
            named("State", "MI", Some(UNKNOWN_ID), true, true),
        ];
        follow(&mut doors, &districts, Named::is_allowed_without_answer, &[400, 403, 503]).await;
    }
}

const MINE: &str = "/v1/campaigns/mine";
const PATCHED: &str = "/v1/organizations/{organization}";
const LARAMIE: [&str; 2] = ["County", "LARAMIE"];
const LARAMIE_ID: &str = "01935a5c-0000-4000-8000-000000000017";
const NONE: [&str; 2] = ["", ""];

/// An owner cannot keep a district of another state by changing the office.
#[actix_web::test]
async fn a_typed_in_office_that_moves_to_another_state_drops_its_district() {
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

/// A whole state is not kept when the office changes.
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

/// Routes that use the position's district and ignore any district in the body.
const BLIND_DOORS: [Door; 3] = [
    (
        &[Owner, Permitted, StaffInTheirOwn],
        "PUT",
        "/v1/campaigns/mine/race-target-details",
        r#"{"pathToVictory": {"electionType": "{kind}", "electionLocation": "{name}"}}"#,
    ),
    (
        &[Staff],
        "PUT",
        "/v1/campaigns/admin/{slug}/race-target-details",
        r#"{"L2DistrictType": "{kind}", "L2DistrictName": "{name}"}"#,
    ),
    (
        &[Machine],
        "PUT",
        "/v1/campaigns/{id}",
        r#"{"pathToVictory": {"electionType": "{kind}", "electionLocation": "{name}"}, "district": {"type": "{kind}", "name": "{name}"}}"#,
    ),
];

#[actix_web::test]
async fn a_route_that_accepts_no_district_stores_none() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let mut doors = Doors::new(phase).await;
        for (callers, method, path, body) in BLIND_DOORS {
            for (&who, district) in
                callers.iter().flat_map(|who| DISTRICTS.iter().map(move |it| (who, it)))
            {
                let (campaign, caller) = doors.campaign(who);
                let answer = doors.go(&caller, campaign, (method, path, body), district).await;
                let found = doors.effective(campaign).await;
                assert_eq!(
                    (answer.status.as_u16(), found),
                    (200, BEFORE.map(str::to_owned)),
                    "{phase} {path}"
                );
            }
        }
        if phase.has_tables() {
            a_new_holder_names_no_district(&mut doors).await;
        }
    }
}

async fn a_new_holder_names_no_district(doors: &mut Doors) {
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
    // The same rule applies to the office.
    let change = owner.request(Method::PATCH, &path).json(&json!({"district": district}));
    assert_eq!(owner.send(change).await.status, 403);
    assert_eq!(owner.get(&path).await.json()["district"], shown);
}

const ADMIN: i32 = 21;

#[actix_web::test]
async fn only_admins_and_machines_can_allow_statewide_data_on_each_route() {
    const OWN: (&str, &str, &str) = ("PUT", MINE, r#"{"canDownloadFederal": true}"#);
    const BY_SLUG: (&str, &str, &str) =
        ("PUT", MINE, r#"{"slug": "{slug}", "canDownloadFederal": true}"#);
    const BY_KEY: (&str, &str, &str) =
        ("PUT", "/v1/campaigns/{id}", r#"{"canDownloadFederal": true}"#);
    const ORGANIZATION: (&str, &str, &str) =
        ("PATCH", "/v1/organizations/admin/{organization}", r#"{"canDownloadFederal": true}"#);
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let mut doors = Doors::new(phase).await;
        fixtures::user(&doors.app.database, ADMIN, "admin");
        for (who, is_admin, door, status) in [
            (Owner, false, OWN, 403),
            (StaffInTheirOwn, false, OWN, 403),
            (Staff, false, BY_SLUG, 403),
            (Staff, true, BY_SLUG, 200),
            (Machine, false, BY_KEY, 200),
            (Owner, false, ORGANIZATION, 403),
            (Staff, false, ORGANIZATION, 403),
            (Staff, true, ORGANIZATION, 200),
            (Machine, false, ORGANIZATION, 200),
        ] {
            if door == ORGANIZATION && !phase.has_tables() {
                continue;
            }
            let (campaign, caller) = doors.campaign(who);
            let caller = if is_admin { doors.app.user(ADMIN) } else { caller };
            let answer = doors.go(&caller, campaign, door, &TECUMSEH).await;
            let row = format!(
                "SELECT can_download_federal AS is_open FROM campaign WHERE id = {campaign}"
            );
            let found = (answer.status.as_u16(), doors.app.database.row(&row)["is_open"] == true);
            assert_eq!(found, (status, status == 200), "{phase}: {door:?} of {who:?}");
        }
    }
}

/// Offices in MI, one for each case, because a confirmed answer of election-api stays.
const OFFICES_IN_MI: [&str; 4] = [
    "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg2",
    "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMzE0NzA=",
    "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNTIzMTE=",
    "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMTAx",
];

/// While election-api does not answer, the office has the state that its owner named, and the owner may set
/// districts there. They are dropped when election-api first says that the office is in another state.
#[actix_web::test]
async fn an_office_that_election_api_finds_in_another_state_drops_its_district() {
    const DISTRICT: &str = "/v1/campaigns/mine/district";
    for phase in [Phase::One, Phase::Two] {
        let mut doors = Doors::new(phase).await;
        let chosen = json!({"L2DistrictType": LARAMIE[0], "L2DistrictName": LARAMIE[1]});
        let ways = [
            ("POST", "/v1/elected-office", json!({"electedDate": "2026-11-03"}), 201),
            ("PUT", MINE, json!({"details": {"positionId": OFFICES_IN_MI[1]}}), 200),
            ("PATCH", PATCHED, json!({"positionId": OFFICES_IN_MI[2]}), 200),
        ];
        let last = [("PUT", MINE, json!({"details": {"positionId": OFFICES_IN_MI[3]}}), 200)];
        let owners = ways.iter().zip(OFFICES_IN_MI).map(|(way, office)| (Owner, office, way));
        for (who, office, way) in owners.chain([(Permitted, OFFICES_IN_MI[3], &last[0])]) {
            let (campaign, caller) = doors.campaign(who);
            let said = json!({"positionId": office, "office": "Other", "otherOffice": "Judge", "state": "WY"});
            doors.silence_election_api();
            for (path, body) in [(MINE, json!({"details": said})), (DISTRICT, chosen.clone())] {
                assert_eq!(caller.put(path, body).await.status, 200, "{phase}: {path}");
            }
            assert_eq!(doors.effective(campaign).await, LARAMIE, "{phase}");
            doors.app.election.heal();
            if who == Owner {
                let again = caller.put(DISTRICT, chosen.clone()).await;
                assert_eq!(again.status, 400, "{phase}: it is not kept by naming it again");
            }
            let (method, path, body, status) = way;
            let answer =
                doors.go(&caller, campaign, (method, path, &body.to_string()), &TECUMSEH).await;
            assert_eq!(answer.status, *status, "{phase}: {method} {path}: {}", answer.json());
            let is_kept = doors.effective(campaign).await == LARAMIE;
            assert_eq!(is_kept, who == Permitted, "{phase}: {method} {path}");
            let of_office = doors.effective_of_office(campaign).await;
            assert_eq!(of_office == LARAMIE, who == Permitted, "{phase}: {method} {path}");
        }
    }
}
