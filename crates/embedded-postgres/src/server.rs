//! Creates the data of a cluster, starts its server and stops it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::directory::{Layout, PORT, make_private};
use crate::probe::{Answer, probe};
use crate::programs::{Programs, run, spawn_error};
use crate::{ClusterError, SUPERUSER};

const POLL: Duration = Duration::from_millis(5);
const ORPHANS_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_mins(1);
/// The SQLSTATE `lock_file_exists`, which our `log_line_prefix` puts into the log: another server still holds
/// the data directory or its shared memory.
const LOCK_FILE_EXISTS: &str = "F0001";

/// Creates the data directory with its superuser and its database.
///
/// It is created under a temporary name and renamed at the end: an initialization that was killed leaves
/// nothing that looks finished, and we remove only what is our own.
pub(crate) fn initialise(programs: &Programs, layout: &Layout) -> Result<(), ClusterError> {
    let unfinished = layout.unfinished_pgdata();
    remove_unfinished(&unfinished)?;
    make_private(&unfinished, programs.account())?;

    // KILL, because nothing may keep running and write where the next attempt starts.
    let mut initdb = programs.command("initdb", "KILL");
    initdb
        .args(["--username", SUPERUSER, "--auth", "trust"])
        .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
        .args(["--no-sync", "--no-clean", "--pgdata"])
        .arg(&unfinished);
    run("initdb", initdb, "")?;

    let mut single = programs.command("postgres", "KILL");
    single
        .args(["--single", "-F", "-c", "exit_on_error=on", "-D"])
        .arg(&unfinished)
        .arg("postgres");
    run("postgres --single", single, &format!("CREATE DATABASE {SUPERUSER};\n"))?;

    fs::rename(&unfinished, layout.pgdata()).map_err(ClusterError::io(&unfinished))
}

/// The children of a killed `initdb` exit soon, but until then they may create files faster than we remove
/// them. They cannot disturb the next attempt: they work in the directory that they are in, whatever is
/// created under its name later.
fn remove_unfinished(path: &Path) -> Result<(), ClusterError> {
    let deadline = Instant::now() + ORPHANS_TIMEOUT;
    loop {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => return Ok(()),
                io::ErrorKind::DirectoryNotEmpty if Instant::now() < deadline => {}
                _ => return Err(ClusterError::io(path)(error)),
            },
        }
        thread::sleep(POLL);
    }
}

/// A server that we started. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    programs: Programs,
    layout: Layout,
    /// Spawns the process and waits for it. The death signal comes when the spawning *thread* ends, so this
    /// must be a thread that lives as long as the process, and not, for example, that of a test.
    watcher: Option<JoinHandle<Result<ExitStatus, ClusterError>>>,
}

impl Server {
    /// Starts the server and waits until it is ready, or returns `None` if another one still holds the data
    /// directory.
    pub(crate) fn start(
        programs: &Programs,
        layout: &Layout,
        settings: &[(String, String)],
        deadline: Instant,
    ) -> Result<Option<Self>, ClusterError> {
        let command = server_command(programs, layout, settings)?;
        let watcher = thread::Builder::new()
            .name("embedded-postgres".to_owned())
            .spawn(move || watch(command))
            .map_err(ClusterError::io(&layout.data_dir))?;
        let mut server =
            Self { programs: programs.clone(), layout: layout.clone(), watcher: Some(watcher) };
        let socket = layout.socket();
        loop {
            if let Some(watcher) = server.watcher.take_if(|watcher| watcher.is_finished()) {
                let status = join(watcher)?;
                let log = layout.log_tail();
                return if log.contains(LOCK_FILE_EXISTS) {
                    Ok(None)
                } else {
                    Err(ClusterError::ServerExited { status, log })
                };
            }
            if probe(&socket)? == Answer::Ready {
                return Ok(Some(server));
            }
            if Instant::now() >= deadline {
                let log = layout.log_tail();
                return Err(ClusterError::NotReady { log });
            }
            thread::sleep(POLL);
        }
    }

    /// Ends all sessions and the server, and waits for it.
    pub(crate) fn stop(&mut self) -> Result<(), ClusterError> {
        let Some(watcher) = self.watcher.take() else {
            return Ok(());
        };
        if !watcher.is_finished() {
            let mut pg_ctl = self.programs.command("pg_ctl", "KILL");
            // Without `pg_ctl`'s own waiting, which polls only ten times a second.
            pg_ctl
                .args(["stop", "--mode", "fast", "--no-wait", "--pgdata"])
                .arg(self.layout.pgdata());
            run("pg_ctl", pg_ctl, "")?;
            let deadline = Instant::now() + STOP_TIMEOUT;
            while !watcher.is_finished() {
                if Instant::now() >= deadline {
                    let log = self.layout.log_tail();
                    return Err(ClusterError::NotStopped { log });
                }
                thread::sleep(POLL);
            }
        }
        let status = join(watcher)?;
        if status.success() {
            return Ok(());
        }
        let log = self.layout.log_tail();
        Err(ClusterError::ServerExited { status, log })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            // Not `eprintln!`, which panics if standard error is closed; then nobody can be informed.
            let _unheard = writeln!(io::stderr(), "cannot stop the private database: {error}");
        }
    }
}

fn server_command(
    programs: &Programs,
    layout: &Layout,
    settings: &[(String, String)],
) -> Result<Command, ClusterError> {
    // A new file, because a server that is still shutting down may write to the old one.
    let path = layout.log();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ClusterError::io(&path)(error));
        }
        _ => {}
    }
    let log = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(ClusterError::io(&path))?;

    let mut command = programs.command("postgres", "INT");
    command.arg("-D").arg(layout.pgdata());
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // Last, so that no setting of the caller overrides them.
    command
        .args(["-c", "listen_addresses=", "-c", "log_line_prefix=%m [%p] %e "])
        .args(["-p", PORT, "-k"])
        .arg(&layout.socket_dir)
        .stdout(log.try_clone().map_err(ClusterError::io(&path))?)
        .stderr(log);
    Ok(command)
}

fn watch(mut command: Command) -> Result<ExitStatus, ClusterError> {
    let mut child = command.spawn().map_err(spawn_error)?;
    child.wait().map_err(ClusterError::io(Path::new("postgres")))
}

fn join(watcher: JoinHandle<Result<ExitStatus, ClusterError>>) -> Result<ExitStatus, ClusterError> {
    watcher.join().unwrap_or_else(|_panic| {
        let error = io::Error::other("the waiting thread panicked");
        Err(ClusterError::io(Path::new("postgres"))(error))
    })
}
