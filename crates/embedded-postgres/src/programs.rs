//! The server's programs: where they are and how they are run.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use crate::ClusterError;
use crate::user::Account;

const REQUIRED: [&str; 3] = ["initdb", "postgres", "pg_ctl"];
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";
const TAIL_LINES: usize = 20;

/// The server's programs, run as the server's user.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    account: Option<Account>,
}

impl Programs {
    /// Chooses the installation of the wanted major version if there is one, otherwise the newest; among all
    /// installations of the system, unless one is named.
    pub(crate) fn find(
        named: Option<&Path>,
        wanted_major: Option<u32>,
        account: Option<Account>,
    ) -> Result<Self, ClusterError> {
        let mut installations = Vec::new();
        let folders = match named {
            Some(folder) => vec![folder.to_owned()],
            None => candidate_folders()?,
        };
        for folder in folders {
            if REQUIRED.iter().all(|name| folder.join(name).is_file()) {
                installations.push((major_version(&folder)?, folder));
            }
        }
        let folder = choose(installations, wanted_major).ok_or(ClusterError::NoServerBinaries)?;
        Ok(Self { folder, account })
    }

    /// A command that gets `death_signal` when the thread that spawned it ends, for whatever
    /// reason.
    ///
    /// It gets its own process group, so that Ctrl-C in a terminal reaches only our own program, which then
    /// stops the server cleanly.
    pub(crate) fn command(&self, program: &str, death_signal: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", death_signal, "--"])
            .arg(self.folder.join(program))
            // The server's user may not be able to read our own working directory.
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null());
        if let Some(account) = self.account {
            // The kernel clears the death signal when the user changes, so that must happen before `setpriv`
            // sets the signal.
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    pub(crate) fn account(&self) -> Option<Account> {
        self.account
    }
}

/// Runs a command of [`Programs::command`] to its end.
pub(crate) fn run(program: &str, mut command: Command, input: &str) -> Result<(), ClusterError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(spawn_error)?;
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(input.as_bytes()),
        None => Ok(()),
    };
    let output = child.wait_with_output().map_err(ClusterError::io(Path::new(program)))?;
    // The program's own error says more than the broken pipe that it caused.
    check(program, &output)?;
    written.map_err(ClusterError::io(Path::new(program)))
}

/// Why a command of [`Programs::command`] could not be spawned.
pub(crate) fn spawn_error(error: io::Error) -> ClusterError {
    if error.kind() == io::ErrorKind::NotFound {
        ClusterError::SetprivMissing
    } else {
        ClusterError::io(Path::new("setpriv"))(error)
    }
}

/// The last lines of a program's output.
pub(crate) fn tail(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    let hidden = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(hidden).collect::<Vec<_>>().join("\n")
}

fn check(program: &str, output: &Output) -> Result<(), ClusterError> {
    if output.status.success() {
        return Ok(());
    }
    Err(ClusterError::CommandFailed {
        program: program.to_owned(),
        status: output.status,
        output: tail(&output.stderr),
    })
}

/// Debian's folders, which are not in PATH, then those in PATH.
fn candidate_folders() -> Result<Vec<PathBuf>, ClusterError> {
    let root = Path::new(DEBIAN_ROOT);
    let mut folders = Vec::new();
    match fs::read_dir(root) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(ClusterError::io(root))?;
                folders.push(entry.path().join("bin"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ClusterError::io(root)(error)),
    }
    if let Some(path) = env::var_os("PATH") {
        // A relative folder would no longer be correct after changing the working directory.
        folders.extend(env::split_paths(&path).filter(|folder| folder.is_absolute()));
    }
    Ok(folders)
}

fn major_version(folder: &Path) -> Result<u32, ClusterError> {
    let postgres = folder.join("postgres");
    let output =
        Command::new(&postgres).arg("--version").output().map_err(ClusterError::io(&postgres))?;
    check("postgres", &output)?;
    let answer = String::from_utf8_lossy(&output.stdout);
    parse_major_version(&answer).ok_or_else(|| {
        let message = format!("no version in the answer `{}`", answer.trim());
        ClusterError::io(&postgres)(io::Error::new(io::ErrorKind::InvalidData, message))
    })
}

/// The leading number of the first word that starts with a digit, as in `postgres (PostgreSQL) 15.13 (Debian
/// 15.13-0+deb12u1)` or `postgres (PostgreSQL) 18beta1`.
fn parse_major_version(answer: &str) -> Option<u32> {
    let version = answer
        .split_whitespace()
        .find(|word| word.starts_with(|character: char| character.is_ascii_digit()))?;
    let major = version.split(|character: char| !character.is_ascii_digit()).next()?;
    major.parse().ok()
}

fn choose(installations: Vec<(u32, PathBuf)>, wanted_major: Option<u32>) -> Option<PathBuf> {
    installations
        .into_iter()
        .max_by_key(|(major, _)| (Some(*major) == wanted_major, *major))
        .map(|(_, folder)| folder)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{TAIL_LINES, choose, parse_major_version, tail};

    fn installations() -> Vec<(u32, PathBuf)> {
        [(9, "nine"), (15, "fifteen"), (10, "ten")]
            .map(|(major, folder)| (major, PathBuf::from(folder)))
            .to_vec()
    }

    #[test]
    fn the_major_version_is_read_from_every_form_of_answer() {
        for (answer, major) in [
            ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1\n", Some(18)),
            ("postgres (EnterpriseDB Advanced Server) 9.6.24\n", Some(9)),
            ("something else\n", None),
        ] {
            assert_eq!(parse_major_version(answer), major, "{answer}");
        }
    }

    #[test]
    fn the_newest_installation_is_chosen_by_number_not_by_text() {
        assert_eq!(choose(installations(), None), Some("fifteen".into()));
    }

    #[test]
    fn existing_data_keep_their_own_version_as_long_as_it_is_installed() {
        assert_eq!(choose(installations(), Some(10)), Some("ten".into()));
        assert_eq!(choose(installations(), Some(14)), Some("fifteen".into()));
    }

    #[test]
    fn without_an_installation_nothing_is_chosen() {
        assert_eq!(choose(Vec::new(), None), None);
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let text = format!("first\n{}last\n", "middle\n".repeat(TAIL_LINES));
        let expected = format!("{}last", "middle\n".repeat(TAIL_LINES - 1));
        assert_eq!(tail(text.as_bytes()), expected);
    }
}
