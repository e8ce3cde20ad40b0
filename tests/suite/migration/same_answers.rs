//! One walk of some hundred requests by everybody, in every phase: its answers are the same, byte for byte, but for
//! the differences that [`DIFFERENCES`] lists. Reads and writes alternate, so later answers depend on earlier writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;
use winserve_domain::base::{Clock as _, SystemClock};
use winserve_migration::{Unobserved, clean};
use winserve_testkit::{Client, Phase, Response, TestApp, TestDatabase};

use super::backfill_run::{finish, options};
use crate::{
    api::tenant_matrix,
    fixtures::{self, COUNCIL, MAYOR},
};

const WALK: &str = include_str!("same_answers.txt");
/// The demo's election-api knows these too.
const GOVERNOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjY=";
const SCHOOL: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNTIzMTE=";
/// What stands for an organization where there is none.
const UNKNOWN: &str = "0193f6a4-0000-7000-8000-00000000000a";
/// The headers that matter to a client.
const HEADERS: [&str; 6] =
    ["content-type", "cache-control", "vary", "retry-after", "etag", "x-organization-id"];

/// Name, an empty database, and what follows when its first rows are written. Each is compared with the one before it.
type SetUp = (&'static str, fn() -> TestDatabase, fn(&TestDatabase));
const SET_UPS: [SetUp; 6] = [
    ("legacy", TestDatabase::new, |_| ()),
    ("legacy with tables", TestDatabase::legacy_with_tables, |_| ()),
    ("phase-1", || TestDatabase::in_phase(Phase::One), finish),
    // From here on the testkit maps the first rows.
    ("phase-2", || TestDatabase::in_phase(Phase::Two), |_| ()),
    ("phase-3", || TestDatabase::in_phase(Phase::Three), |_| ()),
    ("phase-3 after clean", || TestDatabase::in_phase(Phase::Three), clean_all),
];

/// Moves every old key to the archive.
fn clean_all(database: &TestDatabase) {
    let report = clean(&options(database), &[], &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.archived > 0), (0, true), "{report:?}");
}

/// User numbers; the campaign of a user has this number plus ten, and so has their office.
static USERS: [(&str, i32); 14] = [
    ("admin", 1),
    ("sales", 2),
    ("newcomer", 3),
    ("unpaid", 4),
    ("paid", 5),
    ("governor", 6),
    ("senator", 7),
    ("ward", 8),
    ("void", 9),
    ("list", 10),
    ("messy", 11),
    ("official", 12),
    ("former", 13),
    ("wordy", 14),
];

/// Routes that no client calls, or whose answer is about the process.
const NOT_WALKED: [&str; 2] = ["GET /metrics", "GET /organization-events"];

/// How the answer in a set-up differs from that in the one before.
enum Differs {
    /// Altogether: status and error code before and after.
    Answer(&'static str, &'static str),
    /// An `organizationId` that was null has a value, and the header names the organization; the
    /// `positionId` of an office too.
    Organization,
    /// This text is now that one.
    Text(&'static str, &'static str),
}

