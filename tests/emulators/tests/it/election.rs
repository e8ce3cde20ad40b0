//! The contract of the election-api emulator: the behavior of upstreams §1–§4 and §13.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use winserve_emulators::{
    Call, ClerkEmulator, District, ElectionCode, ElectionEmulator, Fault, Generation, Position,
    Turnout, World,
};

const MAYOR: &str = "/v1/positions/by-ballotready-id/\
    Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
const TECUMSEH: &str = "01935a5c-0000-4000-8000-000000000001";

fn demo() -> ElectionEmulator {
    ElectionEmulator::start(World::demo()).unwrap()
}

/// The bytes received until the connection is closed.
fn raw(election: &ElectionEmulator, method: &str, target: &str, body: &str) -> String {
    exchange(address(election), method, target, body)
}

fn address(election: &ElectionEmulator) -> &str {
    election.url().strip_prefix("http://").unwrap()
}

fn exchange(address: &str, method: &str, target: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: election-api\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    // Some faults reset the connection in the middle.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(election: &ElectionEmulator, target: &str) -> (u16, Value) {
    get_from(address(election), target)
}

fn get_from(address: &str, target: &str) -> (u16, Value) {
    let answer = exchange(address, "GET", target, "");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}

#[track_caller]
fn assert_refused(election: &ElectionEmulator, target: &str, status: u16) {
    let (found, body) = get(election, target);
    assert_eq!((found, &body["statusCode"]), (status, &json!(status)), "{target}: {body}");
    assert!(body["message"].is_string() && body["error"].is_string(), "{target}: {body}");
}

#[test]
fn a_position_shows_its_district_only_when_asked_and_any_text_asks() {
    let election = demo();
    let (status, plain) = get(&election, MAYOR);
    assert_eq!(status, 200);
    assert_eq!(plain.get("district"), None);
    assert_eq!(
        (&plain["name"], &plain["state"], &plain["level"], &plain["brDatabaseId"]),
        (&json!("Tecumseh City Mayor"), &json!("MI"), &json!("CITY"), &json!("220085"))
    );
    for flag in ["true", "false", "0"] {
        let (_, with_district) = get(&election, &format!("{MAYOR}?includeDistrict={flag}&x=1"));
        assert_eq!(
            with_district["district"],
            json!({
                "id": TECUMSEH,
                "L2DistrictType": "City",
                "L2DistrictName": "TECUMSEH CITY",
                "projectedTurnout": null,
            }),
            "no state, and {flag} is true"
        );
    }
    let (_, by_uuid) = get(&election, &format!("/v1/positions/{}", plain["id"].as_str().unwrap()));
    assert_eq!(by_uuid, plain);
}

#[test]
fn the_later_generation_drops_election_days_of_a_search_and_members_without_a_value() {
    let election = demo();
    election.set_clock(1_772_022_896);
    let search = "/v1/positions/search?zip=49286&name=mayor&electionDateFrom=2022-01-01\
        &electionDateTo=2024-12-31&timeframe=past&x=1";
    let days = |target: &str| -> Vec<Value> {
        let (_, found) = get(&election, target);
        found.as_array().unwrap().iter().map(|it| it["election"]["electionDay"].clone()).collect()
    };
    let future = search.replace("past", "future");
    assert_eq!((days(search).len(), days(&future).len()), (2, 2), "the days are used");
    election.speak(Generation::Later);
    assert_eq!(days(search), ["2022-11-08", "2024-11-05"]);
    assert_eq!(days(&future), ["2028-11-07"], "the days are dropped");
    election.speak(Generation::Unknown);
    assert_eq!(days(search), ["2028-11-07"]);
    assert_refused(&election, "/v1/positions/search?timeframe=past", 400);
    election.speak(Generation::Later);
    let (_, position) = get(&election, MAYOR);
    assert_eq!((&position["isWinIcp"], &position["isServeIcp"]), (&json!(true), &json!(false)));
    election.omit(&["isWinIcp", "state"]);
    let (_, position) = get(&election, MAYOR);
    assert_eq!((position.get("isWinIcp"), position.get("state")), (None, None));
}

#[test]
fn the_folded_surface_has_the_state_of_the_district() {
    let election = demo();
    let target =
        "/v1/elections/positions/01935a5c-0000-4000-9000-000000220085?includeDistrict=true";
    let (status, position) = get(&election, target);
    assert_eq!((status, &position["district"]["state"]), (200, &json!("MI")));
    assert_refused(&election, "/v1/elections/districts/list", 404);
}

