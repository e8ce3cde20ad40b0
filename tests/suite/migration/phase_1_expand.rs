//! `migrate phase-1-expand`: the constraints, and the triggers for the old service.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use serde_json::json;
use winserve_migration::migrate::{Group, MigrateError, expand, is_expanded, pending_of, revert};
use winserve_testkit::TestDatabase;

use crate::fixtures::{self, DUMP};

fn expanded() -> TestDatabase {
    let database = TestDatabase::new();
    expand(&mut database.connect(), Group::Phase1).unwrap();
    database
}

/// The message of the database when it refuses a statement.
fn refusal(database: &TestDatabase, sql: &str) -> String {
    let outcome = database.connect().batch_execute(sql);
    outcome.err().map_or_else(|| panic!("not refused: {sql}"), |error| error.to_string())
}

#[test]
fn run_twice_it_is_harmless_and_a_dry_run_writes_nothing() {
    let database = TestDatabase::new();
    let mut connection = database.connect();
    let before = database.rows(DUMP);
    let pending = pending_of(&mut connection, Group::Phase1).unwrap();
    assert_eq!(database.rows(DUMP), before);
    assert_eq!(expand(&mut connection, Group::Phase1).unwrap(), pending);
    assert!(is_expanded(&mut connection, Group::Phase1).unwrap());
    let after = database.rows(DUMP);
    assert!(expand(&mut connection, Group::Phase1).unwrap().is_empty());
    assert_eq!(database.rows(DUMP), after);
}

#[test]
fn a_legacy_database_without_our_history_is_expanded_too() {
    let database = TestDatabase::empty();
    database
        .execute(include_str!("../../../migrations/baseline/00000000000000_legacy_tables/up.sql"));
    assert!(!expand(&mut database.connect(), Group::Phase1).unwrap().is_empty());
}

#[test]
fn down_undoes_up_to_the_letter_and_up_works_again() {
    let database = TestDatabase::new();
    let mut connection = database.connect();
    let before = database.rows(DUMP);
    expand(&mut connection, Group::Phase1).unwrap();
    let expanded = database.rows(DUMP);
    revert(&mut connection, Group::Phase1).unwrap();
    assert_eq!(database.rows(DUMP), before);
    expand(&mut connection, Group::Phase1).unwrap();
    assert_eq!(database.rows(DUMP), expanded);
}

#[test]
fn a_long_report_elsewhere_does_not_keep_indexes_from_being_built() {
    let database = TestDatabase::new();
    let mut report = database.connect();
    report
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM outreach")
        .unwrap();
    let expanding = std::thread::spawn({
        let mut connection = database.connect();
        move || expand(&mut connection, Group::Phase1)
    });
    std::thread::sleep(Duration::from_secs(1));
    report.batch_execute("COMMIT").unwrap();
    assert!(!expanding.join().unwrap().unwrap().is_empty());
}

#[test]
fn the_old_service_may_know_nothing_of_the_new_tables_and_may_upsert() {
    let database = expanded();
    let role = format!(
        "old_{}",
        database.row("SELECT current_database()::text AS n")["n"].as_str().unwrap()
    );
    fixtures::user(&database, 7, "candidate");
    database.execute(&format!(
        r#"CREATE ROLE {role};
           GRANT SELECT, INSERT, UPDATE, DELETE ON campaign, elected_office, voter_file_filter, "user" TO {role};
           GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
           SET ROLE {role}; SET search_path = '';
           INSERT INTO public.campaign (id, updated_at, slug, user_id) VALUES (11, now(), 'a', 7);
           INSERT INTO public.campaign (id, updated_at, slug, user_id) VALUES (11, now(), 'b', 7)
               ON CONFLICT DO NOTHING;
           INSERT INTO public.campaign (id, updated_at, slug, user_id) VALUES (12, now(), 'a', 7)
               ON CONFLICT (slug) DO UPDATE SET updated_at = now();
           INSERT INTO public.voter_file_filter (updated_at, campaign_id) VALUES (now(), 11);
           DELETE FROM public.campaign;
           RESET ROLE; RESET search_path;
           DROP OWNED BY {role}; DROP ROLE {role}"#
    ));
    for table in ["campaign", "organization", "ballot_position", "voter_file_filter"] {
        assert!(database.rows(&format!("SELECT FROM {table}")).is_empty(), "{table}");
    }
}

