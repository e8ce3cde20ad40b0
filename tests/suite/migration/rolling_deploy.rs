//! A rolling deploy: of two `api` processes on one database, the older one stays in the former phase while the phase
//! goes there and back under load. No write is lost, doubled or different.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use actix_web::rt::{spawn, task::spawn_blocking};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use winserve_emulators::{ElectionEmulator, World};
use winserve_migration::{
    Phase,
    migrate::{Group, expand},
    verify,
};
use winserve_testkit::{TestDatabase, http_client};

use super::{
    backfill_run::finish,
    phase_switch::{USERS, candidates, ready},
};
use crate::{
    binaries::{Running, api, backfill, free_port, output, token_of, wait_until, wait_until_ready},
    fixtures::MAYOR,
};

/// Of the users, as many as write.
const WRITERS: usize = 3;

/// Two neighbouring phases, and a database in the former one that can enter the next one.
struct Pair {
    former: Phase,
    next: Phase,
    database: fn() -> TestDatabase,
    /// Goes from the next phase back to the former one.
    leave: fn(&TestDatabase),
    /// Brings both stores together where the former phase writes only one of them.
    settle: fn(&TestDatabase),
}

const PAIRS: [Pair; 3] = [
    Pair {
        former: Phase::Legacy,
        next: Phase::One,
        database: expanded,
        leave: |database| enter(database, Phase::Legacy),
        settle: map_all,
    },
    Pair {
        former: Phase::One,
        next: Phase::Two,
        database: ready,
        leave: |database| enter(database, Phase::One),
        settle: |_| (),
    },
    Pair {
        former: Phase::Two,
        next: Phase::Three,
        database: expanded_for_phase_3,
        leave: leave_phase_3,
        settle: |_| (),
    },
];

fn expanded() -> TestDatabase {
    let database = candidates();
    expand(&mut database.connect(), Group::Phase1).unwrap();
    database
}

fn expanded_for_phase_3() -> TestDatabase {
    let database = ready();
    expand(&mut database.connect(), Group::Phase3).unwrap();
    enter(&database, Phase::Two);
    database
}

/// With the command: it writes to the JSON what only the tables have.
fn leave_phase_3(database: &TestDatabase) {
    let (code, stdout, stderr) = output(backfill(database).args(["phase", "back"]));
    assert_eq!(code, Some(0), "{stdout} {stderr}");
}

/// What was written in phase `legacy`.
fn map_all(database: &TestDatabase) {
    enter(database, Phase::One);
    finish(database);
    let (code, stdout, stderr) = output(backfill(database).arg("repair"));
    assert_eq!(code, Some(0), "{stdout} {stderr}");
}

/// Enters a phase as `phase advance` does, under the lock that writers share, but whatever processes do not follow.
fn enter(database: &TestDatabase, phase: Phase) {
    database.execute_unmapped(&format!(
        "BEGIN; SELECT pg_advisory_xact_lock(7746532103);
         UPDATE migration_phase SET phase = '{phase}', since = now(); COMMIT"
    ));
}

/// A user who writes through both processes.
struct User {
    /// The older process, and the one that follows the phase.
    bases: [String; 2],
    token: String,
    /// Named by requests from phase 1 on.
    organization: Option<String>,
    filters: usize,
    office: Option<Value>,
}

