//! The old service and ours run under load on one database, through the whole path and back. Neither notices the
//! other, nothing is lost, and the old tables end up as they would without us.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::rt::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{ElectionEmulator, World};
use winserve_migration::migrate::LEGACY_TABLES;
use winserve_testkit::{TestDatabase, http_client};

use super::{generated, old_service::OldService};
use crate::{
    binaries::{Running, api, backfill, free_port, output, token_of, wait_until_ready},
    fixtures::{COUNCIL, MAYOR},
};

const WRITERS: usize = 8;
/// Our users, each with a client that writes and reads all the time.
const USERS: usize = 3;
/// Between two rounds of a writer of the old service.
const PACE: Duration = Duration::from_millis(300);
/// How long one command may take.
const COMMAND: Duration = Duration::from_mins(1);
/// Between two writes to the campaign that both write, and between two rounds of our users.
const PAUSE: Duration = Duration::from_millis(50);
/// Two seconds on an idle machine; tests run in parallel, so more here.
const PATIENCE: Duration = Duration::from_mins(1);
/// Users whose rows the two runs do not share.
const OURS: &str = "ours-";

const THERE: [&str; 10] = [
    "migrate phase-1-expand",
    "phase advance",
    "run positions",
    "run organizations",
    "verify",
    "enforce phase-1",
    "migrate phase-2-expand",
    "run voter-file-filters",
    "phase advance --accept inherited-district,shared-text,unnamed-requests",
    "enforce phase-2",
];
const BACK: [&str; 4] = [
    "enforce phase-2 --undo",
    "phase back",
    "migrate phase-2-expand --undo",
    "enforce phase-1 --undo",
];

fn mayor() -> Value {
    json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI"})
}

fn typed_in(office: &str) -> Value {
    json!({"positionId": null, "office": office, "otherOffice": "", "state": "MI"})
}

fn city() -> Value {
    json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"})
}

/// Sends a serializable transaction of the old service until it succeeds, as its users do; returns the trace
/// of the last attempt.
fn retry_until_success(old: &mut OldService, mut send: impl FnMut(&mut OldService)) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        send(old);
        let trace = old.trace();
        if !trace.iter().any(|line| line.contains("SerializationFailure")) {
            return trace;
        }
        assert!(Instant::now() < deadline, "{trace:?}");
    }
}