/// Request (`*` stands for any text), the first set-up with the difference, the difference, and why it is right.
type Difference = (&'static str, &'static str, Differs, &'static str);
const DIFFERENCES: [Difference; 32] = [
    ("*", "phase-1", Differs::Organization, "an organizationId is null until the tables have one"),
    (
        "* GET /organizations*",
        "phase-1",
        Differs::Answer("503 not-migrated", "200"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "* PATCH /organizations*",
        "phase-1",
        Differs::Answer("503 not-migrated", "200"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "* POST /organizations*",
        "phase-1",
        Differs::Answer("503 not-migrated", "200"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "* GET /eligibility",
        "phase-1",
        Differs::Answer("503 not-migrated", "200"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "* GET /admin/accounts*",
        "phase-1",
        Differs::Answer("503 not-migrated", "200"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "*@* GET *",
        "phase-1",
        Differs::Answer("503 not-migrated", "200"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "unpaid * /organizations/{c15}*",
        "phase-1",
        Differs::Answer("503 not-migrated", "404 organization-not-found"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "unpaid@c15 *",
        "phase-1",
        Differs::Answer("503 not-migrated", "404 organization-not-found"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "former@o23 *",
        "phase-1",
        Differs::Answer("503 not-migrated", "400 office-inactive"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "paid POST */copy *",
        "phase-1",
        Differs::Answer("503 not-migrated", "201"),
        "it needs organizations, which there are none of in `legacy`",
    ),
    (
        "*",
        "phase-2",
        Differs::Text(
            r#""details":{"office":"Other","otherOffice":"Mayor""#,
            r#""details":{"ballotLevel":"CITY","office":"Other","otherOffice":"Tecumseh City Mayor""#,
        ),
        "shared-text: a shared office is shown as the position says",
    ),
    (
        "*",
        "phase-2",
        Differs::Text(
            r#""details":{"occupation":"Writer","office":"Other","otherOffice":"Mayor""#,
            r#""details":{"ballotLevel":"CITY","occupation":"Writer","office":"Other","otherOffice":"Tecumseh City Mayor""#,
        ),
        "shared-text: a shared office is shown as the position says",
    ),
    (
        "*",
        "phase-2",
        Differs::Text(
            r#""data":{"p2vStatus":"Waiting"}"#,
            r#""data":{"districtManuallySet":false,"electionLocation":"TECUMSEH CITY","electionType":"City","p2vStatus":"Waiting"}"#,
        ),
        "inherited-district: goals without a district show that of the position",
    ),
    (
        "admin GET /campaigns?level=city",
        "phase-2",
        Differs::Answer("200", "200"),
        "shared-text: the level of the position is found where the candidate named none",
    ),
    (
        "wordy GET /contacts*",
        "phase-2",
        Differs::Answer("400 district-unresolved", "200"),
        "inherited-district: goals without a district show that of the position",
    ),
    (
        "official GET /voters/voter-file/filters",
        "phase-2",
        Differs::Answer("200", "400 organization-required"),
        "an official with a campaign has two organizations and must name one",
    ),
    (
        "official GET /contacts*",
        "phase-2",
        Differs::Answer("200", "400 organization-required"),
        "an official with a campaign has two organizations and must name one",
    ),
    (
        "paid POST */copy *",
        "phase-2",
        Differs::Answer("201", "400 organization-required"),
        "an official with a campaign has two organizations and must name one",
    ),
    (
        "* /organizations*",
        "phase-2",
        Differs::Text(
            r#""search":true,"download":true,"saveSegments":false,"politicalParty":false"#,
            r#""search":true,"download":true,"saveSegments":true,"politicalParty":false"#,
        ),
        "saved filters of offices come with phase 2",
    ),
    (
        "official@o22 POST /voters/voter-file/filter *",
        "phase-2",
        Differs::Answer("503 not-migrated", "201"),
        "saved filters of offices come with phase 2",
    ),
    (
        "official@o22 GET /voters/voter-file/filters",
        "phase-2",
        Differs::Answer("200", "200"),
        "it shows the filter that could be saved",
    ),
    (
        "official GET /organizations",
        "phase-2",
        Differs::Text(
            r#""search":true,"download":true,"saveSegments":true,"politicalParty":true"#,
            r#""search":false,"download":false,"saveSegments":false,"politicalParty":true"#,
        ),
        "an office no longer pays for a campaign",
    ),
    (
        "anonymous GET //readyz",
        "phase-1",
        Differs::Text(r#""phase":"legacy""#, r#""phase":"phase-1""#),
        "it names the phase",
    ),
    (
        "anonymous GET //readyz",
        "phase-2",
        Differs::Text(r#""phase":"phase-1""#, r#""phase":"phase-2""#),
        "it names the phase",
    ),
    (
        "anonymous GET //readyz",
        "phase-3",
        Differs::Text(r#""phase":"phase-2""#, r#""phase":"phase-3""#),
        "it names the phase",
    ),
    (
        "* GET /eligibility",
        "phase-3",
        Differs::Text(
            r#""allowed":false,"reason":"not-migrated""#,
            r#""allowed":true,"reason":null"#,
        ),
        "the old service cannot read it, and has been updated by phase 3",
    ),
    (
        "list POST /campaigns *",
        "phase-3",
        Differs::Answer("503 not-migrated", "201"),
        "the old service cannot read it, and has been updated by phase 3",
    ),
    (
        "list GET /organizations?again",
        "phase-3",
        Differs::Answer("200", "200"),
        "it shows the campaign that could be started",
    ),
    (
        "former POST /elected-office *customOffice*",
        "phase-3",
        Differs::Answer("503 not-migrated", "201"),
        "the old service cannot read it, and has been updated by phase 3",
    ),
    (
        "former GET /elected-office/mine?again",
        "phase-3",
        Differs::Answer("200", "200"),
        "it shows the office that could be created",
    ),
    (
        "admin DELETE /admin/campaigns/22",
        "phase-3",
        Differs::Answer("400 invalid-request", "204"),
        "the old service cannot read it, and has been updated by phase 3",
    ),
];

/// A line of the walk.
#[derive(Clone)]
struct Request {
    text: String,
    caller: String,
    method: String,
    path: String,
    body: String,
}

impl Request {
    fn parse(line: &str) -> Vec<Self> {
        let mut words = line.splitn(4, ' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        let (callers, method, path, body) = (word(), word(), word(), word());
        let users = || USERS.iter().map(|(name, _)| *name);
        let callers: Vec<&str> = match callers.as_str() {
            "everybody" => users().chain(["anonymous", "machine"]).collect(),
            "users" => users().collect(),
            "candidates" => users().skip(3).collect(),
            one => vec![one],
        };
        let of = |caller: &str| Self {
            text: format!("{caller} {method} {path} {body}").trim_end().to_owned(),
            caller: caller.to_owned(),
            method: method.clone(),
            path: path
                .strip_prefix('/')
                .filter(|it| it.starts_with('/'))
                .map_or_else(|| format!("/v1{path}"), str::to_owned),
            body: body.clone(),
        };
        callers.into_iter().map(of).collect()
    }
}

fn walk() -> Vec<Request> {
    let lines = WALK.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(Request::parse).collect()
}

/// Everybody's rows, as the old service writes them.
fn prepare(database: &TestDatabase) {
    for (name, id) in USERS {
        let roles = if matches!(name, "admin" | "sales") { name } else { "candidate" };
        fixtures::user(database, id, roles);
    }
    let mayor = json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "electionDate": "2028-11-07", "zip": "49286", "party": "Independent"});
    let governor = json!({"positionId": GOVERNOR, "office": "Other", "otherOffice": "Governor of Michigan",
        "state": "MI", "ballotLevel": "STATE", "electionDate": "2026-11-03"});
    let council = json!({"positionId": COUNCIL, "office": "Other", "otherOffice": "Cheyenne City Council - Ward 1",
        "state": "WY", "ballotLevel": "CITY", "electionDate": "2026-11-03"});
    let typed_in = json!({"positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "MI",
        "city": "Adrian", "county": "Lenawee", "district": "2", "level": "local", "electionDate": "2026-11-03"});
    let messy = json!({"office": "Other", "otherOffice": "  Drain Commissioner ", "state": "mi", "ballotLevel": "local",
        "city": " Tecumseh", "electionDate": "soon", "pledged": "yes"});
    let own_words =
        json!({"positionId": MAYOR, "office": "Mayor", "otherOffice": "", "state": "MI"});
    let tecumseh = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY", "p2vStatus": "Complete",
        "winNumber": 1551});
    let michigan = json!({"electionType": "State", "electionLocation": "MI"});
    let by_hand = json!({"electionType": "City_Ward", "electionLocation": "CHEYENNE CITY WARD 2",
        "districtManuallySet": true});
    let spaced =
        json!({"electionType": "City", "electionLocation": " TECUMSEH CITY ", "p2vStatus": null});
    for (user, details, goals) in [
        (4, &mayor, Some(&tecumseh)),
        (5, &typed_in, None),
        (6, &governor, Some(&michigan)),
        (7, &governor, Some(&michigan)),
        (8, &council, Some(&by_hand)),
        (9, &Value::Null, Some(&Value::Null)),
        (10, &json!(["Mayor"]), None),
        (11, &messy, Some(&spaced)),
        (12, &mayor, Some(&tecumseh)),
        (13, &mayor, Some(&tecumseh)),
        (14, &own_words, Some(&json!({"p2vStatus": "Waiting"}))),
    ] {
        fixtures::campaign(database, user + 10, user, details, goals);
        // Lists are ordered by id, which encodes the creation time to the millisecond.
        database.execute("SELECT pg_sleep(0.002)");
    }
    database.execute(
        "UPDATE campaign SET is_pro = true WHERE id IN (15, 16, 17, 18);
         UPDATE campaign SET can_download_federal = true WHERE id = 17;
         INSERT INTO elected_office (id, created_at, updated_at, user_id, campaign_id, is_active, elected_date) VALUES
             ('office-22', '2026-01-02', '2026-01-02', 12, 22, true, '2025-11-04'),
             ('office-23', '2026-01-02', '2026-01-02', 13, 23, false, '2021-11-02');
         SELECT setval(pg_get_serial_sequence(name, 'id'), 100)
             FROM unnest(ARRAY['\"user\"', 'campaign', 'path_to_victory', 'voter_file_filter']) AS name",
    );
}

/// A set-up while the walk goes through it.
struct Walk {
    app: TestApp,
    since: DateTime<Utc>,
    has_tables: bool,
    /// Organizations of the first rows, by their placeholder; kept, because the walk deletes some.
    organizations: BTreeMap<String, String>,
    created: String,
    slugs: Vec<String>,
    /// What is random, by what is shown instead.
    names: BTreeMap<String, String>,
}

impl Walk {
    async fn begin((_, database, settle): SetUp) -> Self {
        let since = SystemClock.now();
        let database = database();
        prepare(&database);
        settle(&database);
        // Answers are compared here; other suites compare rows.
        database.expect_damage();
        let has_tables =
            database.row("SELECT to_regclass('organization') IS NOT NULL AS it")["it"] == true;
        let held = "SELECT 'c' || id AS held, organization_id AS id FROM campaign
                    UNION ALL SELECT 'o' || (user_id + 10), organization_id FROM elected_office";
        let held = if has_tables { database.rows(held) } else { Vec::new() };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let organizations = held.iter().map(|row| (text(&row["held"]), text(&row["id"]))).collect();
        let app = TestApp::with_clerk_on(database).await;
        app.election.set_clock(1_772_022_896);
        app.clerk().add_machine_token("mt_good", "mch_1", None);
        Self {
            app,
            since,
            has_tables,
            organizations,
            created: UNKNOWN.to_owned(),
            slugs: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    fn organization(&self, held: &str) -> &str {
        self.organizations.get(held).map_or(UNKNOWN, String::as_str)
    }

    fn caller(&self, caller: &str) -> Client {
        let (name, organization) = caller.split_once('@').unwrap_or((caller, ""));
        let client = match name {
            "anonymous" => self.app.anonymous(),
            "machine" => self.app.anonymous().authorized("Bearer mt_good"),
            name => self.app.user(USERS.iter().find(|(its, _)| *its == name).unwrap().1),
        };
        match organization {
            "" => client,
            held => client.naming(self.organization(held)),
        }
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.replace("{created}", &self.created);
        for (name, id) in
            [("mayor", MAYOR), ("council", COUNCIL), ("governor", GOVERNOR), ("school", SCHOOL)]
        {
            text = text.replace(&format!("{{{name}}}"), id);
        }
        for user in 4..=14 {
            for kind in ["c", "o"] {
                let held = format!("{kind}{}", user + 10);
                text = text.replace(&format!("{{{held}}}"), self.organization(&held));
            }
            let newest = format!("{{office-of-{user}}}");
            if text.contains(&newest) {
                let office = self.app.database.rows(&format!(
                    "SELECT id FROM elected_office WHERE user_id = {user} ORDER BY created_at DESC LIMIT 1"
                ));
                text = text.replace(
                    &newest,
                    office.first().map_or("none", |it| it["id"].as_str().unwrap()),
                );
            }
        }
        text
    }

    async fn answer(&mut self, request: &Request) -> String {
        let client = self.caller(&request.caller);
        let method = request.method.parse().unwrap();
        let sent = client.request(method, &self.filled(&request.path).replace(' ', "%20"));
        let sent = match request.body.as_str() {
            "" => sent,
            body => sent.json(&serde_json::from_str::<Value>(&self.filled(body)).unwrap()),
        };
        let answer = client.send(sent).await;
        if answer.status == 201 {
            let created = answer.json();
            let slug = created["slug"].as_str().unwrap_or_default();
            // A further campaign of a user has random letters in its slug.
            if slug.rsplit_once('-').is_some_and(|(_, end)| end.len() == 8) {
                self.slugs.push(slug.to_owned());
            }
            let id = &created["id"];
            self.created = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        }
        self.comparable(request, &answer)
    }

    /// Status, headers and body, with names for what is random.
    fn comparable(&mut self, request: &Request, answer: &Response) -> String {
        let mut lines = vec![answer.status.as_u16().to_string()];
        for header in HEADERS {
            for value in answer.headers.get_all(header) {
                let value = value.to_str().unwrap();
                let value = if header == "etag" {
                    self.name(value, &format!("etag of {} {}", request.caller, request.path))
                } else {
                    value.to_owned()
                };
                lines.push(format!("{header}: {value}"));
            }
        }
        lines.push(String::new());
        lines.push(String::from_utf8(answer.body.clone()).unwrap());
        let mut text = lines.join("\n");
        if let Some(id) = answer.headers.get("x-request-id") {
            text = text.replace(id.to_str().unwrap(), "<request>");
        }
        for slug in &self.slugs {
            text = text.replace(slug, "<slug>");
        }
        self.named(&text)
    }

    /// A text with a name for every id and `<time>` for every time that this walk has made.
    fn named(&mut self, text: &str) -> String {
        let (mut named, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(letter) = rest.chars().next() {
            let (taken, shown) = if !letter.is_ascii_hexdigit() {
                (letter.len_utf8(), None)
            } else if let Some(id) = rest.get(..36).filter(|id| self.is_new_id(id)) {
                (36, Some(self.name(id, "id")))
            } else if rest.get(..24).is_some_and(|time| self.is_new_time(time)) {
                (24, Some("<time>".to_owned()))
            } else {
                (1, None)
            };
            let (start, end) = rest.split_at(taken);
            named += shown.as_deref().unwrap_or(start);
            rest = end;
        }
        named
    }

    fn is_new_id(&self, text: &str) -> bool {
        text.as_bytes()[8] == b'-'
            && Uuid::try_parse(text)
                .ok()
                .and_then(|id| id.get_timestamp())
                .and_then(|time| DateTime::from_timestamp(time.to_unix().0.try_into().ok()?, 0))
                .is_some_and(|time| self.is_now(time))
    }

    fn is_new_time(&self, text: &str) -> bool {
        text.as_bytes()[10] == b'T'
            && DateTime::parse_from_rfc3339(text).is_ok_and(|time| self.is_now(time.to_utc()))
    }

    /// Since the walk began, with a margin for what is rounded.
    fn is_now(&self, time: DateTime<Utc>) -> bool {
        let margin = TimeDelta::seconds(1);
        (self.since - margin..=SystemClock.now() + margin).contains(&time)
    }

    fn name(&mut self, random: &str, kind: &str) -> String {
        if let Some(name) = self.names.get(random) {
            return name.clone();
        }
        let holder = format!(
            "SELECT 'campaign ' || id AS it FROM campaign WHERE organization_id::text = '{random}'
             UNION ALL SELECT 'office ' || id FROM elected_office WHERE organization_id::text = '{random}'"
        );
        let asked = self.has_tables && kind == "id";
        let holder = if asked { self.app.database.rows(&holder) } else { Vec::new() };
        let name = if let Some(holder) = holder.first() {
            let holder = self.named(holder["it"].as_str().unwrap());
            format!("<organization of {holder}>")
        } else {
            let known = format!("<{kind} ");
            let number = self.names.values().filter(|name| name.starts_with(&known)).count() + 1;
            format!("<{kind} {number}>")
        };
        self.names.insert(random.to_owned(), name.clone());
        name
    }
}

/// Every answer of the walk.
fn recorded(set_up: SetUp) -> Vec<String> {
    actix_web::rt::System::new().block_on(async move {
        let mut walk = Walk::begin(set_up).await;
        let mut answers = Vec::new();
        for request in self::walk() {
            answers.push(walk.answer(&request).await);
        }
        answers
    })
}

/// Status, and code of an error.
fn summary(answer: &str) -> String {
    let status = answer.split('\n').next().unwrap();
    let body = answer.split_once("\n\n").map_or("", |(_, body)| body);
    let code = serde_json::from_str::<Value>(body).ok().and_then(|body| {
        body.get("statusCode")?;
        body.get("code")?.as_str().map(str::to_owned)
    });
    code.map_or_else(|| status.to_owned(), |code| format!("{status} {code}"))
}

/// Whether a text fits a pattern, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| fits(rest, text.split_at(at).1))
        }),
    }
}

impl Differs {
    /// Both answers without this difference.
    fn forgiven(&self, before: String, after: String) -> (String, String) {
        match self {
            Self::Answer(was, is) => {
                if summary(&before) == *was && summary(&after) == *is {
                    (after.clone(), after)
                } else {
                    (before, after)
                }
            }
            Self::Text(was, is) => (before.replace(was, is), after.replace(was, is)),
            Self::Organization => {
                const MEMBER: &str = "\"organizationId\":\"<";
                const POSITION: &str = "\"positionId\":\"";
                let lines =
                    after.split('\n').filter(|line| !line.starts_with("x-organization-id: "));
                let after = lines.collect::<Vec<_>>().join("\n");
                let mut parts = after.split(MEMBER);
                let mut without = parts.next().unwrap().to_owned();
                for part in parts {
                    let rest = part.split_once(">\"").unwrap().1;
                    without += "\"organizationId\":null";
                    without += rest;
                }
                if !before.contains(POSITION) {
                    let mut parts = without.split(POSITION);
                    let mut unnamed = parts.next().unwrap().to_owned();
                    for part in parts {
                        unnamed += "\"positionId\":null";
                        unnamed += part.split_once('"').unwrap().1;
                    }
                    without = unnamed;
                }
                (before, without)
            }
        }
    }
}

/// Both answers without the differences of some rows.
fn forgiven(before: &str, after: &str, rows: &[usize]) -> (String, String) {
    rows.iter().fold((before.to_owned(), after.to_owned()), |(before, after), row| {
        DIFFERENCES[*row].2.forgiven(before, after)
    })
}

/// Where two texts begin to differ, with what is around.
fn first_difference(before: &str, after: &str) -> String {
    let at = before.bytes().zip(after.bytes()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        let bytes = &text.as_bytes()[at.saturating_sub(160)..text.len().min(at + 240)];
        String::from_utf8_lossy(bytes).replace('\n', "⏎")
    };
    format!("\n    was {}\n    is  {}", around(before), around(after))
}

#[test]
fn every_phase_gives_the_same_answers() {
    let walked = walk();
    let answers: Vec<Vec<String>> = thread::scope(|scope| {
        let walks = SET_UPS.map(|set_up| scope.spawn(move || recorded(set_up)));
        walks.into_iter().map(|walk| walk.join().unwrap()).collect()
    });
    let mut complaints = Vec::new();
    let mut used = BTreeSet::new();
    for (pair, (name, ..)) in answers.windows(2).zip(&SET_UPS[1..]) {
        for ((request, before), after) in walked.iter().zip(&pair[0]).zip(&pair[1]) {
            let rows: Vec<usize> = (0..DIFFERENCES.len())
                .filter(|row| {
                    DIFFERENCES[*row].1 == *name && fits(DIFFERENCES[*row].0, &request.text)
                })
                .collect();
            let (was, is) = forgiven(before, after, &rows);
            if was != is {
                complaints.push(format!("{name}: {}{}", request.text, first_difference(&was, &is)));
            }
            used.extend(rows.iter().copied().filter(|row| {
                let others: Vec<_> = rows.iter().copied().filter(|other| other != row).collect();
                let (was, is) = forgiven(before, after, &others);
                was != is
            }));
        }
    }
    for (row, (request, set_up, _, why)) in DIFFERENCES.iter().enumerate() {
        if !used.contains(&row) {
            complaints.push(format!("nothing differs any more: {request} in {set_up}: {why}"));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn the_walk_comes_by_every_route() {
    let walked = walk();
    assert!(walked.len() >= 300, "{} requests", walked.len());
    let fits = |template: &str, path: &str| {
        let (template, path): (Vec<_>, Vec<_>) =
            (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len()
            && template
                .iter()
                .zip(&path)
                .all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
    };
    let mut missed = tenant_matrix::routes(include_str!("../../../crates/http/src/routes.rs"));
    assert!(missed.len() > 40, "{missed:?}");
    missed.retain(|route| {
        let (method, template) = route.split_once(' ').unwrap();
        let template = template.strip_prefix("/v1").unwrap_or(template);
        !walked.iter().any(|request| {
            let path = request.path.split('?').next().unwrap();
            request.method == method && fits(template, path.strip_prefix("/v1").unwrap_or(path))
        })
    });
    assert_eq!(missed, BTreeSet::from(NOT_WALKED.map(str::to_owned)));
}