impl User {
    fn request(&self, process: usize, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.bases[process]);
        let request = http_client().request(method, url).bearer_auth(&self.token);
        match &self.organization {
            Some(organization) => request.header("X-Organization-Id", organization),
            None => request,
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Value {
        let answer = request.send().await.unwrap();
        let (status, mut body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{status} {body}");
        if self.organization.is_none()
            && let Some(members) = body.as_object_mut()
        {
            // In `legacy` there is none to show.
            members.remove("organizationId");
        }
        body
    }

    async fn read(&self, process: usize, path: &str) -> Value {
        self.answer(self.request(process, Method::GET, path)).await
    }

    /// Writes through one process; both show what it answered.
    async fn write(&self, process: usize, method: Method, path: &str, body: Value, shown_at: &str) {
        let written = self.answer(self.request(process, method, path).json(&body)).await;
        for process in [0, 1] {
            let mut read = self.read(process, shown_at).await;
            if let (Some(read), Some(written)) = (read.as_object_mut(), written.as_object()) {
                // What only one of the two answers contains.
                read.retain(|key, _| written.contains_key(key));
            }
            assert_eq!(read, written, "{path}, read from process {process}");
        }
    }

    /// Writes through both processes at once.
    async fn write_twice(&self, method: Method, path: &str, bodies: [Value; 2]) -> [Value; 2] {
        let [older, newer] = bodies;
        let older = self.request(0, method.clone(), path).json(&older);
        let newer = self.request(1, method, path).json(&newer);
        let other = spawn(newer.send());
        let mut answers = vec![self.answer(older).await];
        let other = other.await.unwrap().unwrap();
        let (status, body) = (other.status(), other.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{status} {body}");
        answers.push(body);
        answers.try_into().unwrap()
    }

    async fn round(&mut self, number: usize) {
        let (here, there) = (number % 2, 1 - number % 2);
        let mine = "campaigns/mine";
        let office = match number % 3 {
            0 => {
                json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor",
                       "state": "MI", "ballotLevel": "CITY"})
            }
            1 => {
                json!({"positionId": null, "office": format!("Dog Catcher {number}"), "otherOffice": "",
                       "state": "MI"})
            }
            _ => json!({"office": format!("Cat Catcher {number}")}),
        };
        self.write(here, Method::PUT, mine, json!({"details": office}), mine).await;
        let district = json!({"L2DistrictType": "County", "L2DistrictName": "LENAWEE"});
        self.write(there, Method::PUT, "campaigns/mine/district", district, mine).await;
        if let Some(organization) = &self.organization {
            let path = format!("organizations/{organization}");
            let body = json!({"district": {"type": "City", "name": "ADRIAN CITY"}});
            self.write(here, Method::PATCH, &path, body, &path).await;
        }

        let (occupation, fact) = (format!("Baker {number}"), format!("Won {number} prizes"));
        let bodies =
            [json!({"details": {"occupation": occupation}}), json!({"details": {"funFact": fact}})];
        self.write_twice(Method::PUT, mine, bodies).await;
        let names = [format!("Older {number:04}"), format!("Newer {number:04}")];
        let bodies = names.clone().map(|name| json!({"name": name}));
        self.write_twice(Method::POST, "voters/voter-file/filter", bodies).await;
        self.filters += 2;
        let won = || json!({"electedDate": "2026-11-03"});
        for answer in self.write_twice(Method::POST, "elected-office", [won(), won()]).await {
            let office = self.office.get_or_insert_with(|| answer["id"].clone());
            assert_eq!(*office, answer["id"]);
        }
        for process in [0, 1] {
            let details = &self.read(process, mine).await["details"];
            assert_eq!(
                (&details["occupation"], &details["funFact"]),
                (&json!(occupation), &json!(fact))
            );
            let filters = self.read(process, "voters/voter-file/filters").await;
            let filters = filters.as_array().unwrap();
            assert_eq!(filters.len(), self.filters);
            for name in &names {
                assert_eq!(filters.iter().filter(|filter| filter["name"] == **name).count(), 1);
            }
        }
    }
}

/// Users who write round after round until they are told to stop.
struct Load {
    rounds: Vec<Arc<AtomicUsize>>,
    is_over: Arc<AtomicBool>,
    users: Vec<actix_web::rt::task::JoinHandle<usize>>,
}

impl Load {
    fn start(database: &TestDatabase, bases: &[String; 2], names_organizations: bool) -> Self {
        let mut load = Self { rounds: Vec::new(), is_over: Arc::default(), users: Vec::new() };
        for row in database.rows(&format!(
            "SELECT user_id, organization_id FROM campaign ORDER BY id LIMIT {WRITERS}"
        )) {
            let organization = row["organization_id"].as_str().map(str::to_owned);
            let mut user = User {
                bases: bases.clone(),
                token: token_of(row["user_id"].as_i64().unwrap()),
                organization: organization.filter(|_| names_organizations),
                filters: 0,
                office: None,
            };
            let (done, is_over) = (Arc::<AtomicUsize>::default(), Arc::clone(&load.is_over));
            load.rounds.push(Arc::clone(&done));
            load.users.push(spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    user.round(done.load(Ordering::Relaxed)).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                user.filters
            }));
        }
        load
    }

    /// Saved filters of all users, when the last round has ended.
    async fn stop(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        let mut filters = 0;
        for user in self.users {
            filters += user.await.unwrap();
        }
        filters
    }
}

