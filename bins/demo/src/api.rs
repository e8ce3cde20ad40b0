//! Runs the real `api` binary as a child process.

use std::{net::TcpListener, path::PathBuf, process::ExitStatus, time::Duration};

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    signal::unix::{Signal, SignalKind, signal},
};
use winserve_settings::database::OpenDatabase;

/// How often to check whether the cluster is still running.
const CLUSTER_POLL: Duration = Duration::from_millis(500);
const READY_POLL: Duration = Duration::from_millis(10);

/// A binary that was built next to this one.
pub(crate) fn sibling(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    here.with_file_name(name)
}

/// The API, and the signals that stop it. They are caught from the start, so that none ends this process
/// before the API.
pub(crate) struct Api {
    child: Child,
    interrupt: Signal,
    terminate: Signal,
}

impl Api {
    /// Checks that nobody listens there, who would answer instead of our API.
    pub(crate) fn require_free(bind: &str) -> anyhow::Result<()> {
        let listener = TcpListener::bind(bind).with_context(|| {
            format!("cannot listen on server.bind = {bind}; set WINSERVE__SERVER__BIND to another address")
        })?;
        drop(listener);
        Ok(())
    }

    /// Starts `api` on the database; it ends with this process, however this process ends.
    pub(crate) fn start(
        database_url: &str,
        secret: &SecretString,
        variables: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let api = sibling("api");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&api)
            .env("WINSERVE__DATABASE__URL", database_url)
            .env("WINSERVE__AUTH__LEGACY_SECRET", secret.expose_secret())
            // No load balancer has to notice that it stops.
            .env("WINSERVE__SERVER__DRAIN_SECONDS", "0")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .spawn()
            .with_context(|| format!("cannot start {} with setpriv", api.display()))?;
        Ok(Self { child, interrupt, terminate })
    }

    /// Waits until the API answers; `false` if it exited instead.
    pub(crate) async fn ready(&mut self, bind: &str) -> anyhow::Result<bool> {
        loop {
            tokio::select! {
                ended = self.child.wait() => {
                    ended?;
                    return Ok(false);
                }
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => pass_on_terminate(&self.child).await?,
                answered = answers(bind) => {
                    if answered.unwrap_or(false) {
                        return Ok(true);
                    }
                }
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Runs until the API exits. Ctrl-C reaches it as well as us; SIGTERM is passed on.
    ///
    /// Meanwhile, takes over a private cluster whose owner exits.
    pub(crate) async fn run_until_signal(
        mut self,
        database: &mut OpenDatabase,
    ) -> anyhow::Result<()> {
        let mut look = tokio::time::interval(CLUSTER_POLL);
        loop {
            tokio::select! {
                ended = self.child.wait() => return report(ended?),
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => pass_on_terminate(&self.child).await?,
                _ = look.tick() => database.restart_cluster()?,
            }
        }
    }
}

async fn pass_on_terminate(child: &Child) -> anyhow::Result<()> {
    let Some(id) = child.id() else { return Ok(()) };
    let sent = Command::new("sh")
        .args(["-c", "kill -TERM \"$1\"", "sh", &id.to_string()])
        .status()
        .await?;
    if !sent.success() {
        bail!("could not signal the API to stop");
    }
    Ok(())
}

fn report(ended: ExitStatus) -> anyhow::Result<()> {
    if !ended.success() {
        bail!("the API ended with {ended}");
    }
    Ok(())
}

/// Whether `/readyz` answers 200.
async fn answers(bind: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(bind).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"))
}
