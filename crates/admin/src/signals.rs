//! Ctrl-C, SIGTERM and SIGHUP: end a command and its statements on the server.

use std::{
    fs, io,
    sync::{Arc, OnceLock},
    thread,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{Exit, Stop, Watch};

/// Stops the command, once it has a database.
pub type Watcher = Arc<OnceLock<Watch>>;

/// The first signal stops the command, the second one ends it immediately. Under `nohup`, which ignores
/// SIGHUP, it keeps running when its terminal is closed.
///
/// # Errors
/// The system's.
pub fn stop_on_signals(stop: Stop, watcher: Watcher) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if !is_hangup_ignored() {
        signals.add_signal(SIGHUP)?;
    }
    thread::spawn(move || {
        for _signal in signals.forever() {
            stop.request();
            match watcher.get() {
                Some(watch) => watch.stop(),
                // Nothing is running on a server yet.
                None => exit(),
            }
        }
    });
    Ok(())
}

/// Whether the process was started with SIGHUP ignored: the first bit of a hexadecimal mask.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

/// Ends the process immediately.
pub fn exit() {
    std::process::exit(i32::from(Exit::Signal.code()));
}
