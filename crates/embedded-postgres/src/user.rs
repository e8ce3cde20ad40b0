//! Who we are, and as whom the server runs.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::ClusterError;

/// Accounts that root switches to, best first. The server looks up its own user, so a user id without an
/// entry in `/etc/passwd` does not work.
const SERVER_ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// An ordinary account that root runs the server as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// Whether the permission bits let this account traverse the directory.
    pub(crate) fn may_enter(self, directory: &Metadata) -> bool {
        let execute = if directory.uid() == self.uid {
            0o100
        } else if directory.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        directory.mode() & execute != 0
    }
}

/// The effective user id of this process: the owner of its directory in `/proc`.
pub(crate) fn effective_uid() -> Result<u32, ClusterError> {
    let path = Path::new("/proc/self");
    let metadata = fs::metadata(path).map_err(ClusterError::io(path))?;
    Ok(metadata.uid())
}

/// The account to switch to, or `None` for an ordinary user, who needs no other.
pub(crate) fn server_account(effective_uid: u32) -> Result<Option<Account>, ClusterError> {
    if effective_uid != 0 {
        return Ok(None);
    }
    let path = Path::new("/etc/passwd");
    let passwd = fs::read_to_string(path).map_err(ClusterError::io(path))?;
    SERVER_ACCOUNTS
        .iter()
        .find_map(|name| find_account(&passwd, name))
        .map(Some)
        .ok_or(ClusterError::NoServerUser)
}

fn find_account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let _password = fields.next();
        Some(Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::{Account, find_account};

    const PASSWD: &str = "daemon:x:1:1::/usr/sbin:/bin/false\n\
                          postgresql:x:7:7::/:/bin/false\n\
                          postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n\
                          broken:x:one:two::/:/bin/false\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let expected = Account { uid: 101, gid: 104 };
        assert_eq!(find_account(PASSWD, "postgres"), Some(expected));
    }

    #[test]
    fn a_missing_or_broken_account_is_not_found() {
        assert_eq!(find_account(PASSWD, "nobody"), None);
        assert_eq!(find_account(PASSWD, "broken"), None);
    }
}