#[test]
fn on_demand_requests_without_a_valid_token_are_rejected_except_health() {
    let (clerk, election) = (ClerkEmulator::start().unwrap(), demo());
    election.demand_tokens(&clerk);
    assert_refused(&election, MAYOR, 401);
    assert_eq!(get(&election, "/v1/health").0, 200);
    assert_eq!(election.unauthorized(), 1);
}

#[test]
fn a_position_without_district_lacks_the_key_and_an_old_one_has_no_level() {
    let election = demo();
    let world = World::demo();
    let show = |position: &Position| {
        get(&election, &format!("/v1/positions/{}?includeDistrict=true", position.id)).1
    };
    let homeless = world.positions().iter().find(|p| p.district_id.is_none()).unwrap();
    assert_eq!(show(homeless).get("district"), None);
    let old = world.positions().iter().find(|p| p.level.is_none()).unwrap();
    assert_eq!(show(old).get("level"), Some(&Value::Null));
}

#[test]
fn an_id_comes_as_one_encoded_segment() {
    let election = demo();
    let path = "/v1/positions/by-ballotready-id";
    let (status, body) = get(&election, &format!("{path}/Z2lk%2BOi8v%2FYmFs%2BbG90%2FNTIzOTA%3D"));
    assert_eq!((status, &body["name"]), (200, &json!("Tecumseh Library Board")));
    let (status, body) = get(&election, &format!("{path}/Z2lk+Oi8v/YmFs+bG90/NTIzOTA="));
    assert_eq!(status, 404, "no such route");
    assert!(body["message"].as_str().unwrap().starts_with("Cannot GET /v1/positions/"), "{body}");
}

#[test]
fn what_is_unknown_is_404_and_what_is_malformed_400() {
    let election = demo();
    for path in [
        "/v1/positions/by-ballotready-id/unknown",
        "/v1/positions/01935a5c-0000-4000-9000-ffffffffffff",
        "/v1/districts/01935a5c-0000-4000-8000-ffffffffffff",
        "/v1/districts/list?state=MI&L2DistrictType=City&L2DistrictName=tecumseh%20city",
        "/v1/districts/list?state=FD",
        "/v1/elsewhere",
    ] {
        assert_refused(&election, path, 404);
    }
    for path in [
        "/v1/positions/220085",
        "/v1/districts/17",
        "/v1/districts/list?state=ZZ",
        "/v1/districts/list?districtColumns=id,password",
        "/v1/districts/list?projectedTurnoutColumns=nope",
        "/v1/districts/types?state=MI&electionYear=soon",
        "/v1/districts/types?electionCode=Primary",
        "/v1/districts/names?state=MI",
        "/v1/districts/names?L2DistrictType=City",
        "/v1/projectedTurnout?state=MI&L2DistrictType=City&L2DistrictName=TECUMSEH%20CITY",
        "/v1/projectedTurnout?electionDate=2028-11-07&state=MI",
        "/v1/projectedTurnout?electionDate=2028-11-07&districtId=17",
        &format!("{MAYOR}?includeDistrict=true&includeTurnout=true"),
        &format!("{MAYOR}?includeTurnout=true&electionDate=2028-11-07"),
    ] {
        assert_refused(&election, path, 400);
    }
}

#[test]
fn a_district_is_found_by_its_exact_name_in_a_state_of_any_case() {
    let election = demo();
    let query = "state=mi&L2DistrictType=City&L2DistrictName=TECUMSEH%20CITY";
    let (status, list) = get(&election, &format!("/v1/districts/list?{query}&strange=1"));
    assert_eq!((status, list.as_array().unwrap().len()), (200, 1));
    assert_eq!(list[0]["id"], TECUMSEH);
    assert_eq!(list[0]["state"], "MI");
    assert!(!list[0]["projectedTurnouts"].as_array().unwrap().is_empty());
    let columns = "districtColumns=id&projectedTurnoutColumns=projectedTurnout&electionYear=2028";
    let (_, list) = get(&election, &format!("/v1/districts/list?{query}&{columns}"));
    assert_eq!(
        list,
        json!([{
            "id": TECUMSEH,
            "projectedTurnouts": [{"projectedTurnout": 3100}, {"projectedTurnout": 1240}],
        }])
    );
    let (_, row) = get(&election, &format!("/v1/districts/{TECUMSEH}"));
    assert_eq!((&row["state"], &row["L2DistrictName"]), (&json!("MI"), &json!("TECUMSEH CITY")));
}

