//! `backfill` commands that wait, that are stopped, or whose output has no reader.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::Value;
use winserve_migration::Phase;
use winserve_migration::sql::{self as store, Job};
use winserve_persistence::PgConnection;
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{Running, backfill, binary, output, send},
    fixtures,
    migration::{backfill_faults::with_positions, backfill_run::undisturbed, generated},
};

const CAMPAIGNS: u32 = 60;
/// Timeout for everything that a test waits for.
const DEADLINE: Duration = Duration::from_secs(20);

/// Our running statements.
const RUNNING: &str = "SELECT query FROM pg_stat_activity
    WHERE application_name ~ '^(winserve|backfill)' AND application_name <> 'winserve-watcher'
      AND datname = current_database() AND state = 'active'";
/// Those that have waited for a lock long enough to hit the limit of [`impatient`].
const LATE: &str = "SELECT FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
      AND clock_timestamp() - query_start > interval '200 ms'";

fn wait_for(database: &TestDatabase, count: usize, query: &str) {
    let deadline = Instant::now() + DEADLINE;
    while database.rows(query).len() != count {
        assert!(Instant::now() < deadline, "{count} rows of {query}: {:?}", database.rows(query));
        thread::sleep(Duration::from_millis(10));
    }
}

fn blocked(count: usize, database: &TestDatabase) {
    let blocked = "SELECT FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    wait_for(database, count, blocked);
}

fn session(database: &TestDatabase, name: &str, sql: &str) -> PgConnection {
    let mut session = database.connect();
    session.batch_execute(&format!("SET application_name = '{name}'; {sql}")).unwrap();
    session
}

fn pid_of(database: &TestDatabase, name: &str) -> Value {
    let named = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'");
    database.row(&format!("{named} AND datname = current_database()"))["pid"].clone()
}

/// A command with the default SIGHUP handler, even if `nohup` started these tests.
fn at_a_terminal(database: &TestDatabase) -> Command {
    let backfill = backfill(database);
    let mut command = Command::new("env");
    let variables = backfill.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.env_clear().envs(variables).stdin(Stdio::null());
    command.arg("--default-signal=HUP").arg(backfill.get_program());
    command
}

pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A command that soon reports what it waits for.
fn waiting(database: &TestDatabase, command: &str) -> Child {
    let arguments = command.split_whitespace().chain(["--waits-after", "0.2"]);
    spawn(backfill(database).args(arguments))
}

/// The first line of standard error with such a report.
pub(crate) fn line_with(child: &mut Child, text: &str) -> String {
    let (found, waited_for) = mpsc::channel::<()>();
    let process = child.id();
    thread::spawn(move || {
        if waited_for.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
            send("-KILL", &[process]);
        }
    });
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains(text));
    drop(found);
    line.unwrap_or_else(|| panic!("the output lacks {text}"))
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let ended = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

/// A signal stops commands that wait for a lock, and leaves nothing at the server.
fn assert_stopped(database: &TestDatabase, lock: &str, commands: &[(&str, &str)]) {
    let locking = session(database, "locking", &format!("BEGIN; {lock}"));
    let mut running: Vec<_> = commands
        .iter()
        .map(|(command, _)| {
            Running(spawn(at_a_terminal(database).args(command.split_whitespace())))
        })
        .collect();
    blocked(commands.len(), database);
    for (process, (_, signal)) in running.iter().zip(commands) {
        process.signal(signal);
    }
    for (process, (command, _)) in running.iter_mut().zip(commands) {
        let code = process.0.wait().unwrap().code();
        let mut said = String::new();
        process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(code, Some(22), "{lock}; {command}: {said}");
        assert!(
            said.contains("stopped; run the same command again to continue"),
            "{command}: {said}"
        );
    }
    assert_eq!(database.rows(RUNNING), Vec::<Value>::new(), "the lock is still held");
    drop(locking);
}

