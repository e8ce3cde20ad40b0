//! Runs real servers, as root or as an ordinary user.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use winserve_embedded_postgres::{Cluster, ClusterError, ClusterOptions};

/// A directory that everybody can enter, so that root's server can run in it.
fn open_directory() -> TempDir {
    directory(0o755)
}

fn directory(mode: u32) -> TempDir {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
    directory
}

fn options(data_dir: impl Into<PathBuf>) -> ClusterOptions {
    ClusterOptions::new(data_dir).with_setting("fsync", "off").with_setting("max_connections", "10")
}

fn start(data_dir: impl Into<PathBuf>) -> Cluster {
    Cluster::start_or_attach(&options(data_dir)).unwrap()
}

fn own_uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

fn is_root() -> bool {
    own_uid() == 0
}

/// The folder of the socket, chosen so that it needs no decoding.
fn socket_dir(cluster: &Cluster) -> PathBuf {
    let url = cluster.url("winserve");
    let host = url.split(['=', '&']).nth(1).unwrap();
    PathBuf::from(host.replace("%2F", "/"))
}

/// Runs a statement in the database `winserve` and returns the columns of the rows, in order.
///
/// A client of thirty lines instead of a dependency: trust authentication and the simple protocol.
fn query(cluster: &Cluster, statement: &str) -> Vec<String> {
    let mut stream = UnixStream::connect(socket_dir(cluster).join(".s.PGSQL.5432")).unwrap();
    stream.write_all(b"\0\0\0\x29\0\x03\0\0user\0winserve\0database\0winserve\0\0").unwrap();
    let length = u32::try_from(4 + statement.len() + 1).unwrap();
    stream
        .write_all(&[b"Q", &length.to_be_bytes()[..], statement.as_bytes(), b"\0"].concat())
        .unwrap();
    stream.write_all(b"X\0\0\0\x04").unwrap();

    let mut columns = Vec::new();
    let mut head = [0; 5];
    while stream.read_exact(&mut head).is_ok() {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        stream.read_exact(&mut body).unwrap();
        match head[0] {
            b'E' => panic!("{}", String::from_utf8_lossy(&body)),
            b'D' => {
                let mut rest = &body[2..];
                while let Some((size, tail)) = rest.split_first_chunk::<4>() {
                    let (value, tail) =
                        tail.split_at(u32::from_be_bytes(*size).try_into().unwrap());
                    columns.push(String::from_utf8(value.to_vec()).unwrap());
                    rest = tail;
                }
            }
            _ => {}
        }
    }
    columns
}

fn postmaster_id(cluster: &Cluster) -> String {
    let file = cluster.data_dir().join("pgdata/postmaster.pid");
    let content = fs::read_to_string(file).unwrap();
    content.lines().next().unwrap().to_owned()
}

fn kill(signal: &str, process_id: &str) {
    // Uses the shell's built-in `kill`; the program is in a package that not every machine has.
    let kill = ["-c", "kill -s \"$@\"", "sh", signal, process_id];
    let status = Command::new("sh").args(kill).status().unwrap();
    assert!(status.success());
}

/// Whether there is such a process, even a zombie.
fn exists(process_id: &str) -> bool {
    Path::new("/proc").join(process_id).exists()
}

