//! The database a binary works on: the one configured, else the private cluster.

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

    /// Stops a private cluster that was started for this process.
    ///
    /// # Errors
    /// [`ClusterError`] when it does not stop.
    pub fn close(self) -> Result<(), ClusterError> {
        self.cluster.map_or(Ok(()), Cluster::stop)
    }
}
