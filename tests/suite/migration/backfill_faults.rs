//! Fault tests of a backfill run: locked, changing and unwritable rows, workers that return too late, lost
//! connections, and writers that lock in every order.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use diesel::{Connection as _, connection::SimpleConnection as _};
use serde_json::json;
use winserve_migration::Phase;
use winserve_migration::{
    Options, RunError, Unobserved,
    legacy::unlinked_campaigns,
    run_organizations, run_positions,
    sql::{self as store, CampaignLink, Claim, Counts, Cut, Fate, Job, Range},
    verify,
};
use winserve_persistence::PgConnection;
use winserve_testkit::TestDatabase;

use super::{
    backfill_run::{assert_same_result, finish, options, undisturbed},
    generated,
};
use crate::binaries::wait_until;

/// Five batches of 200; `make chaos` has 200,000 campaigns.
pub(crate) const CAMPAIGNS: u32 = 1_000;

pub(crate) fn with_positions() -> TestDatabase {
    TestDatabase::copy_of(&format!("positions_{CAMPAIGNS}"), Phase::One, || {
        let database = generated::in_phase_1(CAMPAIGNS);
        run_positions(&options(&database), None, &mut Unobserved).unwrap();
        database
    })
}

fn everything() -> Range {
    Range { after: None, through: i32::MAX.to_string() }
}

/// Links for all unlinked rows, as a worker prepares them.
pub(crate) fn links(connection: &mut PgConnection) -> Vec<CampaignLink> {
    let sources = unlinked_campaigns(connection, &everything()).unwrap();
    let custom = sources
        .into_iter()
        .filter(|it| it.decoded.link.position.id.to_string().starts_with("custom:"));
    custom
        .map(|source| CampaignLink {
            campaign: source.campaign,
            version: source.version,
            link: source.decoded.link,
            position_district: None,
            organization: uuid::Uuid::now_v7(),
            is_completed: source.has_organization,
        })
        .collect()
}

#[test]
fn a_row_that_changed_since_it_was_read_is_left_to_a_sweep() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let mut connection = database.connect();
    let links = links(&mut connection);
    let goals: Vec<i32> = database
        .rows("SELECT campaign_id AS id FROM path_to_victory")
        .iter()
        .map(|row| i32::try_from(row["id"].as_i64().unwrap()).unwrap())
        .collect();
    let changed = links[0].campaign;
    let with_goals = links
        .iter()
        .find(|it| it.campaign != changed && goals.contains(&it.campaign.0))
        .unwrap()
        .campaign;
    let locked = links.iter().rev().find(|it| it.campaign != with_goals).unwrap().campaign;
    database.execute(&format!(
        "UPDATE campaign SET details = details WHERE id = {changed};
         UPDATE path_to_victory SET data = data WHERE campaign_id = {with_goals}"
    ));
    let mut writer = database.connect();
    writer
        .batch_execute(&format!(
            "BEGIN; SELECT FROM campaign WHERE id = {locked} FOR NO KEY UPDATE"
        ))
        .unwrap();
    let linked = connection.transaction(|it| store::link_campaigns(it, &links)).unwrap();
    assert_eq!(linked.len(), links.len() - 3);
    for left in [changed, with_goals, locked] {
        assert!(!linked.contains(&left), "{left}");
    }
    drop(writer);
    // The others leave no organization without a campaign and no position without its holder.
    let orphans = "SELECT FROM organization WHERE NOT EXISTS (SELECT FROM campaign WHERE organization_id = organization.id)";
    assert!(database.rows(orphans).is_empty());
    finish(&database);
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
}