/// Whether the process is running. A zombie has no command line: not every container has an init process that
/// reaps orphans.
fn runs(process_id: &str) -> bool {
    let command_line = Path::new("/proc").join(process_id).join("cmdline");
    fs::read(command_line).is_ok_and(|command_line| !command_line.is_empty())
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The example, as a command that runs a cluster in a separate process.
fn example(data_dir: &Path) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let example = profile.join("examples/private_cluster");
    assert!(example.exists(), "`cargo test` builds the example, `cargo test --test` does not");
    let mut command = Command::new(example);
    command.arg(data_dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Starts the example and waits for the URL of its cluster.
fn spawn_example(data_dir: &Path) -> (Child, String) {
    let mut child = example(data_dir).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("postgresql:///winserve?"), "{url}");
    (child, url.trim().to_owned())
}

#[test]
fn a_new_cluster_has_the_database_its_superuser_and_the_documented_settings() {
    let parent = open_directory();
    let cluster = start(parent.path().join("cluster"));
    assert!(cluster.is_owner());
    let answer = query(
        &cluster,
        "SELECT current_database(), current_user, rolsuper, current_setting('listen_addresses'), \
         current_setting('server_encoding'), datcollate, current_setting('max_connections'), \
         (SELECT string_agg(t, '' ORDER BY t) FROM unnest(ARRAY['ä', 'b', 'A', 'a', 'B']) t) \
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()",
    );
    let expected = ["winserve", "winserve", "t", "", "UTF8", "C.UTF-8", "10", "ABabä"];
    assert_eq!(answer, expected);
}

#[test]
fn the_url_names_the_socket_folder_and_the_encoded_database() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let cluster = start(&data_dir);
    let host = data_dir.join("socket").to_str().unwrap().replace('/', "%2F");
    assert_eq!(
        cluster.url("a b"),
        format!("postgresql:///a%20b?host={host}&port=5432&user=winserve")
    );
}

#[test]
fn the_socket_and_the_data_are_closed_to_others() {
    let parent = open_directory();
    let cluster = start(parent.path().join("cluster"));
    for folder in ["socket", "pgdata"] {
        let metadata = fs::metadata(cluster.data_dir().join(folder)).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o700, "{folder}");
        // Root's server runs as somebody else.
        assert_eq!(metadata.uid() == own_uid(), !is_root(), "{folder}");
    }
    let log = fs::metadata(cluster.data_dir().join("server.log")).unwrap();
    assert_eq!(log.mode() & 0o777, 0o600);
}

#[test]
fn settings_of_the_caller_cannot_open_a_port() {
    let parent = open_directory();
    let options = options(parent.path().join("cluster")).with_setting("listen_addresses", "*");
    let cluster = Cluster::start_or_attach(&options).unwrap();
    assert_eq!(query(&cluster, "SHOW listen_addresses"), [""]);
}

#[test]
fn data_are_kept_between_runs() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let cluster = start(&data_dir);
    query(&cluster, "CREATE TABLE kept AS SELECT 42 AS answer");
    cluster.stop().unwrap();
    let cluster = start(&data_dir);
    assert_eq!(query(&cluster, "SELECT answer FROM kept"), ["42"]);
}

#[test]
fn stopping_and_dropping_leave_no_process_behind() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let cluster = start(&data_dir);
    let stopped = postmaster_id(&cluster);
    cluster.stop().unwrap();
    assert!(!exists(&stopped));

    let cluster = start(&data_dir);
    let dropped = postmaster_id(&cluster);
    drop(cluster);
    assert!(!exists(&dropped));
}

#[test]
fn the_server_has_a_process_group_of_its_own() {
    let parent = open_directory();
    let cluster = start(parent.path().join("cluster"));
    let process_id = postmaster_id(&cluster);
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap();
    let process_group = stat.rsplit(')').next().unwrap().split_whitespace().nth(2);
    assert_eq!(process_group, Some(process_id.as_str()));
}

#[test]
fn the_server_outlives_the_thread_that_started_it() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let cluster = thread::spawn(|| start(data_dir)).join().unwrap();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(query(&cluster, "SELECT 1"), ["1"]);
}

#[test]
fn a_second_start_attaches_and_does_not_stop_the_server() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let owner = start(&data_dir);
    for ending in [drop, |cluster: Cluster| cluster.stop().unwrap()] {
        let attached = start(&data_dir);
        assert!(!attached.is_owner());
        assert_eq!(attached.url("winserve"), owner.url("winserve"));
        ending(attached);
    }
    assert_eq!(query(&owner, "SELECT 1"), ["1"]);
}

#[test]
fn two_processes_starting_at_once_share_one_server() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let other = thread::spawn({
        let data_dir = data_dir.clone();
        move || spawn_example(&data_dir)
    });
    let cluster = start(&data_dir);
    let (mut child, url) = other.join().unwrap();
    assert_eq!(url, cluster.url("winserve"));
    // Both end cleanly, whichever of them owns the server.
    drop(cluster);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    wait_until("no server is left", || !data_dir.join("pgdata/postmaster.pid").exists());
}