#[test]
fn types_are_distinct_and_names_ascending_and_both_can_leave_out_invalid_ones() {
    let election = demo();
    let texts = |target: &str, key: &str| {
        let (status, list) = get(&election, target);
        assert_eq!(status, 200);
        let texts = list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap());
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let kind = "L2DistrictType";
    let all = texts("/v1/districts/types?state=WY", kind);
    assert_eq!(
        all,
        ["City", "City_Ward", "County", "School_District", "State", "State_House_District"]
    );
    let valid = texts("/v1/districts/types?state=WY&excludeInvalid=true&electionYear=2028", kind);
    assert_eq!(valid, ["City", "City_Ward", "County", "State"], "no turnout, and a turnout of 0");
    let past = texts("/v1/districts/types?state=WY&excludeInvalid=true&electionYear=1999", kind);
    assert_eq!(past, [""; 0]);
    let names = texts("/v1/districts/names?state=WY&L2DistrictType=City_Ward", "L2DistrictName");
    assert_eq!(names, ["CHEYENNE CITY WARD 1", "CHEYENNE CITY WARD 2"]);
    let names = "/v1/districts/names?state=MI&L2DistrictType=City_Ward";
    assert_eq!(texts(names, "L2DistrictName"), ["ADRIAN CITY WARD 3"]);
    assert_eq!(texts(&format!("{names}&excludeInvalid=true"), "L2DistrictName"), [""; 0]);
}

#[test]
fn turnout_depends_on_day_and_state() {
    let election = demo();
    let turnout = |more: &str| {
        let place = "state=MI&L2DistrictType=City&L2DistrictName=TECUMSEH%20CITY";
        get(&election, &format!("/v1/projectedTurnout?{place}&{more}"))
    };
    let (status, row) = turnout("electionDate=2028-11-07&electionYear=2028");
    assert_eq!((status, &row["projectedTurnout"]), (200, &json!(3100)));
    assert_eq!((&row["electionYear"], &row["electionCode"]), (&json!(2028), &json!("General")));
    let (_, row) = turnout("electionDate=2025-11-04&electionYear=2025");
    assert_eq!(row["projectedTurnout"], 1240, "Michigan does not consolidate");
    let (_, row) = turnout("electionDate=2028-11-07");
    assert_eq!(row["electionYear"], 2020, "any year if none is requested");
    let (_, row) = turnout("electionDate=2028-11-07T00:00:00.000Z&electionYear=2028");
    assert_eq!(row["electionCode"], "LocalOrMunicipal", "the value is not a bare date");
    assert_eq!(turnout("electionDate=2028-11-07&electionYear=1999").0, 404);
    let by_id = format!("/v1/projectedTurnout?electionDate=2024-11-05&districtId={TECUMSEH}");
    assert_eq!(get(&election, &by_id).1["districtId"], TECUMSEH);

    let asked = format!("{MAYOR}?includeDistrict=true&includeTurnout=true");
    let (_, position) = get(&election, &format!("{asked}&electionDate=2028-11-07"));
    assert_eq!(position["district"]["projectedTurnout"]["projectedTurnout"], 3100);
    let (status, position) = get(&election, &format!("{asked}&electionDate=1999-01-01"));
    assert_eq!((status, &position["district"]["projectedTurnout"]), (200, &Value::Null));
}

#[test]
fn two_turnouts_for_one_election_are_a_server_error() {
    let row =
        Turnout { election_year: 2028, election_code: ElectionCode::General, projected_turnout: 5 };
    let mut district = District::new(TECUMSEH, "MI", "City", "X", None);
    district.turnouts = vec![row, row];
    let position = Position { district_id: Some(TECUMSEH.to_owned()), ..a_position() };
    let world = World::new(vec![district], vec![position]).unwrap();
    let election = ElectionEmulator::start(world).unwrap();
    let path = "/v1/positions/by-ballotready-id/a?includeDistrict=true&includeTurnout=true";
    assert_refused(&election, &format!("{path}&electionDate=2028-11-07"), 500);
}