#[test]
fn a_signal_ends_every_command_and_what_it_runs_at_the_server() {
    let database = undisturbed(CAMPAIGNS);
    // The first statement of every command.
    assert_stopped(
        &database,
        "LOCK TABLE campaign",
        &[
            ("status", "-INT"),
            ("plan", "-TERM"),
            ("verify", "-HUP"),
            ("run positions", "-HUP"),
            ("run organizations --dry-run", "-INT"),
            ("run clerk-organizations --dry-run", "-TERM"),
            ("run look-ups --dry-run", "-TERM"),
            ("enforce phase-1", "-TERM"),
            ("quarantine list", "-INT"),
            ("phase show", "-TERM"),
            ("phase advance", "-INT"),
            ("migrate phase-2-expand", "-HUP"),
        ],
    );
    // This one waits at most two seconds, and the others may need as long to start.
    assert_stopped(&database, "LOCK TABLE campaign", &[("repair", "-HUP")]);
    // In the middle of the command.
    assert_stopped(&database, "LOCK TABLE migration_phase", &[("phase advance", "-TERM")]);
    let writing = "SELECT migration_phase_for_writing()";
    assert_stopped(&TestDatabase::in_phase(Phase::One), writing, &[("phase back", "-INT")]);
    assert_eq!(output(backfill(&database).arg("verify")).0, Some(0));
    let reading = "LOCK TABLE campaign, voter_file_filter IN ACCESS SHARE MODE";
    assert_stopped(&database, reading, &[("enforce phase-1", "-TERM")]);
    assert_stopped(&database, reading, &[("migrate phase-2-expand", "-INT")]);
}

#[test]
fn a_signal_within_a_batch_rolls_it_back_and_the_next_run_does_it() {
    let database = generated::in_phase_1(CAMPAIGNS);
    let run = |job: &str| output(backfill(&database).args(["run", job]));
    assert_eq!(run("positions").0, Some(0));
    database.execute_unmapped(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
         CREATE TRIGGER dawdle AFTER UPDATE ON campaign EXECUTE FUNCTION dawdle()",
    );
    let command = Running(spawn(backfill(&database).args(["run", "organizations"])));
    let asleep = "SELECT FROM pg_stat_activity
        WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_for(&database, 1, asleep);
    command.signal("-INT");
    assert_eq!(command.wait(), Some(22));
    assert_eq!(database.rows(RUNNING), Vec::<Value>::new());
    let linked = "SELECT FROM campaign WHERE organization_id IS NOT NULL";
    assert_eq!(database.rows(linked), Vec::<Value>::new());
    database.execute_unmapped("DROP TRIGGER dawdle ON campaign");
    let (code, _, stderr) = run("organizations");
    assert!(matches!(code, Some(0 | 41)), "{stderr}");
    assert!(!database.rows(linked).is_empty());
}

#[test]
fn under_nohup_a_command_survives_its_terminal() {
    let database = undisturbed(CAMPAIGNS);
    let mut locking = database.connect();
    locking.batch_execute("BEGIN; LOCK TABLE campaign IN ACCESS EXCLUSIVE MODE").unwrap();
    let mut shell = shell(&database, "trap '' HUP; exec \"$BACKFILL\" status");
    let command = Running(spawn(&mut shell));
    blocked(1, &database);
    command.signal("-HUP");
    locking.batch_execute("COMMIT").unwrap();
    assert_eq!(command.wait(), Some(0));
}

