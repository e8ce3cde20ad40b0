//! `backfill clean` moves the old keys to the archive, and `backfill restore` puts them back byte for byte.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use diesel::{RunQueryDsl as _, connection::SimpleConnection as _};
use serde_json::{Value, json};
use winserve_migration::{
    CleanReport, Phase, RestoreReport, RunError, Unobserved, clean, dry_run_clean, dry_run_restore,
    migrate::{Group, MigrateError, expand, revert},
    restore,
};
use winserve_testkit::TestDatabase;

use super::backfill_run::{finish, options, undisturbed};
use crate::{api::unreadable_json::DEEP, fixtures, migration::generated};

/// Leaves phase 1 for phase 3, without the gates.
fn enter_phase_3(database: &TestDatabase) {
    let mut connection = database.connect();
    expand(&mut connection, Group::Phase2).unwrap();
    expand(&mut connection, Group::Phase3).unwrap();
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-3'");
}

/// Generated campaigns in phase 3, with their old JSON.
pub(crate) fn in_phase_3(campaigns: u32) -> TestDatabase {
    TestDatabase::copy_of(&format!("phase_3_{campaigns}"), Phase::Three, || {
        let database = undisturbed(campaigns);
        enter_phase_3(&database);
        database
    })
}

/// One campaign for each case, backfilled and in phase 3.
fn with_campaigns(cases: &[(Value, Option<Value>)]) -> TestDatabase {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    for (id, (details, goals)) in (1..).zip(cases) {
        fixtures::campaign(&database, id, 7, details, goals.as_ref());
    }
    generated::advance(&database);
    finish(&database);
    enter_phase_3(&database);
    database
}

/// Campaigns and kills of the long tests; `WINSERVE_CHAOS=2000,20 make chaos` does less.
#[expect(clippy::disallowed_methods, reason = "for a quick look at a test that takes long")]
pub(crate) fn chaos_size() -> (u32, u32) {
    std::env::var("WINSERVE_CHAOS").map_or((20_000, 200), |text| {
        let (campaigns, kills) = text.split_once(',').unwrap();
        (campaigns.parse().unwrap(), kills.parse().unwrap())
    })
}

/// A digest of every campaign and its voter goals, to the byte.
pub(crate) fn rows_as_text(database: &TestDatabase) -> Value {
    database.row(
        "SELECT count(*), md5(string_agg(campaign::text || coalesce(goals::text, ''), ';' ORDER BY campaign.id))
         FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id",
    )
}

/// The same for the archive, without times and runs.
pub(crate) fn archive_as_text(database: &TestDatabase) -> Value {
    database.row(
        "SELECT count(*), md5(string_agg(concat_ws('|', campaign_id, details, path_to_victory), ';' ORDER BY campaign_id))
         FROM backfill_archive",
    )
}

/// The JSON of a campaign and of its voter goals, as text.
fn json_of(database: &TestDatabase, campaign: i32) -> (Value, Value) {
    let row = database.row(&format!(
        "SELECT details, goals.data FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id
         WHERE campaign.id = {campaign}"
    ));
    (row["details"].clone(), row["data"].clone())
}

fn cleaned(database: &TestDatabase) -> CleanReport {
    clean(&options(database), &[], &mut Unobserved).unwrap()
}

fn restored(database: &TestDatabase) -> RestoreReport {
    let report = restore(&options(database), &[], &mut Unobserved).unwrap();
    assert_eq!(report.exit_code, 0, "{report:?}");
    assert!(database.rows("SELECT FROM backfill_archive").is_empty());
    report
}

/// Values that only PostgreSQL can hold, values in odd places, and JSON of other types.
fn add_odd_values(database: &TestDatabase) {
    database.execute_unmapped(&format!(
        "SET winserve.writer = 'winserve'; SET session_replication_role = replica;
         UPDATE campaign SET details = details || '{{\"raceId\": 1.50, \"budget\": 1e400, \"ballotLevel\": 1.0}}' WHERE id % 97 = 1
             AND jsonb_typeof(details) = 'object' AND details->>'ballotLevel' IS NULL;
         UPDATE campaign SET details = jsonb_set(details, '{{bio}}', {DEEP}) WHERE id % 97 = 2 AND jsonb_typeof(details) = 'object';
         UPDATE path_to_victory SET data = data || '{{\"winNumber\": 1.10, \"districtId\": \"d\"}}' WHERE campaign_id % 97 = 3
             AND jsonb_typeof(data) = 'object';
         RESET session_replication_role; RESET winserve.writer"
    ));
}

