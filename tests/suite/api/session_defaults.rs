//! Our session settings, and roles with session defaults that a server cannot work with
//! (docs/postgresql.md).

use std::collections::BTreeMap;

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _, sql_types::Text,
};
use serde_json::json;
use winserve_domain::database::Access;
use winserve_persistence::connect;
use winserve_testkit::Phase;
use winserve_testkit::{TestApp, TestDatabase};

use crate::fixtures;

/// Defaults that would change or end statements, and our sessions' values.
const DEFAULTS: [(&str, &str, &str); 24] = [
    ("default_transaction_isolation", "serializable", "read committed"),
    ("default_transaction_isolation", "repeatable read", "read committed"),
    ("default_transaction_read_only", "on", "off"),
    ("default_transaction_deferrable", "on", "off"),
    ("standard_conforming_strings", "off", "on"),
    ("backslash_quote", "off", "safe_encoding"),
    ("array_nulls", "off", "on"),
    ("statement_timeout", "250ms", "0"),
    ("lock_timeout", "1ms", "0"),
    ("idle_in_transaction_session_timeout", "20ms", "0"),
    ("idle_session_timeout", "200ms", "0"),
    ("session_replication_role", "replica", "origin"),
    ("row_security", "on", "off"),
    ("DateStyle", "German, DMY", "ISO, MDY"),
    ("IntervalStyle", "sql_standard", "postgres"),
    ("TimeZone", "Asia/Kathmandu", "UTC"),
    ("bytea_output", "escape", "hex"),
    ("extra_float_digits", "-15", "1"),
    ("client_encoding", "LATIN1", "UTF8"),
    ("client_min_messages", "debug1", "warning"),
    ("quote_all_identifiers", "on", "off"),
    ("transform_null_equals", "on", "off"),
    ("xmlbinary", "hex", "base64"),
    ("xmloption", "document", "content"),
];
/// One more, from PostgreSQL 17 on.
const TRANSACTION_TIMEOUT: (&str, &str, &str) = ("transaction_timeout", "250ms", "0");

/// The defaults that a server knows.
pub(crate) fn defaults(database: &TestDatabase) -> Vec<(&'static str, &'static str, &'static str)> {
    let known = database.rows("SELECT FROM pg_settings WHERE name = 'transaction_timeout'");
    DEFAULTS.into_iter().chain((!known.is_empty()).then_some(TRANSACTION_TIMEOUT)).collect()
}

/// Returns the name of the database.
pub(crate) fn set_defaults(
    admin: &mut PgConnection,
    database: &TestDatabase,
    defaults: &[(&str, &str, &str)],
) -> String {
    let name = database.row("SELECT current_database()::text AS name")["name"].clone();
    let name = name.as_str().unwrap();
    for (setting, value, _) in defaults {
        admin.batch_execute(&format!("ALTER DATABASE {name} SET {setting} = '{value}'")).unwrap();
    }
    name.to_owned()
}

#[actix_web::test]
async fn every_session_of_ours_has_the_settings_that_it_needs_whatever_the_defaults_are() {
    let database = TestDatabase::in_phase(Phase::Two);
    let defaults = defaults(&database);
    let mut admin = database.connect();
    let name = set_defaults(&mut admin, &database, &defaults);
    let url = database.url();
    // Of the test's own connection, diesel sets these two.
    let of_diesel = ["client_encoding", "TimeZone"];
    let plain = settings(&mut PgConnection::establish(&url).unwrap());
    let plain = differing(&plain, &defaults, &of_diesel);
    assert_eq!(plain.len(), defaults.len() - of_diesel.len(), "{plain:?}");
    let tool = settings(&mut connect(&url, "test").unwrap());
    assert_eq!(differing(&tool, &defaults, &[]), []);
    let app = TestApp::on(database).await;
    for access in [Access::Read, Access::Write] {
        let found = app.settings(access).await;
        assert_eq!(differing(&found, &defaults, &LIMITS.map(|(name, _)| name)), [], "{access:?}");
        for (name, limit) in LIMITS {
            assert_eq!(found[name], limit, "{access:?}: {name}");
        }
    }
    admin.batch_execute(&format!("ALTER DATABASE {name} RESET ALL")).unwrap();
}

/// Limits of `api`.
pub(crate) const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "15s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
];

/// Settings with unexpected values, except for some.
pub(crate) fn differing<'d>(
    found: &BTreeMap<String, String>,
    defaults: &[(&'d str, &str, &str)],
    except: &[&str],
) -> Vec<(&'d str, String)> {
    let wanted = defaults.iter().filter(|(name, ..)| !except.contains(name));
    let differing = wanted.filter(|(name, _, wanted)| found[*name] != *wanted);
    differing.map(|(name, ..)| (*name, found[*name].clone())).collect()
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    value: String,
}

fn settings(connection: &mut PgConnection) -> BTreeMap<String, String> {
    let settings: Vec<Setting> =
        diesel::sql_query("SELECT name, current_setting(name) AS value FROM pg_settings")
            .load(connection)
            .unwrap();
    settings.into_iter().map(|it| (it.name, it.value)).collect()
}

/// Only a superuser may reset it.
#[test]
fn a_role_whose_sessions_would_run_no_triggers_is_refused() {
    let database = TestDatabase::new();
    let role = database.role("replica");
    database.execute_unmapped(&format!("ALTER ROLE {role} SET session_replication_role = replica"));
    let refused = format!("{:?}", connect(&database.url_as(&role), "test").err().unwrap());
    assert!(refused.contains("session_replication_role"), "{refused}");
}

#[actix_web::test]
async fn a_server_that_rows_are_hidden_from_does_not_serve() {
    let database = TestDatabase::in_phase(Phase::Two);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"office": "Dog Catcher", "state": "MI"}), None);
    let role = database.server_role();
    database.execute_unmapped("ALTER TABLE campaign ENABLE ROW LEVEL SECURITY");
    let app = TestApp::as_role(database, &role).await;
    assert_eq!(app.anonymous().get("/readyz").await.status, 503);
    assert_ne!(
        app.user(7).get("/v1/campaigns/mine").await.status,
        404,
        "it is not reported as absent"
    );
    app.database.execute_unmapped("ALTER TABLE campaign DISABLE ROW LEVEL SECURITY");
    assert_eq!(app.user(7).get("/v1/campaigns/mine").await.status, 200);
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
}
