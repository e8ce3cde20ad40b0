//! Ctrl-C, SIGTERM and SIGHUP: a command ends, and so does what it runs at the server.

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
use winserve_backfill::{Stop, Watch};

use crate::{exit::Exit, say};

/// How long the last words may take.
const TO_SAY_SO: Duration = Duration::from_millis(100);

/// Whoever stops the command once it has a database.
pub(crate) type Watcher = Arc<OnceLock<Watch>>;

/// Lets the first signal stop the command, and the second one end it. Under `nohup`, which ignores SIGHUP, it
/// goes on when its terminal is closed.
pub(crate) fn stop_on_signals(stop: Stop, watcher: Watcher) -> io::Result<()> {
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
                // Nothing runs at a server yet.
                None => exit(),
            }
            is_first = false;
        }
    });
    Ok(())
}

/// Ends the process, whatever it waits for: the server, a full disk, or somebody who does not read what it says.
fn give_up_after(patience: Duration) {
    thread::sleep(patience);
    thread::spawn(|| {
        say(
            "backfill: stopped, though the server has not confirmed that it ended; the same command goes on",
        );
    });
    thread::sleep(TO_SAY_SO);
    exit();
}

/// Whether whoever started the process had it ignore SIGHUP: the first bit of a mask in hexadecimal.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

fn exit() {
    std::process::exit(i32::from(Exit::Signal.code()));
}