fn whole_path(campaigns: u32) {
    let database = in_phase_3(campaigns);
    add_odd_values(&database);
    let before = rows_as_text(&database);
    let planned = dry_run_clean(&mut database.connect(), &[]).unwrap();
    assert_eq!(rows_as_text(&database), before, "a dry run writes nothing");
    assert_eq!((planned.exit_code, &planned.step), (0, &None), "{planned:?}");
    assert!(planned.archived > i64::from(campaigns) / 2, "{planned:?}");

    let report = cleaned(&database);
    assert_eq!((report.exit_code, report.archived), (0, planned.archived), "{report:?}");
    assert_eq!(report.next_steps, ["backfill plan"]);
    let left = "SELECT FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id
        WHERE jsonb_typeof(details) = 'object'
          AND (details ?| '{positionId,ballotLevel,level,state,office,otherOffice}'
               OR position_id LIKE 'custom:%' AND details ?| '{city,county,district}')
        OR jsonb_typeof(goals.data) = 'object' AND goals.data ?| '{electionType,electionLocation,districtManuallySet}'";
    assert!(database.rows(left).is_empty());
    let kept = "SELECT FROM campaign WHERE position_id NOT LIKE 'custom:%' AND details ? 'city'";
    assert!(!database.rows(kept).is_empty(), "a person's own text stays");
    assert_eq!(
        database.rows("SELECT FROM backfill_archive").len(),
        usize::try_from(report.archived).unwrap()
    );
    assert!(database.rows("SELECT FROM legacy_change").is_empty(), "nobody else wrote");

    let archived = archive_as_text(&database);
    let again = cleaned(&database);
    assert_eq!((again.exit_code, again.archived), (0, 0), "{again:?}");
    assert_eq!(archive_as_text(&database), archived);

    let planned = dry_run_restore(&mut database.connect(), &[]).unwrap();
    assert_eq!((planned.restored, planned.rewritten), (report.archived, 0), "{planned:?}");
    let back = restored(&database);
    assert_eq!((back.restored, back.rewritten), (report.archived, 0), "{back:?}");
    assert_eq!(back.next_steps, ["backfill phase back"]);
    assert_eq!(rows_as_text(&database), before);
    assert_eq!(restored(&database).restored, 0);
    assert_eq!(rows_as_text(&database), before);
}

#[test]
fn restore_puts_back_byte_for_byte_what_clean_removed() {
    whole_path(3_000);
}

#[test]
#[ignore = "make chaos"]
fn chaos_restore_puts_back_byte_for_byte_what_clean_removed() {
    whole_path(chaos_size().0);
}

#[test]
fn json_that_is_no_object_stays_and_texts_in_an_array_are_no_keys() {
    let database = with_campaigns(&[
        (json!(["state", "office"]), Some(json!(["electionType"]))),
        (json!("state"), Some(json!("electionType"))),
        (Value::Null, Some(Value::Null)),
        (json!({"zip": "49286"}), None),
    ]);
    let before = rows_as_text(&database);
    assert_eq!((cleaned(&database).exit_code, rows_as_text(&database)), (0, before));
    assert!(database.rows("SELECT FROM backfill_archive").is_empty());
}