fn a_position() -> Position {
    Position {
        id: "01935a5c-0000-4000-9000-000000000001".to_owned(),
        br_position_id: "a".to_owned(),
        br_database_id: "1".to_owned(),
        state: "MI".to_owned(),
        name: "Mayor".to_owned(),
        level: None,
        district_id: None,
    }
}

#[test]
fn faults_hit_the_calls_they_are_planned_for_and_no_others() {
    let election = demo();
    let call = Call::PositionByBallotreadyId;
    let message = "column Position.level does not exist";
    election.fail(call, Fault::Status { status: 500, message: message.to_owned() }, 2);
    assert_eq!(get(&election, "/v1/health"), (200, json!("OK")));
    assert_eq!(get(&election, MAYOR).1["message"], message);
    assert_refused(&election, MAYOR, 500);
    assert_eq!(get(&election, MAYOR).0, 200);

    election.fail_always(call, Fault::Garbage);
    assert!(get(&election, MAYOR).1.is_string());
    assert!(get(&election, MAYOR).1.is_string());
    election.heal();
    election.fail(call, Fault::Text { status: 418, body: "tea".to_owned() }, 1);
    assert_eq!(get(&election, MAYOR), (418, json!("tea")));
    assert_eq!((election.count(call), election.count(Call::Health)), (6, 1));
}

#[test]
fn a_broken_connection_brings_nothing_or_a_part() {
    let election = demo();
    election.fail(Call::PositionByBallotreadyId, Fault::Down, 1);
    assert_eq!(raw(&election, "GET", MAYOR, ""), "");
    election.fail(Call::PositionByBallotreadyId, Fault::Truncated, 1);
    let answer = raw(&election, "GET", MAYOR, "");
    assert!(answer.contains("content-length: 1000\r\n"), "{answer}");
    assert!(answer.ends_with("{\"id\":\"01935a5c-0000-"), "{answer}");
    assert_eq!(get(&election, MAYOR).0, 200);
}

#[test]
fn a_stopped_emulator_refuses_connections() {
    let election = demo();
    let address = address(&election).to_owned();
    election.stop();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_taken_address_is_an_error() {
    let election = demo();
    assert!(ElectionEmulator::start_on(address(&election), World::default()).is_err());
}

#[test]
fn a_world_is_read_from_lines_and_a_damaged_one_is_refused_with_its_line() {
    let file = std::env::temp_dir().join(format!("winserve-world-{}", std::process::id()));
    let district = json!({"row": "district", "id": TECUMSEH, "state": "MI", "L2DistrictType": "City",
        "L2DistrictName": "NAME ##", "turnout": 10});
    let position = json!({"row": "position", "id": a_position().id, "brPositionId": "a",
        "brDatabaseId": "1", "state": "MI", "name": "Mayor", "level": null,
        "districtId": TECUMSEH});
    std::fs::write(&file, format!("{position}\n{district}\n")).unwrap();
    let world = World::read(&file).unwrap();
    assert_eq!(
        world.positions(),
        [Position { district_id: Some(TECUMSEH.to_owned()), ..a_position() }]
    );
    assert_eq!(world.districts(), [District::new(TECUMSEH, "MI", "City", "NAME ##", Some(10))]);

    for (text, complaint) in [
        (format!("{district}\n{{\"row\":\"other\"}}\n"), "line 2 of"),
        (format!("{position}\n"), "unknown district"),
        (format!("{district}\n{district}\n"), "twice"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = World::read(&file).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(World::read(&file).unwrap_err().to_string().contains("cannot read"));
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_process_says_where_it_is_and_serves_the_world_of_the_generated_campaigns() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/world.py");
    let size = ["--seed", "7", "--positions", "60", "--districts", "40"];
    let written = Command::new("python3").arg("-B").arg(script).args(size).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let file = std::env::temp_dir().join(format!("winserve-worldpy-{}", std::process::id()));
    std::fs::write(&file, written.stdout).unwrap();
    let world = World::read(&file).unwrap();

    let mut process = Command::new(env!("CARGO_BIN_EXE_emulators"))
        .args(["--election-bind", "127.0.0.1:0", "--world"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(line.ends_with("  60 positions, 40 districts\n"), "{line}");
    let address = line.split_whitespace().nth(1).unwrap().strip_prefix("http://").unwrap();
    let last = world.positions().last().unwrap();
    let target = format!("/v1/positions/{}", last.id);
    assert_eq!(get_from(address, &target).1["name"], last.name.as_str());
}
