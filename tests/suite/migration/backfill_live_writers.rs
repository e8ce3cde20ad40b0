//! Users write through the HTTP API while the backfill runs. No write is lost, and both stores match afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_migration::{
    Options, Unobserved, run_organizations, run_positions, sql::enforce_phase_1, verify,
};
use winserve_testkit::{Client, TestApp, TestDatabase};

use super::{backfill_run::options, generated};

const WRITERS: usize = 8;

/// How much a proof proves.
#[derive(Debug, Clone, Copy)]
struct Proof {
    campaigns: u32,
    nice: f64,
    /// Acknowledged during the run, by each writer.
    writes: usize,
    /// Those of them on campaigns that the run had not reached.
    unreached: usize,
}

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
const COUNCIL: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vNDYyMTM=";

/// The expected result of a write in both stores.
#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    Known(&'static str),
    TypedIn(String),
    District(String),
    Won,
    Unrelated(String),
}

/// A write that the server acknowledged.
struct Acknowledged {
    campaign: i64,
    wanted: Wanted,
    /// Seconds since 1970.
    at: f64,
}

fn now() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

/// The expected result of a write; `None` if the server rightly refused it.
async fn write(client: &Client, number: usize) -> Option<Wanted> {
    let (wanted, body) = match number % 6 {
        0 => (
            Wanted::Known(MAYOR),
            json!({"details": {"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI"}}),
        ),
        1 => {
            let office = format!("Dog Catcher {number}");
            let body = json!({"details": {"positionId": null, "electionId": null, "office": office, "otherOffice": "", "state": "MI"}});
            (Wanted::TypedIn(office), body)
        }
        2 => {
            let name = format!("WARD {number}");
            let body = json!({"L2DistrictType": "City_Ward", "L2DistrictName": name});
            let answer = client.put("/v1/campaigns/mine/district", body).await;
            // Some generated campaigns have no state, so there are no districts to choose from.
            assert!(matches!(answer.status.as_u16(), 200 | 400), "{}", answer.json());
            return (answer.status == 200).then_some(Wanted::District(name));
        }
        3 => (
            Wanted::Known(COUNCIL),
            json!({"details": {"positionId": COUNCIL, "office": "Other", "otherOffice": "Council", "state": "WY"}}),
        ),
        4 => {
            let occupation = format!("Teacher {number}");
            (Wanted::Unrelated(occupation.clone()), json!({"details": {"occupation": occupation}}))
        }
        _ => {
            let request = client
                .request(reqwest::Method::POST, "/v1/elected-office")
                .json(&json!({"electedDate": "2025-11-04"}));
            let answer = client.send(request).await;
            assert!(matches!(answer.status.as_u16(), 200 | 201), "{}", answer.json());
            return Some(Wanted::Won);
        }
    };
    let answer = client.put("/v1/campaigns/mine", body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    Some(wanted)
}

/// The last acknowledged write of each is in the JSON and in the tables.
fn assert_nothing_is_lost(database: &TestDatabase, acknowledged: &[Acknowledged]) {
    let mut offices: BTreeMap<i64, &Wanted> = BTreeMap::new();
    let mut districts: BTreeMap<i64, &Wanted> = BTreeMap::new();
    let mut others: BTreeMap<i64, &Wanted> = BTreeMap::new();
    let mut won = Vec::new();
    for Acknowledged { campaign, wanted, .. } in acknowledged {
        match wanted {
            Wanted::Known(_) | Wanted::TypedIn(_) => {
                // A change of office changes the district too.
                if offices.get(campaign) != Some(&wanted) {
                    districts.remove(campaign);
                }
                offices.insert(*campaign, wanted);
            }
            Wanted::District(_) => drop(districts.insert(*campaign, wanted)),
            Wanted::Unrelated(_) => drop(others.insert(*campaign, wanted)),
            Wanted::Won => won.push(*campaign),
        }
    }
    let rows = database.rows(
        "SELECT campaign.id, details, goals.data, position_id, held.office AS held_office, campaign.l2_district_name AS own,
             district_manually_set AS manual
         FROM campaign JOIN ballot_position AS held ON held.id = position_id
         LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id",
    );
    let rows: BTreeMap<i64, Value> =
        rows.into_iter().map(|row| (row["id"].as_i64().unwrap(), row)).collect();
    for (campaign, wanted) in offices.into_iter().chain(districts).chain(others) {
        let row = &rows[&campaign];
        match wanted {
            Wanted::Known(id) => assert_eq!(
                (&row["details"]["positionId"], &row["position_id"]),
                (&json!(id), &json!(id))
            ),
            Wanted::TypedIn(office) => {
                assert_eq!(
                    (&row["details"]["office"], &row["held_office"]),
                    (&json!(office), &json!(office))
                );
            }
            Wanted::District(name) => {
                assert_eq!(
                    (&row["data"]["electionLocation"], &row["own"]),
                    (&json!(name), &json!(name))
                );
                assert_eq!(row["manual"], true);
            }
            Wanted::Unrelated(occupation) => {
                assert_eq!(row["details"]["occupation"], json!(occupation));
            }
            Wanted::Won => {}
        }
    }
    let offices = database.rows("SELECT DISTINCT campaign_id AS id FROM elected_office WHERE organization_id IS NOT NULL AND position_id IS NOT NULL");
    for campaign in won {
        assert!(offices.iter().any(|row| row["id"] == campaign), "{campaign}");
    }
}

/// Users whose oldest campaign only their writer changes (requests without a header use the oldest). Spread over
/// the table, except for its start.
fn users(database: &TestDatabase, campaigns: u32) -> Vec<(i64, i32)> {
    let rows = database.rows(&format!(
        "SELECT user_id, id
         FROM (SELECT DISTINCT ON (user_id) user_id, id, details FROM campaign ORDER BY user_id, id) AS lowest
         WHERE jsonb_typeof(details) = 'object' AND id > {campaigns} / 3 AND id <= {campaigns}
         ORDER BY md5(user_id::text) LIMIT {}",
        WRITERS * 120
    ));
    let number = |row: &Value, key: &str| row[key].as_i64().unwrap();
    rows.iter()
        .map(|row| (number(row, "id"), i32::try_from(number(row, "user_id")).unwrap()))
        .collect()
}

/// Writes for its users, one after the other, until told to stop.
async fn write_on(
    clients: Vec<(i64, Client)>,
    done: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        let (campaign, client) = &clients[number % clients.len()];
        // A different kind in each round.
        if let Some(wanted) = write(client, number + number / clients.len()).await {
            acknowledged.push(Acknowledged { campaign: *campaign, wanted, at: now() });
            count.fetch_add(1, Ordering::Relaxed);
        }
        number += 1;
    }
    acknowledged
}