#[test]
fn a_link_made_for_a_district_that_the_position_no_longer_has_is_not_written() {
    let database = with_positions();
    let mut connection = database.connect();
    let source = unlinked_campaigns(&mut connection, &everything())
        .unwrap()
        .into_iter()
        .find(|it| {
            !it.decoded.link.position.id.to_string().starts_with("custom:")
                && it.decoded.link.district_override.is_some()
        })
        .unwrap();
    let id = source.decoded.link.position.id.to_string();
    let link = CampaignLink {
        campaign: source.campaign,
        version: source.version,
        position_district: source
            .decoded
            .link
            .district_override
            .as_ref()
            .map(|it| it.district.clone()),
        link: source.decoded.link,
        organization: uuid::Uuid::now_v7(),
        is_completed: false,
    };
    database.execute(&format!(
        "UPDATE ballot_position SET l2_district_type = 'City', l2_district_name = 'ELSEWHERE' WHERE id = '{id}'"
    ));
    let linked = connection.transaction(|it| store::link_campaigns(it, &[link])).unwrap();
    assert!(linked.is_empty());
}

#[test]
fn rows_that_are_locked_are_swept_up_when_they_are_free() {
    let database = with_positions();
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; SELECT FROM campaign WHERE id IN (5, 6, 700) FOR UPDATE").unwrap();
    let running = thread::spawn({
        let options = options(&database);
        move || run_organizations(&options, None, &mut Unobserved)
    });
    let left = "SELECT FROM campaign WHERE organization_id IS NULL";
    wait_until("all others are linked", || database.rows(left).len() <= 3);
    writer.batch_execute("COMMIT").unwrap();
    let report = running.join().unwrap().unwrap();
    assert_eq!(report.exit_code, 41);
    assert!(report.steps[0].skipped >= 3, "{report:?}");
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn rows_that_stay_locked_are_named_and_another_run_links_them() {
    let database = with_positions();
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; SELECT FROM campaign WHERE id IN (5, 700) FOR UPDATE").unwrap();
    let report = run_organizations(&options(&database), None, &mut Unobserved).unwrap();
    assert_eq!(report.exit_code, 23);
    let campaigns = &report.steps[0];
    assert_eq!(
        (campaigns.remaining, &campaigns.remaining_keys),
        (2, &vec!["5".to_owned(), "700".to_owned()])
    );
    assert_eq!(report.next_steps, ["backfill run organizations"]);
    writer.batch_execute("COMMIT").unwrap();
    finish(&database);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

fn refuse(database: &TestDatabase, condition: &str) {
    database.execute(&format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
         CREATE TRIGGER refuse BEFORE UPDATE OF position_id ON campaign FOR EACH ROW WHEN ({condition})
             EXECUTE FUNCTION refuse()"
    ));
}

#[test]
fn a_batch_is_split_down_to_the_rows_that_are_refused() {
    let database = with_positions();
    refuse(&database, "OLD.id IN (450, 901, 902)");
    let options = Options { workers: 2, ..options(&database) };
    let report = run_organizations(&options, None, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (23, 3), "{report:?}");
    assert_eq!(report.steps[0].remaining_keys, ["450", "901", "902"]);
    let refused = database.rows("SELECT source_key, detail FROM backfill_quarantine WHERE code = 'row-refused' ORDER BY source_key");
    let expected =
        ["450", "901", "902"].map(|key| json!({"source_key": key, "detail": "not this one"}));
    assert_eq!(refused, expected);
    database.execute("DROP TRIGGER refuse ON campaign");
    finish(&database);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_run_stops_when_too_many_rows_are_refused() {
    let database = with_positions();
    refuse(&database, "OLD.id % 50 = 0");
    let stopped = run_organizations(&options(&database), None, &mut Unobserved);
    let Err(RunError::BudgetExceeded { refused, examined, last }) = stopped else {
        panic!("{stopped:?}")
    };
    assert!(refused * 200 > examined && examined > 200, "{refused} of {examined}");
    assert!(last.ends_with(": row-refused: not this one"), "{last}");
    database.execute("DROP TRIGGER refuse ON campaign");
    finish(&database);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_statement_that_takes_too_long_gets_fewer_rows() {
    let database = with_positions();
    database.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             -- As the server says it, but sooner.
             IF (SELECT count(*) FROM unlinked) > 100 THEN
                 RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014';
             END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER dawdle AFTER UPDATE ON campaign REFERENCING OLD TABLE AS unlinked
             FOR EACH STATEMENT EXECUTE FUNCTION dawdle()",
    );
    let report = run_organizations(&options(&database), None, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (41, 0));
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn a_row_that_takes_too_long_by_itself_goes_to_quarantine() {
    let database = generated::in_phase_1(60);
    database.expect_damage();
    run_positions(&options(&database), None, &mut Unobserved).unwrap();
    database.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             -- As the server says it, but sooner.
             RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014';
         END $$;
         CREATE TRIGGER dawdle BEFORE UPDATE ON campaign FOR EACH ROW WHEN (OLD.id = 5)
             EXECUTE FUNCTION dawdle()",
    );
    let report = run_organizations(&options(&database), None, &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (23, 1));
    let unlinked = database.rows("SELECT id FROM campaign WHERE organization_id IS NULL");
    assert_eq!(unlinked, [json!({"id": 5})]);
}

#[expect(clippy::unnecessary_wraps, reason = "as the engine calls it")]
fn ten_keys(_: &mut PgConnection, after: Option<&str>, _: i64) -> diesel::QueryResult<Option<Cut>> {
    Ok(after.is_none().then(|| Cut { through: "10".to_owned(), rows: 10 }))
}

#[test]
fn a_worker_that_comes_back_after_its_lease_publishes_nothing() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let (mut late, mut heir) = (database.connect(), database.connect());
    let run = store::join(&mut late, Job::CAMPAIGNS, None).unwrap();
    assert_eq!(store::join(&mut heir, Job::CAMPAIGNS, None).unwrap(), run, "both work on one run");
    let lease = Duration::from_millis(50);
    let Claim::Batch(first) = store::claim(&mut late, run.id, lease, ten_keys).unwrap() else {
        panic!()
    };
    let minute = Duration::from_mins(1);
    assert_eq!(store::claim(&mut heir, run.id, minute, ten_keys).unwrap(), Claim::Wait);
    thread::sleep(lease * 2);
    let Claim::Batch(second) = store::claim(&mut heir, run.id, minute, ten_keys).unwrap() else {
        panic!()
    };
    assert_eq!((second.id, &second.range, second.attempts), (first.id, &first.range, 2));
    assert_ne!(first.token, second.token);

    assert!(!store::renew(&mut late, &first, minute).unwrap());
    let fenced = late.transaction(|connection| {
        connection.batch_execute("UPDATE campaign SET is_demo = true")?;
        if store::complete(connection, &first, Counts::default())? {
            return Ok(());
        }
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(fenced.is_err());
    assert_eq!(store::look_at(&mut late, &first).unwrap(), Fate::Lost);
    assert_eq!(store::split(&mut late, &first, "5").unwrap(), None);

    assert_eq!(store::look_at(&mut heir, &second).unwrap(), Fate::Held);
    let counts = Counts { examined: 10, changed: 8, skipped: 2, ..Counts::default() };
    assert!(store::complete(&mut heir, &second, counts).unwrap());
    assert!(!store::complete(&mut heir, &second, counts).unwrap(), "once");
    assert_eq!(store::look_at(&mut heir, &second).unwrap(), Fate::Published);
    let over = Claim::PassOver { pass: 1, skipped: 2, fruitless: 0 };
    assert_eq!(store::claim(&mut heir, run.id, minute, ten_keys).unwrap(), over);
    assert_eq!(store::claim(&mut late, run.id, minute, ten_keys).unwrap(), over);
    // The first to decide wins.
    store::begin_pass(&mut heir, run.id, 1).unwrap();
    store::finish(&mut late, run.id, 1, 0).unwrap();
    assert_eq!(store::finished(&mut late, run.id).unwrap(), None);
    store::finish(&mut late, run.id, 2, 23).unwrap();
    assert_eq!(store::claim(&mut heir, run.id, minute, ten_keys).unwrap(), Claim::Ended);
}

#[test]
fn the_clock_of_a_worker_does_not_matter() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let mut connection = database.connect();
    let run = store::join(&mut connection, Job::CAMPAIGNS, None).unwrap();
    store::claim(&mut connection, run.id, Duration::from_mins(1), ten_keys).unwrap();
    let lease = database.row("SELECT lease_until - clock_timestamp() BETWEEN interval '50 s' AND interval '1 min' AS lasts FROM backfill_batch");
    assert_eq!(lease["lasts"], true);
}

#[test]
fn connections_that_are_cut_cost_nothing_but_time() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let options = Options { workers: 3, nice: 4.0, ..options(&database) };
    let done = AtomicBool::new(false);
    let cut = thread::scope(|scope| {
        let cutting = scope.spawn(|| {
            let mut cut = 0;
            // Out of step with the batches, at growing intervals: otherwise no batch would finish on a slow
            // machine.
            let pauses = (0_u64..).zip([100, 700, 200, 400].into_iter().cycle());
            let mut pauses = pauses.map(|(number, pause)| pause * (1 + number / 8));
            while !done.load(Ordering::Relaxed) {
                let ended = database.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE application_name LIKE 'backfill/%' AND datname = current_database()",
                );
                cut += ended.len();
                thread::sleep(Duration::from_millis(pauses.next().unwrap()));
            }
            cut
        });
        run_positions(&options, None, &mut Unobserved).unwrap();
        run_organizations(&options, None, &mut Unobserved).unwrap();
        done.store(true, Ordering::Relaxed);
        cutting.join().unwrap()
    });
    assert!(cut >= 6, "{cut} connections were cut");
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
}