#[test]
fn it_is_not_undone_while_the_phase_needs_it() {
    let database = expanded();
    database.execute("UPDATE migration_phase SET phase = 'phase-1'");
    assert!(revert(&mut database.connect(), Group::Phase1).is_err());
    assert!(!database.rows("SELECT FROM pg_tables WHERE tablename = 'organization'").is_empty());
}

#[test]
fn every_new_table_and_column_is_commented() {
    let database = expanded();
    let bare = database.rows(
        "SELECT attrelid::regclass::text AS relation, attname FROM pg_attribute
         WHERE attrelid IN ('ballot_position'::regclass, 'organization'::regclass,
                            'organization_event'::regclass, 'migration_phase'::regclass,
                            'migration_phase_history'::regclass, 'backfill_run'::regclass,
                            'backfill_batch'::regclass, 'backfill_quarantine'::regclass)
           AND attnum > 0 AND col_description(attrelid, attnum) IS NULL
         UNION ALL SELECT oid::regclass::text, NULL FROM pg_class
         WHERE relname IN ('ballot_position', 'organization', 'organization_event',
                           'migration_phase', 'migration_phase_history', 'backfill_run',
                           'backfill_batch', 'backfill_quarantine')
           AND obj_description(oid, 'pg_class') IS NULL",
    );
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn a_busy_table_delays_it_but_is_never_kept_waiting_long() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; UPDATE campaign SET is_demo = true").unwrap();
    let expanding = std::thread::spawn({
        let mut connection = database.connect();
        move || expand(&mut connection, Group::Phase1)
    });
    std::thread::sleep(Duration::from_millis(1500));
    // Other statements get through between the attempts, although the migration waits for the first
    // writer.
    let mut other = database.connect();
    other.batch_execute("SET statement_timeout = '5s'; SELECT count(*) FROM campaign").unwrap();
    writer.batch_execute("COMMIT").unwrap();
    assert!(!expanding.join().unwrap().unwrap().is_empty());
}

#[test]
fn a_half_built_index_of_an_interrupted_run_is_built_again() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    fixtures::campaign(&database, 12, 7, &json!({}), None);
    fixtures::user(&database, 8, "candidate");
    let mut connection = database.connect();
    let indexes = [
        ("campaign_user_id_id_idx", "campaign", "(user_id, id)"),
        ("user_email_lower_idx", "\"user\"", "(lower(email))"),
    ];
    for (name, table, _) in indexes {
        // A unique index that cannot be built stays behind, invalid.
        connection
            .batch_execute(&format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ((1))"))
            .expect_err("there are two rows");
    }
    expand(&mut connection, Group::Phase1).unwrap();
    for (name, _, columns) in indexes {
        let index = database.row(&format!(
            "SELECT indisvalid, pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indexrelid = '{name}'::regclass"
        ));
        assert_eq!(index["indisvalid"], true, "{name}");
        assert!(index["definition"].as_str().unwrap().contains(columns), "{index}");
    }
}

/// `phase-1-expand` once allowed offices without a campaign.
#[test]
fn offices_without_a_campaign_of_an_earlier_build_are_named_before_anything_is_done() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute(
        "ALTER TABLE elected_office ALTER COLUMN campaign_id DROP NOT NULL,
             DROP CONSTRAINT elected_office_campaign_id_fkey,
             ADD CONSTRAINT elected_office_campaign_id_fkey
                 FOREIGN KEY (campaign_id) REFERENCES campaign (id) ON DELETE SET NULL ON UPDATE CASCADE;
         DELETE FROM __diesel_schema_migrations
             WHERE version IN ('20261120000605', '20261120001210', '20261120001211', '20261120001212');
         INSERT INTO elected_office (id, updated_at, user_id) VALUES ('o-1', now(), 7)",
    );
    let mut connection = database.connect();
    let before = database.rows(DUMP);
    for refused in [
        expand(&mut connection, Group::Phase1).unwrap_err(),
        pending_of(&mut connection, Group::Phase1).unwrap_err(),
    ] {
        let message = refused.to_string();
        assert!(message.contains("1 rows of elected_office have no campaign"), "{message}");
        assert!(message.contains(": o-1; give each a campaign"), "{message}");
    }
    assert_eq!(database.rows(DUMP), before);
    database.execute("UPDATE elected_office SET campaign_id = 11");
    assert_eq!(expand(&mut connection, Group::Phase1).unwrap().len(), 4);
    let found = database.rows(DUMP);
    assert_eq!(found, expanded().rows(DUMP));
}

