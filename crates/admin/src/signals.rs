//! Ctrl-C, SIGTERM and SIGHUP: end a command and its statements on the server.

use std::{
    fs, io,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{Exit, Stop, Watch, output::say};

/// How long the final message may take.
const TO_SAY_SO: Duration = Duration::from_millis(100);

/// Stops the command, once it has a database.
pub type Watcher = Arc<OnceLock<Watch>>;

/// The first signal stops the command, the second one ends it immediately. Under `nohup`, which
/// ignores SIGHUP, it keeps running after its terminal is closed.
///
/// # Errors
/// If the system fails.
pub fn stop_on_signals(stop: Stop, watcher: Watcher) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if !is_hangup_ignored() {
        signals.add_signal(SIGHUP)?;
    }
    thread::spawn(move || {
        let mut is_first = true;
        for _signal in signals.forever() {
            stop.request();
            match watcher.get() {
                Some(watch) => {
                    let patience = if is_first { watch.stop() } else { watch.stop_at_once() };
                    thread::spawn(move || give_up_after(patience));
                }
                // Nothing is running on a server yet.
                None => exit(),
            }
            is_first = false;
        }
    });
    Ok(())
}

/// Ends the process, whatever it waits for: the server, a full disk, or a reader of its output.
fn give_up_after(patience: Duration) {
    thread::sleep(patience);
    thread::spawn(|| {
        say(
            "stopped without confirmation from the server that its statements ended; run the same command again to continue",
        );
    });
    thread::sleep(TO_SAY_SO);
    exit();
}

/// Whether the process was started with SIGHUP ignored: the first bit of a hexadecimal mask.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

/// Ends the process immediately.
fn exit() {
    std::process::exit(i32::from(Exit::Signal.code()));
}
