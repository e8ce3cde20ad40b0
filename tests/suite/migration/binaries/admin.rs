//! `winserve-admin` on a database whose migration has not ended.

use serde_json::json;
use winserve_migration::Phase;
use winserve_testkit::TestDatabase;

use crate::{
    api::binaries::admin::{admin, report},
    fixtures,
};

#[test]
fn migrate_leaves_a_database_to_backfill_while_its_migration_lasts() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let database = TestDatabase::in_phase(phase);
        fixtures::user(&database, 7, "candidate");
        let before = database.rows("SELECT version FROM __diesel_schema_migrations");
        let (code, refused) = report(admin(&database).arg("migrate"));
        assert_eq!((code, &refused["exit_code"]), (Some(10), &json!(10)), "{phase}");
        assert_eq!(refused["next_steps"], json!(["backfill plan"]), "{phase}");
        assert_eq!(database.rows("SELECT version FROM __diesel_schema_migrations"), before);
    }
}
