//! Databases with the campaigns of `tests/data/gen_legacy.py`.

use std::process::{Command, Stdio};

use winserve_migration::Phase;
use winserve_migration::{
    migrate::{Group, LEGACY_TABLES, expand},
    phase::{self, PhaseChange},
};
use winserve_testkit::TestDatabase;

use crate::fixtures;

/// Runs a script in `tests/data` and loads its output.
pub(crate) fn load(database: &TestDatabase, script: &str, arguments: &[&str]) {
    let path = format!("{}/data/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut python =
        Command::new("python3").arg(path).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let loaded = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", &database.url()])
        .stdin(python.stdout.take().unwrap())
        .status()
        .unwrap();
    assert!(loaded.success() && python.wait().unwrap().success(), "{script} loads");
}

/// A legacy database with this many campaigns, and the old service's samples.
pub(crate) fn legacy(campaigns: u32) -> TestDatabase {
    TestDatabase::copy_of(&format!("legacy_{campaigns}"), Phase::Legacy, || {
        let database = TestDatabase::new();
        let count = campaigns.to_string();
        load(&database, "gen_legacy.py", &["--campaigns", &count, "--no-analyze"]);
        load(&database, "samples.py", &[]);
        database
    })
}

/// [`legacy`], expanded and advanced: the initial state for the backfill.
pub(crate) fn in_phase_1(campaigns: u32) -> TestDatabase {
    TestDatabase::copy_of(&format!("phase_1_{campaigns}"), Phase::One, || {
        let database = legacy(campaigns);
        advance(&database);
        // Several batches, though there are few rows.
        database.execute("ALTER TABLE backfill_run ALTER batch_size SET DEFAULT 200; ANALYZE");
        database
    })
}

/// A database in phase 1 with user 7, and with rows that are there since before phase 1: no trigger saw them.
pub(crate) fn with_old_rows(insert: impl FnOnce(&TestDatabase)) -> TestDatabase {
    let database = TestDatabase::copy_of("advanced", Phase::Legacy, || {
        let database = TestDatabase::new();
        fixtures::user(&database, 7, "candidate");
        advance(&database);
        database
    });
    let triggers = |are: &str| {
        for table in LEGACY_TABLES {
            database.execute(&format!("ALTER TABLE \"{table}\" {are} TRIGGER USER"));
        }
    };
    triggers("DISABLE");
    insert(&database);
    triggers("ENABLE");
    database
}

/// Expands and advances a legacy database.
pub(crate) fn advance(database: &TestDatabase) {
    let mut connection = database.connect();
    expand(&mut connection, Group::Phase1).unwrap();
    let change = PhaseChange {
        from: Phase::Legacy,
        to: Phase::One,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: Vec::new(),
        silence: std::time::Duration::ZERO,
    };
    phase::change(&mut connection, &change).unwrap();
}
