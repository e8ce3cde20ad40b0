//! Every route, for every caller and every way to name the organization (design §5).

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::TokenRequest;
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use crate::fixtures::{self, MAYOR};

/// Own campaign, own office, own inactive office, another user's, unused, malformed, sent twice; then none, for
/// users with nothing, with a campaign, and with a campaign and an office.
pub(crate) const REFERENCES: [&str; 10] = [
    "campaign",
    "office",
    "inactive",
    "foreign",
    "unknown",
    "malformed",
    "twice",
    "none of 0",
    "none of 1",
    "none of 2",
];
/// What callers get who name an organization that is not theirs, and what must look the same for all callers.
const OF_STRANGERS: [u16; 7] = [404, 404, 404, 404, 404, 400, 400];

/// Route, body, and the owner's answer for each of [`REFERENCES`].
pub(crate) type Scoped = (&'static str, &'static str, &'static str, [u16; 10]);
pub(crate) const SCOPED: [Scoped; 24] = [
    ("GET", "/campaigns/mine", "", [200, 404, 404, 404, 404, 400, 400, 404, 200, 200]),
    (
        "PUT",
        "/campaigns/mine",
        r#"{"details": {"occupation": "Baker"}}"#,
        [200, 404, 404, 404, 404, 400, 400, 404, 200, 200],
    ),
    (
        "PUT",
        "/campaigns/mine/district",
        r#"{"L2DistrictType": "County", "L2DistrictName": "LENAWEE"}"#,
        [200, 404, 404, 404, 404, 400, 400, 404, 200, 200],
    ),
    (
        "PUT",
        "/campaigns/mine/race-target-details",
        "",
        [200, 404, 404, 404, 404, 400, 400, 404, 200, 200],
    ),
    ("GET", "/campaigns/mine/status", "", [200, 404, 404, 404, 404, 400, 400, 200, 200, 200]),
    ("POST", "/campaigns/launch", "", [200, 404, 404, 404, 404, 400, 400, 404, 200, 200]),
    (
        "POST",
        "/elected-office",
        r#"{"electedDate": "2026-11-03"}"#,
        [200, 404, 404, 404, 404, 400, 400, 403, 201, 200],
    ),
    // Needs no organization, and refuses an unknown one or another user's; the rest needs phase 3.
    (
        "POST",
        "/elected-office",
        r#"{"electedDate": "2026-11-03", "positionId": "{mayor}"}"#,
        [503, 503, 503, 404, 404, 400, 400, 503, 503, 503],
    ),
    ("GET", "/elected-office/current", "", [404, 200, 400, 404, 404, 400, 400, 404, 404, 200]),
    ("GET", "/voters/voter-file/filters", "", [200, 200, 400, 404, 404, 400, 400, 404, 200, 400]),
    (
        "POST",
        "/voters/voter-file/filter",
        r#"{"name": "New"}"#,
        [201, 201, 400, 404, 404, 400, 400, 404, 201, 400],
    ),
    (
        "GET",
        "/voters/voter-file/filter/{filter}",
        "",
        [200, 404, 400, 404, 404, 400, 400, 404, 200, 400],
    ),
    (
        "PUT",
        "/voters/voter-file/filter/{filter}",
        r#"{"name": "Other"}"#,
        [200, 404, 400, 404, 404, 400, 400, 404, 200, 400],
    ),
    (
        "POST",
        "/voters/voter-file/filter/{filter}/copy",
        r#"{"organizationId": "{campaign}"}"#,
        [201, 404, 400, 404, 404, 400, 400, 404, 201, 400],
    ),
    (
        "DELETE",
        "/voters/voter-file/filter/{filter}",
        "",
        [204, 404, 400, 404, 404, 400, 400, 404, 204, 400],
    ),
    ("GET", "/contacts", "", [200, 200, 400, 404, 404, 400, 400, 404, 200, 400]),
    (
        "POST",
        "/contacts/count",
        r#"{"genderMale": true}"#,
        [200, 200, 400, 404, 404, 400, 400, 404, 200, 400],
    ),
    ("GET", "/contacts/stats", "", [200, 200, 400, 404, 404, 400, 400, 404, 200, 400]),
    ("GET", "/contacts/download", "", [200, 200, 400, 404, 404, 400, 400, 404, 200, 400]),
    ("GET", "/contacts/{contact}", "", [200, 200, 400, 404, 404, 400, 400, 404, 200, 400]),
    // Two offices have a poll: a second initial one is a conflict.
    (
        "POST",
        "/polls/initial-poll",
        r#"{"message": "What matters to you?", "swornInDate": "2026-01-05"}"#,
        [409, 409, 400, 404, 404, 400, 400, 404, 201, 409],
    ),
    ("GET", "/polls", "", [404, 200, 400, 404, 404, 400, 400, 404, 404, 200]),
    ("GET", "/polls/has-polls", "", [404, 200, 400, 404, 404, 400, 400, 404, 404, 200]),
    ("GET", "/polls/{poll}", "", [404, 200, 400, 404, 404, 400, 400, 404, 404, 200]),
];

/// Anonymous, machine, another user, sales, admin, impersonator of the owner, owner. The owner is last, because
/// deleted data is gone.
pub(crate) const CALLERS: [&str; 7] =
    ["anonymous", "machine", "other", "sales", "admin", "impersonating", "owner"];
/// Route, body, and the answer for each of [`CALLERS`]; these routes ignore the header.
pub(crate) type Unscoped = (&'static str, &'static str, &'static str, [u16; 7]);
pub(crate) const UNSCOPED: [Unscoped; 45] = [
    ("GET", "readyz", "", [200; 7]),
    ("GET", "metrics", "", [200; 7]),
    ("GET", "openapi.json", "", [200; 7]),
    ("GET", "/health", "", [200; 7]),
    ("POST", "/webhooks/clerk", r#"{"type": "user.deleted", "data": {"id": "user_7"}}"#, [400; 7]),
    ("GET", "/elections/districts/types?state=MI&electionYear=2026", "", [200; 7]),
    (
        "GET",
        "/elections/districts/names?L2DistrictType=City&state=MI&electionYear=2026",
        "",
        [200; 7],
    ),
    (
        "GET",
        "/elections/positions?zip=49286&to=2028-12-31",
        "",
        [401, 403, 200, 200, 200, 200, 200],
    ),
    ("GET", "/users/me", "", [401, 403, 200, 200, 200, 200, 200]),
    ("PUT", "/users/me", r#"{"phone": "5555555556"}"#, [401, 403, 200, 200, 200, 200, 200]),
    ("GET", "/campaigns", "", [401, 403, 403, 403, 200, 200, 403]),
    // A user with a campaign cannot start another one before phase 3.
    ("POST", "/campaigns", r#"{"positionId": "{mayor}"}"#, [401, 403, 503, 201, 201, 503, 503]),
    (
        "PUT",
        "/campaigns/admin/slug-11/race-target-details",
        "",
        [401, 403, 403, 200, 200, 200, 403],
    ),
    ("GET", "/admin/accounts?email=user7@example.org", "", [401, 403, 403, 200, 200, 200, 403]),
    (
        "POST",
        "/admin/campaigns",
        r#"{"firstName": "Bo", "lastName": "New", "email": "{caller}@example.org", "zip": "49286", "phone": "5555555555", "party": "Independent", "adminUserEmail": "staff@example.org"}"#,
        [401, 403, 403, 201, 201, 201, 403],
    ),
    ("PUT", "/admin/campaigns/11", r#"{"isVerified": true}"#, [401, 403, 403, 200, 200, 200, 403]),
    ("DELETE", "/admin/campaigns/41", "", [401, 403, 403, 403, 204, 404, 403]),
    ("GET", "/elected-office/list", "", [401, 200, 403, 403, 403, 403, 403]),
    ("GET", "/elected-office/mine", "", [401, 403, 200, 200, 200, 200, 200]),
    ("GET", "/eligibility", "", [401, 403, 200, 200, 200, 200, 200]),
    ("GET", "/elected-office/office-7", "", [401, 200, 404, 404, 404, 200, 200]),
    (
        "PUT",
        "/elected-office/office-7",
        r#"{"termLengthDays": 7}"#,
        [401, 200, 404, 404, 404, 200, 200],
    ),
    ("GET", "/campaigns/slug/slug-11", "", [401, 403, 403, 403, 200, 200, 403]),
    ("GET", "/campaigns/list", "", [401, 200, 403, 403, 403, 403, 403]),
    ("GET", "/campaigns/11", "", [401, 200, 403, 403, 403, 403, 403]),
    ("PUT", "/campaigns/11", r#"{"isPro": true}"#, [401, 200, 403, 403, 403, 403, 403]),
    ("GET", "/organization-events", "", [401, 200, 403, 403, 403, 403, 403]),
    ("GET", "/organizations", "", [401, 403, 200, 200, 200, 200, 200]),
    ("GET", "/organizations/admin/list", "", [401, 200, 403, 200, 200, 200, 403]),
    ("GET", "/organizations/admin/{campaign}", "", [401, 200, 403, 200, 200, 200, 403]),
    ("PATCH", "/organizations/admin/{campaign}", "{}", [401, 200, 403, 200, 200, 200, 403]),
    (
        "POST",
        "/organizations/admin/{campaign}/preview",
        r#"{"district": {"type": "County", "name": "LENAWEE"}}"#,
        [401, 200, 403, 200, 200, 200, 403],
    ),
    ("GET", "/organizations/{campaign}", "", [401, 403, 404, 404, 404, 200, 200]),
    ("GET", "/organizations/{inactive}", "", [401, 403, 404, 404, 404, 200, 200]),
    ("GET", "/organizations/{unknown}", "", [401, 403, 404, 404, 404, 404, 404]),
    ("PATCH", "/organizations/{campaign}", "{}", [401, 403, 404, 404, 404, 200, 200]),
    ("PATCH", "/organizations/{unknown}", "{}", [401, 403, 404, 404, 404, 404, 404]),
    (
        "POST",
        "/organizations/{campaign}/preview",
        r#"{"district": {"type": "County", "name": "LENAWEE"}}"#,
        [401, 403, 404, 404, 404, 200, 200],
    ),
    ("POST", "/organizations/{unknown}/preview", "{}", [401, 403, 404, 404, 404, 404, 404]),
    ("GET", "/organizations/{campaign}/campaign", "", [401, 403, 404, 404, 404, 200, 200]),
    ("GET", "/organizations/{office}/campaign", "", [401, 403, 404, 404, 404, 404, 404]),
    ("GET", "/path-to-victory/list", "", [401, 200, 403, 403, 403, 403, 403]),
    ("GET", "/path-to-victory/11", "", [401, 200, 403, 403, 403, 403, 403]),
    (
        "PUT",
        "/path-to-victory/11",
        r#"{"data": {"winNumber": 9}}"#,
        [401, 200, 403, 403, 403, 403, 403],
    ),
    ("DELETE", "/users/7", "", [401, 403, 403, 403, 403, 204, 401]),
];

/// A voter in Tecumseh.
const VOTER: &str = "0000000c-0016-4e0a-8f12-878148f3d605";

pub(crate) struct World {
    pub(crate) app: TestApp,
    /// By the words of [`REFERENCES`]; stored here, because a row may delete them.
    organizations: BTreeMap<&'static str, String>,
    /// By campaign.
    of_campaigns: BTreeMap<i32, String>,
    /// What [`Self::contents`] sends.
    contents: String,
}

impl World {
    /// User 7 with a campaign, an office and one that is no longer held; 8 and 9 with a campaign; 30 with
    /// nothing, 31 with a campaign, 32 with a campaign and its office; sales 21 and admin 20.
    pub(crate) async fn new() -> Self {
        let with_tenants = || tenants(TestDatabase::in_phase(Phase::Two));
        Self::on(TestDatabase::copy_of("tenants", Phase::Two, with_tenants)).await
    }

    /// The same in the final schema.
    async fn at_the_end() -> Self {
        let with_tenants = || tenants(TestDatabase::at_the_end());
        Self::on(TestDatabase::copy_of("tenants_at_the_end", Phase::Three, with_tenants)).await
    }

    async fn on(database: TestDatabase) -> Self {
        let app = TestApp::with_clerk_as_server(database).await;
        let of_campaign = |id: i32| app.organization_of(id).as_str().unwrap().to_owned();
        let of_office = |id: &str| {
            let query =
                format!("SELECT organization_id AS id FROM elected_office WHERE id = '{id}'");
            app.database.row(&query)["id"].as_str().unwrap().to_owned()
        };
        let organizations = BTreeMap::from([
            ("campaign", of_campaign(11)),
            ("foreign", of_campaign(13)),
            ("office", of_office("office-7")),
            ("inactive", of_office("inactive-7")),
            ("unknown", "0193f6a4-0000-7000-8000-00000000000a".to_owned()),
            ("malformed", "17".to_owned()),
        ]);
        let of_campaigns = [11, 31, 32].map(|id| (id, of_campaign(id))).into();
        let tables = app.database.rows(
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
        );
        let digests = tables.iter().map(|table| {
            let name = table["name"].as_str().unwrap();
            format!(
                r#"(SELECT sum(hashtextextended(it::text, 0)) FROM "{name}" AS it) AS "{name}""#
            )
        });
        let contents = format!("SELECT {}", digests.collect::<Vec<_>>().join(", "));
        Self { app, organizations, of_campaigns, contents }
    }

    /// A digest of every table.
    fn contents(&self) -> Value {
        self.app.database.row(&self.contents)
    }

    pub(crate) fn caller(&self, name: &str) -> Client {
        match name {
            "anonymous" => self.app.anonymous(),
            "machine" => {
                self.app.clerk().add_machine_token("mt_good", "mch_1", None);
                self.app.anonymous().authorized("Bearer mt_good")
            }
            "other" => self.app.user(8),
            "sales" => self.app.user(21),
            "admin" => self.app.user(20),
            "impersonating" => self.app.clerk_user(&TokenRequest {
                act: Some(json!({"sub": "user_20"})),
                ..TokenRequest::of("user_7")
            }),
            _ => self.app.user(7),
        }
    }

    /// The id of an organization, by the words of [`REFERENCES`].
    pub(crate) fn organization(&self, reference: &str) -> &str {
        &self.organizations[reference]
    }

    pub(crate) fn naming(&self, client: Client, reference: &str) -> Client {
        match reference {
            "none" => client,
            "twice" => {
                let id = self.organizations["campaign"].as_str();
                client.naming(id).naming(id)
            }
            name => client.naming(self.organizations[name].as_str()),
        }
    }

    /// Fills in the placeholders of a row, for the user whose campaign has this number.
    pub(crate) fn filled(&self, text: &str, campaign: i32) -> String {
        let mut text = text.replace("{filter}", &campaign.to_string()).replace("{mayor}", MAYOR);
        text = text.replace("{contact}", VOTER).replace("{poll}", &format!("poll-{campaign}"));
        for name in ["office", "inactive", "unknown"] {
            text = text.replace(&format!("{{{name}}}"), &self.organizations[name]);
        }
        text.replace("{campaign}", &self.of_campaigns[&campaign])
    }

    pub(crate) async fn send(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: &str,
    ) -> Response {
        let path = if path.starts_with('/') { format!("/v1{path}") } else { format!("/{path}") };
        let request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
        let request = match body {
            "" => request,
            body => request.json(&serde_json::from_str::<Value>(body).unwrap()),
        };
        client.send(request).await
    }
}

/// A database with the users, campaigns and offices of [`World`].
fn tenants(database: TestDatabase) -> TestDatabase {
    for (user, role) in [
        (7, "candidate"),
        (8, "candidate"),
        (9, "candidate"),
        (20, "admin"),
        (21, "sales"),
        (30, "candidate"),
        (31, "candidate"),
        (32, "candidate"),
    ] {
        fixtures::user(&database, user, role);
    }
    let details = json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor",
                             "state": "MI", "ballotLevel": "CITY", "electionDate": "2028-11-07"});
    let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
    for (campaign, owner) in [(11, 7), (12, 8), (13, 9), (31, 31), (32, 32), (41, 9)] {
        fixtures::campaign(&database, campaign, owner, &details, Some(&goals));
        // Lists are ordered by id, which encodes the creation time to the millisecond.
        database.execute("SELECT pg_sleep(0.002)");
    }
    for (office, holder, campaign, is_active) in
        [("office-7", 7, "11", true), ("inactive-7", 7, "11", false), ("office-32", 32, "32", true)]
    {
        database.execute(&format!(
            "INSERT INTO elected_office (id, updated_at, user_id, campaign_id, is_active)
                     VALUES ('{office}', now(), {holder}, {campaign}, {is_active});
                     SELECT pg_sleep(0.002)"
        ));
    }
    database.execute(
                "UPDATE campaign SET is_pro = true;
             UPDATE \"user\" SET clerk_id = 'user_' || id;
             INSERT INTO voter_file_filter (id, updated_at, name, campaign_id)
                 SELECT id, now(), 'Filter', id FROM campaign;
             SELECT setval(pg_get_serial_sequence(name, 'id'), 100)
                 FROM unnest(ARRAY['\"user\"', 'campaign', 'path_to_victory', 'voter_file_filter']) AS name",
            );
    database.execute_unmapped(
                r#"INSERT INTO poll (id, name, message_content, "targetAudienceSize", scheduled_date,
                                  "estimatedCompletionDate", elected_office_id, updated_at)
                SELECT 'poll-' || campaign.id, 'Top Community Issues', 'What matters most to you?', 500,
                    '2026-02-02 15:00', '2026-02-05 15:00', office.id, '2026-02-01'
                FROM elected_office AS office JOIN organization AS its ON its.id = office.organization_id
                JOIN campaign ON its.request_key = 'won:' || campaign.organization_id"#,
            );
    database
}

/// The contents of a world, for proof that what was refused changed nothing.
struct Contents<'a> {
    world: &'a World,
    before: Value,
}

impl<'a> Contents<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, before: world.contents() }
    }

    /// Compares with the former request, unless this one may change something.
    fn check(&mut self, complaints: &mut Vec<String>, what: &str, is_refused: bool) {
        let after = self.world.contents();
        if is_refused && after != self.before {
            complaints
                .push(format!("{what} was refused, and changed {}", changed(&self.before, &after)));
        }
        self.before = after;
    }
}

/// The tables that differ.
fn changed(before: &Value, after: &Value) -> String {
    let before = before.as_object().unwrap();
    let differing = before.iter().filter(|(table, digest)| after[table.as_str()] != **digest);
    differing.map(|(table, _)| table.as_str()).collect::<Vec<_>>().join(", ")
}

/// How an answer to a row differs from the expected one.
fn complain(complaints: &mut Vec<String>, what: &str, expected: u16, answer: &Response) {
    if answer.status != expected {
        let body = String::from_utf8_lossy(&answer.body);
        let body: String = body.chars().take(160).collect();
        complaints.push(format!("{what}: expected {expected}, got {} {body}", answer.status));
    }
}

#[actix_web::test]
async fn strangers_reach_no_organization_and_cannot_tell_ids_apart() {
    // Nothing that is refused changes it.
    strangers(World::new().await).await;
}

#[actix_web::test]
async fn in_the_final_schema_strangers_reach_no_organization_either() {
    strangers(World::at_the_end().await).await;
}

async fn strangers(world: World) {
    let mut complaints = Vec::new();
    let mut contents = Contents::of(&world);
    for (method, path, body, _) in SCOPED {
        let (own_path, own_body) = (world.filled(path, 11), world.filled(body, 11));
        for caller in ["anonymous", "machine", "other", "sales", "admin"] {
            let mut seen = BTreeSet::new();
            for (reference, of_stranger) in REFERENCES.iter().zip(OF_STRANGERS) {
                let client = world.naming(world.caller(caller), reference);
                let answer = world.send(&client, method, &own_path, &own_body).await;
                let expected = match caller {
                    "anonymous" => 401,
                    "machine" => 403,
                    _ => of_stranger,
                };
                let what = format!("{method} {path} of {caller} naming {reference}");
                complain(&mut complaints, &what, expected, &answer);
                if answer.status == 404 {
                    seen.insert(answer.error().to_string());
                }
            }
            assert!(seen.len() <= 1, "{method} {path} of {caller} tells ids apart: {seen:?}");
        }
        contents.check(&mut complaints, &format!("{method} {path} of strangers"), true);
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// An impersonator owns what the owner owns. Uses fresh data.
async fn owned(caller: &str) {
    let mut complaints = Vec::new();
    let unchanged = World::new().await;
    for (method, path, body, expected) in SCOPED {
        let changed;
        let world = if method == "GET" {
            &unchanged
        } else {
            changed = World::new().await;
            &changed
        };
        let mut contents = Contents::of(world);
        for (reference, expected) in REFERENCES.into_iter().zip(expected) {
            let (client, campaign) = match reference {
                "none of 0" => (world.app.user(30), 11),
                "none of 1" => (world.app.user(31), 31),
                "none of 2" => (world.app.user(32), 32),
                reference => (world.naming(world.caller(caller), reference), 11),
            };
            let (path, body) = (world.filled(path, campaign), world.filled(body, campaign));
            let answer = world.send(&client, method, &path, &body).await;
            let what = format!("{method} {path} of {caller}, {reference}");
            complain(&mut complaints, &what, expected, &answer);
            if method != "GET" {
                contents.check(&mut complaints, &what, expected >= 400);
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[actix_web::test]
async fn owners_reach_what_they_name_and_what_they_can_only_mean() {
    owned("owner").await;
}

#[actix_web::test]
async fn who_acts_for_an_owner_reaches_the_same() {
    owned("impersonating").await;
}

/// Staff who name a campaign by slug need no campaign of their own, but the organization in the header must be
/// theirs.
#[actix_web::test]
async fn a_header_of_staff_is_checked_even_if_they_name_a_slug() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for (path, expected) in [
        ("/campaigns/mine", [404, 404, 404, 404, 404, 400, 400, 200]),
        ("/campaigns/mine/district", [404, 404, 404, 404, 404, 400, 400, 404]),
    ] {
        let body =
            r#"{"slug": "slug-12", "L2DistrictType": "County", "L2DistrictName": "LENAWEE"}"#;
        let body = if path == "/campaigns/mine" {
            r#"{"slug": "slug-12", "details": {"occupation": "Baker"}}"#
        } else {
            body
        };
        for caller in ["sales", "admin"] {
            let references = REFERENCES[..7].iter().chain(&["none"]);
            for (reference, expected) in references.zip(expected) {
                let client = world.naming(world.caller(caller), reference);
                let answer = world.send(&client, "PUT", path, body).await;
                let what = format!("PUT {path} of {caller} naming {reference}");
                complain(&mut complaints, &what, expected, &answer);
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// In Clerk, admins of an organization can add members. Their tokens name the organization, but give no access
/// here.
#[actix_web::test]
async fn members_added_in_clerk_to_somebody_elses_organization_gain_nothing() {
    let world = World::new().await;
    world.app.database.execute(
        "UPDATE organization SET clerk_organization_id = 'org_' || replace(id::text, '-', '')",
    );
    let theirs = format!("org_{}", world.organization("campaign").replace('-', ""));
    let added = TokenRequest { org_id: Some(theirs.clone()), ..TokenRequest::of("user_8") };
    let mut complaints = Vec::new();
    for (method, path, body, _) in SCOPED {
        let (path, body) = (world.filled(path, 11), world.filled(body, 11));
        for naming in [false, true] {
            let client = world.app.clerk_user(&added);
            let client = if naming { client.naming(theirs.as_str()) } else { client };
            let answer = world.send(&client, method, &path, &body).await;
            let what = format!("{method} {path}, named in the header: {naming}");
            complain(&mut complaints, &what, 404, &answer);
        }
    }
    let client = world.app.clerk_user(&added);
    for (method, path) in [
        ("GET", format!("/organizations/{theirs}")),
        ("PATCH", format!("/organizations/{theirs}")),
        ("GET", format!("/organizations/{theirs}/campaign")),
    ] {
        let body = if method == "PATCH" { r#"{"positionId": null}"# } else { "" };
        complain(&mut complaints, &path, 404, &world.send(&client, method, &path, body).await);
    }
    let own = world.send(&client, "GET", "/organizations", "").await.json();
    assert_eq!(own["organizations"].as_array().unwrap().len(), 1);
    assert_eq!(own["organizations"][0]["campaign"]["id"], 12);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[actix_web::test]
async fn other_routes_answer_by_who_asks_and_ignore_what_is_named() {
    let mut complaints = Vec::new();
    let unchanged = World::new().await;
    for (method, path, body, expected) in UNSCOPED {
        let changed;
        let world = if method == "GET" {
            &unchanged
        } else {
            changed = World::new().await;
            &changed
        };
        let path = world.filled(path, 11);
        let mut contents = Contents::of(world);
        // Public routes look at neither: each caller and each reference once, not every pair.
        let is_public = expected == [200; 7];
        for (number, (caller, expected)) in CALLERS.into_iter().zip(expected).enumerate() {
            let body = world.filled(body, 11).replace("{caller}", caller);
            let references: &[&str] = match method {
                "GET" if is_public => &REFERENCES[number..=number],
                "GET" => &REFERENCES[..7],
                _ => &["malformed"],
            };
            for reference in references.iter().chain(&["none"]) {
                if method != "GET" && *reference == "none" {
                    continue;
                }
                let client = world.naming(world.caller(caller), reference);
                let answer = world.send(&client, method, &path, &body).await;
                let what = format!("{method} {path} of {caller} naming {reference}");
                complain(&mut complaints, &what, expected, &answer);
                if method != "GET" {
                    contents.check(&mut complaints, &what, expected >= 400);
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// `GET /v1/campaigns/{}` and the like, from source text that mounts routes.
pub(crate) fn routes(source: &str) -> BTreeSet<String> {
    let table = source.split("async fn unknown_route").next().unwrap();
    let mut routes = BTreeSet::new();
    for resource in table.split(".service(").skip(1) {
        let Some(path) = resource.split('"').nth(1).filter(|path| path.starts_with('/')) else {
            continue;
        };
        for (verb, method) in [
            ("get(", "GET"),
            ("post(", "POST"),
            ("put(", "PUT"),
            ("patch(", "PATCH"),
            ("delete(", "DELETE"),
        ] {
            let handlers = resource.split('[').nth(1).unwrap_or_default();
            if handlers
                .split(|letter: char| letter.is_whitespace() || letter == ',')
                .any(|word| word.starts_with(verb))
            {
                routes.insert(format!("{method} {path}"));
            }
        }
    }
    routes
}

#[test]
fn every_route_has_a_row() {
    let mounted = routes(include_str!("../../../crates/http/src/routes.rs"));
    assert!(mounted.len() > 40, "{mounted:?}");
    let rows = SCOPED
        .iter()
        .map(|row| (row.0, row.1))
        .chain(UNSCOPED.iter().map(|row| (row.0, row.1)))
        .map(|(method, path)| {
            let path = path.split('?').next().unwrap();
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            (method, path)
        })
        .collect::<Vec<_>>();
    let matches = |template: &str, path: &str| {
        let template = template.strip_prefix("/v1").unwrap_or(template);
        let (template, path): (Vec<_>, Vec<_>) =
            (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len()
            && template
                .iter()
                .zip(&path)
                .all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
    };
    let without: Vec<_> = mounted
        .iter()
        .filter(|route| {
            let (method, template) = route.split_once(' ').unwrap();
            !rows.iter().any(|(its, path)| *its == method && matches(template, path))
        })
        .collect();
    assert!(without.is_empty(), "routes without a row: {without:?}");
}