fn mayor(number: i32) -> (Value, Option<Value>) {
    let details = json!({"positionId": fixtures::MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI", "number": number});
    (details, Some(json!({"electionType": "City", "electionLocation": "TECUMSEH", "winNumber": 5})))
}

fn clerk() -> (Value, Option<Value>) {
    let details = json!({"positionId": null, "office": "Clerk", "otherOffice": "", "state": "mi", "city": "Ann Arbor"});
    (details, Some(json!({"winNumber": 5})))
}

/// Changes the tables as phase 3 does, each campaign otherwise.
fn change_tables(database: &TestDatabase) {
    database.execute_unmapped(&format!(
        "INSERT INTO ballot_position (id, source, office, state) VALUES ('{}', 'ballot_ready', 'Council', 'WY');
         UPDATE campaign SET position_id = '{0}' WHERE id = 1;
         UPDATE ballot_position SET office = 'Dog Catcher', city = NULL WHERE id = 'custom:campaign:2';
         UPDATE campaign SET l2_district_type = 'City_Ward', l2_district_name = 'WARD 3', district_manually_set = true
         WHERE id IN (3, 4)",
        fixtures::COUNCIL
    ));
}

#[test]
fn rows_that_differ_are_refused_by_category_and_stay_unless_the_category_is_accepted() {
    let database = with_campaigns(&[mayor(1), clerk(), mayor(3), clerk(), mayor(5)]);
    change_tables(&database);
    let before: Vec<_> = (1..=4).map(|id| json_of(&database, id)).collect();
    let planned = dry_run_clean(&mut database.connect(), &[]).unwrap();
    let report = cleaned(&database);
    for report in [&planned, &report] {
        assert_eq!((report.exit_code, report.archived), (70, 1), "{report:?}");
        let refused: Vec<_> =
            report.refused.iter().map(|(name, rows)| (*name, rows.keys.as_slice())).collect();
        let expected: [(&str, &[i32]); 5] = [
            ("unexpected-district", &[4]),
            ("wrong-district", &[1, 3]),
            ("wrong-manual-flag", &[3, 4]),
            ("wrong-office-text", &[2]),
            ("wrong-position", &[1]),
        ];
        assert_eq!(refused, expected);
        assert_eq!(
            report.next_steps,
            [
                "backfill clean --accept unexpected-district,wrong-district,wrong-manual-flag,wrong-office-text,wrong-position"
            ]
        );
    }
    assert_eq!((1..=4).map(|id| json_of(&database, id)).collect::<Vec<_>>(), before);
    assert_eq!(json_of(&database, 5), (json!({"number": 5}), json!({"winNumber": 5})));

    let accepted = ["wrong-office-text".to_owned()];
    let report = clean(&options(&database), &accepted, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.archived, report.refused.len()), (70, 1, 4), "{report:?}");
    assert_eq!(json_of(&database, 2), (json!({}), json!({"winNumber": 5})));
    let unknown = clean(&options(&database), &["shared-text".to_owned()], &mut Unobserved);
    let unknown = unknown.unwrap_err();
    assert!(matches!(unknown, RunError::UnknownCategory { .. }), "{unknown:?}");
}

#[test]
fn a_campaign_that_changed_after_clean_is_restored_in_canonical_form() {
    let database = with_campaigns(&[mayor(1), clerk(), mayor(3), clerk(), mayor(5)]);
    let before = json_of(&database, 5);
    assert_eq!(cleaned(&database).exit_code, 0);
    change_tables(&database);
    let planned = dry_run_restore(&mut database.connect(), &[]).unwrap();
    let report = restored(&database);
    for report in [&planned, &report] {
        assert_eq!((report.restored, report.rewritten), (5, 4), "{report:?}");
    }
    let council = json!({"positionId": fixtures::COUNCIL, "office": "Other", "otherOffice": "Council", "state": "WY", "number": 1});
    assert_eq!(json_of(&database, 1), (council, json!({"winNumber": 5})));
    let catcher =
        json!({"positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "MI"});
    assert_eq!(json_of(&database, 2), (catcher, json!({"winNumber": 5})));
    let ward = json!({"electionType": "City_Ward", "electionLocation": "WARD 3", "districtManuallySet": true, "winNumber": 5});
    assert_eq!(json_of(&database, 3).1, ward);
    assert_eq!(json_of(&database, 4).1, ward);
    assert_eq!(json_of(&database, 5), before);
    // What was restored agrees with the tables: it can be cleaned again.
    assert_eq!(cleaned(&database).archived, 5);
}

#[test]
fn rows_that_were_cleaned_although_they_differ_come_back_byte_for_byte() {
    let database = with_campaigns(&[mayor(1), clerk(), mayor(3), clerk(), mayor(5)]);
    let before = rows_as_text(&database);
    change_tables(&database);
    let changed = rows_as_text(&database);
    assert_ne!(changed, before);
    let accepted = [
        "unexpected-district",
        "wrong-district",
        "wrong-manual-flag",
        "wrong-office-text",
        "wrong-position",
    ]
    .map(str::to_owned);
    let report = clean(&options(&database), &accepted, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.archived), (0, 5), "{report:?}");
    let report = restored(&database);
    assert_eq!((report.restored, report.rewritten), (5, 0), "{report:?}");
    assert_eq!(rows_as_text(&database), changed);

    // What changes after that is written as the tables say it.
    let report = clean(&options(&database), &accepted, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.archived), (0, 5), "{report:?}");
    database.execute_unmapped(
        "UPDATE ballot_position SET office = 'Cat Catcher' WHERE id = 'custom:campaign:2'",
    );
    let report = restored(&database);
    assert_eq!((report.restored, report.rewritten), (5, 1), "{report:?}");
    assert_eq!(json_of(&database, 2).0["office"], "Cat Catcher");
}

#[test]
fn what_has_no_place_any_more_stays_in_the_archive_until_that_is_accepted() {
    let database = with_campaigns(&[mayor(1), mayor(2), mayor(3), mayor(4)]);
    let before = json_of(&database, 4);
    assert_eq!(cleaned(&database).archived, 4);
    database.execute_unmapped(
        "SET winserve.writer = 'winserve'; SET session_replication_role = replica;
         UPDATE campaign SET details = '[]' WHERE id = 1;
         DELETE FROM path_to_victory WHERE campaign_id = 2;
         UPDATE path_to_victory SET data = 'null' WHERE campaign_id = 3;
         RESET session_replication_role; RESET winserve.writer",
    );
    let archived = "SELECT campaign_id, details, path_to_victory FROM backfill_archive
                    WHERE campaign_id < 4 ORDER BY campaign_id";
    let kept = database.rows(archived);
    assert_eq!(kept.len(), 3);
    let planned = dry_run_restore(&mut database.connect(), &[]).unwrap();
    let report = restore(&options(&database), &[], &mut Unobserved).unwrap();
    for report in [&planned, &report] {
        assert_eq!((report.restored, report.exit_code), (1, 23), "{report:?}");
        assert_eq!(report.refused["no-place"].keys, [1, 2, 3]);
        assert_eq!(report.next_steps, ["backfill restore --accept no-place"]);
        let text = winserve_migration::restore_table(report);
        assert!(
            text.contains("REFUSED  no-place: 3 campaigns are unchanged; first keys 1, 2, 3"),
            "{text}"
        );
    }
    assert_eq!(database.rows(archived), kept);
    assert_eq!(json_of(&database, 4), before);

    let unknown = restore(&options(&database), &["wrong-flag".to_owned()], &mut Unobserved);
    assert!(matches!(unknown.unwrap_err(), RunError::UnknownCategory { .. }));
    let accepted = ["no-place".to_owned()];
    let planned = dry_run_restore(&mut database.connect(), &accepted).unwrap();
    let report = restore(&options(&database), &accepted, &mut Unobserved).unwrap();
    assert_eq!((planned.restored, planned.exit_code), (3, 0), "{planned:?}");
    assert_eq!((report.restored, report.exit_code), (3, 0), "{report:?}");
    assert!(database.rows("SELECT FROM backfill_archive").is_empty());
    // What still has a place is put back.
    assert_eq!(json_of(&database, 2).0, mayor(2).0);
    assert_eq!(json_of(&database, 1).0, json!([]));
}

#[test]
fn a_place_that_was_removed_with_its_typed_in_office_does_not_come_back() {
    let database = with_campaigns(&[clerk()]);
    assert_eq!(cleaned(&database).archived, 1);
    database.execute_unmapped(&format!(
        "INSERT INTO ballot_position (id, source, office, state) VALUES ('{0}', 'ballot_ready', 'Council', 'WY');
         UPDATE campaign SET position_id = '{0}' WHERE id = 1",
        fixtures::COUNCIL
    ));
    assert_eq!(restored(&database).rewritten, 1);
    let council = json!({"positionId": fixtures::COUNCIL, "office": "Other", "otherOffice": "Council", "state": "WY"});
    assert_eq!(json_of(&database, 1).0, council, "the city of the clerk is gone");
}

#[test]
fn restore_lists_what_the_old_shape_cannot_say() {
    let database = with_campaigns(&[mayor(1)]);
    database.execute_unmapped(
        "INSERT INTO elected_office (id, updated_at, user_id) VALUES ('o-1', now(), 7);
         INSERT INTO voter_file_filter (updated_at, organization_id, organization_type)
             SELECT now(), organization_id, 'elected_office' FROM elected_office",
    );
    let report = restored(&database);
    let said: Vec<_> = report.cannot_say.into_iter().collect();
    assert_eq!(said, [("office-filters", 1), ("offices-without-campaign", 1)]);
}

#[test]
fn both_run_in_phase_3_only() {
    let database = undisturbed(600);
    let options = options(&database);
    let refused = [
        clean(&options, &[], &mut Unobserved).map(drop),
        restore(&options, &[], &mut Unobserved).map(drop),
        dry_run_clean(&mut database.connect(), &[]).map(drop),
    ];
    for refused in refused {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, RunError::NotPhase3(Phase::One)), "{refused:?}");
        assert_eq!(refused.next_steps(), ["backfill plan"]);
    }
}

