//! Who runs a command.

use std::process::Command;

/// The user who runs the command: the one who called `sudo`, else the current user.
#[must_use]
pub fn system_user() -> String {
    let called_sudo = std::env::var_os("SUDO_USER").and_then(|name| name.into_string().ok());
    let named = || {
        let output = Command::new("id").arg("-un").output().ok()?;
        let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    called_sudo.or_else(named).unwrap_or_else(|| "unknown".to_owned())
}