#[test]
fn a_server_ends_with_its_killed_parent_and_can_be_restarted() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let (mut child, url) = spawn_example(&data_dir);
    let attached = start(&data_dir);
    assert!(!attached.is_owner());
    assert_eq!(attached.url("winserve"), url);
    let orphan = postmaster_id(&attached);

    child.kill().unwrap();
    child.wait().unwrap();
    let cluster = start(&data_dir);
    assert!(cluster.is_owner());
    assert_ne!(postmaster_id(&cluster), orphan);
    wait_until("the old server is gone", || !runs(&orphan));
    assert_eq!(query(&cluster, "SELECT 1"), ["1"]);
}

#[test]
fn a_killed_server_is_reported_and_recovers() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let cluster = start(&data_dir);
    query(&cluster, "CREATE TABLE kept AS SELECT 42 AS answer");
    let killed = postmaster_id(&cluster);
    kill("KILL", &killed);
    wait_until("the killed server is reaped", || !exists(&killed));
    let error = cluster.stop().unwrap_err();
    assert!(matches!(error, ClusterError::ServerExited { .. }), "{error}");

    let cluster = start(&data_dir);
    assert!(cluster.is_owner());
    assert_eq!(query(&cluster, "SELECT answer FROM kept"), ["42"]);
}

#[test]
fn a_start_waits_for_the_shutdown_of_the_old_server() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let owner = start(&data_dir);
    let old = postmaster_id(&owner);
    let session = UnixStream::connect(socket_dir(&owner).join(".s.PGSQL.5432")).unwrap();
    // A smart shutdown, which waits for the session to end.
    (&session).write_all(b"\0\0\0\x29\0\x03\0\0user\0winserve\0database\0winserve\0\0").unwrap();
    (&session).read_exact(&mut [0]).unwrap();
    kill("TERM", &old);
    let next = thread::spawn(move || start(data_dir));
    thread::sleep(Duration::from_millis(300));
    assert!(!next.is_finished());
    drop(session);
    let cluster = next.join().unwrap();
    assert!(cluster.is_owner());
    assert!(!exists(&old));
    owner.stop().unwrap();
    assert_eq!(query(&cluster, "SELECT 1"), ["1"]);
}

#[test]
fn an_unfinished_initialisation_is_done_again() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    start(&data_dir).stop().unwrap();
    // The leftovers of a killed initialization.
    fs::remove_dir_all(data_dir.join("pgdata")).unwrap();
    let unfinished = data_dir.join("pgdata.initialising");
    fs::create_dir_all(unfinished.join("base")).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "1").unwrap();

    let cluster = start(&data_dir);
    assert_eq!(query(&cluster, "SELECT 1"), ["1"]);
    assert!(!unfinished.exists());
}

#[test]
fn a_killed_initialisation_is_done_again() {
    let parent = open_directory();
    let data_dir = parent.path().join("cluster");
    let mut child = example(&data_dir).spawn().unwrap();
    // From here on, `initdb` fills the directory.
    let unfinished = data_dir.join("pgdata.initialising/global");
    wait_until("the initialisation has begun", || unfinished.exists());
    child.kill().unwrap();
    child.wait().unwrap();

    let cluster = start(&data_dir);
    assert!(cluster.is_owner());
    assert_eq!(query(&cluster, "SELECT 1"), ["1"]);
}

#[test]
fn a_directory_that_is_not_ours_is_refused_and_left_alone() {
    let parent = open_directory();
    let precious = parent.path().join("pgdata.initialising");
    fs::write(&precious, "precious").unwrap();
    let error = Cluster::start_or_attach(&options(parent.path())).unwrap_err();
    assert!(matches!(error, ClusterError::ForeignDirectory { .. }), "{error}");
    assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let parent = open_directory();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Cluster::start_or_attach(&options(&file)).unwrap_err();
    assert!(matches!(error, ClusterError::ForeignDirectory { .. }), "{error}");
}