#[test]
fn a_campaign_of_the_old_service_gets_organization_and_position() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let row = database.row(
        "SELECT organization.owner_id, organization.type, position_id, source,
                substring(organization.id::text FROM 15 FOR 1) AS version
         FROM campaign JOIN organization ON organization.id = organization_id
         JOIN ballot_position ON ballot_position.id = position_id",
    );
    let expected = json!({
        "owner_id": 7, "type": "campaign", "position_id": "custom:campaign:11", "source": "custom",
        "version": "7",
    });
    assert_eq!(row, expected);
}

#[test]
fn an_office_and_a_filter_of_the_old_service_are_completed_too() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 11);
         INSERT INTO voter_file_filter (updated_at, campaign_id, party_democrat) VALUES (now(), 11, true)",
    );
    let office = database.row(
        "SELECT type, owner_id, position_id FROM elected_office JOIN organization ON organization.id = organization_id",
    );
    let expected =
        json!({"type": "elected_office", "owner_id": 7, "position_id": "custom:office:o-1"});
    assert_eq!(office, expected);
    let filter = database.row(
        "SELECT voter_file_filter.organization_type, campaign.id FROM voter_file_filter
         JOIN campaign ON campaign.organization_id = voter_file_filter.organization_id",
    );
    assert_eq!(filter, json!({"organization_type": "campaign", "id": 11}));
}

#[test]
fn a_filter_of_a_campaign_that_is_not_backfilled_waits_for_it() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    expand(&mut database.connect(), Group::Phase1).unwrap();
    database.execute("INSERT INTO voter_file_filter (updated_at, campaign_id) VALUES (now(), 11)");
    let filter = database.row("SELECT organization_id, organization_type FROM voter_file_filter");
    assert_eq!(filter, json!({"organization_id": null, "organization_type": null}));
}

#[test]
fn deleting_a_campaign_takes_what_is_its_own() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute(
        "INSERT INTO voter_file_filter (updated_at, campaign_id) VALUES (now(), 11); DELETE FROM campaign",
    );
    for table in ["organization", "voter_file_filter", "ballot_position"] {
        assert!(database.rows(&format!("SELECT FROM {table}")).is_empty(), "{table}");
    }
}

#[test]
fn an_office_keeps_its_campaign_as_in_the_old_database() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 11)",
    );
    let refused = refusal(&database, "DELETE FROM campaign");
    assert!(refused.contains("elected_office_campaign_id_fkey"), "{refused}");
    let without = "INSERT INTO elected_office (id, updated_at, user_id) VALUES ('o-2', now(), 7)";
    let refused = refusal(&database, without);
    assert!(refused.contains("null value in column \"campaign_id\""), "{refused}");
}

#[test]
fn deleting_a_user_leaves_nothing() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), Some(&json!({})));
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 11);
         INSERT INTO voter_file_filter (updated_at, campaign_id) VALUES (now(), 11);
         INSERT INTO organization_event (organization_id, owner_id, actor, kind)
             SELECT id, owner_id, 'user:7', 'organization.created' FROM organization;
         DELETE FROM \"user\"",
    );
    for table in [
        "campaign",
        "path_to_victory",
        "elected_office",
        "voter_file_filter",
        "organization",
        "organization_event",
        "ballot_position",
    ] {
        assert!(database.rows(&format!("SELECT FROM {table}")).is_empty(), "{table}");
    }
}

