//! The statements of the hottest routes always have a good plan. From its sixth execution on, PostgreSQL may
//! plan a prepared statement without its parameters, for an average owner or position: that plan must also be
//! good for the owner of a thousand organizations, and for the position of nine campaigns in ten.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use diesel::{
    QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _, sql_types::Json,
};
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Custom, TestApp, TestDatabase};

use crate::fixtures::{self, MAYOR};

/// A table with at least this many rows is large.
const LARGE: i64 = 5_000;
/// Rows that a statement may read in addition to ten for each row that it returns.
const MOST_READ: f64 = 100.0;

/// User 7 owns a thousand campaigns, seven thousand other users own one each, and nine in ten have the same
/// position.
async fn skewed(settings: &str) -> TestApp {
    let database = TestDatabase::copy_of("skewed", Phase::Two, skewed_rows);
    database.execute_unmapped(settings);
    let custom = Custom { connections: 1, ..Custom::default() };
    TestApp::custom_on(database, custom).await
}

fn skewed_rows() -> TestDatabase {
    let database = TestDatabase::in_phase(Phase::Two);
    fixtures::user(&database, 7, "candidate");
    database.execute_unmapped(
        r#"INSERT INTO "user" (id, updated_at, name, email, roles)
               SELECT id, now(), 'Ann User', 'user' || id || '@example.org', '{candidate}'
               FROM generate_series(1001, 8000) AS id;
           INSERT INTO campaign (id, created_at, updated_at, slug, user_id, is_pro, data, details)
               SELECT id, '2026-01-01', '2026-01-02', 'slug-' || id, CASE WHEN id <= 1000 THEN 7 ELSE id END, true,
                      '{}', '{"state": "MI"}' FROM generate_series(1, 8000) AS id;
           INSERT INTO ballot_position (id, office, state, source, verified_at, l2_district_type, l2_district_name, l2_district_id)
               SELECT 'Z2lkOi8v' || id, 'Boss', 'MI', 'ballot_ready', now(), 'City', 'TECUMSEH CITY',
                      '01935a5c-0000-4000-8000-000000000001' FROM generate_series(1, 6000) AS id;
           UPDATE campaign SET position_id = 'Z2lkOi8v' || CASE id % 10 WHEN 0 THEN id / 10 ELSE 1 END;
           INSERT INTO elected_office (id, updated_at, user_id, campaign_id)
               SELECT 'office-' || id, '2026-01-02', CASE WHEN id <= 1000 THEN 7 ELSE id END, id
               FROM generate_series(1, 8000) AS id;
           UPDATE elected_office SET position_id = campaign.position_id FROM campaign WHERE campaign.id = campaign_id;
           DELETE FROM ballot_position WHERE source = 'custom';
           INSERT INTO voter_file_filter (created_at, updated_at, name, campaign_id)
               SELECT '2026-01-01', '2026-01-02', 'Mine', id FROM generate_series(1, 8000) AS id;
           INSERT INTO path_to_victory (id, created_at, updated_at, campaign_id, data)
               SELECT id, '2026-01-01', '2026-01-02', id, '{}' FROM generate_series(1, 8000) AS id"#,
    );
    database.execute_unmapped("ANALYZE");
    database
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Json)]
    #[diesel(column_name = "QUERY PLAN")]
    plan: Value,
}

