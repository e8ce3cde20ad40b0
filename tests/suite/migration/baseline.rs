//! `migrate baseline`: creates the old service's tables, or leaves them alone.

use winserve_migration::migrate::{
    Baseline, LEGACY_TABLES, MigrateError, baseline, revert_baseline,
};
use winserve_persistence::connect;
use winserve_testkit::TestDatabase;

fn tables(database: &TestDatabase) -> Vec<String> {
    let rows = database.rows(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    );
    rows.iter().map(|row| row["tablename"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_empty_database_gets_the_tables_once() {
    let database = TestDatabase::empty();
    let mut connection = database.connect();
    assert_eq!(baseline(&mut connection, true).unwrap(), Baseline::WouldCreate);
    assert!(tables(&database).is_empty(), "a dry run writes nothing");
    assert_eq!(baseline(&mut connection, false).unwrap(), Baseline::Created);
    assert_eq!(baseline(&mut connection, false).unwrap(), Baseline::Recognised);
    for table in LEGACY_TABLES {
        assert!(tables(&database).iter().any(|it| it == table), "{table}");
    }
}

#[test]
fn a_legacy_database_is_recognised_and_left_alone() {
    let database = TestDatabase::empty();
    // As the old service created it: without our history, and with columns that we do not know.
    database
        .execute(include_str!("../../../migrations/baseline/00000000000000_legacy_tables/up.sql"));
    database
        .execute("ALTER TABLE campaign ADD COLUMN unknown text; CREATE TABLE ai_chat (id text)");
    let before = tables(&database);
    assert_eq!(baseline(&mut database.connect(), false).unwrap(), Baseline::Recognised);
    assert_eq!(tables(&database), before, "not even a history table");
}

#[test]
fn a_database_of_another_service_is_refused() {
    let database = TestDatabase::empty();
    database.execute("CREATE TABLE invoices (id text)");
    let error = baseline(&mut database.connect(), false).unwrap_err();
    assert!(error.to_string().contains("invoices"), "{error}");
    assert_eq!(tables(&database), ["invoices"]);
}

#[test]
fn a_database_with_half_of_the_tables_is_refused_and_the_missing_are_named() {
    let database = TestDatabase::new();
    database.execute("DROP TABLE outreach, poll_issues CASCADE");
    let before = tables(&database);
    let error = baseline(&mut database.connect(), false).unwrap_err();
    assert!(matches!(&error, MigrateError::Incomplete { missing } if missing.len() == 2));
    assert!(error.to_string().contains("poll_issues, outreach missing"), "{error}");
    assert_eq!(tables(&database), before);
}

#[test]
fn tables_of_the_same_names_but_another_shape_are_refused() {
    let database = TestDatabase::new();
    database.execute("ALTER TABLE campaign DROP COLUMN details");
    let error = baseline(&mut database.connect(), false).unwrap_err();
    assert!(matches!(error, MigrateError::Unexpected(_)), "{error}");
}

#[test]
fn down_undoes_up_and_up_works_again() {
    let database = TestDatabase::empty();
    let mut connection = database.connect();
    baseline(&mut connection, false).unwrap();
    revert_baseline(&mut connection).unwrap();
    assert_eq!(tables(&database), ["__diesel_schema_migrations"]);
    let types = database.rows("SELECT typname FROM pg_type WHERE typtype = 'e'");
    assert!(types.is_empty(), "{types:?}");
    assert_eq!(baseline(&mut connection, false).unwrap(), Baseline::Created);
}

#[test]
fn two_processes_that_migrate_at_once_do_it_once() {
    let database = TestDatabase::empty();
    let url = database.url();
    let outcomes = std::thread::scope(|scope| {
        let migrating: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| baseline(&mut connect(&url, "test").unwrap(), false).unwrap()))
            .collect();
        migrating.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let created = outcomes.iter().filter(|outcome| **outcome == Baseline::Created).count();
    assert_eq!(created, 1, "{outcomes:?}");
}
