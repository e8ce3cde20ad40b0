//! `with-time-limit SECONDS TEST-BINARY ARGUMENT…`: runs a test binary, and fails it with the name of the test if a
//! test takes longer. `scripts/test` makes cargo run every test binary with it.
//!
//! With `TEST_TIMES`, it appends a line for each test to this file: seconds, tab, name.
//!
//! libtest has no time limit, but reports after a minute which test is still running; the rest of the time is
//! measured here. (With one thread it reports nothing, so there is no limit.)

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::OpenOptions,
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

/// How long a test runs before libtest reports it.
const SAID_AFTER: Duration = Duration::from_mins(1);
const SAID: &str = " has been running for over 60 seconds";
/// A child process of a test may outlive the binary and keep the pipe open forever.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let limit = words.next().and_then(|word| word.to_str()?.parse().ok()).map(Duration::from_secs);
    let (Some(limit), Some(program)) = (limit, words.next()) else {
        complain("usage: with-time-limit SECONDS TEST-BINARY ARGUMENT...");
        return ExitCode::from(2);
    };
    match run(limit, &program, words) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{} cannot be run: {error}", program.display()));
            ExitCode::FAILURE
        }
    }
}

fn run(
    limit: Duration,
    program: &OsStr,
    arguments: impl Iterator<Item = OsString>,
) -> std::io::Result<ExitCode> {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped());
    let times = std::env::var_os("TEST_TIMES");
    if times.is_some() {
        // Only a nightly libtest, or one that poses as nightly, reports how long each test took.
        command.args(["-Zunstable-options", "--report-time"]).env("RUSTC_BOOTSTRAP", "1");
    }
    let mut child = command.spawn()?;
    let (sender, lines) = channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || pass_on(output, &sender));
    }
    let mut took = Vec::new();
    let slow = watch(limit, &mut child, &lines, &mut took)?;
    if let Some(times) = times {
        let mut times = OpenOptions::new().append(true).create(true).open(times)?;
        times.write_all(took.concat().as_bytes())?;
    }
    if !slow.is_empty() {
        end(&mut child)?;
        for test in slow {
            complain(&format!(
                "test {test} ... FAILED: it did not end within {} s. Its binary was killed, and the tests \
                 that had not run yet with it.",
                limit.as_secs()
            ));
        }
        return Ok(ExitCode::FAILURE);
    }
    let code = child.wait()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Waits until the binary exits or a test has taken too long; returns the names of those tests.
fn watch(
    limit: Duration,
    child: &mut Child,
    lines: &Receiver<String>,
    took: &mut Vec<String>,
) -> std::io::Result<Vec<String>> {
    let mut slow: BTreeMap<String, Instant> = BTreeMap::new();
    let mut ended = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                if let Some(test) = line.strip_suffix(SAID).and_then(|it| it.strip_prefix("test "))
                {
                    slow.insert(test.to_owned(), Instant::now() + limit.saturating_sub(SAID_AFTER));
                } else if let Some((test, outcome)) =
                    line.strip_prefix("test ").and_then(|it| it.split_once(" ... "))
                {
                    let test = test.trim_end_matches(" - should panic");
                    slow.remove(test);
                    if let Some(seconds) = seconds(outcome) {
                        took.push(format!("{seconds}\t{test}\n"));
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
        }
        if ended.is_none() && child.try_wait()?.is_some() {
            ended = Some(Instant::now());
        }
        if let Some(at) = ended {
            if at.elapsed() > LAST_WORDS {
                return Ok(Vec::new());
            }
        } else if slow.values().any(|at| *at <= Instant::now()) {
            slow.retain(|_, at| *at <= Instant::now());
            return Ok(slow.into_keys().collect());
        }
    }
}

/// How long a test took, of an outcome such as `ok <1.234s>`.
fn seconds(outcome: &str) -> Option<&str> {
    outcome.strip_suffix("s>")?.rsplit_once(" <").map(|(_, seconds)| seconds)
}

fn pass_on(output: impl Read, lines: &Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let mut stdout = std::io::stdout().lock();
        let passed = stdout.write_all(&line).and_then(|()| stdout.flush());
        let is_heard = lines.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_ok();
        if passed.is_err() || !is_heard {
            return;
        }
        line.clear();
    }
}

/// Kills the binary and the processes that its tests started.
fn end(child: &mut Child) -> std::io::Result<()> {
    let mut all = vec![child.id().to_string()];
    let mut seen = 0;
    while let Some(parent) = all.get(seen) {
        let children = children(parent);
        all.extend(children);
        seen += 1;
    }
    // Uses the shell's builtin `kill`, which complains about processes that have exited.
    let kill = ["-c", "kill -KILL \"$@\" 2>/dev/null", "sh"];
    Command::new("sh").args(kill).args(&all).status()?;
    child.wait().map(drop)
}

fn children(process: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn complain(what: &str) {
    // A failure here has no reader left.
    let _ = writeln!(std::io::stderr(), "{what}");
}
