//! A hanging test fails with its name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn with_limit(seconds: &str, command: &[&str]) -> Output {
    let mut limited = Command::new(env!("CARGO_BIN_EXE_with-time-limit"));
    limited.arg(seconds).args(command).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_test_over_the_limit_is_named_and_ended_with_what_it_started() {
    let script = "echo 'test quick has been running for over 60 seconds'; echo 'test quick ... ok'
        echo 'test slow::one has been running for over 60 seconds'
        sleep 1000 & echo \"started $!\"; wait";
    let ended = with_limit("61", &["sh", "-c", script]);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(said.contains("test slow::one ... FAILED: it did not end within 61 s"), "{said}");
    assert!(!said.contains("quick"), "{said}");
    let stdout = text(&ended.stdout);
    let started = stdout.rsplit_once("started ").unwrap().1.trim();
    let command_line = std::fs::read(format!("/proc/{started}/cmdline")).unwrap_or_default();
    assert!(command_line.is_empty(), "{started} still runs");
}

#[test]
fn a_binary_that_ends_keeps_its_output_and_its_exit_code() {
    let script = "echo 'test one ... ok'; printf unfinished; exit 101";
    let ended = with_limit("60", &["sh", "-c", script]);
    assert_eq!(ended.status.code(), Some(101));
    assert_eq!(text(&ended.stdout), "test one ... ok\nunfinished");
}

#[test]
fn how_long_each_test_took_is_added_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let times = folder.path().join("times");
    let run = |script: &str| {
        let mut limited = Command::new(env!("CARGO_BIN_EXE_with-time-limit"));
        limited.args(["60", "sh", "-c", script]).env("TEST_TIMES", &times);
        assert!(limited.output().unwrap().status.success());
    };
    run("echo 'test one ... ok <1.234s>'; echo 'test other ... ignored'");
    run("echo 'test two - should panic ... ok <0.001s>'");
    assert_eq!(std::fs::read_to_string(times).unwrap(), "1.234\tone\n0.001\ttwo\n");
}

#[test]
fn a_process_that_outlives_its_binary_keeps_nobody_waiting() {
    let script = "sleep 600 2>/dev/null & echo \"started $!\"";
    let ended = with_limit("60", &["sh", "-c", script]);
    assert_eq!(ended.status.code(), Some(0));
    let stdout = text(&ended.stdout);
    let started = stdout.trim().rsplit_once(' ').unwrap().1;
    assert!(Command::new("sh").args(["-c", "kill $0", started]).status().unwrap().success());
}

#[test]
#[ignore = "libtest speaks up after a minute only; make chaos"]
fn chaos_libtest_says_which_test_still_runs() {
    let this = std::env::current_exe().unwrap();
    let hanging =
        [this.to_str().unwrap(), "--ignored", "--test-threads=2", "hangs_until_it_is_killed"];
    let ended = with_limit("62", &hanging);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(said.contains("test hangs_until_it_is_killed ... FAILED"), "{said}");
}

#[test]
#[ignore = "a part of the test above"]
fn hangs_until_it_is_killed() {
    std::thread::sleep(std::time::Duration::from_mins(10));
}