/// Stops the writers even if an assertion fails: the runtime waits for them before the test can end.
struct Stopping(Arc<AtomicBool>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One of the old service's processes. It does the same in every run, round by round.
struct Writer {
    old: OldService,
    number: usize,
}

impl Writer {
    fn new(service: &OldService, database: &TestDatabase, number: usize) -> Self {
        Self { old: service.another(database), number }
    }

    /// Sign-up, goals, picks, filters, outreach, a win, deletions; the result of each statement.
    fn round(&mut self, round: usize) -> Vec<String> {
        let minutes = round % 1_440;
        self.old.says_it_is(&format!("2026-03-01 {:02}:{:02}:00Z", minutes / 60, minutes % 60));
        let name = format!("old-{}-{round}", self.number);
        let user = self.old.creates_a_user(&format!("{name}@example.org"));
        let campaign = self.old.creates_a_campaign(&user, &name);
        self.old.creates_goals(&campaign);
        let mut trace = self.old.trace();
        let council = json!({"positionId": COUNCIL, "office": "Other", "otherOffice": "Council", "state": "WY"});
        let ward = json!({"electionType": "City_Ward", "electionLocation": "CHEYENNE CITY WARD 1"});
        for (details, goals) in [(mayor(), city()), (council, ward)] {
            trace.extend(retry_until_success(&mut self.old, |old| {
                old.writes(&campaign, &details, &goals);
            }));
        }
        let old = &mut self.old;
        let filter = old.creates_a_filter(&campaign);
        let outreach = [
            ("campaignId", campaign.to_string()),
            ("outreach_type", "'text'".to_owned()),
            ("voter_file_filter_id", filter.to_string()),
            ("updatedAt", "now()".to_owned()),
        ];
        let outreach: Vec<_> = outreach.iter().map(|(name, it)| (*name, it.as_str())).collect();
        old.creates("outreach", &outreach);
        let of_both = format!("id = {filter} AND campaign_id = {campaign}");
        old.updates("voter_file_filter", "name = 'Unlikely voters', updated_at = now()", &of_both);
        old.reads("voter_file_filter", &format!("campaign_id = {campaign} ORDER BY name ASC"));
        match round % 3 {
            0 => {
                let office = format!("0193f6a4-0000-7000-8{:03}-{round:012}", self.number);
                old.wins(&user, &campaign, &office);
                let sworn_in = "sworn_in_date = '2026-01-05', updated_at = now()";
                old.updates("elected_office", sworn_in, &format!("id = '{office}'"));
                // It stays, because an office was won with it.
                old.deletes("campaign", &format!("id = {campaign}"));
            }
            1 => {
                old.deletes("voter_file_filter", &of_both);
                old.deletes("campaign", &format!("id = {campaign}"));
            }
            _ => old.deletes("user", &format!("id = {user}")),
        }
        old.reads("campaign", &format!("user_id = {user} ORDER BY created_at DESC LIMIT 9"));
        old.reads("elected_office", &format!("user_id = {user} ORDER BY created_at DESC LIMIT 9"));
        trace.extend(self.old.trace());
        trace
    }
}

/// The results of every statement, per writer and round.
type Traffic = Vec<Vec<Vec<String>>>;

/// Runs the writers, each for this many rounds or, without a number, until stopped.
fn traffic(database: &TestDatabase, rounds: Option<&[usize]>, stop: &AtomicBool) -> Traffic {
    let service = OldService::beside_us(database);
    thread::scope(|scope| {
        let writers = (0..WRITERS).map(|number| {
            let mut writer = Writer::new(&service, database, number);
            scope.spawn(move || {
                let mut traces = Vec::new();
                while rounds.map_or(!stop.load(Ordering::Relaxed), |it| traces.len() < it[number]) {
                    traces.push(writer.round(traces.len()));
                    if rounds.is_none() {
                        thread::sleep(PACE);
                    }
                }
                traces
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

/// The rows of the old tables as the old service sees them: only its columns, with references by name instead
/// of number. Without the rows of our own users.
fn old_rows(database: &TestDatabase) -> BTreeMap<String, Vec<String>> {
    let service = OldService::beside_us(database);
    let names = |query: &str| -> BTreeMap<String, String> {
        let named = database.rows(query);
        named
            .iter()
            .map(|row| (row["id"].to_string(), row["name"].as_str().unwrap_or_default().to_owned()))
            .collect()
    };
    let users = names(r#"SELECT id, email AS name FROM "user""#);
    let campaigns = names("SELECT id, slug AS name FROM campaign");
    let filters = names(
        "SELECT voter_file_filter.id, coalesce(slug, '') || '/' || name AS name
         FROM voter_file_filter LEFT JOIN campaign ON campaign.id = campaign_id",
    );
    let digest = |table: &str| {
        let rows = database.rows(&format!("SELECT {} FROM \"{table}\"", service.all(table)));
        let mut rows: Vec<String> = rows
            .into_iter()
            .map(|row| {
                let members = row.as_object().unwrap().iter().map(|(column, value)| {
                    let known = match (table, column.as_str()) {
                        ("user", "id") | (_, "user_id") => users.get(&value.to_string()),
                        ("campaign", "id") | (_, "campaign_id" | "campaignId") => {
                            campaigns.get(&value.to_string())
                        }
                        ("voter_file_filter", "id") | (_, "voter_file_filter_id") => {
                            filters.get(&value.to_string())
                        }
                        _ => None,
                    };
                    let volatile = matches!(column.as_str(), "created_at" | "createdAt")
                        || (column == "id" && matches!(table, "path_to_victory" | "outreach"));
                    let shown = if volatile { json!("volatile") } else { value.clone() };
                    (column.clone(), known.map_or(shown, |name| json!(name)))
                });
                Value::Object(members.collect()).to_string()
            })
            .collect();
        rows.retain(|row| !row.contains(OURS));
        rows.sort_unstable();
        rows
    };
    LEGACY_TABLES.iter().map(|table| ((*table).to_owned(), digest(table))).collect()
}

/// A user of our API.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    campaign: Value,
}

impl Client {
    fn new(old: &mut OldService, base: &str, name: &str) -> Self {
        let user = old.creates_a_user(&format!("{OURS}{name}@example.org"));
        let campaign = old.creates_a_campaign(&user, &format!("{OURS}{name}"));
        old.creates_goals(&campaign);
        let token = token_of(user.as_i64().unwrap());
        Self { http: http_client(), base: base.to_owned(), token, campaign }
    }

    async fn asks(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Writes and reports mismatches.
    async fn puts(&self, details: &Value) -> Result<(), String> {
        let body = json!({"details": details});
        match self.asks(Method::PUT, "/v1/campaigns/mine", Some(&body)).await {
            (200, _) => Ok(()),
            (status, body) => Err(format!("PUT campaigns/mine {details}: {status} {body}")),
        }
    }

    async fn shows(&self, details: &Value) -> Result<(), String> {
        let (status, shown) = self.asks(Method::GET, "/v1/campaigns/mine", None).await;
        let fits = status == 200
            && details
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, value)| &shown["details"][key] == value);
        fits.then_some(()).ok_or_else(|| format!("not {details}: {status} {}", shown["details"]))
    }

    /// Writes, then reads what it wrote and everything else that it may read.
    async fn round(&self, number: usize) -> Result<(), String> {
        let details = match number % 3 {
            0 => mayor(),
            1 => typed_in(&format!("Dog Catcher {number}")),
            _ => json!({"occupation": format!("Teacher {number}")}),
        };
        self.puts(&details).await?;
        self.shows(&details).await?;
        match self.asks(Method::GET, "/v1/organizations", None).await {
            (200, _) => Ok(()),
            // Before phase 1 there are none.
            (503, body) if body["code"] == "not-migrated" => Ok(()),
            (status, body) => Err(format!("GET organizations: {status} {body}")),
        }
    }
}

/// Both services write to one campaign, each to its own member.
async fn both_write(client: Client, mut old: OldService, stop: Arc<AtomicBool>) {
    let ours = {
        let (client, stop) = (client.clone(), Arc::clone(&stop));
        actix_web::rt::spawn(async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                client.puts(&json!({"occupation": number.to_string()})).await.unwrap();
                sleep(PAUSE).await;
            }
            number
        })
    };
    let campaign = client.campaign.clone();
    let theirs = spawn_blocking(move || {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            // It merges in its own memory: without other writers, the result is the same.
            let merged =
                format!("details = details || '{{\"pledged\": {number}}}', updated_at = now()");
            loop {
                old.updates("campaign", &merged, &format!("id = {campaign}"));
                if !old.trace().iter().any(|line| line.contains("Failure")) {
                    break;
                }
            }
            thread::sleep(PAUSE);
        }
        number
    });
    let (ours, theirs): (i32, i32) = (ours.await.unwrap(), theirs.await.unwrap());
    client.shows(&json!({"occupation": ours.to_string(), "pledged": theirs})).await.unwrap();
}

/// The other service sees each write soon after.
async fn read_the_same(client: &Client, old: &mut OldService, step: &str) {
    for details in [mayor(), typed_in(&format!("Sheriff, {step}"))] {
        let goals = if details["positionId"].is_null() { json!({}) } else { city() };
        retry_until_success(old, |old| old.writes(&client.campaign, &details, &goals));
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = client.shows(&details).await {
            assert!(Instant::now() < deadline, "{step}: {error}");
            sleep(Duration::from_millis(20)).await;
        }
    }
    for details in [typed_in(&format!("Clerk, {step}")), mayor()] {
        client.puts(&details).await.unwrap();
        let found = old
            .sends("read", &format!("SELECT details FROM campaign WHERE id = {}", client.campaign));
        for (key, value) in details.as_object().unwrap() {
            assert_eq!(&found[0]["details"][key], value, "{key} after {step}");
        }
    }
    old.trace();
}

/// Runs a step of the path. A concurrent write of the old service may close a gate; then it tries again.
async fn take(database: &Arc<TestDatabase>, step: &'static str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let on = Arc::clone(database);
        let run = |step: &'static str| {
            let on = Arc::clone(&on);
            spawn_blocking(move || output(backfill(&on).args(step.split_whitespace())))
        };
        let done = timeout(COMMAND, run(step)).await;
        let (code, stdout, stderr) =
            done.unwrap_or_else(|_| panic!("{step} has not ended after {COMMAND:?}")).unwrap();
        // 41: rows in quarantine, which the generated data has from the start.
        if matches!(code, Some(0 | 41)) {
            return;
        }
        assert!(Instant::now() < deadline, "{step}: {code:?} {stdout} {stderr}");
        if step.starts_with("phase advance") {
            run("verify").await.unwrap();
        }
    }
}

fn defects(database: &TestDatabase) -> Vec<Value> {
    let (_, stdout, stderr) = output(backfill(database).args(["verify", "--json"]));
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout} {stderr}"));
    let categories = report["categories"].as_array().unwrap();
    categories.iter().filter(|it| it["is_defect"] == true).cloned().collect()
}

#[actix_web::test]
async fn neither_service_notices_the_other_through_the_whole_path_there_and_back() {
    let database = Arc::new(generated::legacy(60));
    database.expect_damage(); // Verified here, in their current phase.
    let election = ElectionEmulator::start(World::demo()).unwrap();
    let bind = format!("127.0.0.1:{}", free_port());
    let base = format!("http://{bind}");
    let server = api(&database, &bind)
        .env("WINSERVE__ELECTION_API__URL", election.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    wait_until_ready(&base).await;

    let mut old = OldService::beside_us(&database);
    let clients: Vec<_> =
        (0..USERS).map(|user| Client::new(&mut old, &base, &user.to_string())).collect();
    let probe = Client::new(&mut old, &base, "probe");
    let shared = Client::new(&mut old, &base, "shared");
    assert!(old.trace().iter().all(|line| line.starts_with("create")));

    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Stopping(Arc::clone(&stop));
    let writing = {
        let (database, stop) = (Arc::clone(&database), Arc::clone(&stop));
        spawn_blocking(move || traffic(&database, None, &stop))
    };
    let unfitting: Arc<Mutex<Vec<String>>> = Arc::default();
    let rounds = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let (stop, unfitting, rounds) =
                (Arc::clone(&stop), Arc::clone(&unfitting), Arc::clone(&rounds));
            actix_web::rt::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    if let Err(error) = client.round(number).await {
                        unfitting.lock().unwrap().push(error);
                    }
                    number += 1;
                    rounds.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                }
            })
        })
        .collect();
    let both = actix_web::rt::spawn(both_write(shared, old.another(&database), Arc::clone(&stop)));

    for step in THERE.into_iter().chain(BACK) {
        take(&database, step).await;
        read_the_same(&probe, &mut old, step).await;
    }
    take(&database, "phase back").await;
    read_the_same(&probe, &mut old, "phase back").await;

    drop(stopping);
    let beside = writing.await.unwrap();
    for task in asking {
        task.await.unwrap();
    }
    both.await.unwrap();
    assert_eq!(*unfitting.lock().unwrap(), Vec::<String>::new());
    assert!(rounds.load(Ordering::Relaxed) > 10 * USERS, "our users kept writing");

    let untouched = generated::legacy(60);
    untouched.expect_damage();
    let counts: Vec<_> = beside.iter().map(Vec::len).collect();
    let alone = traffic(&untouched, Some(&counts), &stop);
    for (writer, (beside, alone)) in beside.iter().zip(&alone).enumerate() {
        for (round, (beside, alone)) in beside.iter().zip(alone).enumerate() {
            assert_eq!(beside.len(), alone.len(), "writer {writer}, round {round}");
            for (beside, alone) in beside.iter().zip(alone) {
                assert_eq!(beside, alone, "writer {writer}, round {round}");
            }
        }
    }
    let (found, expected) = (old_rows(&database), old_rows(&untouched));
    for table in LEGACY_TABLES {
        assert_eq!(found[table], expected[table], "{table}");
    }

    // The runs find changes that were made while recording was off.
    for step in ["phase advance", "run positions", "run organizations"] {
        take(&database, step).await;
    }
    let deadline = Instant::now() + PATIENCE;
    while !database.rows("SELECT FROM legacy_change").is_empty() {
        assert!(Instant::now() < deadline, "changes of the old service are left");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(defects(&database), Vec::<Value>::new());
    assert_eq!(server.terminate(), Some(0));
}