/// Every node of a plan.
fn nodes(plan: &Value, found: &mut Vec<Value>) {
    match plan {
        Value::Object(members) => {
            if members.contains_key("Node Type") {
                found.push(plan.clone());
            }
            for member in members.values() {
                nodes(member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                nodes(item, found);
            }
        }
        _ => {}
    }
}

/// Calls the hottest routes, as user 7 and as one of the thousand officials.
async fn ask_the_hottest_routes(app: &TestApp) {
    let user = app.user_of_campaign(7, 500);
    let organization = app.organization_of(500);
    let paths = [
        "/v1/users/me".to_owned(),
        "/v1/campaigns/mine".to_owned(),
        "/v1/campaigns/mine/status".to_owned(),
        "/v1/organizations".to_owned(),
        format!("/v1/organizations/{}", organization.as_str().unwrap()),
        "/v1/contacts?resultsPerPage=1".to_owned(),
        "/v1/contacts/stats".to_owned(),
        "/v1/voters/voter-file/filters".to_owned(),
        "/v1/voters/voter-file/filter/500".to_owned(),
    ];
    assert_answered(&user, paths.iter().map(String::as_str)).await;
    let office =
        app.database.row("SELECT organization_id FROM elected_office WHERE id = 'office-500'");
    let official = app.user(7).naming(office["organization_id"].as_str().unwrap());
    let paths = ["/v1/elected-office/current", "/v1/polls", "/v1/contacts?resultsPerPage=1"];
    assert_answered(&official, paths.into_iter()).await;
    for change in [
        json!({"details": {"zip": "49286"}}),
        json!({"details": {"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI"}}),
    ] {
        assert_eq!(user.put("/v1/campaigns/mine", change).await.status, 200);
    }
}

async fn assert_answered(client: &Client, paths: impl Iterator<Item = &str>) {
    for path in paths {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
    }
}

/// Large tables, each with its number of rows.
fn large_tables(database: &TestDatabase) -> Vec<Value> {
    let large = database.rows(&format!(
        "SELECT relname, reltuples FROM pg_class WHERE relkind = 'r' AND reltuples >= {LARGE}"
    ));
    for table in ["campaign", "organization", "elected_office", "ballot_position", "user"] {
        assert!(large.iter().any(|row| row["relname"] == table), "{table} is large: {large:?}");
    }
    large
}

/// What is wrong with a plan for any parameters: it reads a whole large table or index.
fn faults(plan: &Value, large: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    nodes(plan, &mut found);
    let fault = |node: &Value| {
        let is_large = large.iter().any(|row| row["relname"] == node["Relation Name"]);
        let has_condition = node.get("Index Cond").is_some();
        match node["Node Type"].as_str().unwrap_or_default() {
            "Seq Scan" if is_large => Some(format!("scans {}", node["Relation Name"])),
            "Index Scan" | "Index Only Scan" if is_large && !has_condition => {
                Some(format!("reads all of {}", node["Index Name"]))
            }
            // It names no table.
            "Bitmap Index Scan" if !has_condition => {
                Some(format!("reads all of {}", node["Index Name"]))
            }
            _ => None,
        }
    };
    found.iter().filter_map(fault).collect()
}

#[actix_web::test]
async fn the_hottest_statements_scan_no_large_table_whichever_parameters_they_get() {
    let app = skewed("SELECT").await;
    ask_the_hottest_routes(&app).await;
    let prepared = app.prepared_statements().await;
    assert!(prepared.len() >= 10, "{prepared:#?}");
    let large = large_tables(&app.database);
    let most = large.iter().filter_map(|row| row["reltuples"].as_f64()).fold(0.0, f64::max);
    let mut connection = app.database.connect();
    connection.batch_execute("SET plan_cache_mode = force_generic_plan").unwrap();
    let mut bad = Vec::new();
    for (number, (statement, types)) in prepared.iter().enumerate() {
        let (typed, values) = if types.is_empty() {
            (String::new(), String::new())
        } else {
            let values = vec!["NULL"; types.len()].join(", ");
            (format!("({})", types.join(", ")), format!("({values})"))
        };
        connection.batch_execute(&format!("PREPARE hot_{number} {typed} AS {statement}")).unwrap();
        let plan: Plan =
            diesel::sql_query(format!("EXPLAIN (FORMAT JSON) EXECUTE hot_{number} {values}"))
                .get_result(&mut connection)
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        bad.extend(
            faults(&plan.plan, &large).into_iter().map(|fault| format!("{fault}: {statement}")),
        );
        let mut found = Vec::new();
        nodes(&plan.plan, &mut found);
        for node in found.iter().filter(|it| it["Plan Rows"].as_f64().unwrap_or_default() > most) {
            bad.push(format!("expects {} rows: {statement}", node["Plan Rows"]));
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The server's log from here on.
struct ServerLog(File);

impl ServerLog {
    fn of(database: &TestDatabase) -> Self {
        let folder = database.row("SELECT current_setting('data_directory') AS folder");
        let folder = PathBuf::from(folder["folder"].as_str().unwrap());
        let mut log = File::open(folder.parent().unwrap().join("server.log")).unwrap();
        log.seek(SeekFrom::End(0)).unwrap();
        Self(log)
    }

    /// The plans written by `auto_explain`, each with its statement.
    fn plans(&mut self) -> Vec<Value> {
        let mut text = Vec::new();
        self.0.read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text);
        let mut plans = Vec::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.ends_with(" plan:") {
                let mut plan = String::new();
                while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
                    plan += line;
                }
                plans.push(serde_json::from_str(&plan).unwrap());
            }
        }
        plans
    }
}

/// How many rows a plan read.
fn rows_read(plan: &Value) -> f64 {
    let mut found = Vec::new();
    nodes(plan, &mut found);
    let scans = found.iter().filter(|node| {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        kind.ends_with("Scan") && !matches!(kind, "Subquery Scan" | "CTE Scan" | "Function Scan")
    });
    let read = |node: &Value| {
        let number = |member: &str| node[member].as_f64().unwrap_or_default();
        (number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck"))
            * number("Actual Loops")
    };
    scans.map(read).sum()
}

#[actix_web::test]
async fn the_generic_plans_read_few_rows_for_the_owner_of_a_thousand_and_the_position_of_most() {
    let app = skewed(
        "DO $$
         DECLARE setting text;
         BEGIN
             FOREACH setting IN ARRAY ARRAY[
                 'session_preload_libraries = auto_explain', 'plan_cache_mode = force_generic_plan',
                 'auto_explain.log_min_duration = 0', 'auto_explain.log_analyze = on',
                 'auto_explain.log_timing = off', 'auto_explain.log_format = json']
             LOOP
                 EXECUTE format('ALTER DATABASE %I SET ', current_database()) || setting;
             END LOOP;
         END $$",
    )
    .await;
    // Plans it now, with the statistics of these rows.
    ask_the_hottest_routes(&app).await;
    large_tables(&app.database);
    let mut log = ServerLog::of(&app.database);
    ask_the_hottest_routes(&app).await;
    let plans = log.plans();
    assert!(plans.len() >= 10, "{plans:#?}");
    let bad: Vec<_> = plans
        .iter()
        .filter(|plan| {
            let returned = plan["Plan"]["Actual Rows"].as_f64().unwrap_or_default();
            rows_read(plan) > MOST_READ + 10.0 * returned
        })
        .map(|plan| format!("{} rows are read: {}", rows_read(plan), plan["Query Text"]))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