#[test]
fn the_archive_goes_with_its_user_and_keeps_the_schema_of_phase_3() {
    let database = with_campaigns(&[mayor(1), mayor(2)]);
    cleaned(&database);
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-2'");
    let refused = revert(&mut database.connect(), Group::Phase3);
    assert!(matches!(refused, Err(MigrateError::Failed(_))), "{refused:?}");
    database.execute_unmapped(r#"DELETE FROM "user""#);
    assert!(database.rows("SELECT FROM backfill_archive").is_empty());
    revert(&mut database.connect(), Group::Phase3).unwrap();
}

#[test]
fn a_full_disk_stops_both_and_nothing_is_lost() {
    let database = in_phase_3(600);
    let before = rows_as_text(&database);
    let full = |event: &str, table: &str, condition: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER full_disk BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition})
             EXECUTE FUNCTION full_disk()"
        )
    };
    let with_state =
        "SELECT id FROM campaign WHERE details ? 'state' ORDER BY id OFFSET 100 LIMIT 1";
    let id = database.row(with_state)["id"].clone();
    database.execute_unmapped(&full(
        "INSERT",
        "backfill_archive",
        &format!("NEW.campaign_id = {id}"),
    ));
    let stopped = clean(&options(&database), &[], &mut Unobserved).unwrap_err();
    assert!(matches!(stopped, RunError::Unavailable(_)), "{stopped:?}");
    let whole = format!("SELECT count(*) FROM campaign WHERE id = {id} AND details ? 'state'");
    assert_eq!(database.row(&whole)["count"], 1);
    database.execute_unmapped("DROP TRIGGER full_disk ON backfill_archive");
    assert_eq!(cleaned(&database).exit_code, 0);
    database.execute_unmapped(&full(
        "DELETE",
        "backfill_archive",
        &format!("OLD.campaign_id = {id}"),
    ));
    let stopped = restore(&options(&database), &[], &mut Unobserved).unwrap_err();
    assert!(matches!(stopped, RunError::Unavailable(_)), "{stopped:?}");
    assert_eq!(database.row(&whole)["count"], 0);
    database.execute_unmapped("DROP TRIGGER full_disk ON backfill_archive");
    restored(&database);
    assert_eq!(rows_as_text(&database), before);
}

