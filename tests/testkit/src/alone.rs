//! Runs tests of process-wide state (metrics, logs) in a separate process.

use std::process::Command;

/// Set in the process of a single test.
const ALONE: &str = "WINSERVE_TEST_ALONE";

/// Runs the calling test again in a separate process, where this returns `false`; the caller, for which it
/// returns `true`, has nothing left to do.
///
/// # Panics
/// The test failed there.
#[must_use]
pub fn ran_alone() -> bool {
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let thread = std::thread::current();
    let test = thread.name().expect("libtest names a test's thread after it");
    let binary = std::env::current_exe().expect("this test's binary");
    let mut again = Command::new(binary);
    again.args(["--exact", test, "--include-ignored"]).env(ALONE, "1");
    let ended = again.output().expect("the test binary can run again");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("1 passed"), "{test} did not run alone: {said}");
    true
}