#[test]
fn writers_that_lock_in_any_order_fail_no_more_than_among_themselves() {
    let database = with_positions();
    let done = AtomicBool::new(false);
    // A campaign and the position that it names, locked in both orders.
    let pair = |id: i32, campaign_first: bool| {
        let campaign = format!("UPDATE campaign SET is_demo = NOT is_demo WHERE id = {id};");
        let position = format!(
            "UPDATE ballot_position SET updated_at = now() WHERE id = (SELECT details->>'positionId' FROM campaign WHERE id = {id});"
        );
        if campaign_first {
            format!("BEGIN; {campaign} {position} COMMIT")
        } else {
            format!("BEGIN; {position} {campaign} COMMIT")
        }
    };
    let report = thread::scope(|scope| {
        for writer in 0..4_i32 {
            let (done, database) = (&done, &database);
            scope.spawn(move || {
                let mut connection = database.connect();
                let mut id = writer;
                while !done.load(Ordering::Relaxed) {
                    id = (id + 4) % 1_000;
                    // Each has its own campaigns: only the backfill can conflict with it.
                    connection.batch_execute(&pair(id + 1, writer % 2 == 0)).unwrap();
                }
            });
        }
        let options = Options { workers: 2, ..options(&database) };
        let report = run_organizations(&options, None, &mut Unobserved);
        done.store(true, Ordering::Relaxed);
        report.unwrap()
    });
    assert_eq!(report.exit_code, 41);
    assert_same_result(&database, &undisturbed(CAMPAIGNS));
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
}

#[test]
fn the_phase_may_go_back_under_a_run_which_stops() {
    let database = with_positions();
    database.execute("UPDATE migration_phase SET phase = 'legacy'");
    let refused = run_organizations(&options(&database), None, &mut Unobserved);
    assert!(matches!(refused, Err(RunError::WrongPhase(_))), "{refused:?}");
    assert!(database.rows("SELECT FROM campaign WHERE organization_id IS NOT NULL").is_empty());
}