#[test]
fn an_index_build_that_waits_for_an_old_snapshot_names_its_holder_and_is_built_after_a_signal() {
    let database = TestDatabase::new();
    let reporting =
        session(&database, "long-report", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    let mut command = waiting(&database, "migrate phase-1-expand");
    let line = line_with(&mut command, "waiting for old snapshots");
    let pid = pid_of(&database, "long-report");
    for part in [
        &format!("waiting for pid {pid} (application long-report, user "),
        ", idle in transaction, in a transaction for ",
        "blocking building the index ",
        &format!("`SELECT pg_terminate_backend({pid})` ends it"),
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let command = Running(command);
    command.signal("-TERM");
    assert_eq!(command.wait(), Some(22));
    assert_eq!(database.rows(RUNNING), Vec::<Value>::new());
    drop(reporting);
    let (code, _, stderr) = output(backfill(&database).args(["migrate", "phase-1-expand"]));
    assert_eq!(code, Some(0), "{stderr}");
    let invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid";
    assert_eq!(database.rows(invalid), Vec::<Value>::new());
}

#[test]
fn the_holder_of_a_table_or_of_the_migration_lock_is_named() {
    let database = TestDatabase::new();
    let mut locking = session(
        &database,
        "other-migration",
        "SELECT pg_advisory_lock(7746532101); BEGIN; LOCK TABLE campaign IN ACCESS SHARE MODE",
    );
    let mut command = waiting(&database, "migrate phase-1-expand");
    let pid = pid_of(&database, "other-migration");
    let line = line_with(&mut command, "waiting for");
    let expected =
        format!("the migration lock, which pid {pid} (application other-migration, user ");
    assert!(line.contains(&expected), "{line}");
    locking.batch_execute("SELECT pg_advisory_unlock(7746532101)").unwrap();
    // Each attempt takes at most 0.3 s: the report names the blocker that several attempts meet.
    let line = line_with(&mut command, &format!("waiting for pid {pid}"));
    assert!(line.contains("(application other-migration, user "), "{line}");
    locking.batch_execute("COMMIT").unwrap();
    let (code, _, stderr) = ended(command);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_worker_reports_whose_leases_it_waits_for() {
    let database = with_positions();
    let run = store::join(&mut database.connect(), Job::CAMPAIGNS, None).unwrap();
    database.execute(&format!(
        "INSERT INTO backfill_batch (run_id, pass, through_key, token, lease_until)
         VALUES ('{}', 1, '10', gen_random_uuid(), clock_timestamp() + interval '1 min');
         UPDATE backfill_run SET frontier = '10'",
        run.id
    ));
    let mut command = waiting(&database, "run organizations --aggressive");
    let line = line_with(&mut command, "waiting for");
    for part in ["batches of campaigns held by other workers", "first lease ends in ", " s ("] {
        assert!(line.contains(part), "{line}");
    }
    database.execute("UPDATE backfill_batch SET lease_until = clock_timestamp() - interval '1 s'");
    assert_eq!(ended(command).0, Some(41), "a worker with an expired lease loses its batch");
}

/// Statements end after 0.1 s unless the session lifts that limit.
fn impatient(database: &TestDatabase) {
    let name = database.row("SELECT current_database()::text AS name")["name"].clone();
    let name = name.as_str().unwrap();
    database.execute_unmapped(&format!("ALTER DATABASE {name} SET statement_timeout = '100ms'"));
}

#[test]
fn no_long_step_runs_into_the_statement_timeout_of_the_role() {
    let database = undisturbed(CAMPAIGNS);
    impatient(&database);
    for (command, table) in [
        ("status", "path_to_victory"),
        ("plan", "path_to_victory"),
        ("run positions", "campaign"),
        ("run organizations --dry-run", "path_to_victory"),
        ("verify", "path_to_victory"),
        ("enforce phase-1", "elected_office"),
        ("migrate phase-2-expand", "campaign"),
        ("enforce phase-1 --undo", "campaign"),
    ] {
        let mut locking = database.connect();
        locking
            .batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            .unwrap();
        let running = spawn(backfill(&database).args(command.split_whitespace()));
        wait_for(&database, 1, LATE);
        locking.batch_execute("COMMIT").unwrap();
        let (code, _, stderr) = ended(running);
        assert_eq!(code, Some(0), "{command}: {stderr}");
    }
}

#[test]
fn a_cancelled_statement_does_not_count_as_an_outage() {
    let database = undisturbed(CAMPAIGNS);
    let locking =
        session(&database, "locking", "BEGIN; LOCK TABLE path_to_victory IN ACCESS EXCLUSIVE MODE");
    for command in ["status", "plan", "verify"] {
        let running = spawn(backfill(&database).arg(command));
        blocked(1, &database);
        database.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND datname = current_database()",
        );
        let (code, _, stderr) = ended(running);
        assert_eq!(code, Some(21), "{command}: {stderr}");
        assert!(stderr.contains("pg_cancel_backend"), "{command}: {stderr}");
        assert!(!stderr.contains("unavailable"), "{command}: {stderr}");
    }
    drop(locking);
}

/// Our working sessions in this database, without the monitoring ones.
const OURS: &str =
    "application_name ~ '^(winserve|backfill)' AND application_name <> 'winserve-watcher'
    AND datname = current_database()";

/// Commands that lose their session while waiting for a lock say so.
fn assert_lost(database: &TestDatabase, lock: &str, commands: &[&str]) {
    let locking = session(database, "locking", &format!("BEGIN; {lock}"));
    let running: Vec<_> = commands
        .iter()
        .map(|command| spawn(backfill(database).args(command.split_whitespace())))
        .collect();
    blocked(commands.len(), database);
    database.execute_unmapped(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}"
    ));
    for (child, command) in running.into_iter().zip(commands) {
        let (code, _, stderr) = ended(child);
        assert_eq!(code, Some(30), "{lock}; {command}: {stderr}");
        assert!(stderr.contains("run the same command again"), "{command}: {stderr}");
    }
    drop(locking);
}