#[test]
fn the_database_refuses_what_must_never_be() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::user(&database, 8, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    fixtures::campaign(&database, 12, 8, &json!({}), None);
    database.execute(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 11)",
    );
    let id = |query: &str| database.row(query)["id"].as_str().unwrap().to_owned();
    let of_seven = id("SELECT organization_id AS id FROM campaign WHERE id = 11");
    let of_office = id("SELECT organization_id AS id FROM elected_office");
    for (sql, constraint) in [
        // type, owner, at most one child
        (format!("UPDATE campaign SET organization_id = '{of_office}' WHERE id = 11"), "campaign_organization_fkey"),
        (format!("UPDATE campaign SET organization_id = '{of_seven}' WHERE id = 12"), "campaign_organization_id_key"),
        ("UPDATE campaign SET user_id = 8 WHERE id = 11".to_owned(), "campaign_organization_fkey"),
        ("UPDATE campaign SET organization_type = 'elected_office' WHERE id = 11".to_owned(), "campaign_organization"),
        // a child is required
        (
            "INSERT INTO organization (id, owner_id, type) VALUES (gen_random_uuid(), 7, 'campaign')".to_owned(),
            "has no campaign and no elected office",
        ),
        ("UPDATE campaign SET organization_id = NULL WHERE id = 11".to_owned(), "has no campaign"),
        (format!("DELETE FROM organization WHERE id = '{of_seven}'"), "campaign_organization_fkey"),
        // positions
        ("UPDATE campaign SET position_id = 'custom:campaign:12' WHERE id = 11".to_owned(), "campaign_custom_position_own"),
        ("UPDATE elected_office SET position_id = 'custom:campaign:11'".to_owned(), "elected_office_custom_position_own"),
        ("UPDATE campaign SET position_id = 'nowhere' WHERE id = 11".to_owned(), "campaign_position_id_fkey"),
        ("INSERT INTO ballot_position (id, source) VALUES ('custom:x', 'ballot_ready')".to_owned(), "ballot_position_custom_id"),
        ("INSERT INTO ballot_position (id, source) VALUES ('x', 'custom')".to_owned(), "ballot_position_custom_id"),
        (
            "INSERT INTO ballot_position (id, source, l2_district_type) VALUES ('x', 'ballot_ready', 'City')".to_owned(),
            "ballot_position_district_whole",
        ),
        ("UPDATE campaign SET l2_district_name = 'A' WHERE id = 11".to_owned(), "campaign_district_whole"),
        ("UPDATE elected_office SET l2_district_id = 'd'".to_owned(), "elected_office_district_whole"),
        // party
        (
            format!(
                "INSERT INTO voter_file_filter (updated_at, campaign_id, organization_id, organization_type, party_democrat)
                 VALUES (now(), 11, '{of_office}', 'elected_office', true)"
            ),
            "voter_file_filter_office_without_party",
        ),
        (
            format!(
                "INSERT INTO voter_file_filter (updated_at, campaign_id, organization_id, organization_type, party_democrat)
                 VALUES (now(), 11, '{of_office}', 'campaign', true)"
            ),
            "voter_file_filter_organization_fkey",
        ),
        // one Clerk organization, one Clerk user, one idempotent request
        (
            "UPDATE organization SET clerk_organization_id = 'org_1'".to_owned(),
            "organization_clerk_organization_id_key",
        ),
        (r#"UPDATE "user" SET clerk_id = 'user_1'"#.to_owned(), "user_clerk_id_key"),
        ("UPDATE organization SET request_key = 'k' WHERE owner_id = 7".to_owned(), "organization_owner_request_key"),
        ("INSERT INTO migration_phase (phase) VALUES ('legacy')".to_owned(), "migration_phase_pkey"),
    ] {
        let message = refusal(&database, &sql);
        assert!(message.contains(constraint), "{sql}\n{message}");
    }
}

#[test]
fn an_expanded_database_that_lost_its_tables_is_not_taken_for_one() {
    let database = TestDatabase::empty();
    assert!(matches!(expand(&mut database.connect(), Group::Phase1), Err(MigrateError::Empty)));
}