/// Until every user has done a round that began after this.
fn wait_for_a_whole_round(rounds: &[Arc<AtomicUsize>]) {
    let wanted: Vec<_> = rounds.iter().map(|done| done.load(Ordering::Relaxed) + 2).collect();
    wait_until("everybody has done a round", || {
        rounds.iter().zip(&wanted).all(|(done, wanted)| done.load(Ordering::Relaxed) >= *wanted)
    });
}

async fn started(
    database: &TestDatabase,
    election: &ElectionEmulator,
    pinned: Option<Phase>,
) -> (Running, String) {
    let bind = format!("127.0.0.1:{}", free_port());
    let mut server = api(database, &bind);
    server.env("WINSERVE__ELECTION_API__URL", election.url()).stderr(Stdio::null());
    if let Some(phase) = pinned {
        server.env("WINSERVE__PHASE", phase.as_str());
    }
    let running = Running(server.spawn().unwrap());
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    (running, base)
}

async fn goes_there_and_back(pair: &Pair) {
    let database = (pair.database)();
    let election = ElectionEmulator::start(World::demo()).unwrap();
    let (_older, older_base) = started(&database, &election, Some(pair.former)).await;
    let (_newer, newer_base) = started(&database, &election, None).await;
    let load = Load::start(&database, &[older_base, newer_base], pair.former != Phase::Legacy);
    let (rounds, next, leave) = (load.rounds.clone(), pair.next, pair.leave);
    let database = spawn_blocking(move || {
        wait_for_a_whole_round(&rounds);
        enter(&database, next);
        wait_for_a_whole_round(&rounds);
        leave(&database);
        wait_for_a_whole_round(&rounds);
        database
    })
    .await
    .unwrap();
    let filters = load.stop().await;
    let count = |table: &str| {
        database.row(&format!("SELECT count(*)::integer AS it FROM {table}"))["it"].clone()
    };
    assert_eq!(count("voter_file_filter"), filters);
    assert_eq!((count("campaign"), count("elected_office")), (json!(USERS), json!(WRITERS)));
    (pair.settle)(&database);
    wait_until("the last changes are in the tables", || {
        database.rows("SELECT FROM legacy_change").is_empty()
    });
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
}

#[actix_web::test]
async fn a_process_that_stays_in_the_former_phase_loses_doubles_and_changes_nothing() {
    for pair in &PAIRS {
        goes_there_and_back(pair).await;
    }
}

#[actix_web::test]
async fn what_a_pinned_process_writes_is_not_recorded_as_another_services() {
    let database = ready();
    database.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN RAISE EXCEPTION ''recorded as a change of another service''; END';
         CREATE TRIGGER refused BEFORE INSERT ON legacy_change
             FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    );
    let election = ElectionEmulator::start(World::demo()).unwrap();
    let (_running, base) = started(&database, &election, Some(Phase::One)).await;
    let load = Load::start(&database, &[base.clone(), base], true);
    let rounds = load.rounds.clone();
    spawn_blocking(move || wait_for_a_whole_round(&rounds)).await.unwrap();
    load.stop().await;
}
