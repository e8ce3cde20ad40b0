//! The database a binary works on: the one configured, else the private cluster.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
pub use winserve_embedded_postgres::ClusterError;
use winserve_embedded_postgres::{Cluster, ClusterOptions};

use crate::Database;

/// Database of the private cluster.
const PRIVATE_DATABASE: &str = "winserve";

/// A database to work on. Keep it as long as the database is needed: with it ends a private
/// cluster that was started for it.
#[derive(Debug)]
pub struct OpenDatabase {
    url: SecretString,
    cluster: Option<Cluster>,
}

/// Why there is no database to look at.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// None is configured, and no private cluster was ever made here.
    #[error(
        "there is no database: set WINSERVE__DATABASE__URL, or begin with `make run` (no private \
         cluster in {})", data_dir.display()
    )]
    None {
        /// Where one was looked for.
        data_dir: PathBuf,
    },
    /// The private cluster does not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// Finds the database: `database.url` when it is set, and then no cluster is started; else the
/// private cluster in `database.data_dir`, attached to when it runs, started otherwise.
///
/// # Errors
/// [`ClusterError`] when the private cluster does not start.
pub fn open(settings: &Database) -> Result<OpenDatabase, ClusterError> {
    if let Some(url) = &settings.url {
        return Ok(OpenDatabase { url: url.clone(), cluster: None });
    }
    let cluster = Cluster::start_or_attach(&ClusterOptions::new(&settings.data_dir))?;
    tracing::info!(
        data_dir = %cluster.data_dir().display(),
        started = cluster.is_owner(),
        "using the private PostgreSQL cluster"
    );
    let url = SecretString::from(cluster.url(PRIVATE_DATABASE));
    Ok(OpenDatabase { url, cluster: Some(cluster) })
}

/// [`open`], but refuses to make a private cluster where there is none: only the demo makes one.
///
/// # Errors
/// [`DatabaseError`].
pub fn open_existing(settings: &Database) -> Result<OpenDatabase, DatabaseError> {
    let options = ClusterOptions::new(&settings.data_dir);
    if settings.url.is_none() && !options.is_initialised()? {
        return Err(DatabaseError::None { data_dir: settings.data_dir.clone() });
    }
    Ok(open(settings)?)
}

impl OpenDatabase {
    /// Where it is; may hold a password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// Whether it is the private cluster, which is ours to fill with demo data.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.cluster.is_some()
    }

    /// Where the data of a private cluster lie.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.cluster.as_ref().map(Cluster::data_dir)
    }

    /// Starts a private cluster again that ended with the process that had started it; does nothing
    /// for any other database.
    ///
    /// # Errors
    /// [`ClusterError`] when it does not start.
    pub fn revive(&mut self) -> Result<(), ClusterError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        if cluster.is_owner() || cluster.is_running() {
            return Ok(());
        }
        let revived = Cluster::start_or_attach(&ClusterOptions::new(cluster.data_dir()))?;
        tracing::info!(started = revived.is_owner(), "took over the private PostgreSQL cluster");
        self.cluster = Some(revived);
        Ok(())
    }

    /// Stops a private cluster that was started for this process.
    ///
    /// # Errors
    /// [`ClusterError`] when it does not stop.
    pub fn close(self) -> Result<(), ClusterError> {
        self.cluster.map_or(Ok(()), Cluster::stop)
    }
}