/// The whole path: positions, links, the comparison of every row, NOT NULL. One row is withheld from the
/// backfill until every writer has written enough, so that the run lasts long enough; the run reports that
/// rows remain, and is repeated. Returns when the run started and ended.
fn path(proof: Proof, options: &Options, written: impl Fn() -> usize + Sync) -> (f64, f64) {
    let connect = || winserve_persistence::connect(&options.url, "test").unwrap();
    let mut keeper = connect();
    keeper
        .batch_execute(
            "BEGIN; SELECT FROM campaign WHERE id = (SELECT min(id) FROM campaign) FOR UPDATE",
        )
        .unwrap();
    let began = now();
    std::thread::scope(|scope| {
        let wait_for = |writes| {
            let deadline = Instant::now() + Duration::from_mins(3);
            while written() < writes {
                assert!(Instant::now() < deadline, "the writers do not get on");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let keeping = scope.spawn(move || {
            wait_for(proof.writes + 20);
            drop(keeper);
        });
        assert_eq!(run_positions(options, None, &mut Unobserved).unwrap().exit_code, 0);
        // However slow the machine is, each writer has written campaigns before the run reached
        // them.
        wait_for(proof.unreached + 10);
        loop {
            let is_kept = !keeping.is_finished();
            let report = run_organizations(options, None, &mut Unobserved).unwrap();
            if !(is_kept && report.exit_code == 23) {
                assert!(matches!(report.exit_code, 0 | 41), "{report:?}");
                break;
            }
        }
    });
    let ended = now();
    let verified = verify(&mut connect()).unwrap();
    assert_eq!(verified.defects(), 0, "{}", winserve_migration::verify_table(&verified));
    assert_eq!(enforce_phase_1(&mut connect()).unwrap().len(), 4);
    (began, ended)
}

/// How many campaigns a writer wrote before the first pass over the campaigns reached them.
fn unreached(writes: &[Acknowledged], began: f64, batches: &[(i64, f64)]) -> usize {
    let mut seen = BTreeSet::new();
    let is_unreached = |write: &&Acknowledged| {
        let reached = batches.iter().find(|(through, _)| *through >= write.campaign);
        // Each campaign counts once: later writes to it are not early any more.
        seen.insert(write.campaign)
            && write.at > began
            && reached.is_none_or(|(_, done)| write.at < *done)
    };
    writes.iter().filter(is_unreached).count()
}

async fn loses_nothing(proof: Proof) {
    let Proof { campaigns, nice, .. } = proof;
    let app = TestApp::on(generated::in_phase_1(campaigns)).await;
    // No district is known by name, so districts that are set keep their text.
    for call in [Call::DistrictsList, Call::ProjectedTurnout] {
        app.election.fail_always(call, Fault::Down);
    }
    let database = &app.database;
    let users = users(database, campaigns);
    let done = Arc::new(AtomicBool::new(false));
    let counts: Vec<Arc<AtomicUsize>> = (0..WRITERS).map(|_| Arc::default()).collect();
    let writers: Vec<_> = users
        .chunks(users.len() / WRITERS)
        .zip(&counts)
        .map(|(users, count)| {
            let clients = users.iter().map(|(id, user)| (*id, app.user(*user))).collect();
            actix_web::rt::spawn(write_on(clients, Arc::clone(&done), Arc::clone(count)))
        })
        .collect();
    actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    let options = Options { nice, ..options(database) };
    // By the one that has written least.
    let written =
        move || counts.iter().map(|count| count.load(Ordering::Relaxed)).min().unwrap_or_default();
    let (began, ended) =
        actix_web::rt::task::spawn_blocking(move || path(proof, &options, written)).await.unwrap();
    done.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.unwrap());
    }

    let batches: Vec<(i64, f64)> = database
        .rows(
            "SELECT through_key::bigint AS through, extract(epoch FROM done_at)::float AS done FROM backfill_batch
             WHERE pass = 1 AND run_id = (SELECT id FROM backfill_run WHERE job = 'campaigns' ORDER BY id LIMIT 1)
             ORDER BY through_key::bigint",
        )
        .iter()
        .map(|batch| (batch["through"].as_i64().unwrap(), batch["done"].as_f64().unwrap()))
        .collect();
    for writer in &acknowledged {
        let within = writer.iter().filter(|write| write.at > began && write.at < ended).count();
        assert!(within >= proof.writes, "{within} writes within the run of {} s", ended - began);
        let unreached = unreached(writer, began, &batches);
        assert!(
            unreached >= proof.unreached,
            "{unreached} campaigns were written before they were reached"
        );
    }
    let verified = verify(&mut database.connect()).unwrap();
    assert_eq!(verified.defects(), 0, "{}", winserve_migration::verify_table(&verified));
    let acknowledged: Vec<_> = acknowledged.into_iter().flatten().collect();
    assert_nothing_is_lost(database, &acknowledged);
}

#[actix_web::test]
async fn eight_writers_lose_nothing_while_campaigns_are_backfilled() {
    let proof = Proof { campaigns: 1_000, nice: 0.0, writes: 30, unreached: 10 };
    loses_nothing(proof).await;
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_eight_writers_lose_nothing_while_two_hundred_thousand_campaigns_are_backfilled() {
    let proof = Proof { campaigns: 200_000, nice: 0.5, writes: 200, unreached: 50 };
    loses_nothing(proof).await;
}
