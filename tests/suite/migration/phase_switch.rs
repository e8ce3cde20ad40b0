//! The phase changes forward and back under mixed load on two `api` processes. No write is lost, and no answer
//! differs.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use winserve_emulators::{ElectionEmulator, World};
use winserve_migration::Phase;
use winserve_migration::{
    Unobserved,
    migrate::{Group, expand},
    phase::{self, PhaseChange, PhaseError},
    run_voter_file_filters,
    sql::enforce_phase_1,
    verify,
};
use winserve_testkit::{TestDatabase, http_client};

use super::{
    backfill_run::{finish, options},
    generated,
};
use crate::{
    binaries::{Running, api, free_port, token_of, wait_until_ready},
    fixtures::{self, MAYOR},
};

const USERS: i32 = 6;
/// Between two changes of the phase.
const PAUSE: Duration = Duration::from_millis(1_200);

/// Users 1 to 6 with a campaign each and an election-api, ready for phase 2.
fn ready() -> TestDatabase {
    let database = TestDatabase::new();
    for id in 1..=USERS {
        fixtures::user(&database, id, "candidate");
        let office = json!({"office": "Dog Catcher", "state": "MI"});
        fixtures::campaign(&database, id, id, &office, None);
    }
    database.execute("UPDATE campaign SET is_pro = true");
    generated::advance(&database);
    finish(&database);
    let mut connection = database.connect();
    verify(&mut connection).unwrap();
    enforce_phase_1(&mut connection).unwrap();
    expand(&mut connection, Group::Phase2).unwrap();
    run_voter_file_filters(&options(&database), &mut Unobserved).unwrap();
    database
}

/// A user who writes to one process and reads from the other.
struct User {
    bases: [String; 2],
    token: String,
    organization: String,
    writes: usize,
}

impl User {
    fn request(&self, process: usize, method: Method, path: &str) -> RequestBuilder {
        http_client()
            .request(method, format!("{}/v1/{path}", self.bases[process % 2]))
            .bearer_auth(&self.token)
            .header("X-Organization-Id", &self.organization)
    }

    async fn answer(request: RequestBuilder) -> Value {
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.json().await.unwrap());
        assert!(status.is_success(), "{status} {body}");
        body
    }

    async fn read(&self, process: usize, path: &str) -> Value {
        Self::answer(self.request(process, Method::GET, path)).await
    }

    async fn write(&mut self, process: usize, method: Method, path: &str, body: Value) -> Value {
        self.writes += 1;
        Self::answer(self.request(process, method, path).json(&body)).await
    }

    /// Each kind of write, read back from both processes.
    async fn round(&mut self, number: usize) {
        let here = number;
        let organization = format!("organizations/{}", self.organization);
        let office = match number % 4 {
            0 => {
                json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor",
                       "state": "MI", "ballotLevel": "CITY"})
            }
            1 => json!({"occupation": format!("Baker {number}")}),
            2 => {
                json!({"positionId": null, "office": format!("Dog Catcher {number}"), "otherOffice": "", "state": "MI"})
            }
            _ => json!({"office": format!("Cat Catcher {number}")}),
        };
        let written =
            self.write(here, Method::PUT, "campaigns/mine", json!({"details": office})).await;
        self.assert_everywhere("campaigns/mine", &written).await;

        let district = json!({"L2DistrictType": "County", "L2DistrictName": "LENAWEE"});
        let written = self.write(here + 1, Method::PUT, "campaigns/mine/district", district).await;
        self.assert_everywhere("campaigns/mine", &written).await;

        let district = if number.is_multiple_of(2) {
            json!(null)
        } else {
            json!({"type": "City", "name": "ADRIAN CITY"})
        };
        let written =
            self.write(here, Method::PATCH, &organization, json!({"district": district})).await;
        self.assert_everywhere(&organization, &written).await;

        let filters = "voters/voter-file/filters";
        let before = self.read(here, filters).await.as_array().unwrap().len();
        let name = json!({"name": format!("Filter {number:04}")});
        let filter = self.write(here, Method::POST, "voters/voter-file/filter", name).await;
        for process in [0, 1] {
            let list = self.read(process, filters).await;
            assert_eq!(list.as_array().unwrap().len(), before + 1);
            assert!(list.as_array().unwrap().contains(&filter));
        }
    }

    async fn assert_everywhere(&self, path: &str, written: &Value) {
        for process in [0, 1] {
            let mut read = self.read(process, path).await;
            if let (Some(read), Some(written)) = (read.as_object_mut(), written.as_object()) {
                // What only one of the two answers contains.
                read.retain(|key, _| written.contains_key(key));
            }
            assert_eq!(&read, written, "{path} of {}", self.organization);
        }
    }
}

/// Acts like an engineer: verifies, and tries again while a process has not seen the phase.
fn enter(database: &TestDatabase, from: Phase, to: Phase) {
    let mut connection = database.connect();
    assert_eq!(verify(&mut connection).unwrap().defects(), 0);
    let change = PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: Vec::new(),
        silence: Duration::ZERO,
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match phase::change(&mut connection, &change) {
            Ok(()) => return,
            Err(PhaseError::NotReady { gates, .. })
                if gates.iter().all(|gate| gate.to_string().starts_with("process "))
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[actix_web::test]
async fn under_load_of_two_processes_the_phase_goes_there_and_back_unnoticed() {
    goes_there_and_back(1).await;
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_under_load_of_two_processes_the_phase_goes_there_and_back_unnoticed() {
    goes_there_and_back(10).await;
}

async fn goes_there_and_back(rounds: usize) {
    let database = ready();
    let election = ElectionEmulator::start(World::demo()).unwrap();
    let mut servers = Vec::new();
    let bases = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    for bind in &bases {
        let mut server = api(&database, bind);
        server.env("WINSERVE__ELECTION_API__URL", election.url()).stderr(Stdio::null());
        servers.push(Running(server.spawn().unwrap()));
    }
    let bases = bases.map(|bind| format!("http://{bind}"));
    for base in &bases {
        wait_until_ready(base).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let users: Vec<_> = database
        .rows("SELECT id, organization_id FROM campaign ORDER BY id")
        .into_iter()
        .map(|row| {
            let mut user = User {
                bases: bases.clone(),
                token: token_of(row["id"].as_i64().unwrap()),
                organization: row["organization_id"].as_str().unwrap().to_owned(),
                writes: 0,
            };
            let is_over = Arc::clone(&is_over);
            actix_web::rt::spawn(async move {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    user.round(number).await;
                    number += 1;
                }
                user.writes
            })
        })
        .collect();
    let database = actix_web::rt::task::spawn_blocking(move || {
        std::thread::sleep(PAUSE);
        for _ in 0..rounds {
            enter(&database, Phase::One, Phase::Two);
            std::thread::sleep(PAUSE);
            enter(&database, Phase::Two, Phase::One);
            std::thread::sleep(PAUSE);
        }
        database
    })
    .await
    .unwrap();
    is_over.store(true, Ordering::Relaxed);
    for user in users {
        let writes = user.await.unwrap();
        assert!(writes >= 8, "{writes} writes of a user");
    }
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
    let changes = "SELECT FROM migration_phase_history WHERE 'phase-2' IN (from_phase, to_phase)";
    assert_eq!(database.rows(changes).len(), 2 * rounds);
}