#[test]
fn a_connection_that_is_lost_ends_every_command_as_one_to_run_again() {
    let database = undisturbed(CAMPAIGNS);
    assert_lost(
        &database,
        "LOCK TABLE campaign",
        &[
            "status",
            "plan",
            "verify",
            "run positions",
            "run organizations",
            "run voter-file-filters --dry-run",
            "run clerk-organizations --dry-run",
            "run look-ups --dry-run",
            "enforce phase-1",
            "quarantine list",
            "phase show",
            "migrate baseline",
            "migrate phase-2-expand",
        ],
    );
    assert_lost(
        &database,
        "LOCK TABLE migration_phase",
        &["status", "plan", "verify", "enforce phase-1", "phase advance", "phase back"],
    );
    // Commands that wait at most two seconds.
    assert_lost(&database, "LOCK TABLE campaign", &["repair"]);
    assert_lost(&database, "LOCK TABLE migration_phase", &["repair"]);
    let reading = ["status", "plan", "verify", "run organizations --dry-run"];
    assert_lost(&database, "LOCK TABLE path_to_victory", &reading);
    assert_lost(&database, "LOCK TABLE backfill_run", &["enforce phase-1"]);
    assert_lost(
        &database,
        "LOCK TABLE __diesel_schema_migrations",
        &["plan", "migrate phase-2-expand"],
    );
}

/// Cancels or ends our session that runs such a statement and waits for a lock.
fn end_waiting_statements(database: &TestDatabase, how: &str, statement: &str) {
    let signal = format!(
        "SELECT {how}(pid) FROM pg_stat_activity
         WHERE {OURS} AND wait_event_type = 'Lock' AND query ~ '{statement}'"
    );
    let deadline = Instant::now() + DEADLINE;
    while database.rows(&signal).is_empty() {
        assert!(Instant::now() < deadline, "no session waits with {statement}");
    }
}

#[test]
fn a_cancelled_or_lost_statement_ends_enforce_and_repair() {
    let database = undisturbed(CAMPAIGNS);
    database.expect_unmapped_rows();
    // As the old service does it.
    database.execute_unmapped(
        "UPDATE campaign SET details = details || '{\"office\": \"Clerk\"}' WHERE id IN (5, 6)",
    );
    let tries = [
        ("repair", "SELECT FROM campaign FOR UPDATE", ".", "pg_cancel_backend", 21),
        ("repair", "SELECT FROM campaign FOR UPDATE", ".", "pg_terminate_backend", 30),
        (
            "enforce phase-1",
            "LOCK TABLE campaign IN ACCESS SHARE MODE",
            "ALTER",
            "pg_cancel_backend",
            21,
        ),
        (
            "enforce phase-1",
            "LOCK TABLE campaign IN ACCESS SHARE MODE",
            "ALTER",
            "pg_terminate_backend",
            30,
        ),
    ];
    for (command, lock, statement, how, expected) in tries {
        if command == "enforce phase-1" {
            let (code, _, stderr) = output(backfill(&database).arg("repair"));
            assert_eq!(code, Some(0), "{stderr}");
            let (code, _, stderr) = output(backfill(&database).arg("verify"));
            assert_eq!(code, Some(0), "{stderr}");
        }
        let locking = session(&database, "locking", &format!("BEGIN; {lock}"));
        let child = spawn(backfill(&database).args(command.split_whitespace()));
        end_waiting_statements(&database, how, statement);
        let (code, stdout, stderr) = ended(child);
        assert_eq!(code, Some(expected), "{command}, {how}: {stdout}{stderr}");
        drop(locking);
    }
}

#[test]
fn a_row_that_takes_too_long_does_not_keep_repair_from_the_others() {
    let database = undisturbed(CAMPAIGNS);
    database.expect_damage();
    database.execute_unmapped(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             -- As the server says it, but sooner.
             RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014';
         END $$;
         UPDATE campaign SET details = details || '{\"office\": \"Clerk\"}' WHERE id IN (5, 6);
         CREATE TRIGGER dawdle BEFORE DELETE ON legacy_change FOR EACH ROW
             WHEN (OLD.campaign_id = 5) EXECUTE FUNCTION dawdle()",
    );
    let (code, stdout, stderr) = output(backfill(&database).arg("repair"));
    assert_eq!(code, Some(23), "{stdout}{stderr}");
    let noted = database.rows("SELECT campaign_id FROM legacy_change");
    assert_eq!(noted, [serde_json::json!({"campaign_id": 5})], "{stdout}");
}

