//! The database that a binary works on: the configured one, or the private cluster.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
pub use winserve_embedded_postgres::ClusterError;
use winserve_embedded_postgres::{Cluster, ClusterOptions};

use crate::Database;

/// Name of the database in the private cluster.
const PRIVATE_DATABASE: &str = "winserve";

/// An open database. Keep this value as long as you need the database: dropping it stops a private cluster
/// that it started.
#[derive(Debug)]
pub struct OpenDatabase {
    url: SecretString,
    cluster: Option<Cluster>,
}

/// Why there is no database to work on.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// None is configured, and there is no private cluster here.
    #[error(
        "there is no database: set WINSERVE__DATABASE__URL, or start with `make run` (no private \
         cluster in {})", data_dir.display()
    )]
    None {
        /// Where the private cluster would be.
        data_dir: PathBuf,
    },
    /// The private cluster cannot be started.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// Opens `database.url` if it is set. Otherwise attaches to the private cluster in `database.data_dir`, or
/// starts it.
///
/// # Errors
/// [`ClusterError`] if the private cluster does not start.
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

/// [`open`], but never creates a private cluster: only the demo does that.
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
    /// The database's URL; may contain a password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// Whether this is the private cluster, which we may fill with demo data.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.cluster.is_some()
    }

    /// The data folder of a private cluster.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.cluster.as_ref().map(Cluster::data_dir)
    }

    /// Restarts a private cluster that ended together with the process that had started it; does nothing for
    /// other databases.
    ///
    /// # Errors
    /// [`ClusterError`] if it does not start.
    pub fn restart_cluster(&mut self) -> Result<(), ClusterError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        if cluster.is_owner() || cluster.is_running() {
            return Ok(());
        }
        let revived = Cluster::start_or_attach(&ClusterOptions::new(cluster.data_dir()))?;
        tracing::info!(started = revived.is_owner(), "took over the private PostgreSQL cluster");
        self.cluster = Some(revived);
        Ok(())
    }

    /// Stops the private cluster if this process started it.
    ///
    /// # Errors
    /// [`ClusterError`] if it does not stop.
    pub fn close(self) -> Result<(), ClusterError> {
        self.cluster.map_or(Ok(()), Cluster::stop)
    }
}
