//! The directories and files of a cluster: where they are, and whether they are ours.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use crate::ClusterError;
use crate::programs::tail;
use crate::user::Account;

/// Where replacements for unusable paths are created: it survives a reboot, and everybody can enter it.
const STAND_IN_PARENT: &str = "/var/tmp";
/// A directory with this file was created by us.
const LOCK: &str = "embedded-postgres.lock";
/// The server uses the port number in the name of its socket; there is no TCP port.
pub(crate) const PORT: &str = "5432";
/// The kernel's limit is 108 bytes including the final zero; the rest is for clients that append to it.
const MAX_SOCKET_PATH: usize = 90;

/// The parts of a cluster's directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) data_dir: PathBuf,
    pub(crate) socket_dir: PathBuf,
}

impl Layout {
    /// Requires a [claimed](claim) directory and creates the folder of the socket.
    pub(crate) fn new(
        data_dir: PathBuf,
        own_uid: u32,
        account: Option<Account>,
    ) -> Result<Self, ClusterError> {
        let mut layout = Self { socket_dir: data_dir.join("socket"), data_dir };
        let socket = layout.socket();
        let path = socket.as_os_str().as_bytes();
        // Clients treat a comma in a host as the end of the host.
        if path.len() >= MAX_SOCKET_PATH || path.contains(&b',') {
            let stand_in = stand_in(&layout.data_dir);
            claim(&stand_in, own_uid)?;
            layout.socket_dir = stand_in.join("socket");
        }
        make_private(&layout.socket_dir, account)?;
        Ok(layout)
    }

    /// Exists only after a complete initialization.
    pub(crate) fn pgdata(&self) -> PathBuf {
        self.data_dir.join("pgdata")
    }

    pub(crate) fn unfinished_pgdata(&self) -> PathBuf {
        self.data_dir.join("pgdata.initialising")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{PORT}"))
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data_dir.join("server.log")
    }

    /// The last lines of the server log, or why they cannot be read: for use in errors.
    pub(crate) fn log_tail(&self) -> String {
        let path = self.log();
        match fs::read(&path) {
            Ok(log) => tail(&log),
            Err(error) => format!("cannot read {}: {error}", path.display()),
        }
    }

    pub(crate) fn is_initialised(&self) -> Result<bool, ClusterError> {
        let path = self.pgdata();
        path.try_exists().map_err(ClusterError::io(&path))
    }

    /// The major version that initialized the data, if we can read it; the server reports anything else that
    /// is wrong with the data.
    pub(crate) fn major_version(&self) -> Result<Option<u32>, ClusterError> {
        let path = self.pgdata().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(version.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClusterError::io(&path)(error)),
        }
    }
}

/// The directory to use: the requested one without symbolic links, or its replacement if the server's account
/// cannot reach it. Creates the parents of the requested one.
pub(crate) fn resolve(wanted: &Path, account: Option<Account>) -> Result<PathBuf, ClusterError> {
    let absolute = std::path::absolute(wanted).map_err(ClusterError::io(wanted))?;
    let path = match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) if !absolute.exists() => {
            fs::create_dir_all(parent).map_err(ClusterError::io(parent))?;
            let parent = parent.canonicalize().map_err(ClusterError::io(parent))?;
            parent.join(name)
        }
        _ => absolute.canonicalize().map_err(ClusterError::io(&absolute))?,
    };
    match account {
        Some(account) if !can_reach(account, &path)? => Ok(stand_in(&path)),
        _ => Ok(path),
    }
}

/// Creates the directory, or checks that an existing one belongs to us: in a shared folder such as
/// `/var/tmp`, somebody else may have created it first.
///
/// The server's account must be able to traverse it, but owns only what it must write to.
pub(crate) fn claim(path: &Path, own_uid: u32) -> Result<(), ClusterError> {
    match DirBuilder::new().mode(0o711).create(path) {
        // Again, because the umask may have cleared the last bit.
        Ok(()) => {
            fs::set_permissions(path, Permissions::from_mode(0o711)).map_err(ClusterError::io(path))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path).map_err(ClusterError::io(path))?;
            if !metadata.is_dir() {
                return Err(foreign(path, "is not a directory".to_owned()));
            }
            if metadata.uid() != own_uid {
                return Err(foreign(
                    path,
                    format!("belongs to user id {}, but we are user id {own_uid}", metadata.uid()),
                ));
            }
            Ok(())
        }
        Err(error) => Err(ClusterError::io(path)(error)),
    }
}

/// Waits for the lock of the cluster, which is held as long as the returned file is open.
///
/// Refuses a directory with foreign content. The lock file is the first file that we create, so anybody who
/// sees another file of ours sees the lock file too.
pub(crate) fn lock(data_dir: &Path) -> Result<File, ClusterError> {
    let path = data_dir.join(LOCK);
    let mut entries = fs::read_dir(data_dir).map_err(ClusterError::io(data_dir))?;
    if entries.next().is_some() && !path.try_exists().map_err(ClusterError::io(&path))? {
        return Err(foreign(data_dir, "is not empty and was not created by us".to_owned()));
    }
    let file = File::create(&path).map_err(ClusterError::io(&path))?;
    file.lock().map_err(ClusterError::io(&path))?;
    Ok(file)
}

/// Creates a directory that only the server's user can enter.
pub(crate) fn make_private(path: &Path, account: Option<Account>) -> Result<(), ClusterError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(ClusterError::io(path)(error));
        }
        _ => {}
    }
    match account {
        // Also for an existing one: we may have been killed between the two steps.
        Some(account) => {
            lchown(path, Some(account.uid), Some(account.gid)).map_err(ClusterError::io(path))
        }
        None => Ok(()),
    }
}

fn can_reach(account: Account, path: &Path) -> Result<bool, ClusterError> {
    for directory in path.ancestors() {
        match fs::metadata(directory) {
            // `claim` will refuse what is not a directory.
            Ok(metadata) if !metadata.is_dir() || account.may_enter(&metadata) => {}
            Ok(_) => return Ok(false),
            // The last one, which we are about to create.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ClusterError::io(directory)(error)),
        }
    }
    Ok(true)
}

/// The same for the same path, in every process and every version of this program.
fn stand_in(path: &Path) -> PathBuf {
    let hash = fnv1a(path.as_os_str().as_bytes());
    Path::new(STAND_IN_PARENT).join(format!("winserve-postgres-{hash:016x}"))
}

/// FNV-1a with 64 bits. The standard library's hasher may change between its versions.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn foreign(path: &Path, reason: String) -> ClusterError {
    ClusterError::ForeignDirectory { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::fnv1a;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