#[test]
fn a_lock_that_is_waited_for_in_vain_is_called_one() {
    let database = undisturbed(CAMPAIGNS);
    let locking = session(&database, "locking", "BEGIN; LOCK TABLE campaign");
    let (code, _, stderr) = output(backfill(&database).arg("repair"));
    assert_eq!(code, Some(30), "{stderr}");
    for text in ["other sessions hold row or table locks", "run the same command again"] {
        assert!(stderr.contains(text), "{stderr}");
    }
    assert!(!stderr.contains("unavailable") && !stderr.contains("not as expected"), "{stderr}");
    drop(locking);
}

fn shell(database: &TestDatabase, script: &str) -> Command {
    let path = binary("backfill").get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.env_clear().env("PATH", "/usr/bin:/bin").env("WINSERVE__DATABASE__URL", database.url());
    shell.env("BACKFILL", path).args(["-c", script]);
    shell
}

#[test]
fn a_closed_output_is_not_an_error() {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    let (_, stdout, stderr) = output(&mut shell(&database, "\"$BACKFILL\" status | head -1"));
    assert_eq!((stdout.lines().count(), stderr.as_str()), (1, ""));
    // A pipe returns the status of its last command, so the first command records its own.
    for (command, code) in
        [("status", 0), ("verify", 0), ("run positions", 0), ("phase back nowhere", 2)]
    {
        let script = format!("{{ {{ \"$BACKFILL\" {command} 2>&1; echo $? >&3; }} | true; }} 3>&1");
        let (_, stdout, stderr) = output(&mut shell(&database, &script));
        assert_eq!(stdout.trim(), code.to_string(), "{command}: {stderr}");
        let full = format!("\"$BACKFILL\" {command} 2>/dev/full; echo $?");
        let (_, stdout, _) = output(&mut shell(&database, &full));
        assert_eq!(stdout.lines().last(), Some(code.to_string().as_str()), "{command}: {stdout}");
    }
    let (code, _, stderr) = output(&mut shell(&database, "\"$BACKFILL\" status >/dev/full"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("standard output cannot be written: No space left"), "{stderr}");
    let api = binary("api").get_program().to_str().unwrap().to_owned();
    let script =
        format!("{{ {{ {api} --print-openapi; echo $? >&3; }} | head -1 >/dev/null; }} 3>&1");
    assert_eq!(output(&mut shell(&database, &script)).1, "0\n");
    let (code, ..) = output(&mut shell(&database, "\"$BACKFILL\" status >/dev/full 2>&1"));
    assert_eq!(code, Some(1), "the output has no reader");
    let on_the_way = "WINSERVE__LOG__FILTER=trace \"$BACKFILL\" run positions 2>/dev/full";
    assert_eq!(
        output(&mut shell(&database, on_the_way)).0,
        Some(0),
        "unread log lines are no error"
    );
}

#[test]
#[ignore = "ten seconds of waiting; `make chaos`"]
fn chaos_a_wait_is_told_after_five_seconds_and_again_and_whoever_holds_the_lock_by_then_is_named() {
    let database = generated::legacy(CAMPAIGNS);
    let lock = "SELECT pg_advisory_lock(7746532101)";
    let locking = session(&database, "other-migration", lock);
    let mut next = session(&database, "next-migration", "SELECT 1");
    let heir = thread::spawn(move || next.batch_execute(lock).map(|()| next));
    let mut command = spawn(backfill(&database).args(["migrate", "phase-1-expand"]));
    let pid = pid_of(&database, "other-migration");
    let line = line_with(&mut command, "waiting for");
    assert!(line.contains(&format!("pid {pid} (application other-migration, user ")), "{line}");
    drop(locking);
    let _locking = heir.join().unwrap().unwrap();
    let pid = pid_of(&database, "next-migration");
    let (code, _, stderr) = ended(command);
    assert_eq!(code, Some(30), "{stderr}");
    let told: Vec<_> = stderr.lines().filter(|it| it.starts_with("waiting for")).collect();
    assert_eq!(told.len(), 2, "after 5, 15 and 25 of 30 s: {stderr}");
    let holder = format!("pid {pid} (application next-migration, user ");
    assert_eq!(stderr.matches(&holder).count(), 3, "{stderr}");
}