#[test]
fn an_empty_directory_is_taken() {
    let parent = open_directory();
    let cluster = start(parent.path());
    assert_eq!(cluster.data_dir(), parent.path());
}

#[test]
fn a_symbolic_link_leads_to_the_same_cluster() {
    let parent = open_directory();
    let link = parent.path().join("link");
    std::os::unix::fs::symlink(".", &link).unwrap();
    let owner = start(link.join("cluster"));
    let attached = start(parent.path().join("cluster"));
    assert!(!attached.is_owner());
    assert_eq!(attached.data_dir(), owner.data_dir());
}

#[test]
fn a_server_that_cannot_start_is_reported_with_its_log() {
    let parent = open_directory();
    let options = options(parent.path().join("cluster")).with_setting("max_connections", "none");
    let error = Cluster::start_or_attach(&options).unwrap_err();
    let ClusterError::ServerExited { log, .. } = error else {
        panic!("{error}");
    };
    assert!(log.contains("invalid value for parameter \"max_connections\""), "{log}");
}

#[test]
fn a_failing_initdb_of_the_newest_version_is_reported_with_what_it_said() {
    let parent = open_directory();
    // Written by another process: a program that is open for writing, even in a child that another of our
    // threads has just forked, cannot be run.
    let script = "printf '#!/bin/sh\necho postgres 1000.1\n' >postgres
                  printf '#!/bin/sh\necho no luck today >&2\nexit 3\n' >initdb
                  cp initdb pg_ctl
                  chmod 755 postgres initdb pg_ctl";
    let status =
        Command::new("sh").args(["-e", "-c", script]).current_dir(parent.path()).status().unwrap();
    assert!(status.success());
    let mut path = parent.path().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let output = example(&parent.path().join("cluster")).env("PATH", path).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "`initdb` failed (exit status: 3):\nno luck today\n");
}

#[test]
fn missing_programs_are_reported_with_the_package_to_install() {
    let parent = open_directory();
    let output = example(&parent.path().join("cluster")).env("PATH", "/nowhere").output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    // The server's binaries are found without PATH where Debian puts them.
    let expected = if Path::new("/usr/lib/postgresql").exists() {
        "install the package `util-linux`"
    } else {
        "`apt-get install postgresql`"
    };
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_path_too_long_for_a_socket_or_with_a_comma_gets_a_short_socket_folder() {
    let parent = open_directory();
    for name in ["a,b", &"long".repeat(25)] {
        let data_dir = parent.path().join(name);
        let owner = start(&data_dir);
        assert_eq!(owner.data_dir(), data_dir);
        let socket_dir = socket_dir(&owner);
        assert!(socket_dir.starts_with("/var/tmp"), "{}", socket_dir.display());
        assert_eq!(fs::metadata(&socket_dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(query(&owner, "SELECT 1"), ["1"]);
        assert!(!start(&data_dir).is_owner());
        owner.stop().unwrap();
        fs::remove_dir_all(socket_dir.parent().unwrap()).unwrap();
    }
}

#[test]
fn below_a_private_home_root_gets_the_same_stand_in_directory_every_time() {
    if !is_root() {
        eprintln!("skipped: only root has to change the user");
        return;
    }
    let home = directory(0o700);
    let wanted = home.path().join("project/cluster");
    let owner = start(&wanted);
    let data_dir = owner.data_dir().to_owned();
    assert!(data_dir.starts_with("/var/tmp"), "{}", data_dir.display());
    assert_eq!(query(&owner, "SELECT 1"), ["1"]);
    let attached = start(&wanted);
    assert!(!attached.is_owner());
    assert_eq!(attached.data_dir(), data_dir);
    owner.stop().unwrap();

    // The same path, but now it belongs to somebody else.
    std::os::unix::fs::chown(&data_dir, Some(65534), None).unwrap();
    let error = Cluster::start_or_attach(&options(&wanted)).unwrap_err();
    assert!(matches!(error, ClusterError::ForeignDirectory { .. }), "{error}");
    fs::remove_dir_all(data_dir).unwrap();
}
