//! Ctrl-C, SIGTERM and SIGHUP: a command ends, and so does what it runs at the server.

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

/// Whoever stops the command once it has a database.
pub type Watcher = Arc<OnceLock<Watch>>;

/// Lets the first signal stop the command, and the second one end it. Under `nohup`, which ignores SIGHUP, it
/// goes on when its terminal is closed.
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
                // Nothing runs at a server yet.
                None => exit(),
            }
        }
    });
    Ok(())
}

/// Whether whoever started the process had it ignore SIGHUP: the first bit of a mask in hexadecimal.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

/// Ends the process, whatever it does.
pub fn exit() {
    std::process::exit(i32::from(Exit::Signal.code()));
}