#[test]
fn a_row_that_the_database_rejects_is_named_and_the_others_are_cleaned() {
    let database = with_campaigns(&[mayor(1), mayor(2), mayor(3)]);
    database.execute_unmapped(
        "ALTER TABLE backfill_archive ADD CONSTRAINT odd CHECK (campaign_id <> 2)",
    );
    let report = cleaned(&database);
    assert_eq!((report.exit_code, report.archived), (70, 2), "{report:?}");
    assert_eq!(report.refused["row-refused"].keys, [2]);
    database.execute_unmapped("ALTER TABLE backfill_archive DROP CONSTRAINT odd");
    assert_eq!(cleaned(&database).exit_code, 0);
}

#[test]
fn a_locked_row_is_left_until_it_is_free_and_a_live_writer_loses_nothing() {
    const WRITTEN: i32 = 200;
    let database = in_phase_3(600);
    let before = rows_as_text(&database);
    let write = |connection: &mut diesel::PgConnection, id: i32| {
        diesel::sql_query(format!(
            "UPDATE campaign SET details = details || jsonb_build_object('written', coalesce((details->>'written')::integer, 0) + 1)
             WHERE id = {id} AND jsonb_typeof(details) = 'object'"
        ))
        .execute(connection)
        .unwrap()
    };
    let is_over = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = database.connect();
            connection.batch_execute("SET winserve.writer = 'winserve'").unwrap();
            let mut written = 0;
            for round in 0.. {
                for id in 1..=WRITTEN {
                    written += write(&mut connection, id);
                }
                if round > 0 && is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            written
        });
        let mut last = Vec::new();
        for _ in 0..3 {
            last.push(clean(&options(&database), &[], &mut Unobserved).map(|it| it.exit_code));
            last.push(restore(&options(&database), &[], &mut Unobserved).map(|it| it.exit_code));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(last.iter().all(|code| matches!(code, Ok(0 | 23))), "{last:?}");
        writer.join().unwrap()
    });
    restored(&database);
    let counted = database.row("SELECT sum((details->>'written')::integer) FROM campaign WHERE jsonb_typeof(details) = 'object'");
    assert_eq!(counted["sum"], json!(written));
    database.execute_unmapped(
        "UPDATE campaign SET details = details - 'written' WHERE jsonb_typeof(details) = 'object'",
    );
    assert_eq!(rows_as_text(&database), before);
}
